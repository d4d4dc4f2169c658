"""Flips a second of spins with many neighbours: `pytest tests/benchmarks/test_kac_speed.py -o addopts=""`, one core.

Events change local fields flip by flip, windows compute them anew by Fourier transforms. Rates in extra_info are from
processor time, the local fields at the start included; `ns_per_spin_and_time` is what a unit of time costs, divided by
the number of spins.
"""

from __future__ import annotations

from typing import Any

import pytest

from asemacro.micro.spins.kac_coupling import gaussian, top_hat
from asemacro.studies.speed.spin_cases import kac_case

WINDOW = 0.1


@pytest.mark.parametrize("window", [None, WINDOW], ids=["events", "windows"])
@pytest.mark.parametrize("form", [top_hat, gaussian], ids=["top-hat", "gaussian"])
@pytest.mark.parametrize("reach", [8, 32])
@pytest.mark.parametrize("side", [256, 512, 1024, 2048])
def test_flips_per_second(benchmark: Any, side: int, reach: int, form: Any, window: float | None) -> None:
    duration, runs = WINDOW if window else max(min(1.0, 3e5 / side**2), 0.3), []
    ready = kac_case(side, form(reach), duration, window=window).prepare(1.0)
    benchmark.pedantic(lambda: runs.append(ready.run(1)), rounds=3)
    best = min(runs, key=lambda run: run.processor_s)
    benchmark.extra_info["flips_per_second"] = round(best.per_second)
    benchmark.extra_info["ns_per_spin_and_time"] = round(best.processor_s / duration / side**2 * 1e9)
    assert best.per_second > 1e4
