"""Speed of the spin systems: `pytest tests/benchmarks/test_spin_speed.py -o addopts="" --benchmark-only`, one core.

Each benchmark carries its rate in extra_info, from processor time: not the time that other processes took from us.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from asemacro.labels.moments import patch_moments
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.glauber import Glauber
from asemacro.micro.spins.ising import Ising
from asemacro.studies.speed.spin_cases import NEAR_CRITICAL, PHI, glauber_case, ising_case, pairs_case, square

ISING = {f"ising-{side}": ising_case(side, 4e7) for side in (64, 256, 1024)}
OTHERS: dict[str, Glauber] = {
    "ising-bcc-16": Ising(Lattice.bcc(1.0, "X", 16), 6.35),
    "curie-weiss-4096": CurieWeiss(4096, 1.1, field=0.1),
}
CASES = ISING | {name: glauber_case(system, name, 4e7) for name, system in OTHERS.items()}
PATCHES = {"ising-64": Ising(square(64), NEAR_CRITICAL), "curie-weiss-4096": OTHERS["curie-weiss-4096"]}


def fastest(benchmark: Any, run: Any, rounds: int = 3) -> float:
    """Least processor time of a run, s."""
    times = []

    def timed() -> None:
        started = time.process_time()
        run()
        times.append(time.process_time() - started)

    run()
    benchmark.pedantic(timed, rounds=rounds)
    return min(times)


@pytest.mark.parametrize("name", CASES)
def test_evolution(benchmark: Any, name: str) -> None:
    ready, runs = CASES[name].prepare(1.0), []
    benchmark.pedantic(lambda: runs.append(ready.run(2)), rounds=3)
    best = min(runs, key=lambda run: run.processor_s)
    benchmark.extra_info["attempts_per_second"] = round(4e7 / best.processor_s)
    benchmark.extra_info["flips_per_second"] = round(best.per_second)
    if name == "ising-64":
        assert 4e7 / best.processor_s > 2e7


@pytest.mark.parametrize("patch", [8, 16])
@pytest.mark.parametrize("name", ["ising-64", "curie-weiss-4096"])
def test_patch_moments(benchmark: Any, name: str, patch: int) -> None:
    lattice = square(64)
    system, rows = PATCHES[name].on(lattice), 5000
    x = random_spins(lattice, 0.2, rows, rng=np.random.default_rng(0))
    used = fastest(benchmark, lambda: patch_moments(system, x, PHI, patch**2 / 4096, rng=np.random.default_rng(1)))
    benchmark.extra_info["snapshots_per_second"] = round(rows / used)
    assert rows / used > 1e4


@pytest.mark.parametrize("dt", [0.05, 1.0])
def test_pairs(benchmark: Any, dt: float) -> None:
    ready, rates = pairs_case(64, 16, dt, 5000).prepare(1.0), []
    benchmark.pedantic(lambda: rates.append(ready.run(1).per_second), rounds=3)
    benchmark.extra_info["pairs_per_second"] = round(max(rates))
