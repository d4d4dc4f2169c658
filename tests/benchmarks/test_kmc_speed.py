"""Speed of the KMC and the swaps: `pytest tests/benchmarks -o addopts="" --benchmark-only`, one core.

The cases of `asemacro bench` at more temperatures and with all models; hops per second of processor time in extra_info.
"""

from __future__ import annotations

from typing import Any

import pytest

from asemacro.barriers import available
from asemacro.studies.speed.alloy_cases import kmc_case, swap_case
from asemacro.studies.speed.alloys import Alloy, alloy
from tests.barriers.test_barriers_pair_nnk import WEIGHTS

MODELS = ["pair", "published", *available()]


def alloy_of(name: str) -> Alloy:
    if name == "published" and not WEIGHTS.is_file():
        pytest.skip("the published weights are not in ../shared/data")
    return alloy(WEIGHTS if name == "published" else name)


@pytest.mark.parametrize("temperature_K", [600, 1000, 2000])
@pytest.mark.parametrize(("sites", "vacancies"), [(1024, 1), (8192, 8)], ids=["1024-sites", "8192-sites"])
@pytest.mark.parametrize("name", MODELS)
def test_kmc(benchmark: Any, name: str, sites: int, vacancies: int, temperature_K: float) -> None:
    ready, rates = kmc_case(alloy_of(name), sites, vacancies, temperature_K, 40_000).prepare(1.0), []
    benchmark.pedantic(lambda: rates.append(ready.run(2).per_second), rounds=3)
    benchmark.extra_info["hops_per_second"] = round(max(rates))
    if name == "nbmota" and (sites, temperature_K) == (1024, 2000):
        assert max(rates) > 20_000


@pytest.mark.parametrize("temperature_K", [1000, 2000])
@pytest.mark.parametrize("name", MODELS)
def test_cache(benchmark: Any, name: str, temperature_K: float) -> None:
    """With the cache against without: the same path, faster."""
    cached = kmc_case(alloy_of(name), 1024, 1, temperature_K, 20_000).prepare(1.0)
    without = kmc_case(alloy_of(name), 1024, 1, temperature_K, 20_000, cache_entries=1).prepare(1.0)
    slow, rates = without.run(2).per_second, []
    benchmark.pedantic(lambda: rates.append(cached.run(2).per_second), rounds=3)
    benchmark.extra_info["times_faster_than_without_cache"] = round(max(rates) / slow, 2)


@pytest.mark.parametrize("name", [name for name in MODELS if name in ("pair", "refractory")])
def test_swaps(benchmark: Any, name: str) -> None:
    ready, rates = swap_case(alloy_of(name), 1024, 30_720).prepare(1.0), []
    benchmark.pedantic(lambda: rates.append(ready.run(2).per_second), rounds=3)
    benchmark.extra_info["attempts_per_second"] = round(max(rates))
