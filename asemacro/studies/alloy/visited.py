"""What the members of an ensemble of barrier models make of the places that runs of their mean visit."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.barriers.compiled import UNCERTAIN_EV
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.statistics.members import error_of_members
from asemacro.typing import Floats

MOST_VACANCIES = 4  # that are looked at in a state
ENTRIES = 1 << 12  # of the caches of barriers


class Visited:
    r"""Clock and spread of the members, averaged over states of runs.

    A vacancy waits 1/R, with R the sum of its rates. Along the same path member m would take the time

        ln t_m - ln t = mean of (ln R - ln R_m)

    to first order in its differences, if the mean goes over states as they last. States at even times do.

    Args:
        kmc: runs at one temperature; a model that is no mean of members gives empty averages.
        runs: number of them.
    """

    def __init__(self, kmc: VacancyKMC, runs: int) -> None:
        self._kT, self._members = kB * kmc.temperature_K, len(kmc.barriers.members())
        models = (kmc.barriers, *kmc.barriers.members()) if self._members else ()
        self._systems = [VacancyKMC(kmc.lattice, one, kmc.temperature_K, cache_entries=ENTRIES) for one in models]
        self._ratios: list[list[Floats]] = [[] for _ in range(runs)]
        self._weights: list[list[float]] = [[] for _ in range(runs)]
        self._uncertain: list[list[float]] = [[] for _ in range(runs)]

    def see(self, run: int, x: NDArray[np.int8], weight: float = 1.0) -> None:
        """Look at a state (n_sites,) of a run, which counts by a weight: 1 of states at even times.

        Of states after given numbers of hops it is the time that they last.
        """
        if not self._systems:
            return
        vacancies = np.flatnonzero(x == 0)
        sites = vacancies[:: -(-len(vacancies) // MOST_VACANCIES)]
        rates, *of_members = (system.rates(x, sites) for system in self._systems)
        each = np.array(of_members)
        out, out_each = rates.sum(axis=1), each.sum(axis=2)
        free = (out > 0) & (out_each > 0).all(axis=0)
        if not free.any():
            return
        self._ratios[run].append(np.log(out_each[:, free] / out[free]).mean(axis=1))
        known = (each > 0).all(axis=0)
        spread_eV = self._kT * np.log(np.where(known, each, 1.0)).std(axis=0, ddof=1)
        chance = (rates / np.where(out > 0, out, 1.0)[:, None])[free]
        self._uncertain[run].append(float((chance * (spread_eV > UNCERTAIN_EV)[free]).sum(axis=1).mean()))
        self._weights[run].append(weight)

    @property
    def seen(self) -> list[Any]:
        """What was seen so far, to be set when runs go on."""
        return [[np.array(of_run) for of_run in of] for of in (self._ratios, self._weights, self._uncertain)]

    @seen.setter
    def seen(self, seen: list[Any]) -> None:
        self._ratios, self._weights, self._uncertain = ([list(of_run) for of_run in of] for of in seen)

    @property
    def log_rates(self) -> Floats:
        """(runs, M) mean of ln R_m - ln R in each run; nan in a run that was not looked at."""
        none = np.full(self._members, np.nan)
        seen = zip(self._ratios, self._weights, strict=True)
        return np.array([np.average(ratios, axis=0, weights=weights) if weights else none for ratios, weights in seen])

    @property
    def uncertain(self) -> float:
        """Share of the jumps, each as likely as it is made, in which the members' barriers spread by > UNCERTAIN_EV."""
        shares, weights = (list(itertools.chain(*seen)) for seen in (self._uncertain, self._weights))
        return float(np.average(shares, weights=weights)) if shares else math.nan


def time_factor(log_rates: Floats) -> float:
    """Factor within which times are known: one standard error of their logarithm, by what members differ by.

    Args:
        log_rates: (runs, M) of the members in each run, whose scatter among the runs is noise; no members give nan.
    """
    runs = len(log_rates)
    noise = log_rates.std(axis=0, ddof=1) / np.sqrt(runs) if runs > 1 else 0.0
    return float(np.exp(error_of_members(log_rates.mean(axis=0), noise)))


def within(factor: float) -> str:
    """What stands beside a time: the factor within which the barriers leave it, if it is known."""
    return f" (by the barriers within a factor of {factor:.2g})" if math.isfinite(factor) else ""
