"""Speed of polynomial SDEs: `pytest tests/benchmarks/test_sde_speed.py -o addopts="" --benchmark-only`, one core.

The ratio is measured in one run: compiled sums against the same basis written out as a matrix of features.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from asemacro.macro.polynomial import PolynomialBasis
from asemacro.macro.trajectories import simulate
from asemacro.studies.learn.learned import polynomial_sde
from asemacro.tasks.threads import one_thread

POINTS = 2000


def fastest(run: Callable[[], object], rounds: int = 20) -> float:
    """Least processor time of a run, s."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize(("dim", "degree"), [(1, 9), (2, 9), (3, 6)])
def test_sums(benchmark: Any, dim: int, degree: int) -> None:
    basis, generator = PolynomialBasis(dim, 0, degree), torch.Generator().manual_seed(0)
    y = torch.randn(POINTS, dim, dtype=torch.float64, generator=generator)
    c = torch.zeros(POINTS, 0, dtype=torch.float64)
    coefficients = torch.randn(len(basis), dim, dtype=torch.float64, generator=generator)
    with torch.no_grad(), one_thread():
        benchmark(basis.combine, y, c, coefficients)
        compiled = fastest(lambda: basis.combine(y, c, coefficients))
        benchmark.extra_info["ratio"] = fastest(lambda: basis(y, c) @ coefficients) / compiled


def test_trajectories(benchmark: Any) -> None:
    """2000 trajectories of two variables, 400 steps."""
    sde = polynomial_sde(("a", "b"), 100, hidden=0)
    torch.nn.init.normal_(sde.drift_network.coefficients, std=0.01, generator=torch.Generator().manual_seed(0))

    def run() -> None:
        simulate(sde, np.zeros(2), 10.0, n_trajectories=POINTS, n_steps=400, rng=np.random.default_rng(0))

    with one_thread():
        run()
        benchmark.pedantic(run, rounds=3)
        benchmark.extra_info["steps_per_s"] = POINTS * 400 / fastest(run, rounds=2)
