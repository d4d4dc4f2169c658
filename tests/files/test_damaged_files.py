"""Damaged and hostile files: what is not loaded is refused in one line that names the file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutations import mutated
from whole_files import (
    PAIR,
    Load,
    checkpoint_file,
    closure_file,
    data_file,
    network_arrays,
    network_file,
    pair_file,
    published_file,
    record_file,
    sde,
    sde_file,
    spde_file,
    training_file,
)

from asemacro.barriers import load_barriers
from asemacro.cli.app import main
from asemacro.macro.file import load_sde, save_sde
from asemacro.macro.polynomial import PolynomialDiffusion
from asemacro.macro.reversible import ReversibleDrift
from asemacro.macro.sde import NeuralSDE

KINDS = {
    "pair": (pair_file, 300),
    "published": (published_file, 120),
    "network": (network_file, 200),
    "sde": (sde_file, 200),
    "spde": (spde_file, 200),
    "training": (training_file, 200),
    "closure": (closure_file, 300),
    "data": (data_file, 250),
    "checkpoint": (checkpoint_file, 300),
    "record": (record_file, 300),
}


def refusal(load: Load, path: Path) -> str | None:
    """The line with which a file is refused; None if it is loaded. Any other exception passes."""
    try:
        load(path)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read_and_damaged_ones_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    make, trials = KINDS[kind]
    path, load = make(tmp_path)
    load(path)
    content = path.read_bytes()
    rng = np.random.default_rng(11)
    lines = []
    for _ in range(trials):
        path.write_bytes(mutated(path.suffix, content, rng))
        lines.append(refusal(load, path))
    refused = [line for line in lines if line is not None]
    assert len(refused) > trials / 4
    assert len(set(refused)) > 10
    for line in refused:
        assert str(path) in line
        assert line.isprintable()
        assert len(line) < 600


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b"[1, 2]", "it holds an array"),
        (b"7", "it holds a number"),
        (b"", "it is empty"),
        (b"\xff\xfe{}", "not text in UTF-8"),
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number of 5000 digits"),
        (b"{'a': 1}", "is not JSON"),
        (b" " * 20_000_001, "larger than 2e+07 bytes"),
    ],
)
def test_json_that_is_not_ours(content: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "pair.json"
    path.write_bytes(content)
    line = refusal(load_barriers, path)
    assert line is not None
    assert line.startswith(f"{path} ")
    assert word in line


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"migration_eV": {"Nb": "0.6", "Mo": 0.7}}, "migration_eV['Nb'] must be a number, got '0.6'"),
        ({"migration_eV": {"Nb": 10**320, "Mo": 0.7}}, "migration_eV['Nb'] must be a finite number"),
        ({"migration_eV": {"Nb": True, "Mo": 0.7}}, "migration_eV['Nb'] must be a number, got True"),
        ({"pair_eV": [{"Nb-Mo": 1e9}]}, "pair_eV of Nb-Mo in eV must be a finite number"),
        ({"pair_eV": [{}] * 101}, "pair_eV has 101 shells, at most 100"),
        ({"species": [1, 2]}, "species: each must be a printable text, got 1"),
        ({"species": [f"A{i}" for i in range(119)]}, "119 species"),
        ({"name": ["mine"]}, "name must be a printable text"),
    ],
)
def test_wrong_types_in_pair_energies(change: dict[str, Any], word: str, tmp_path: Path) -> None:
    path = tmp_path / "pair.json"
    wrong = PAIR | change
    if "A0" in wrong["species"]:
        wrong = {**wrong, "migration_eV": {s: 0.5 for s in wrong["species"]}}
    path.write_text(json.dumps(wrong))
    line = refusal(load_barriers, path)
    assert line is not None
    assert word in line


def test_absurd_weights_are_refused_by_name(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    for make, name in (
        (network_file, "nets.0.pair"),
        (sde_file, "1.drift_network.coefficients"),
        (closure_file, "mix"),
    ):
        path, load = make(tmp_path)
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        tensors[name].reshape(-1)[0] = 2e6
        save_file(tensors, str(path), metadata)
        line = refusal(load, path)
        assert line is not None
        assert f"{name} holds 2e+06, beyond 1e+06" in line
        tensors[name].reshape(-1)[0] = -9e5
        save_file(tensors, str(path), metadata)
        assert refusal(load, path) is None
    path, load = published_file(tmp_path)
    for name, value in (("layer2_weight", -2e6), ("layer1_bn_var", -1.0)):
        arrays = network_arrays()
        arrays[name].reshape(-1)[0] = value
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
        line = refusal(load, path)
        assert line is not None
        assert f"array {name} is damaged" in line


@pytest.mark.parametrize(
    ("tensor", "value", "word"),
    [
        ("z_scale", 0.0, "a scale of its variables is not above zero"),
        ("z_scale", 1e200, "z_scale holds 1e+200, beyond 1e+100"),
        ("log_time", 300.0, "log_time holds 300, beyond 2e+02"),
        ("drift_network.basis.lower", 4.0, "the box of its polynomials has no width"),
        ("drift_network.pull", float("nan"), "not finite (0.drift_network.pull)"),
    ],
)
def test_scales_that_would_give_nan_are_refused(tensor: str, value: float, word: str, tmp_path: Path) -> None:
    model = sde()
    model.state_dict()[tensor].reshape(-1)[0] = value
    line = refusal(load_sde, save_sde(tmp_path / "model.safetensors", model))
    assert line is not None
    assert word in line


def test_a_density_may_be_as_large_as_its_system(tmp_path: Path) -> None:
    # ln P goes as the number of sites: 1e8 is right for a large one
    model = NeuralSDE(ReversibleDrift(1, 0, 4), PolynomialDiffusion(1, 0, 2))
    model.drift_network.density.coefficients[2] = -1e8
    (again,) = load_sde(save_sde(tmp_path / "model.safetensors", model))
    assert float(again.drift_network.density.coefficients[2]) == -1e8


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for make in (network_file, sde_file, training_file, closure_file):
        contents = {make(tmp_path)[0].read_bytes() for _ in range(12)}
        assert len(contents) == 1, make.__name__


def test_files_of_the_library_with_metadata_in_any_order_are_read(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    path, load = sde_file(tmp_path)
    with safe_open(str(path), "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    assert set(metadata) == {"format", "settings", "notes"}
    save_file(tensors, str(path), {key: metadata[key] for key in sorted(metadata, reverse=True)})
    for member in load(path):
        assert member.settings == sde().settings


HUGE = """
import json, resource, struct, sys
from pathlib import Path
from asemacro.barriers import load_barriers
from asemacro.closure.file import load_closure
from asemacro.macro.file import load_sde

