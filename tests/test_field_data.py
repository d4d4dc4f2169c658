"""Field data: rows are what was given, in memory as in a file, and what cannot be is refused in one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import asemacro as am


def some_data(n: int = 5, *, flips: bool = True, seed: int = 0, grid: tuple[int, ...] = (4, 3)) -> am.FieldData:
    rng = np.random.default_rng(seed)
    before = rng.uniform(-1, 1, (n, *grid)).astype(np.float32)
    after = rng.uniform(-1, 1, (n, *grid)).astype(np.float32)
    counted = rng.integers(0, 9, (n, *grid)).astype(np.int32) if flips else None
    group = np.arange(n) // 2
    return am.FieldData(before, after, counted, 0.1 * np.ones(n), 1.25 + np.arange(n), 0.5, 16, 4, group)


def check_equal(one: am.FieldData, two: am.FieldData) -> None:
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(two, field.name)
        np.testing.assert_array_equal(a, b)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, field.name


@pytest.mark.parametrize("flips", [True, False])
@pytest.mark.parametrize("grid", [(6,), (4, 3), (2, 3, 4)])
def test_a_file_gives_the_same_rows(tmp_path: Path, grid: tuple[int, ...], flips: bool) -> None:
    data = some_data(flips=flips, grid=grid)
    assert (len(data), data.grid) == (5, grid)
    path = data.save(tmp_path / "fields.zarr.zip")
    check_equal(am.FieldData.open(path), data)
    root = zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
    np.testing.assert_array_equal(np.asarray(root["before"]), data.before)


def test_rows_are_taken_and_joined() -> None:
    data = some_data()
    part = data.take([3, 1])
    np.testing.assert_array_equal(part.before, data.before[[3, 1]])
    np.testing.assert_array_equal(part.flips, data.flips[[3, 1]])  # type: ignore[index]
    assert part.temperature.tolist() == [4.25, 2.25]
    both = am.FieldData.joined([data, some_data(3, seed=1)])
    assert len(both) == 8
    np.testing.assert_array_equal(both.after[5:], some_data(3, seed=1).after)
    assert both.group.tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    check_equal(both.take(slice(0, 5)), data)
    bare = am.FieldData.joined([some_data(flips=False)] * 2)
    assert bare.flips is None
    assert len(bare.take(np.arange(10) % 2 == 0)) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"before": np.zeros(5)}, "rows of grids"),
        ({"before": np.full((5, 4, 3), 1.1)}, "from -1 to 1"),
        ({"before": np.full((5, 4, 3), np.nan)}, "before must be finite"),
        ({"after": np.zeros((5, 4, 4))}, r"after must have the shape of before, \(5, 4, 3\)"),
        ({"flips": np.full((5, 4, 3), -1)}, "counts"),
        ({"flips": np.zeros((5, 4))}, "flips must have the shape"),
        ({"duration": 0.0}, "duration must be above 0"),
        ({"temperature": np.array([1, 1, 1, 1, -2.0])}, "temperature must be above 0 in every row, got -2"),
        ({"field": np.zeros(4)}, "field must be one number"),
        ({"sites": 0}, "sites must be a whole number >= 1"),
        ({"block": 2.5}, "block must be a whole number >= 1"),
        ({"group": np.zeros(3)}, "group has shape"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(some_data(), **change)


def test_sets_that_do_not_fit_are_not_joined() -> None:
    with pytest.raises(ValueError, match="no field data to join"):
        am.FieldData.joined([])
    with pytest.raises(ValueError, match="different"):
        am.FieldData.joined([some_data(), some_data(grid=(4, 4))])
    with pytest.raises(ValueError, match="some of the field data only"):
        am.FieldData.joined([some_data(), some_data(flips=False)])


def test_files_of_something_else_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no field data file"):
        am.FieldData.open(tmp_path / "none.zarr.zip")
    path = tmp_path / "text.zarr.zip"
    path.write_text("nothing")
    with pytest.raises(ValueError, match=r"text.zarr.zip is not a readable field data file"):
        am.FieldData.open(path)
    other = am.make_force_data(
        am.PredatorPreyODE(4), np.full((1, 8), 0.5), [0.0], rng=np.random.default_rng(0), path=tmp_path / "f.zarr.zip"
    )
    assert len(other) == 1
    with pytest.raises(ValueError, match="holds no field data"):
        am.FieldData.open(tmp_path / "f.zarr.zip")
