"""What hops to and fro of a vacancy cost: `pytest tests/benchmarks -k flicker -o addopts="" --benchmark-only`.

The most that the loop could gain if it left the two states of a flicker, or a basin of eight states, at once: hops that
go back to one of the last two or eight states would cost nothing, and all others what they do now.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pytest

from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.speed.timing import Stopwatch
from tests.benchmarks.test_kmc_speed import MODELS, alloy_of

SITES_EACH, BURN_IN, HOPS, FOLLOWED, STARTS = 1024, 100_000, 200_000, 20_000, 3
COLD_K = 100.0  # where each vacancy is in a trap: what a hop back costs
BASINS = (2, 8)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("vacancies", "temperature_K"), [(1, 400), (1, 500), (1, 600), (1, 800), (1, 1000), (8, 600)], ids=lambda n: f"{n}"
)
def test_what_could_be_gained(benchmark: Any, name: str, vacancies: int, temperature_K: float) -> None:
    hop, back = Path(name, vacancies, temperature_K), Path(name, vacancies, COLD_K)
    benchmark.pedantic(hop.run, rounds=2)
    back.run()
    back.run()
    benchmark.extra_info.update(ns_a_hop=round(hop.ns), ns_a_hop_back=round(back.ns))
    states = hop.states()
    for most in BASINS:
        share = float(np.mean([share_back(path, most) for path in states]))
        benchmark.extra_info[f"share_back_{most}"] = round(share, 4)
        benchmark.extra_info[f"most_gain_{most}"] = round(hop.ns / max(hop.ns - share * back.ns, 1e-9), 2)


def test_hops_back_are_counted() -> None:
    assert share_back([1, 2, 1, 2, 3, 2, 1, 3, 1], 2) == 3 / 9 + 1 / 9
    assert share_back([1, 2, 1, 2, 3, 2, 1, 3, 1], 3) == 6 / 9


class Path:
    """Runs of vacancies, each from another random alloy that they have walked in.

    Attributes:
        ns: processor time of a hop, nanoseconds: mean over the starts, of each the fastest run so far.
    """

    def __init__(self, name: str, vacancies: int, temperature_K: float) -> None:
        self._alloy, self._temperature_K = alloy_of(name), temperature_K
        self._lattice, self._fastest = self._alloy.unit.at_least(SITES_EACH * vacancies), np.full(STARTS, np.inf)
        self._starts = [self._start(vacancies, np.random.default_rng(k)) for k in range(STARTS)]

    @property
    def ns(self) -> float:
        return float(self._fastest.mean()) / HOPS * 1e9

    def run(self) -> None:
        for k, x in enumerate(self._starts):
            watch = Stopwatch()
            rng = np.random.default_rng(k)
            self._kmc().run(x, record_hops=[0, HOPS], observe=watch, rng=rng)
            self._fastest[k] = min(self._fastest[k], watch.run(HOPS).processor_s)

    def states(self) -> list[list[int]]:
        """A number of the state after each hop of each run."""
        paths = []
        for k, x in enumerate(self._starts):
            hops, rng = np.arange(FOLLOWED), np.random.default_rng(k)
            run = self._kmc().run(x, record_hops=hops, observe=lambda s: hash(s.tobytes()), rng=rng)
            paths.append(run.record.tolist())
        return paths

    def _kmc(self) -> VacancyKMC:
        return VacancyKMC(self._lattice, self._alloy.model, self._temperature_K)

    def _start(self, vacancies: int, rng: np.random.Generator) -> np.ndarray:
        return self._kmc().run(self._lattice.random_state(vacancies=vacancies, rng=rng), hops=BURN_IN, rng=rng).x


def share_back(states: Sequence[Hashable], most: int) -> float:
    """Fraction of the states that are one of the `most` different ones seen last."""
    recent, back = OrderedDict[Hashable, None](), 0
    for state in states:
        back += state in recent
        recent[state] = None
        recent.move_to_end(state)
        if len(recent) > most:
            recent.popitem(last=False)
    return back / len(states)
