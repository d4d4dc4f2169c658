"""Flips a second of spins with many neighbours: `pytest tests/benchmarks/test_kac_speed.py -o addopts=""`, one core.

Events change local fields flip by flip, windows compute them anew by Fourier transforms. Rates in extra_info are from
processor time, the local fields at the start included; `ns_per_spin_and_time` is what a unit of time costs, divided by
the number of spins.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import gaussian, top_hat

WINDOW = 0.1


@pytest.mark.parametrize("window", [None, WINDOW], ids=["events", "windows"])
@pytest.mark.parametrize("form", [top_hat, gaussian], ids=["top-hat", "gaussian"])
@pytest.mark.parametrize("reach", [8, 32])
@pytest.mark.parametrize("side", [256, 512, 1024, 2048])
def test_flips_per_second(benchmark: Any, side: int, reach: int, form: Any, window: float | None) -> None:
    lattice = Lattice.square(1.0, "X", side)
    system = KacIsing(lattice, form(reach), 1.25)
    x = random_spins(lattice, 0.2, rng=np.random.default_rng(0))
    duration = WINDOW if window else max(min(1.0, 3e5 / side**2), 0.3)
    system.evolve_counting(x, 1e-4, 8, window=window, rng=np.random.default_rng(1))
    used, flips = [], []

    def timed() -> None:
        started = time.process_time()
        _, counted = system.evolve_counting(x, duration, 8, window=window, rng=np.random.default_rng(1))
        used.append(time.process_time() - started)
        flips.append(counted.sum())

    benchmark.pedantic(timed, rounds=3)
    best = int(np.argmin(used))
    benchmark.extra_info["flips_per_second"] = round(flips[best] / used[best])
    benchmark.extra_info["ns_per_spin_and_time"] = round(used[best] / duration / side**2 * 1e9)
    assert flips[best] / used[best] > 1e4
