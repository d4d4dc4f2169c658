"""Speed of vector spins: `pytest tests/benchmarks/test_vector_spin_speed.py -o addopts="" --benchmark-only`, one core.

Spins times steps over processor time: not the time that other processes took from us.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.vector_spins import random_vectors
from asemacro.micro.spins.heisenberg import Heisenberg

UPDATES = 4_000_000
CASES = {
    "cubic": {"temperature": 1.0},
    "cubic without heat bath": {"temperature": 0.0, "damping": 0.0},
    "cubic with an easy axis": {"temperature": 1.0, "anisotropy": 0.2},
    "fcc": {"temperature": 1.0},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sites", [10**3, 10**4, 10**5, 10**6])
def test_evolution(benchmark: Any, case: str, sites: int) -> None:
    name = "fcc" if case == "fcc" else "sc"
    unit = Lattice.from_prototype(name, 1.0, "X", 1)
    side = round((sites / unit.n_sites) ** (1 / 3))
    system = Heisenberg(unit.repeat(side), **CASES[case])
    n = system.lattice.n_sites
    x = random_vectors(system.lattice, 0.5, 1, rng=np.random.default_rng(0))
    steps = max(1, UPDATES // n)
    times = []

    def run() -> None:
        started = time.process_time()
        system.evolve(x, steps * system.time_step, rng=np.random.default_rng(1))
        times.append(time.process_time() - started)

    run()
    times.clear()
    benchmark.pedantic(run, rounds=3)
    speed = steps * n / min(times)
    benchmark.extra_info["spin_steps_per_second"] = round(speed)
    assert speed > 1e6
