"""Files are whole or absent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asemacro.files.store import output_directory, run_record, write_csv, write_json, write_whole


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "result.csv"
    path.write_text("old")

    def broken(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_whole(path, broken)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_csv_cells(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ["x", "y", "z"], [(np.float64(1.5), np.True_, "Mo-Ta"), (2, False, "")])
    assert path.read_text().splitlines() == ["x,y,z", "1.5,true,Mo-Ta", "2,false,"]


def test_run_record_is_json(tmp_path: Path) -> None:
    record = run_record({"sites": np.int64(8), "path": Path("a")}, 3, 1.25, delta=np.array([0.5]))
    loaded = json.loads(write_json(tmp_path / "run.json", record).read_text())
    assert loaded["seed"] == 3
    assert loaded["arguments"] == {"sites": 8, "path": "a"}
    assert loaded["delta"] == [0.5]
    assert loaded["packages"]["numpy"] == np.__version__


def test_output_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="cannot write to the output folder"):
        output_directory(tmp_path / "taken")
