"""The command learn goes on where it was stopped, with the model of a run that never was, for every kind of system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stopped_runs import check_goes_on, everything_kept, number_of, stopped_after

from asemacro.tasks.on_the_way import OnTheWay
from asemacro.tasks.parts import Parts

SYSTEMS: dict[str, tuple[tuple[object, ...], tuple[str, ...]]] = {
    "ising": (
        ("--sites", 256, "--small", 64, "--starts", 25, "--closure", 1),
        ("sde.safetensors", "training.safetensors", "closure.safetensors"),
    ),
    "predator-prey": (("--starts", 25), ("sde.safetensors", "training.safetensors")),
    "kac-ising": (
        ("--sites", 4096, "--range", 4, "--starts", 12, "-T", "0.9,2", "--field", 0),
        ("spde.safetensors", "kernel.csv", "mobility.csv"),
    ),
    "predator-prey-ode": (
        ("--sites", 6, "--trajectories", 4, "--fits", 2, "--closure", 1),
        ("ode.safetensors", "encoder.safetensors", "training.safetensors"),
    ),
}


SLOW = ("ising", "predator-prey-ode")  # networks of a closure, of an encoder


@pytest.mark.parametrize("system", [pytest.param(one, marks=[pytest.mark.slow] * (one in SLOW)) for one in SYSTEMS])
def test_an_interrupted_run_goes_on(command: Any, tmp_path: Path, system: str) -> None:
    options, results = SYSTEMS[system]
    words = ("learn", system, *options)
    count = number_of(command, words, tmp_path / "whole")
    assert count >= 3
    stops = [(max(1, count // 3), Parts.put), (max(1, count // 3), Parts.put)]
    if system == "predator-prey-ode":  # within the descent of the encoder
        stops.append((7, OnTheWay.look))
    check_goes_on(command, words, tmp_path / "whole", tmp_path / "here", results, *stops)


def test_other_runs_do_not_go_on_from_there(command: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = ("learn", "curie-weiss", "--starts", 25)
    with everything_kept(), stopped_after(3):
        assert command(*words, "-o", tmp_path)[0] == 130
    for changed, named in ((("--seed", 1), "seed"), (("-T", 1.2), "temperature")):
        with everything_kept(), stopped_after(1):
            _, out, err = command(*words, *changed, "-o", tmp_path)
        assert "goes on" not in out
        assert f"checkpoint of other inputs ignored: {named} differs" in err + caplog.text
        caplog.clear()
