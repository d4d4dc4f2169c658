"""Speed of the spin systems: `pytest tests/benchmarks/test_spin_speed.py -o addopts="" --benchmark-only`, one core.

Each benchmark carries its rate in extra_info, from processor time: not the time that other processes took from us.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from asemacro.labels.moments import patch_moments
from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.glauber import Glauber
from asemacro.micro.spins.ising import Ising
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization

SYSTEMS: dict[str, Glauber] = {
    "ising-64": Ising(Lattice.square(1.0, "X", 64), 2.27),
    "ising-256": Ising(Lattice.square(1.0, "X", 256), 2.27),
    "ising-1024": Ising(Lattice.square(1.0, "X", 1024), 2.27),
    "ising-bcc-16": Ising(Lattice.bcc(1.0, "X", 16), 6.35),
    "curie-weiss-4096": CurieWeiss(4096, 1.1, field=0.1),
}
PHI = Observables([Magnetization(), DomainWallDensity()])


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


@pytest.mark.parametrize("name", SYSTEMS)
def test_evolution(benchmark: Any, name: str) -> None:
    system = SYSTEMS[name]
    n = system.lattice.n_sites
    x = random_spins(system.lattice, rng=np.random.default_rng(0))
    x, _ = system.evolve(x, 50.0, rng=np.random.default_rng(1))
    duration = 4e7 / n
    used = fastest(benchmark, lambda: system.evolve(x, duration, rng=np.random.default_rng(2)))
    attempts = duration * n / used
    benchmark.extra_info["attempts_per_second"] = round(attempts)
    benchmark.extra_info["events_per_second"] = round(attempts * system.rates(x).mean())
    if name == "ising-64":
        assert attempts > 2e7


@pytest.mark.parametrize("patch", [8, 16])
@pytest.mark.parametrize("name", ["ising-64", "curie-weiss-4096"])
def test_patch_moments(benchmark: Any, name: str, patch: int) -> None:
    lattice = Lattice.square(1.0, "X", 64)
    system, rows = SYSTEMS[name].on(lattice), 5000
    x = random_spins(lattice, 0.2, rows, rng=np.random.default_rng(0))
    used = fastest(benchmark, lambda: patch_moments(system, x, PHI, patch**2 / 4096, rng=np.random.default_rng(1)))
    benchmark.extra_info["snapshots_per_second"] = round(rows / used)
    assert rows / used > 1e4


@pytest.mark.parametrize("dt", [0.05, 1.0])
def test_pairs(benchmark: Any, dt: float) -> None:
    system, rows = SYSTEMS["ising-64"], 5000
    x = random_spins(system.lattice, 0.2, rows, rng=np.random.default_rng(0))
    used = fastest(
        benchmark, lambda: partial_evolution(system, x, [dt], 1 / 16, rng=np.random.default_rng(1)).pairs(PHI)
    )
    benchmark.extra_info["pairs_per_second"] = round(rows / used)
