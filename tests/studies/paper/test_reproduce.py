"""The frame of the reproduced figures: rows, verdicts, files, resuming."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from asemacro.cli.app import Figure, main
from asemacro.plot.short_range_order import new_figure
from asemacro.studies.paper.report import FULL_TARGETS, QUICK, Result, Row, Table
from asemacro.studies.paper.runner import FIGURES, finished, reproduce
from asemacro.tasks.checkpoint import Checkpoint

KEYS = {"quantity", "published", "here", "here_err", "reference", "reference_kind", "target", "met"}


def result(value: float) -> Result:
    rows = [
        Row("a/n_s=64/transient", value, target=(None, 1.0)),
        Row("b", value, 0.25, published=2.0, reference=0.5, reference_kind="exact", target=(0.4, 0.6)),
    ]
    return Result("a title", rows, {"": Table(["x", "y"], [[1, value]])}, lambda: new_figure()[0], ["a note"])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Replaces every figure by a quick one that notes its calls."""
    calls: list[bool] = []

    def run(*, quick: bool, rng: np.random.Generator, progress, store: Checkpoint | None = None) -> Result:
        calls.append(quick)
        progress("task", 0.5, "half")
        return result(rng.random())

    for name in FIGURES:
        module = types.ModuleType(f"asemacro.studies.paper.{name.replace('-', '.')}")
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return calls


def test_verdicts_and_table() -> None:
    text = result(0.5).text().splitlines()
    assert "published" in text[1]
    assert "here" in text[1]
    assert "exact or direct" in text[1]
    assert text[2].endswith("<= 1 met")
    assert text[3].split() == ["b", "2", "0.5", "+-", "0.2", "0.5", "exact", "0.4", "...", "0.6", "met"]
    assert text[-2:] == ["a note", "all 2 targets met"]
    assert result(2.0).text().splitlines()[-1] == "2 of 2 targets NOT MET: a/n_s=64/transient, b"


def test_a_quick_run_cannot_miss_the_targets_of_the_full_one() -> None:
    text = dataclasses.replace(result(2.0), quick=True).text()
    assert "NOT MET" not in text
    assert text.splitlines()[2].endswith("<= 1 of the full run")
    assert text.splitlines()[-2:] == [QUICK + FULL_TARGETS, "0 of 2 targets of the full run met"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_failed_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="here of a/n_s=64/transient"):
        result(bad)


def test_the_commands_choices_are_the_figures() -> None:
    assert [figure.value for figure in Figure] == [*FIGURES, "all"]


def test_files_and_the_same_seed(counted: list[bool], tmp_path: Path) -> None:
    first = reproduce("fig2", tmp_path, quick=True, seed=3)
    rows = json.loads((tmp_path / "fig2.json").read_text())
    assert [set(row) for row in rows] == [KEYS, KEYS]
    assert rows[0]["here"] == first.rows[0].here == np.random.default_rng(3).random()
    assert rows[1]["target"] == [0.4, 0.6]
    assert [row["met"] for row in rows] == [row.met for row in first.rows]
    assert (tmp_path / "fig2.csv").read_text().startswith("x,y\n")
    assert (tmp_path / "fig2.png").stat().st_size > 1000
    assert finished("fig2", tmp_path, quick=True, seed=3)
    assert not finished("fig2", tmp_path, quick=False, seed=3)
    assert not finished("fig2", tmp_path, quick=True, seed=4)


def test_all_goes_on_where_it_stopped(counted: list[bool], tmp_path: Path, capsys, monkeypatch) -> None:
    reproduce("fig3a", tmp_path, quick=True)
    counted.clear()
    monkeypatch.setattr(sys, "argv", ["asemacro", "reproduce", "all", "--quick", "-o", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert counted == [True] * (len(FIGURES) - 1)
    said = capsys.readouterr().out
    assert f"already in {tmp_path}: fig3a" in said
    assert all(f"wrote {name}.json" in said for name in FIGURES if name != "fig3a")


def test_an_unknown_figure_is_bad_input(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["asemacro", "reproduce", "fig9", "-o", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "fig9" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
