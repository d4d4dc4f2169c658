"""Small runs from random at one temperature, on one time grid, and how long pairs of them are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.files.arrays import Expected
from asemacro.studies.alloy.stationarity import lag, middle_of
from asemacro.typing import Floats

IN_FILE = {
    "temperature_K": Expected("number"),
    "copies": Expected("whole number"),
    "times_s": Expected("number", ("times",)),
    "order": Expected("number", ("runs", "times", "pairs")),
    "hops": Expected("number", ("runs", "times")),
    "relaxed": Expected("truth value"),
    "relaxation_time_s": Expected("number", finite=False),
    "hit_rate": Expected("number"),
    "clamped": Expected("number"),
    "adjacent": Expected("number"),
    "log_rates": Expected("number", ("runs", "members"), finite=False),
    "uncertain": Expected("number", finite=False),
    "last": Expected("whole number", ("sites",)),
}
"""What `Record.to_arrays` gives, for readers of files."""


@dataclasses.dataclass(frozen=True)
class Record:
    """Small runs from random on one time grid.

    Attributes:
        temperature_K: temperature.
        copies: K, small cells in the large system.
        times_s: (n,) from 0.
        order: (runs, n, D) delta of all pairs, shell after shell.
        hops: (runs, n) hops per vacancy so far.
        relaxed: the runs are at least five relaxation times long and their mean stands still.
        relaxation_time_s: the slowest, from the second half of the runs; nan if they are too short to tell.
        hit_rate: of the barrier cache.
        clamped: fraction of barriers raised to the model's floor.
        adjacent: fraction of the time with adjacent vacancies.
        log_rates: (runs, M) ln of a member's rate of jumps over that of the mean model, see `Visited`.
        uncertain: share of the jumps whose barriers are uncertain; nan if the model has no members.
        last: (n_sites,) the last state of the first run, to look at; empty if it was not kept.
    """

    temperature_K: float
    copies: int
    times_s: Floats
    order: Floats
    hops: Floats
    relaxed: bool
    relaxation_time_s: float
    hit_rate: float
    clamped: float
    adjacent: float
    log_rates: Floats
    uncertain: float
    last: NDArray[np.int8] = dataclasses.field(default_factory=lambda: np.empty(0, dtype=np.int8))

    @property
    def late(self) -> Floats:
        """(runs, n', D) order in the second half of the time, where the grid is even."""
        return self.order[:, self._middle :]

    @property
    def lag(self) -> Floats:
        """(D,) how far the late mean order may still be from equilibrium, see `stationarity.lag`."""
        return lag(self.times_s, self.order)

    @property
    def _middle(self) -> int:
        return middle_of(self.times_s)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """For a checkpoint."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Record:
        """Inverse of `to_arrays`, of arrays that are as `IN_FILE` says."""
        fields: dict[str, Any] = {name: value if value.ndim else value.item() for name, value in arrays.items()}
        return cls(**fields)

    @property
    def late_hop_s(self) -> float:
        """Mean time of a hop of a vacancy in seconds, in the second half of the record."""
        middle = self._middle
        late_hops = (self.hops[:, -1] - self.hops[:, middle]).sum()
        return float((self.times_s[-1] - self.times_s[middle]) * len(self.hops) / max(late_hops, 1e-9))

    def time_of_hops(self, hops: float) -> float:
        """Mean time in seconds that the runs took for `hops` hops per vacancy.

        A run that made fewer goes on at the time per hop of all runs in the second half of the record.
        """
        took = [np.interp(hops, run, self.times_s) + max(hops - run[-1], 0.0) * self.late_hop_s for run in self.hops]
        return float(np.mean(took))

    def pair_step(self, order: Floats) -> float:
        """Duration of pairs: doubled until Var(dz)/dt changes by less than 10 % or two standard errors.

        Taken from the second half of the runs and kept below 0.2 of the relaxation time, where the one-step
        likelihood still resolves the drift.

        Args:
            order: (runs, n, d) what steps are those of, such as some columns of `order`.
        """
        phi = order[:, self._middle :]
        times = self.times_s[self._middle :]
        step = float(np.median(np.diff(times)))
        longest = (times[-1] - times[0]) / 20
        if np.isfinite(self.relaxation_time_s):
            longest = min(longest, 0.2 * self.relaxation_time_s)
        scale = phi.std(axis=(0, 1)) + 1e-12

        def rate(stride: int) -> tuple[float, float]:
            moves = (np.diff(phi[:, ::stride], axis=1) / scale) ** 2
            values = (moves.mean(axis=2) / np.diff(times[::stride])).reshape(-1)
            return float(values.mean()), float(values.std() / np.sqrt(len(values)))

        stride = 1
        while 2 * stride * step <= longest and 4 * stride < phi.shape[1]:
            (now, error_now), (then, error_then) = rate(stride), rate(2 * stride)
            if abs(now - then) < max(0.1 * now, 2 * np.hypot(error_now, error_then)):
                break
            stride *= 2
        return stride * step
