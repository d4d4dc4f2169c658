"""Speed of the KMC and the swaps: `pytest tests/benchmarks -o addopts="" --benchmark-only`, one core.

Each benchmark carries hops_per_second in its extra_info; the plain version beside it has no cache.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from asemacro.barriers import available, load_barriers
from asemacro.barriers.base import BarrierModel
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from tests.barriers.test_barriers_pair_nnk import WEIGHTS

SPECIES = ("Nb", "Mo", "Ta")
MODELS = ["pair", "published", *available()]


def model_of(name: str) -> BarrierModel:
    if name == "published":
        if not WEIGHTS.is_file():
            pytest.skip("the published weights are not in ../shared/data")
        return load_barriers(WEIGHTS)
    if name == "pair":
        energies = [{"Nb-Mo": -0.05, "Mo-Ta": -0.1}, {"Nb-Ta": 0.02}]
        return PairBarrier(SPECIES, {"Nb": 1.6, "Mo": 2.0, "Ta": 1.7}, energies)
    return load_barriers(name)


def speed(model: BarrierModel, cells: int, vacancies: int, temperature_K: float, hops: int, **more: Any) -> Any:
    """A function that runs `hops` hops after a short burn-in, and the list it fills with hops per second."""
    lattice = Lattice.bcc(3.24, SPECIES, cells)
    x = lattice.random_state(vacancies=vacancies, rng=np.random.default_rng(0))
    burnt = VacancyKMC(lattice, model, temperature_K).run(x, hops=2000, rng=np.random.default_rng(1)).x
    rates: list[float] = []

    def run() -> None:
        system = VacancyKMC(lattice, model, temperature_K, **more)
        started = time.process_time()  # not the time that other processes took from us
        system.run(burnt, hops=hops, rng=np.random.default_rng(2))
        rates.append(hops / (time.process_time() - started))

    return run, rates


@pytest.mark.parametrize("temperature_K", [600, 1000, 2000])
@pytest.mark.parametrize(("cells", "vacancies"), [(8, 1), (16, 8)], ids=["1024-sites", "8192-sites"])
@pytest.mark.parametrize("name", MODELS)
def test_kmc(benchmark: Any, name: str, cells: int, vacancies: int, temperature_K: float) -> None:
    run, rates = speed(model_of(name), cells, vacancies, temperature_K, 40_000)
    benchmark.pedantic(run, rounds=3)
    benchmark.extra_info["hops_per_second"] = round(max(rates))
    if name == "nbmota" and (cells, temperature_K) == (8, 2000):
        assert max(rates) > 20_000


@pytest.mark.parametrize("temperature_K", [1000, 2000])
@pytest.mark.parametrize("name", MODELS)
def test_cache(benchmark: Any, name: str, temperature_K: float) -> None:
    """With the cache against without: the same path, faster."""
    model = model_of(name)
    cached, rates = speed(model, 8, 1, temperature_K, 20_000)
    plain, slow = speed(model, 8, 1, temperature_K, 20_000, cache_entries=1)
    plain()
    benchmark.pedantic(cached, rounds=3)
    benchmark.extra_info["times_faster_than_without_cache"] = round(max(rates) / max(slow), 2)


@pytest.mark.parametrize("name", [name for name in MODELS if name in ("pair", "refractory")])
def test_swaps(benchmark: Any, name: str) -> None:
    lattice = Lattice.bcc(3.24, SPECIES, 8)
    x = lattice.random_state(rng=np.random.default_rng(0))
    system = SwapMC(lattice, model_of(name), 1000)
    system.run(x, 1, rng=np.random.default_rng(1))
    benchmark.pedantic(lambda: system.run(x, 30, rng=np.random.default_rng(2)), rounds=3)
    benchmark.extra_info["attempts_per_second"] = round(30 * lattice.n_sites / benchmark.stats.stats.min)
