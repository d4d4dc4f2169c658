"""Training on labels: `pytest tests/benchmarks/test_label_training_speed.py -o addopts=""`, one core.

Labels know one barrier of each vacancy. `ratio` in extra_info is the processor time for all jumps of the vacancies over
that for the known ones alone, both in the same run: of a step of training (loss and gradient, 32 vacancies, the sizes
of `asemacro barriers train`), and of a prediction (256 vacancies, what is made of the surroundings included).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from asemacro.barriers.data.training import WIDTHS
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.model import BarrierGNN, Form
from asemacro.lattice.lattice import Lattice
from asemacro.tasks.threads import one_thread

LATTICES = {"fcc": Lattice.fcc(3.8, ("Cu", "Au"), 5), "bcc": Lattice.bcc(3.2, ("Cu", "Au"), 6)}


def seconds(work: Callable[[], Any], times: int) -> float:
    """Least processor time of a few calls."""
    each = []
    for _ in range(times):
        started = time.process_time()
        work()
        each.append(time.process_time() - started)
    return min(each)


@pytest.mark.parametrize("what", ["step", "prediction"])
@pytest.mark.parametrize("form", ["consistent", "direct"])
@pytest.mark.parametrize("crystal", LATTICES)
def test_known_jumps_alone(benchmark: Any, crystal: str, form: Form, what: str) -> None:
    lattice, number = LATTICES[crystal], 32 if what == "step" else 256
    model = BarrierGNN(("Cu", "Au"), form, jumps=JumpNetwork.named(crystal), **WIDTHS[form])
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(0))[0]
    around = model.environments(lattice, x)
    around = type(around)(*(np.repeat(part, number, axis=0) for part in around))
    only = np.zeros((number, model.graph.n_jumps), dtype=bool)
    only[np.arange(number), np.random.default_rng(1).integers(model.graph.n_jumps, size=number)] = True
    inputs = {False: model.inputs(around), True: model.inputs(around, only)}

    def work(alone: bool) -> None:
        if what == "prediction":
            model.predict(around, only=only if alone else None)
            return
        found = model.nets[0](inputs[alone])
        (found if alone else found[torch.as_tensor(only)]).mean().backward()

    with one_thread():
        for alone in (True, False):
            work(alone)
        whole, times = seconds(lambda: work(False), 10), []
        benchmark.pedantic(lambda: times.append(seconds(lambda: work(True), 1)), rounds=10)
    benchmark.extra_info["ratio"] = round(whole / min(times), 2)
    benchmark.extra_info["ms"] = round(1e3 * min(times), 2)
    assert whole > 1.2 * min(times)
