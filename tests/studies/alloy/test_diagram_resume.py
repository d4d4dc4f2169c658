"""A phase diagram and `learn alloy` go on inside the runs of a temperature, the swaps and the fit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from stopped_runs import GOES_ON, everything_kept, stopped_after

from asemacro.studies.alloy import prediction
from asemacro.tasks.on_the_way import OnTheWay
from asemacro.tasks.parts import Parts

STRUCTURES = Path(__file__).parents[3] / "structures"
ALLOY = (STRUCTURES / "NiCoCr.cif", "--barriers", STRUCTURES / "NiCoCr_pair.json", "--workers", 1)
SMALL = ("--small", 108, "--sites", 432, "--hops", 1500)
WORDS = ("phase-diagram", *ALLOY, *SMALL, "--temperatures", "1000,1500", "--sweeps", 40)
RESULTS = ("sro.csv", "sde.safetensors", "ttt.csv", "thermodynamics.csv", "courses.npz", "final.extxyz")


@pytest.fixture(autouse=True)
def _short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "FIT", dataclasses.replace(prediction.FIT, max_epochs=2, min_steps=10))


def test_a_diagram_goes_on_inside_its_stages(command: Any, tmp_path: Path) -> None:
    code, _, err = command(*WORDS, "-o", tmp_path / "whole")
    assert code == 0, err
    # inside the runs of both temperatures, in the swaps, in the fits of the members, in the walks
    stops = ((3, OnTheWay.look), (9, OnTheWay.look), (1, Parts.put), (2, Parts.put), (1, Parts.put), (2, Parts.put))
    here = tmp_path / "here"
    with everything_kept():
        for count, method in stops:
            with stopped_after(count, method):
                code, out, err = command(*WORDS, "-o", here)
            assert code == 130, err
        code, out, err = command(*WORDS, "-o", here)
    assert code == 0, err
    assert GOES_ON.format(here) in out.splitlines()
    for name in RESULTS:
        assert (here / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_learn_alloy_goes_on(command: Any, tmp_path: Path) -> None:
    words = ("learn", "alloy", *ALLOY, *SMALL, "-T", "1000,1500")
    assert command(*words, "-o", tmp_path / "whole")[0] == 0
    here = tmp_path / "here"
    with everything_kept():
        with stopped_after(5, OnTheWay.look):
            code, _, err = command(*words, "-o", here)
        assert code == 130, err
        with stopped_after(1, Parts.put):
            code, _, err = command(*words, "-o", here)
        assert code == 130, err
        code, out, err = command(*words, "-o", here)
    assert code == 0, err
    assert GOES_ON.format(here) in out.splitlines()
    for name in ("sde.safetensors", "training.safetensors"):
        assert (here / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_other_barriers_of_the_same_name_do_not_go_on(
    command: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = tmp_path / "pair.json"
    text = (STRUCTURES / "NiCoCr_pair.json").read_text()
    pair.write_text(text)
    words = ("phase-diagram", ALLOY[0], "--barriers", pair, *ALLOY[3:], *WORDS[6:])
    with everything_kept(), stopped_after(3, OnTheWay.look):
        assert command(*words, "-o", tmp_path / "a")[0] == 130
    assert '"Cr": 0.9' in text
    pair.write_text(text.replace('"Cr": 0.9', '"Cr": 0.91'))
    with everything_kept(), stopped_after(1, OnTheWay.look):
        _, out, err = command(*words, "-o", tmp_path / "a")
    assert "goes on" not in out
    assert "checkpoint of other inputs ignored: barriers differs" in err + caplog.text
