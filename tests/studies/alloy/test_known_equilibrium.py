"""`simulate` repeats the equilibrium that the diagram in its folder gives."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from asemacro.files.store import write_csv
from asemacro.studies.alloy.known_equilibrium import known_equilibrium
from asemacro.studies.alloy.points import EQUILIBRIUM, OTHER, Point
from asemacro.tasks.publication import publish


def row(
    kelvin: float, pair: str, delta: float, source: str, state: str = EQUILIBRIUM, barriers: float | None = None
) -> Point:
    return Point(kelvin, pair, 1, state, delta, 0.01, barriers, delta, delta, "", 0.0, 0.0, source, True, False, 1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    points = [
        row(800.0, "Mo-Ta", 1.5, "extrapolated"),
        row(1200.0, "Mo-Mo", -1.0, "mc"),
        row(1200.0, "Mo-Ta", 0.75, "mc", barriers=0.05),
        row(1200.0, "Mo-Ta", 0.25, "sde", EQUILIBRIUM + OTHER),
    ]
    columns = [field.name for field in dataclasses.fields(Point)]
    table = [dataclasses.astuple(point) for point in points]
    publish(tmp_path, {"sro.csv": lambda path: write_csv(path, columns, table)}, {"asemacro": "0.2.0"})
    return tmp_path


@pytest.mark.parametrize(
    ("kelvin", "said"), [(1200.0, [1200]), (1000.0, [800, 1200]), (2000.0, [1200]), (300.0, [800])]
)
def test_the_best_value_is_said_at_the_temperature_or_its_neighbours(
    folder: Path, kelvin: float, said: list[int]
) -> None:
    line = {
        800: f"equilibrium at 800 K in {folder / 'sro.csv'}, by extrapolation from hotter temperatures: "
        "Mo-Ta +1.5000 +- 0.0100",
        1200: f"equilibrium at 1200 K in {folder / 'sro.csv'}, by swap Monte Carlo: "
        "Mo-Ta +0.7500 +- 0.0100 (barriers +- 0.0500)",
    }
    assert known_equilibrium(folder, ["Mo-Ta"], kelvin) == [line[k] for k in said]


def test_a_folder_without_a_diagram_says_nothing(tmp_path: Path) -> None:
    assert known_equilibrium(tmp_path, ["Mo-Ta"], 1200.0) == []


def test_a_table_of_another_run_is_refused(folder: Path) -> None:
    (folder / "sro.csv").write_text("temperature_K,pair,state\n")
    with pytest.raises(ValueError, match=r"sro\.csv is not the file that run\.json lists"):
        known_equilibrium(folder, ["Mo-Ta"], 1200.0)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("temperature_K,pair,state\n800,Mo-Ta,equilibrium\n", "delta is missing"),
        (f"temperature_K,pair,state,delta,delta_err,source\n800,Mo-Ta,{EQUILIBRIUM},1,0.1,guess\n", "guess is missing"),
        (f"temperature_K,pair,state,delta\nhot,Mo-Ta,{EQUILIBRIUM},1\n", "could not convert string to float: 'hot'"),
        ("", "it is empty"),
    ],
)
def test_a_damaged_table_without_a_record_is_one_line(tmp_path: Path, table: str, reason: str) -> None:
    (tmp_path / "sro.csv").write_text(table)
    with pytest.raises(ValueError, match=r"sro\.csv is not the table of a diagram \(") as caught:
        known_equilibrium(tmp_path, ["Mo-Ta"], 1200.0)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
