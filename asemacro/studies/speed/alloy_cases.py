"""Kernels of alloys that are measured: vacancy KMC, swaps, order."""

from __future__ import annotations

from typing import Any

import numpy as np

from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.speed.alloys import Alloy
from asemacro.studies.speed.plain_alloy import metropolis_swaps, residence_time_kmc, warren_cowley_delta
from asemacro.studies.speed.plain_barriers import PairBonds
from asemacro.studies.speed.timing import Case, Held, Ready, Run, Stopwatch, first_call, held_by, peak_of, timed

BURN_IN = 2000  # hops before the clock runs: none begins beside a vacancy that was just placed
HOT_K, COLD_K, SWAP_K = 2000.0, 800.0, 1000.0
SITES_COUNTED = 2e7  # the order of a small state is measured many times
LARGEST_OF_PLAIN = 2_000_000  # sites up to which the plain version counts pairs in a moment


def kmc_case(
    alloy: Alloy, sites: int, vacancies: int, temperature_K: float, hops: int, *, plain_hops: int = 0, **more: Any
) -> Case:
    """Vacancy KMC from a random alloy, its cache empty at the start of each run.

    Args:
        alloy: which.
        sites: least number of sites.
        vacancies: number of vacancies.
        temperature_K: temperature.
        hops: of a run.
        plain_hops: of the plain version; 0 for none.
        **more: `kernel`, `seconds`, `both_cores` and `large` of the case; the rest goes to `VacancyKMC`.
    """
    lattice = alloy.unit.at_least(sites)
    of_case: dict[str, Any] = {
        key: more.pop(key) for key in ("kernel", "seconds", "both_cores", "large") if key in more
    }

    def prepare(share: float) -> Ready:
        rng, wanted = np.random.default_rng(0), max(1, round(hops * share))
        x = lattice.random_state(vacancies=vacancies, rng=rng)
        called = first_call(lambda: system().run(x, hops=1, rng=rng))
        x = system().run(x, hops=BURN_IN, rng=rng).x[None]

        def run(seed: int) -> Run:
            watch = Stopwatch()
            found = system().run(x, record_hops=[0, wanted], observe=watch, rng=np.random.default_rng(seed))
            return watch.run(found.hops, found.cache_hit_rate)

        def held() -> Held:
            kmc = system(cache_entries=1)
            kmc.run(x, hops=1, rng=rng)  # its cache is made before
            return held_by(lambda look: kmc.run(x, record_hops=[0, 100], observe=look, rng=rng), x.nbytes)

        barriers, steps = alloy.plain(lattice) if plain_hops else None, max(5, round(plain_hops * share))
        frequency = np.array([0.0, *system().attempt_frequency_Hz.values()])

        def plain() -> Run:
            assert barriers is not None
            return timed(lambda: residence_time_kmc(barriers, x[0], steps, temperature_K, frequency, rng=rng), steps)

        return Ready(run, held, plain if barriers is not None else None, called)

    def system(**cache: Any) -> VacancyKMC:
        return VacancyKMC(lattice, alloy.model, temperature_K, **{**more, **cache})

    about: dict[str, Any] = {
        "kernel": "kmc",
        "counted": "hops",
        "temperature": temperature_K,
        "temperature_unit": "K",
        **of_case,
    }
    return Case(system=alloy.system, sites=lattice.n_sites, carriers=vacancies, prepare=prepare, **about)


def swap_case(alloy: Alloy, sites: int, attempts: int, *, plain_attempts: int = 0, **more: Any) -> Case:
    """Swaps of unlike atoms from a random alloy, whose energy falls in the first sweeps.

    Args:
        alloy: one whose model has an energy.
        sites: least number of sites.
        attempts: of a run, in whole sweeps.
        plain_attempts: of the plain version of pair energies; 0 for none.
        **more: of the case.
    """
    lattice = alloy.unit.at_least(sites)

    def prepare(share: float) -> Ready:
        rng, sweeps = np.random.default_rng(0), max(1, round(attempts * share / lattice.n_sites))
        swaps, x = SwapMC(lattice, alloy.model, SWAP_K), lattice.random_state(vacancies=1, rng=rng)
        called = first_call(lambda: swaps.run(x, 1, rng=rng))

        def run(seed: int) -> Run:
            watch = Stopwatch()
            swaps.run(x, record_sweeps=[0, sweeps], observe=watch, rng=np.random.default_rng(seed))
            return watch.run(sweeps * lattice.n_sites)

        bonds, tried = alloy.plain(lattice) if plain_attempts else None, max(5, round(plain_attempts * share))

        def plain() -> Run:
            assert isinstance(bonds, PairBonds)
            return timed(lambda: metropolis_swaps(bonds, x[0], tried, SWAP_K, rng=rng), tried)

        def held() -> Held:
            return held_by(lambda look: swaps.run(x, record_sweeps=[0], observe=look, rng=rng), x.nbytes)

        return Ready(run, held, plain if isinstance(bonds, PairBonds) else None, called)

    return Case(
        kernel="swap", system=alloy.system, sites=lattice.n_sites, counted="swaps tried", prepare=prepare,
        temperature=SWAP_K, temperature_unit="K", **more,
    )  # fmt: skip


def order_case(alloy: Alloy, sites: int, **more: Any) -> Case:
    """Warren-Cowley order of the first shell of a random alloy."""
    lattice = alloy.unit.at_least(sites)

    def prepare(share: float) -> Ready:
        rng, times = np.random.default_rng(0), max(1, round(SITES_COUNTED * share / lattice.n_sites))
        phi, small = WarrenCowley(lattice.species), alloy.unit.at_least(1000)
        called = first_call(lambda: phi(small.random_state(rng=rng), small))
        x = lattice.random_state(vacancies=1, rng=rng)

        def run(seed: int) -> Run:
            return timed(lambda: [phi(x, lattice) for _ in range(times)], times * lattice.n_sites)

        def plain() -> Run:
            return timed(lambda: warren_cowley_delta(x[0], lattice), lattice.n_sites)

        small_enough = lattice.n_sites <= LARGEST_OF_PLAIN
        return Ready(run, lambda: peak_of(lambda: phi(x, lattice), x.nbytes), plain if small_enough else None, called)

    return Case(
        kernel="order", system=f"Warren-Cowley, {lattice.prototype} {'-'.join(lattice.species)}", sites=lattice.n_sites,
        counted="sites", prepare=prepare, **more,
    )  # fmt: skip
