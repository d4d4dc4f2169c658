"""The command anneal from a structure: what it learns is kept and taken up by the next programme."""

from __future__ import annotations

import csv
from pathlib import Path

from asemacro.studies.furnace import commands

STRUCTURES = Path(__file__).parents[3] / "structures"
WORDS = (
    "anneal", STRUCTURES / "NiCoCr.cif", "--barriers", STRUCTURES / "NiCoCr_pair.json", "--temperatures", "1200,1500",
    "--sites", 216, "--small", 108, "--hops", 1000, "--sweeps", 60, "--workers", 1,
)  # fmt: skip


def test_a_second_programme_takes_what_the_first_one_learned(command, tmp_path: Path, monkeypatch) -> None:
    code, out, err = command(*WORDS, "--schedule", "1500K 1e-8s", "-o", tmp_path / "f")
    assert code == 0, err
    assert (tmp_path / "f/model/sde.safetensors").is_file()
    first = (tmp_path / "f/anneal.csv").read_text()

    def again(*_, **__):
        raise AssertionError("it was learned anew")

    monkeypatch.setattr(commands, "run_phase_diagram", again)
    code, out, err = command(*WORDS, "--schedule", "1500K 1e-8s; 1200K 1e-8s", "-o", tmp_path / "f")
    assert code == 0, err
    assert "learned before, in" in out
    with (tmp_path / "f/anneal.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {float(row["temperature_K"]) for row in rows} == {1500.0, 1200.0}
    code, out, err = command(*WORDS, "--schedule", "1500K 1e-8s", "-o", tmp_path / "f")
    assert code == 0, err
    assert (tmp_path / "f/anneal.csv").read_text() == first
    # the folder of what was learned serves by itself, and options that would change it are refused
    code, out, err = command("anneal", tmp_path / "f/model", "--schedule", "1500K 1e-8s", "-o", tmp_path / "g")
    assert code == 0, err
    assert (tmp_path / "g/anneal.csv").read_text() == first
    code, out, err = command(
        "anneal", tmp_path / "f/model", "--hops", 5, "--schedule", "1500K 1s", "-o", tmp_path / "h"
    )
    assert code == 2
    assert "--hops would change what was learned" in err
