"""The command as users meet it: results on disk, and one clear line when something is wrong."""

from __future__ import annotations

import csv
import inspect
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest

from asemacro.cli import app as cli
from asemacro.studies.alloy.diagram import TEMPERATURES_K
from asemacro.studies.alloy.inputs import parse_temperatures
from tests.html_pages import in_browser, traces

PAIR = "NiCoCr_pair.json"


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    """Exit code, standard output and error of `asemacro WORDS`."""
    monkeypatch.setattr(sys, "argv", ["asemacro", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    return lambda *words: run(capsys, monkeypatch, *words)


def test_help_names_the_verbs(command) -> None:
    code, out, _ = command("--help")
    assert code == 0
    for verb in ("phase-diagram", "kmc", "sro", "info", "barriers"):
        assert verb in out


def test_slips_of_the_keyboard_are_named(command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    alloy = str(tmp_path / "alloy.cif")
    ase.io.write(alloy, ase.build.bulk("Mo"))
    for words, message in (
        (("phase-diagram", alloy, "--sweeps", "x"), "'x' is not a number"),
        (("phase-diagram", alloy, "--sweeps", "1e10"), "'1e10' is not a whole number from 1 to 1e9"),
        (("phase-diagram", alloy, "--sweeps", "1e3", "--temperatures", "1:2", "-o", str(tmp_path / "d")), "here are 2"),
        (("sro", ""), "an empty name of a structure file"),
        (("sro", f"{alloy}@7"), "frame 7 asked for, but the file holds one frame, number 0"),
        (("kmc", alloy, "-T", "1000", "-o", str(tmp_path / "taken")), "there is a file of this name"),
    ):
        code, _, err = command(*words)
        assert code == 2
        assert message in err
        assert err.count("\n") == 1


def test_version(command) -> None:
    import asemacro

    assert command("--version") == (0, f"asemacro {asemacro.__version__}\n", "")
    assert "--version" in command("--help")[1]


def test_command_and_function_have_the_same_temperatures() -> None:
    default = inspect.signature(cli.phase_diagram_verb).parameters["temperatures"].default
    assert parse_temperatures(default) == list(TEMPERATURES_K)


def test_sro_of_ordered_and_disordered_files(command, structures: Path) -> None:
    code, out, err = command("sro", structures / "MoTa_B2.cif", structures / "NbMoTa.cif", "--shells", 2, "--json")
    assert code == 0
    rows = json.loads(out)
    first = next(r for r in rows if "B2" in r["file"] and r["pair"] == "Mo-Ta" and r["shell"] == 1)
    # every neighbour of Mo is Ta: p = 8, Z c = 4
    assert first["neighbours"] == 8
    assert first["alpha"] == pytest.approx(-1)
    assert first["delta"] == pytest.approx(4)
    assert "random alloy" in err
    assert all(abs(r["alpha"]) < 1e-12 for r in rows if "NbMoTa.cif" in r["file"])
    assert set(first) == {
        "file", "frame", "time", "pair", "shell", "neighbours", "distance", "alpha", "delta", "alpha_atoms",
    }  # fmt: skip


def test_sro_table(command, structures: Path) -> None:
    code, out, _ = command("sro", structures / "MoTa_B2.cif")
    assert code == 0
    assert any(line.split()[1:] == ["Mo-Ta", "1", "8", "-1.0000", "4.0000", "-1.0000"] for line in out.splitlines())


def test_kmc_writes_what_it_says(command, structures: Path, tmp_path: Path) -> None:
    code, out, _ = command(
        "kmc", structures / "NiCoCr.cif", "-T", 1200, "--hops", 2000, "--sites", 256, "--vacancies", 2,
        "--barriers", structures / PAIR, "-o", tmp_path / "run",
    )  # fmt: skip
    assert code == 0
    assert "2000 hops" in out
    rows = table(tmp_path / "run" / "sro.csv")
    pairs = ("Cr-Cr", "Cr-Co", "Cr-Ni", "Co-Co", "Co-Ni", "Ni-Ni")
    assert list(rows[0]) == ["hop", "time_s", *(f"{what}_{pair}" for pair in pairs for what in ("delta", "alpha"))]
    assert rows[0]["hop"] == "0"
    assert rows[-1]["hop"] == "2000"
    times = [float(row["time_s"]) for row in rows]
    assert times == sorted(times)
    final = ase.io.read(tmp_path / "run" / "final.extxyz")
    assert len(final) == 256
    assert (final.numbers == 0).sum() == 2
    frames = ase.io.read(tmp_path / "run" / "trajectory.amz.zip", ":")
    assert all((frame.numbers == 0).sum() == 2 for frame in frames)
    assert len(frames) == len(rows)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    for key in ("hops_per_second", "cache_hit_rate", "adjacent_vacancies_fraction_of_time", "seed", "wall_time_s"):
        assert key in record


def test_kmc_keeps_the_atoms_of_a_definite_structure(command, structures: Path, tmp_path: Path) -> None:
    code, _, _ = command(
        "kmc", structures / "NbMoTa_128.POSCAR", "-T", 2000, "--hops", 1, "--sites", 1, "-o", tmp_path / "run"
    )
    assert code == 0
    given = ase.io.read(structures / "NbMoTa_128.POSCAR")
    first = ase.io.read(tmp_path / "run" / "trajectory.amz.zip", 0)
    before = {symbol: given.get_chemical_symbols().count(symbol) for symbol in ("Nb", "Mo", "Ta")}
    after = {symbol: first.get_chemical_symbols().count(symbol) for symbol in ("Nb", "Mo", "Ta")}
    assert len(first) >= len(given)
    copies = len(first) // len(given)
    assert sum(copies * before[s] - after[s] for s in before) == (first.numbers == 0).sum()
    assert all(copies * before[s] >= after[s] for s in before)


@pytest.fixture(scope="module")
def diagram_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small diagram, made by the command."""
    folder = tmp_path_factory.mktemp("diagram")
    structures = Path(__file__).resolve().parents[2] / "structures"
    words = [
        "phase-diagram", structures / "NiCoCr.cif", "-o", folder, "--temperatures", "900,1500", "--hops", 4000,
        "--sites", 256, "--small", 64, "--barriers", structures / PAIR, "--anneal", 2000, "--direct", "--html",
    ]  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "asemacro", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_phase_diagram_table(diagram_folder: Path) -> None:
    rows = table(diagram_folder / "sro.csv")
    assert list(rows[0]) == [
        "temperature_K", "pair", "shell", "state", "delta", "delta_err", "delta_err_barrier", "delta_low", "delta_high",
        "at_bound", "alpha", "alpha_err", "source", "equilibrium_reached", "extrapolated", "anneal_time_s",
    ]  # fmt: skip
    assert {"sde", "kmc", "mc"} <= {row["source"] for row in rows} <= {"sde", "kmc", "mc", "sde+mc"}
    assert {row["state"].removesuffix(" (other estimate)") for row in rows} == {"equilibrium", "annealed"}
    best = [(row["temperature_K"], row["pair"], row["state"]) for row in rows if "other" not in row["state"]]
    assert len(best) == len(set(best)) == 2 * 6 * 2
    assert {float(row["temperature_K"]) for row in rows} == {900.0, 1500.0}
    assert len({row["pair"] for row in rows}) == 6
    for row in rows:
        assert np.isfinite([float(row["delta"]), float(row["alpha"])]).all()
        assert float(row["delta_err"]) > 0
        assert row["equilibrium_reached"] in ("true", "false")
        assert row["extrapolated"] in ("true", "false")
        assert float(row["delta_low"]) <= float(row["delta"]) <= float(row["delta_high"])
    # pair energies obey detailed balance: the swaps' equilibrium is that of direct KMC
    hot = {
        (r["pair"], r["source"]): (float(r["delta"]), float(r["delta_err"]))
        for r in rows
        if r["state"].startswith("equilibrium") and float(r["temperature_K"]) == 1500
    }
    for pair in {row["pair"] for row in rows}:
        (exact, a), (direct, b) = hot[pair, "mc"], hot[pair, "kmc"]
        assert abs(exact - direct) < 6 * np.hypot(a, b) + 0.03, pair


def test_phase_diagram_files(diagram_folder: Path) -> None:
    from asemacro.macro.file import load_sde

    assert {path.name for path in diagram_folder.iterdir()} == {
        "sro.csv", "sro.png", "ttt.csv", "ttt.png", "thermodynamics.csv", "final.extxyz", "courses.npz",
        "sde.safetensors", "run.json", "report.html", "run.log", ".checkpoint",
    }  # fmt: skip
    sde, *members = load_sde(diagram_folder / "sde.safetensors")
    assert members
    assert sde.labels == ("Cr-Co", "Cr-Ni", "Co-Ni")
    record = json.loads((diagram_folder / "run.json").read_text())
    assert record["sites"] == record["copies"] * record["small_sites"] >= 256
    assert len(record["temperatures"]) == 2


def test_phase_diagram_page(diagram_folder: Path) -> None:
    rows, html = table(diagram_folder / "sro.csv"), (diagram_folder / "report.html").read_text(encoding="utf-8")
    best = {(r["pair"], float(r["temperature_K"]), float(r["delta"])): r for r in rows if "other" not in r["state"]}
    points = [t for t in traces(html, "diagram") if t["mode"] == "markers" and t.get("legendgroup")]
    drawn = {(t["name"], x, y): t["marker"]["symbol"] for t in points for x, y in zip(t["x"], t["y"], strict=True)}
    assert drawn.keys() == best.keys()
    for key, row in best.items():  # what was not simulated is drawn open
        assert drawn[key].endswith("-open") == (row["extrapolated"] == "true")
    bars = [(y, up, down) for t in points for y, up, down in zip(
        t["y"], t["error_y"]["array"], t["error_y"]["arrayminus"], strict=True)]  # fmt: skip
    ends = sorted((float(r["delta_low"]), float(r["delta_high"])) for r in best.values())
    assert sorted((y - down, y + up) for y, up, down in bars) == [pytest.approx(end) for end in ends]
    assert {t["type"] for t in traces(html, "map")} <= {"contour", "scatter"}


def test_a_browser_draws_the_page_of_a_diagram(diagram_folder: Path) -> None:
    rows = table(diagram_folder / "sro.csv")
    best = [float(r["delta"]) for r in rows if "other" not in r["state"] and r["pair"] == "Co-Ni"]
    shown = in_browser(
        diagram_folder / "report.html",
        "[...document.getElementById('diagram').data].filter(t => t.legendgroup == 'Co-Ni' && t.mode == 'markers')"
        ".map(t => Array.from(t.y)).flat()",
    )
    assert sorted(shown) == pytest.approx(sorted(best))


BAD = {
    "missing file": ("phase-diagram", "absent.cif"),
    "temperature": ("kmc", "{cif}", "-T", "-5"),
    "temperature word": ("kmc", "{cif}", "-T", "hot"),
    "temperature nan": ("kmc", "{cif}", "-T", "nan"),
    "temperatures": ("phase-diagram", "{cif}", "--temperatures", "500:400:100"),
    "negative hops": ("kmc", "{cif}", "-T", "1000", "--hops", "-3"),
    "hops nan": ("phase-diagram", "{cif}", "--hops", "nan"),
    "negative anneal": ("phase-diagram", "{cif}", "--anneal", "-1"),
    "two ends": ("kmc", "{cif}", "-T", "1000", "--hops", "10", "--time", "1"),
    "vacancies": ("kmc", "{cif}", "-T", "1000", "--vacancies", "5000", "--barriers", "{pair}"),
    "vacancies of the diagram": ("phase-diagram", "{cif}", "--vacancies", "9000"),
    "concentration": ("kmc", "{cif}", "-T", "1000", "--vacancy-concentration", "1.5"),
    "both": ("kmc", "{cif}", "-T", "1000", "--vacancies", "1", "--vacancy-concentration", "0.1"),
    "unknown model": ("kmc", "{cif}", "-T", "1000", "--barriers", "nosuch"),
    "missing model": ("kmc", "{cif}", "-T", "1000", "--barriers", "nosuch.safetensors"),
    "species": ("kmc", "{fcc}", "-T", "1000", "--barriers", "nbmota"),
    "no model for it": ("kmc", "{cuau}", "-T", "1000"),
    "pure element": ("phase-diagram", "{pure}"),
    "formation energy": ("phase-diagram", "{cif}", "--vacancy-formation-energy", "-1"),
    "verb": ("nonsense",),
    "option": ("kmc", "{cif}", "--nonsense"),
    "no structure": ("kmc",),
    "sro of nothing": ("sro", "absent.cif"),
    "shells": ("sro", "{cif}", "--shells", "0"),
    "data": ("barriers", "evaluate", "nbmota", "absent.npz"),
    "form": ("barriers", "train", "absent.npz", "-o", "{out}", "--form", "magic"),
}


FCC = np.array([[0, 0, 0], [0, 1.95, 1.95], [1.95, 0, 1.95], [1.95, 1.95, 0]])


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2(command, structures: Path, tmp_path: Path, case: str) -> None:
    pure = tmp_path / "pure.cif"
    ase.io.write(pure, ase.Atoms("Nb2", [[0, 0, 0], [1.65, 1.65, 1.65]], cell=[3.3] * 3, pbc=True))
    unknown = tmp_path / "CuAu.cif"
    ase.io.write(unknown, ase.Atoms("Au2Cu2", FCC, cell=[3.9] * 3, pbc=True))
    names = {
        "cuau": unknown,
        "cif": structures / "NbMoTa.cif",
        "fcc": structures / "NiCoCr.cif",
        "pair": structures / PAIR,
        "pure": pure,
        "out": tmp_path / "model.safetensors",
    }
    words = [word.format(**names) for word in BAD[case]]
    if words[0] in ("kmc", "phase-diagram"):
        words += ["-o", str(tmp_path / "out")]
    code, _, err = command(*words)
    assert code == 2, err
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("asemacro: ")
    assert "Traceback" not in err
    assert not list((tmp_path / "out").glob("*.csv"))


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"not a model at all, just words in a file of some length"])
@pytest.mark.parametrize("suffix", ["safetensors", "npz", "json"])
def test_broken_model_files(command, structures: Path, tmp_path: Path, suffix: str, content: bytes) -> None:
    model = tmp_path / f"model.{suffix}"
    model.write_bytes(content)
    code, _, err = command("kmc", structures / "NbMoTa.cif", "-T", 1000, "--barriers", model, "-o", tmp_path / "out")
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def damaged_models(folder: Path) -> dict[str, Path]:
    """A trained network cut in half, and one with a weight that is no number."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    import asemacro

    whole = Path(asemacro.__file__).parent / "barriers" / "pretrained" / "nbmota.safetensors"
    cut, hole = folder / "cut.safetensors", folder / "hole.safetensors"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with safe_open(whole, "numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118 (not a dict)
    next(t for t in tensors.values() if t.dtype.kind == "f").reshape(-1)[0] = np.nan
    save_file(tensors, hole, metadata)
    return {"cut": cut, "hole": hole}


@pytest.mark.parametrize("damage", ["cut", "hole"])
@pytest.mark.parametrize("verb", [("kmc", "-T", 1000), ("phase-diagram",)])
def test_damaged_models(command, structures: Path, tmp_path: Path, verb: tuple[object, ...], damage: str) -> None:
    model = damaged_models(tmp_path)[damage]
    words = [verb[0], structures / "NbMoTa.cif", *verb[1:], "--barriers", model, "-o", tmp_path / "out"]
    code, _, err = command(*words)
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert model.name in err
    assert not list((tmp_path / "out").glob("*.csv"))


def test_a_lattice_that_the_model_does_not_know(command, tmp_path: Path) -> None:
    path = tmp_path / "fcc.extxyz"
    atoms = ase.build.bulk("Nb", "fcc", 4.2, cubic=True).repeat(3)
    atoms.numbers[: len(atoms) // 2] = 42
    ase.io.write(path, atoms)
    code, _, err = command("kmc", path, "-T", 1000, "-o", tmp_path / "out")
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert "fcc" in err
    assert "bcc" in err


def test_a_cell_too_small_for_the_model_is_repeated_and_said(command, tmp_path: Path, caplog) -> None:
    path = tmp_path / "small.extxyz"
    atoms = ase.build.bulk("Nb", "bcc", 3.24, cubic=True).repeat(2)
    atoms.numbers[::3], atoms.numbers[1::3] = 42, 73
    ase.io.write(path, atoms)
    with caplog.at_level("INFO", logger="asemacro"):
        code, _, err = command("kmc", path, "-T", 2000, "--hops", 10, "--sites", 1, "-o", tmp_path / "out")
    assert code == 0, err
    assert "repeated" in caplog.text
    final = ase.io.read(tmp_path / "out" / "final.extxyz")
    assert len(final) > len(atoms)


def test_atoms_off_the_lattice(command, tmp_path: Path) -> None:
    atoms = ase.Atoms("Nb16Mo16", np.random.default_rng(0).random((32, 3)) * 8, cell=[8] * 3, pbc=True)
    path = tmp_path / "gas.extxyz"
    ase.io.write(path, atoms)
    code, _, err = command("kmc", path, "-T", 1000, "-o", tmp_path / "out")
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def test_unwritable_output_folder(command, structures: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    for verb in (("kmc", structures / "NbMoTa.cif", "-T", 1000), ("phase-diagram", structures / "NbMoTa.cif")):
        code, _, err = command(*verb, "-o", taken)
        assert code == 2
        assert "cannot write" in err
    assert taken.read_text() == "a file"


def test_ctrl_c_says_so_and_leaves_no_results(structures: Path, tmp_path: Path) -> None:
    words = [
        "phase-diagram", structures / "NiCoCr.cif", "-o", tmp_path / "out", "--temperatures", "300,400",
        "--hops", "1e9", "--barriers", structures / PAIR,
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "asemacro", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell starts its background jobs deaf to Ctrl-C, and the tests may run in one
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("asemacro: interrupted; ")  # after lines of progress, if any
    assert not list((tmp_path / "out").glob("*.csv"))
