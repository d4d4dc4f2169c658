"""Speed of polynomial SDEs: `pytest tests/benchmarks/test_sde_speed.py -o addopts="" --benchmark-only`, one core.

The ratio is measured in one run: compiled sums against the same basis written out as a matrix of features.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from asemacro.macro.polynomial import PolynomialBasis
from asemacro.studies.speed.macro_cases import sde_case
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
    with one_thread():
        ready, rates = sde_case(POINTS, 400).prepare(1.0), []
        benchmark.pedantic(lambda: rates.append(ready.run(0).per_second), rounds=3)
    benchmark.extra_info["steps_per_s"] = max(rates)
