"""The command equilibrium: its files, what it refuses, and a run that was stopped."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

import asemacro as am
from asemacro.tasks.keeper import Keeper

STRUCTURES = Path(__file__).parents[3] / "structures"
PAIR = STRUCTURES / "NiCoCr_pair.json"
WORDS = ("equilibrium", STRUCTURES / "NiCoCr.cif", "--barriers", PAIR, "--sites", 64, "--sweeps", 120, "--shells", 2)
TABLES = ("order.csv", "thermodynamics.csv", "long_range_order.csv")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_files_and_a_run_that_was_stopped(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*WORDS, "-T", "1500,2500,4000")
    code, out, err = command(*words, "-o", tmp_path / "whole", "--workers", 1)
    assert code == 0, err
    order, heat, long = (rows(tmp_path / "whole" / name) for name in TABLES)
    assert len(order) == 3 * 2 * 6  # temperatures, shells, pairs with like ones
    assert {row["pair"] for row in order} == {"Cr-Cr", "Cr-Co", "Cr-Ni", "Co-Co", "Co-Ni", "Ni-Ni"}
    assert [row["neighbours"] for row in order[:12]] == ["12"] * 6 + ["6"] * 6
    assert {int(row["sites"]) for row in heat} == set(json.loads((tmp_path / "whole/run.json").read_text())["sites"])
    assert len(heat) == 6
    assert len(long) == 6 * 5
    assert all(float(row["energy_eV"]) < 0 < float(row["heat_capacity_kB"]) for row in heat)
    assert "no ordering between" in out or "not known" in out
    assert (tmp_path / "whole" / "equilibrium.png").stat().st_size > 10_000
    assert not (tmp_path / "whole" / ".checkpoint").exists()

    take, seen = Keeper.take, [0]

    def stopping(self: Keeper, pause) -> None:
        take(self, pause)
        seen[0] += 1
        if seen[0] == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "take", stopping)
        code, _, err = command(*words, "-o", tmp_path / "stopped", "--workers", 2)
    assert code == 130
    assert "the same command goes on from there" in err
    code, _, err = command(*words, "-o", tmp_path / "stopped", "--workers", 2)
    assert code == 0, err
    for name in TABLES:
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("NbMoTa.cif", "--barriers", "nbmota"), "has no energy.*--barriers refractory"),
        (("NiCoCr.cif", "--barriers", "refractory"), "fcc|does not know"),
        (("NbMoTa.cif", "-T", "400:300:100"), "STOP must not lie below START"),
        (("NbMoTa.cif", "-T", "0,300"), "above 0|from 1"),
        (("NbMoTa.cif", "-T", ""), "comma-separated list"),
        (("NbMoTa.cif", "--sweeps", 10), "--sweeps.*from 40 to"),
        (("NbMoTa.cif", "--shells", 0), "whole number from 1"),
        (
            ("NiCoCr.cif", "--barriers", PAIR, "--sites", 64, "--shells", 40),
            "shell 8 .* 32 sites .* --shells 7$",
        ),
        (("NbMoTa.cif", "--sites", 0), "whole number from 1"),
        (("square.cif", "--barriers", "refractory"), "no unlike pairs|species|square"),
        (("nothing.cif",), "nothing.cif"),
    ],
)
def test_bad_input_is_refused_in_one_line(command, tmp_path: Path, words: tuple, message: str) -> None:
    code, out, err = command("equilibrium", STRUCTURES / words[0], *words[1:], "-o", tmp_path / "out")
    last = err.splitlines()[-1]
    assert code == 2
    assert last.startswith("asemacro: ")
    assert re.search(message, last), last
    assert "Traceback" not in out + err
    assert not (tmp_path / "out").exists()


def test_one_screen_of_help(command) -> None:
    code, out, _ = command("equilibrium", "--help")
    assert code == 0
    assert len(out.splitlines()) <= 50


def test_a_list_without_equilibrium_says_so() -> None:
    """At 30 K, after 40 sweeps, the two starts do not agree."""
    pair = am.load_barriers(PAIR)
    found = am.equilibrium(
        am.read_structure(STRUCTURES / "NiCoCr.cif"), pair, temperatures_K=[30.0], sites=64, sweeps=40, shells=1,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert not found.asked(1)[0].equilibrated
    assert "temperature of order not known" in found.said()[0]
    assert any("30 K, " in line and "no equilibrium" in line for line in found.said()[1:])
    assert found.leading in range(len(found.orderings))