def rewritten(path, settings):
    content = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] |= {key: json.dumps(value) for key, value in settings.items()}
    text = json.dumps(header).encode()
    huge = Path(path).with_name("huge.safetensors")
    huge.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    return huge

network, sde, closure = sys.argv[1:]
drift = {"dim": 2, "n_conditions": 1, "degree": 3, "hidden": 2, "odd": [0]}
def of(**change):
    model = {"drift_type": "PolynomialDrift", "drift": drift | change, "diffusion_type": "PolynomialDiffusion",
             "diffusion": {"dim": 2, "n_conditions": 1, "degree": 2, "odd": [0]}, "labels": ["M", "c"], "sites": 64}
    return {"settings": [model, model]}
onsager = {"dim": 2, "n_conditions": 1, "hidden": 10**6, "conservative": True, "alpha": 0.1, "beta": 0.1, "n_knots": 1}
cases = [(load_barriers, network, {"settings": {"members": 1, "width": 2, "hidden": 2, "energy_width": 2} | change})
         for change in ({"members": 10**6}, {"width": 10**6}, {"hidden": 10**6}, {"energy_width": 10**6})]
cases += [(load_sde, sde, of(**change)) for change in ({"degree": 10**6}, {"hidden": 10**6}, {"dim": 10**6})]
cases += [(load_sde, sde, {"settings": [of()["settings"][0] | {"drift_type": "OnsagerNet", "drift": onsager}] * 2})]
shape = {"n_fields": 0, "neighbours": [4, 4], "width": 2, "messages": 8}
cases += [(load_closure, closure, {"network": shape | change})
          for change in ({"width": 10**6}, {"n_fields": 10**6}, {"neighbours": [10**6]}, {"neighbours": [1] * 10**5})]
for load, path in ((load_barriers, network), (load_sde, sde), (load_closure, closure)):
    load(path)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for load, path, settings in cases:
    path = rewritten(path, settings)
    try:
        load(path)
    except ValueError as error:
        assert str(path) in str(error), error
    else:
        raise AssertionError(settings)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_settings_that_ask_for_huge_models_take_no_memory(tmp_path: Path) -> None:
    paths = [str(make(tmp_path)[0]) for make in (network_file, sde_file, closure_file)]
    done = subprocess.run([sys.executable, "-c", HUGE, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 400  # MB


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("evaluate", "nbmota", "nothere.npz"), "no barrier data file nothere.npz"),
        (("evaluate", "nbmota", "folder"), "folder is a folder, not a barrier data file; give the file itself"),
        (("evaluate", "nbmota", "list.json"), "list.json is not a readable npz file (File is not a zip file)"),
        (("evaluate", "nbmota", "empty.npz"), "empty.npz is not a readable npz file (it is empty)"),
        (
            ("evaluate", "folder", "data.npz"),
            "cannot read the barrier model folder: it is a folder; give the file",
        ),
        (("evaluate", "nothere.json", "data.npz"), "cannot read the barrier model nothere.json: no such file"),
        (("evaluate", "list.json", "data.npz"), "list.json is not a barrier model (the file must hold a JSON object"),
        (("evaluate", "empty.npz", "data.npz"), "empty.npz is not a readable npz file (it is empty)"),
        (("evaluate", "note.txt", "data.npz"), "note.txt is no barrier model; there are refractory"),
        (("evaluate", "nomodel", "data.npz"), "no barrier model is called 'nomodel'; there are refractory"),
        (("train", "nothere.npz", "-o", "m.safetensors"), "no barrier data file nothere.npz"),
        (("train", "list.json", "-o", "m.safetensors"), "list.json is not a readable npz file"),
    ],
)
def test_the_verbs_say_what_is_wrong_with_a_file(
    words: tuple[str, ...],
    line: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "note.txt").write_text("a note")
    (tmp_path / "empty.npz").touch()
    data_file(tmp_path)
    monkeypatch.setattr(sys, "argv", ["asemacro", "barriers", *words])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"asemacro: {line}")
    assert len(err.splitlines()) == 1
