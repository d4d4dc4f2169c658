"""Speed of field equations: `pytest tests/benchmarks/test_field_equation_speed.py -o addopts="" --benchmark-only`.

One core; a step of a block is two drifts, two convolutions and a normal number.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from block_fields import BLOCK, KERNEL, SITES, block_data, glauber

from asemacro.macro.spde import binomial_blocks, fit_fields
from asemacro.macro.spde.field_steps import Stepper
from asemacro.tasks.threads import one_thread

TEMPERATURE = 1.25


@pytest.mark.parametrize("edge", [64, 256, 1024])
def test_steps_of_blocks(benchmark: Any, edge: int) -> None:
    stepper, rng = Stepper(glauber(), (edge, edge), TEMPERATURE, 0.0), np.random.default_rng(0)
    m, steps = np.zeros((1, edge, edge), dtype=np.float32), max(1, 2**20 // edge**2)

    def run() -> None:
        for _ in range(steps):
            stepper.advance(m, 0.1, rng)

    with one_thread():
        run()
        started = time.process_time()
        benchmark.pedantic(run, rounds=5)
        benchmark.extra_info["block_steps_per_s"] = 5 * steps * edge**2 / (time.process_time() - started)
        benchmark.extra_info["spins_of_these_blocks"] = edge**2 * SITES


def test_steps_of_the_binomial_reference(benchmark: Any) -> None:
    rng, m = np.random.default_rng(0), np.zeros((1, 256, 256))

    def run() -> None:
        binomial_blocks(KERNEL, m, SITES, TEMPERATURE, duration=0.1, steps=1, rng=rng)

    with one_thread():
        benchmark.pedantic(run, rounds=5)


def test_fit(benchmark: Any) -> None:
    """A quarter of a million blocks."""
    data = block_data(TEMPERATURE, 200, 50, rng=np.random.default_rng(0))
    benchmark.pedantic(lambda: fit_fields(data, rng=np.random.default_rng(0)), rounds=2)
    benchmark.extra_info["blocks"] = data.before.size
    benchmark.extra_info["edge"] = BLOCK
