"""Runs from random at one temperature, side by side in rounds, until enough is known; they go on where they stopped."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.alloy.approach import RELAXED, relaxation
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.visited import Visited
from asemacro.tasks.generator_state import restore, state_text
from asemacro.tasks.on_the_way import OnTheWay
from asemacro.tasks.parts import place_here
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.observables.alloy import WarrenCowley

FIRST_STEP_HOPS = 64  # below it increments are vacancy flicker
LAST_STEP_HOPS = 256  # finest step late in a run; pairs join several
GROWTH = 0.05  # step over age in between
FIRST_ROUND = 64  # steps in the first round
EVERY = 4  # records of a run, of which the members of the barrier model see one
_NUMBERS = (
    *("times", "_totals", "_before", "_length", "_relaxation_time", "_per_hop"),
    *("_grid", "_came", "_made", "_begun", "_goal"),
)
"""Attributes of `_Rounds` that change, beside those of the runs."""
STRAY = 64.0  # a run may take this many times the budget's hops before the record is cut


def collect(
    kmc: VacancyKMC,
    starts: NDArray[np.int8],
    sro: WarrenCowley,
    columns: Sequence[int] | NDArray[np.intp],
    copies: int,
    budget: Budget,
    *,
    streams: Sequence[np.random.Generator],
    clock: np.random.Generator,
    progress: Callable[[float, str], Any] | None = None,
) -> Record:
    """Run small cells from random until the budget is spent or equilibrium is well sampled.

    All runs are seen at the same times. The grid begins with steps of 64 hops, they grow with age, to at most 256
    hops of the clock as it goes then; it is laid in rounds, each of which doubles the time, and between two rounds
    the budget and the relaxation are looked at.

    Args:
        kmc: the small cell at one temperature.
        starts: (runs, n_sites) random states, a multiple of `copies` of them.
        sro: measures all pairs.
        columns: of `sro`, the ones whose equilibrium is watched.
        copies: K.
        budget: when to end.
        streams: source of randomness of each run.
        clock: that of the hops by which the first steps are chosen.
        progress: called with the fraction done (0 to 1) and a short text.
    """
    runs = _Rounds(kmc, starts, sro, budget, streams, clock, progress or (lambda share, text: None))
    with OnTheWay(runs, place_here(), "rounds", runs.n_bytes, f"{starts.size} sites") as way:
        while True:
            whole = runs.advance(way.look)
            runs.look(columns)
            if not whole or runs.over:
                return runs.record(copies)
            runs.set_goal()


class _Rounds:
    """Runs as far as they are; the arguments are those of `collect`."""

    def __init__(
        self,
        kmc: VacancyKMC,
        starts: NDArray[np.int8],
        sro: WarrenCowley,
        budget: Budget,
        streams: Sequence[np.random.Generator],
        clock: np.random.Generator,
        progress: Callable[[float, str], Any],
    ) -> None:
        self._kmc, self._sro, self._budget, self._streams, self._progress = kmc, sro, budget, streams, progress
        self._vacancies = kmc.carriers(starts[:1]).shape[1]
        self._states = list(starts)
        self._visited = Visited(kmc, len(starts))
        self._order = [[value] for value in sro(starts, kmc.lattice)]
        self._hops = [[0.0] for _ in starts]
        self._totals = np.zeros(4)  # hops, misses, clamped x hops, adjacent time
        self._before = np.zeros(2)  # hops and misses when the round began
        self._grid: list[float] = []  # of the round; none between two
        self._came: list[bool] = []  # of the runs that have gone through the round, whether they came to its end
        self._made = 0.0  # typical hops when it began
        self._length = 0.0  # in relaxation times
        self._relaxation_time = float("nan")
        self.times = [0.0]
        hops = 10 * FIRST_STEP_HOPS * self._vacancies
        first = kmc.run(starts[0], hops=hops, rng=clock)
        self._per_hop = first.time_s / (first.hops / self._vacancies)
        self.first_s = self._per_hop * FIRST_STEP_HOPS
        self._begun, self._goal = 0.0, FIRST_ROUND * self.first_s

    @property
    def n_bytes(self) -> float:
        """Of `tree`, roughly: most of it is what is known of barriers."""
        known = self._kmc.caches.remembered
        return 0.0 if known is None else float(sum(array.nbytes for array in known))

    def tree(self) -> Any:
        """All that the runs need to go on, what is known of barriers too: how often it was decides when they end."""
        return {
            "states": list(self._states),
            "order": [np.array(series) for series in self._order],
            "hops": [np.array(series) for series in self._hops],
            "streams": [state_text(stream) for stream in self._streams],
            "visited": self._visited.seen,
            "known": self._kmc.caches.remembered,
            "numbers": {name: getattr(self, name) for name in _NUMBERS},
        }

    def restore(self, tree: Any) -> None:
        """Inverse of `tree`."""
        self._states = tree["states"]
        self._order, self._hops = ([list(series) for series in tree[name]] for name in ("order", "hops"))
        for stream, text in zip(self._streams, tree["streams"], strict=True):
            restore(stream, text)
        self._visited.seen = tree["visited"]
        self._kmc.caches.remember(tree["known"])
        for name in _NUMBERS:
            setattr(self, name, tree["numbers"][name])

    @property
    def typical_hops(self) -> float:
        """Hops per vacancy of the middle run: a run caught between two sites makes hops, but no way."""
        return float(np.median([series[-1] for series in self._hops]))

    @property
    def _evaluated(self) -> float:
        """Barrier evaluations per run and vacancy."""
        return float(self._totals[1] / len(self._states) / self._vacancies)

    @property
    def over(self) -> bool:
        """Whether the budget is spent, or equilibrium well sampled."""
        made = self.typical_hops
        spent = made >= 0.95 * self._budget.hops or self._evaluated >= self._budget.evaluations
        return spent or self._length >= self._budget.relaxations

    def set_goal(self) -> None:
        """Set the time to which the next round goes, from the time that a hop took in the last one."""
        self._per_hop = (self.times[-1] - self._begun) / max(self.typical_hops - self._made, 1.0)
        budget, now, made = self._budget, self.times[-1], self.typical_hops
        spare = max(budget.evaluations / max(self._evaluated, 1.0), 1.05)
        self._goal = min(2 * now, now + (budget.hops - made) * self._per_hop, spare * now)

    def advance(self, look: Callable[[], None]) -> bool:
        """Take all runs to the goal; whether all of them came there. Calls `look` after each."""
        if not self._grid:
            self._lay_grid()
        for index in range(len(self._came), len(self._states)):
            self._came.append(self._run(index, np.array(self._grid)))
            look()
        whole = all(self._came)
        self.times.extend(self._grid)
        self._grid, self._came = [], []
        return whole

    def _lay_grid(self) -> None:
        """Begin a round."""
        self._begun, self._made, self._before = self.times[-1], self.typical_hops, self._totals[:2].copy()
        while not self._grid or self._grid[-1] < self._goal:
            now = self._grid[-1] if self._grid else self.times[-1]
            self._grid.append(now + max(self.first_s, min(GROWTH * now, LAST_STEP_HOPS * self._per_hop)))

    def _run(self, index: int, grid: Floats) -> bool:
        """Run one cell along the grid; whether it came to the end of it."""
        base, most = self._hops[index][-1], STRAY * self._budget.hops

        def tell(task: str, fraction: float, text: str) -> None:
            # all runs go through the round one after the other: this is how far they are on average
            way = (index + fraction) / len(self._states)
            age = way * (grid[-1] / max(self.times[-1], self.first_s) - 1) + 1
            hops, misses = self._before / len(self._states) / self._vacancies * age
            share = self._budget.share(hops, misses, self._length * age)
            self._progress(share, f"{self._kmc.temperature_K:g} K, {text}")

        looks = itertools.count(len(self._order[index]))

        def observe(x: NDArray[np.int8]) -> Floats:
            if next(looks) % EVERY == 0:
                self._visited.see(index, x[0])
            return self._sro(x, self._kmc.lattice)[0]

        done = self._kmc.run(
            self._states[index],
            record_times_s=grid - self.times[-1],
            hops=max(int((most - base) * self._vacancies), 1),
            observe=observe,
            progress=tell,
            rng=self._streams[index],
        )
        self._order[index].extend(done.record)
        self._hops[index].extend(base + done.record_hops / self._vacancies)
        self._states[index] = done.x
        misses = done.hops * (1 - done.cache_hit_rate)
        self._totals += (done.hops, misses, done.clamped_fraction * done.hops, done.adjacent_fraction * done.time_s)
        return len(done.record_times_s) == len(grid)

    @property
    def _seen(self) -> int:
        """Times that all runs came to."""
        return min(len(series) for series in self._hops)

    def look(self, columns: Sequence[int] | NDArray[np.intp]) -> None:
        """See how long the runs are, in relaxation times of some columns."""
        watched = np.array([series[: self._seen] for series in self._order])[:, :, columns]
        self._length, self._relaxation_time = relaxation(np.array(self.times[: self._seen]), watched)

    def record(self, copies: int) -> Record:
        """What was seen."""
        n, hops = self._seen, max(self._totals[0], 1)
        return Record(
            temperature_K=self._kmc.temperature_K,
            copies=copies,
            times_s=np.array(self.times[:n]),
            order=np.array([series[:n] for series in self._order]),
            hops=np.array([series[:n] for series in self._hops]),
            relaxed=self._length >= RELAXED,
            relaxation_time_s=self._relaxation_time,
            hit_rate=1 - self._totals[1] / hops,
            clamped=self._totals[2] / hops,
            adjacent=self._totals[3] / (self.times[n - 1] * len(self._states)),
            log_rates=self._visited.log_rates,
            uncertain=self._visited.uncertain,
            last=self._states[0],
        )
