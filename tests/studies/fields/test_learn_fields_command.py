"""The verb learn on block fields: what it learns, what it says where the form does not fit, what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import asemacro as am
from asemacro.macro.spde.block_kernel import relative_error
from asemacro.studies.learn.loading import load_learned
from asemacro.studies.learn.systems import box_of

OUTPUTS = {"spde.safetensors", "kernel.csv", "mobility.csv", "diagnostics.png", "run.json", "run.log"}
SMALL = ("--sites", 1024, "--range", 4, "--block", 4)


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def one_line(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2, err
    assert err.startswith("asemacro: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def verdicts(folder: Path) -> dict[str, bool | None]:
    return {name: one["holds"] for name, one in json.loads((folder / "run.json").read_text())["assumptions"].items()}


def test_kernel_and_mobility_of_kac_spins_at_two_temperatures(command, tmp_path: Path) -> None:
    folder = tmp_path / "kac"
    code, out, err = command(
        "learn", "kac-ising", *SMALL, "-T", "2,0.9", "--field", 0, "--starts", 150, "-o", folder, "--seed", 1
    )
    assert code == 0, err
    assert {path.name for path in folder.iterdir()} == OUTPUTS
    learned = load_learned(folder)
    assert isinstance(learned, am.LearnedFields)
    assert (learned.temperatures, learned.field, learned.grid) == ((0.9, 2.0), 0.0, (8, 8))
    system = am.KacIsing(box_of("square", 1024), am.top_hat(4), 2.0)
    true = am.box_averaged(system.kernel, 4)
    record = json.loads((folder / "run.json").read_text())
    assert abs(learned.spde.kernel.total - 1) < 4.5 * record["J0_error"] < 0.1
    assert relative_error(learned.spde.kernel, true) == record["kernel_relative_error"] < 0.2
    rows = table(folder / "mobility.csv")
    assert {row["temperature"] for row in rows} == {"0.9", "2"}
    pulls = [(float(row["TK"]) - float(row["1-m_tanh_u"])) / float(row["TK_error"]) for row in rows]
    assert np.mean(np.square(pulls)) < 3  # counted in homogeneous fields; u has the learned J0
    assert float(table(folder / "kernel.csv")[0]["J_true"]) == pytest.approx(true.own, rel=1e-9)
    assert "held out" in out
    assert "1024 sites in 8 x 8 blocks of V = 16" in out
    assert 0.7 < record["variance_over_that_of_the_system"] < 1.4


def test_same_seed_same_equation(command, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert command("learn", "kac-ising", *SMALL, "--starts", 20, "-o", tmp_path / name, "--seed", 3)[0] == 0
    assert (tmp_path / "a/spde.safetensors").read_bytes() == (tmp_path / "b/spde.safetensors").read_bytes()


def test_neighbours_alone_are_no_field_of_block_means(command, tmp_path: Path) -> None:
    folder = tmp_path / "ising"
    code, out, err = command("learn", "ising", "--block", 4, "--sites", 4096, "-T", 2.5, "--field", 0, "-o", folder)
    assert code == 0, err
    assert verdicts(folder)["noise of flips"] is False
    assert "the equation cannot represent all of this system; what fails: " in out
    assert json.loads((folder / "run.json").read_text())["J0"] < 3.6  # of 4: blocks see less of each other than spins


def test_exchange_of_vectors_moves_m_between_blocks(command, tmp_path: Path) -> None:
    folder = tmp_path / "heisenberg"
    words = ("--block", 4, "--lattice", "square", "--sites", 1024, "--anisotropy", 1, "--field", 0, "--starts", 30)
    code, out, err = command("learn", "heisenberg", *words, "-o", folder)
    assert code == 0, err
    assert verdicts(folder)["white noise"] is False
    assert "what one block loses its neighbours gain" in out
    assert "the component along z, nothing of the other two" in out


def test_an_alloy_conserves_its_composition(command, structures: Path, tmp_path: Path) -> None:
    folder, pair = tmp_path / "alloy", structures / "NiCoCr_pair.json"
    words = ("--barriers", pair, "--block", 2, "--component", "Cr", "-T", 1500, "--sites", 2000)
    code, out, err = command("learn", "alloy", structures / "NiCoCr.cif", *words, "-o", folder)
    assert code == 0, err
    assert verdicts(folder)["white noise"] is False
    assert "as if m were conserved" in out
    assert json.loads((folder / "run.json").read_text())["arguments"]["element"] == "Cr"


def test_what_cannot_be_learned_is_one_line(command, structures: Path, tmp_path: Path) -> None:
    alloy = (structures / "NiCoCr.cif", "--barriers", structures / "NiCoCr_pair.json", "--block", 2)
    for words, *said in (
        (("kac-ising", "--block", 5), "blocks of 5 do not divide the 128 cells", "choose 1, 2, 4, 8"),
        (("kac-ising", "--sites", 256, "--range", 12), "longer than half"),
        (("kac-ising", "--sites", 1024, "--range", 4, "--starts", 1, "--duration", 1e-3), "flips", "more are needed"),
        (("kac-ising", "--sites", 64, "--range", 2, "--block", 4), "a grid of 2 x 2 blocks"),
        (("kac-ising", "-T", "1,1"), "each one once"),
        (("kac-ising", "-T", "1,hot"), "--temperature hot"),
        (("kac-ising", "-T", 0), "--temperature 0"),
        (("kac-ising", "--kernel", "cone"), "--kernel cone"),
        (("kac-ising", "--exchange", 1), "kac-ising has no --exchange"),
        (("kac-ising", "--closure", 1), "--closure: block fields have no such option"),
        (("kac-ising", "--trajectories", 3), "--trajectories belongs to"),
        (("kac-ising", "--spins", 16), "--spins does not belong to learn kac-ising"),
        (("kac-ising", structures / "NiCoCr.cif"), "kac-ising takes no file"),
        (("heisenberg",), "give --block B"),
        (("ising", "--block", 4, "--lattice", "triangular"), "square"),
        (("ising", "--duration", 0.1), "--duration belongs to kac-ising"),
        (("ising", "--block", 4, "--small", 256), "--small: block fields"),
        (("alloy", *alloy, "--component", "Au"), "--component Au: not among the elements"),
        (("alloy", *alloy, "-T", "800,900"), "one temperature"),
        (("alloy", *alloy, "--field", 1), "--field does not belong to learn alloy"),
        (("nothing",), "there is no system 'nothing'", "kac-ising"),
    ):
        one_line(command("learn", *words, "-o", tmp_path / "no"), *said)
        assert not (tmp_path / "no" / "run.json").exists()
