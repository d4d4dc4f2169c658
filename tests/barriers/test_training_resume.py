"""`asemacro barriers train` goes on within the training of a network, with the model of a run that never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from barrier_data import write_barriers
from stopped_runs import everything_kept, stopped_after

from asemacro.barriers.data import training
from asemacro.tasks.on_the_way import OnTheWay
from asemacro.tasks.parts import Parts


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_barriers(tmp_path_factory.mktemp("data") / "barriers.npz")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(training.EPOCHS, "direct", 3)
    monkeypatch.setitem(training.WIDTHS, "direct", {"width": 4, "hidden": 8})


def test_training_goes_on_where_it_was_stopped(
    command: Any, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = ("barriers", "train", data, "--form", "direct", "--members", 2, "--folds", 2)
    whole, here = (tmp_path / name / "m.safetensors" for name in ("whole", "here"))
    code, _, err = command(*words, "-o", whole)
    assert code == 0, err
    with everything_kept():
        for stop, method in ((2, OnTheWay.look), (3, Parts.put), (1, OnTheWay.look)):
            with stopped_after(stop, method):
                code, _, err = command(*words, "-o", here)
            assert code == 130
            assert f"{here} was not written; what was computed is kept beside it, the same command goes on" in err
        with stopped_after(1):  # other arguments
            code, out, err = command(*words, "--seed", 1, "-o", here)
        assert "goes on from" not in out
        assert "checkpoint of other inputs ignored: seed differs" in err + caplog.text
        code, out, err = command(*words, "-o", here)
    assert code == 0, err
    assert f"goes on from what is kept beside {here}, of the same run that was stopped" in out
    assert here.read_bytes() == whole.read_bytes()
    assert here.with_suffix(".md").read_bytes() == whole.with_suffix(".md").read_bytes()
    assert sorted(path.name for path in here.parent.iterdir()) == ["m.md", "m.safetensors"]


def test_quiet_training_prints_nothing(command: Any, data: Path, tmp_path: Path) -> None:
    words = ("barriers", "train", data, "--form", "direct", "--members", 1, "--folds", 0, "-q")
    assert command(*words, "-o", tmp_path / "m.safetensors") == (0, "", "")
