"""What was simulated at one temperature: the first part of what is known of it."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.closure.memory import remembered
from asemacro.data import Pairs
from asemacro.labels.shrunk import pairs_from_shrunk_runs
from asemacro.labels.transitions import pairs_from_runs
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.swap_order import SwapOrder
from asemacro.studies.alloy.visited import time_factor
from asemacro.typing import Floats


@dataclasses.dataclass(frozen=True, kw_only=True)
class Simulated:
    """The simulations at one temperature.

    Attributes:
        table: names of all pairs, and how the like ones follow from the unlike ones.
        runs: small cells from random.
        direct: runs of the large box, if they were asked for.
        swaps: equilibrium by swap Monte Carlo; None for a model without an energy.
        memory_hops: the equation has the order as it was this many hops ago as further variables (`remembered`); None
            for the order alone.
    """

    table: PairTable
    runs: Record
    direct: Record | None = None
    swaps: SwapOrder | None = None
    memory_hops: float | None = None

    @property
    def temperature_K(self) -> float:
        """Temperature."""
        return self.runs.temperature_K

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the unlike pairs."""
        return tuple(self.table.labels[k] for k in self.table.unlike)

    @property
    def series(self) -> Floats:
        """(runs, n_times, v) variables of the equation: the order, and behind it what is remembered."""
        if self.memory_hops is None:
            return self.order
        past = remembered(self.order, self.runs.times_s, self.memory_hops * self.runs.late_hop_s)
        return np.concatenate([self.order, past], axis=2)

    @property
    def variable_labels(self) -> tuple[str, ...]:
        """Names of the variables; those of the past end with ":memory"."""
        return self.labels if self.memory_hops is None else (*self.labels, *(f"{name}:memory" for name in self.labels))

    def pairs(self, rng: np.random.Generator) -> Pairs:
        """Pairs for the learner, see `pairs_from_runs` and, with a memory, `pairs_from_shrunk_runs`.

        Args:
            rng: puts the runs into sets.
        """
        runs, step = self.runs, self.runs.pair_step(self.order)
        if self.memory_hops is None or runs.copies == 1:
            return pairs_from_runs(
                self.series, runs.times_s, runs.copies, self.temperature_K, step_s=step, combinations=2, rng=rng
            )
        return pairs_from_shrunk_runs(self.series, runs.times_s, runs.copies, self.temperature_K, step_s=step)

    @property
    def order(self) -> Floats:
        """(runs, n_times, d) of the unlike pairs in the small runs."""
        return self.runs.order[:, :, self.table.unlike]

    @property
    def late(self) -> Floats:
        """(d,) mean order of the unlike pairs in the second half of the small runs."""
        return np.asarray(self.runs.late[:, :, self.table.unlike].mean(axis=(0, 1)))

    @property
    def contacts(self) -> Floats:
        """(n_pairs,) mean contacts of the like pairs with vacancies, see `PairTable.contacts`."""
        return self.table.contacts(self.runs.late)

    @property
    def exact(self) -> tuple[Floats, Floats] | None:
        """Order (d,) of the unlike pairs at equilibrium by swaps and its error; None where swaps did not reach it."""
        if self.swaps is None or not self.swaps.equilibrated:
            return None
        return self.swaps.delta[self.table.unlike], self.swaps.error[self.table.unlike]

    @property
    def shift(self) -> tuple[Floats, Floats]:
        """(M, d) equilibrium of each member of the model minus that of their mean, and its errors; nan if unknown."""
        if self.swaps is None or self.exact is None:
            return (np.full((self.runs.log_rates.shape[1], len(self.labels)), np.nan),) * 2
        return self.swaps.shift[:, self.table.unlike], self.swaps.shift_error[:, self.table.unlike]

    @property
    def log_rates(self) -> Floats:
        """(M,) ln of the rate of each member over that of the mean, on the way of the runs."""
        return np.asarray(self.runs.log_rates.mean(axis=0))

    @property
    def time_factor(self) -> float:
        """Factor within which times are known, one standard error of the barriers; nan if the model has no members."""
        return time_factor(self.runs.log_rates)
