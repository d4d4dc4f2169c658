"""Small runs from random at one temperature, on one time grid, and the pairs they hold.

The large system is `copies` small periodic cells side by side (`blocks`): z is the mean over the cells, and
what one cell does next is a partial evolution of the large system with K = copies. So the runs themselves
hold all pairs, at every age, weighted by time as the clock demands, and no micro work is done twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.patches import Pairs

Floats = NDArray[np.float64]
PAIR_GROWTH = 0.05  # an early pair lasts this fraction of its age


@dataclasses.dataclass(frozen=True)
class Record:
    """Small runs from random on one time grid.

    Attributes:
        temperature_K: temperature.
        copies: K, small cells in the large system.
        times_s: (n,) from 0.
        order: (runs, n, D) delta of all pairs.
        hops: (runs, n) hops per vacancy so far.
        relaxed: the runs are longer than `Budget.relaxations` relaxation times and their mean stands still.
        relaxation_time_s: the slowest, from the second half of the runs; nan if they are too short to tell.
        hit_rate: of the barrier cache.
        clamped: fraction of barriers raised to the model's floor.
        adjacent: fraction of the time with adjacent vacancies.
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

    @property
    def late(self) -> Floats:
        """(runs, n', D) order in the second half of the time, where the grid is even."""
        return self.order[:, self._middle :]

    @property
    def _middle(self) -> int:
        return middle_of(self.times_s)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """For `store.Checkpoint`."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Record:
        """Inverse of `to_arrays`."""
        fields: dict[str, Any] = {name: value if value.ndim else value.item() for name, value in arrays.items()}
        return cls(**fields)

    def time_of_hops(self, hops: float) -> float:
        """Mean time in seconds that the runs took for `hops` hops per vacancy.

        A run that made fewer goes on at the time per hop of all runs in the second half of the record.
        """
        middle = self._middle
        late_hops = (self.hops[:, -1] - self.hops[:, middle]).sum()
        per_hop = (self.times_s[-1] - self.times_s[middle]) * len(self.hops) / max(late_hops, 1e-9)
        took = [np.interp(hops, run, self.times_s) + max(hops - run[-1], 0.0) * per_hop for run in self.hops]
        return float(np.mean(took))

    def pairs(self, columns: Sequence[int] | NDArray[np.intp], step_s: float | None = None) -> Pairs:
        """Pairs for the learner: z0 the mean over a block of `copies` runs, z1 = z0 + dphi of one of them.

        Args:
            columns: which columns of `order` make z.
            step_s: duration of late pairs; early ones last a twentieth of their age. Default `pair_step`.
        """
        step_s = self.pair_step(columns) if step_s is None else step_s
        knots = _knots(self.times_s, step_s)
        times = self.times_s[knots]
        phi = self.order[:, knots][:, :, columns]
        blocks = phi.reshape(-1, self.copies, *phi.shape[1:])
        z0 = np.broadcast_to(blocks.mean(axis=1, keepdims=True), blocks.shape)[:, :, :-1]
        z1 = z0 + np.diff(blocks, axis=2)
        shape = z0.shape[:-1]
        run = np.broadcast_to(np.arange(shape[0] * shape[1]).reshape(*shape[:2], 1), shape)
        return Pairs(
            z0=z0.reshape(-1, len(columns)),
            z1=z1.reshape(-1, len(columns)),
            dt=np.broadcast_to(np.diff(times), shape).reshape(-1),
            K=np.array(float(self.copies)),
            condition=np.array(self.temperature_K),
            group=run.reshape(-1),
        )

    def pair_step(self, columns: Sequence[int] | NDArray[np.intp]) -> float:
        """Duration of pairs: doubled until Var(dz)/dt changes by less than 10 % or two standard errors.

        Taken from the second half of the runs and kept below 0.2 of the relaxation time, where the one-step
        likelihood still resolves the drift.
        """
        phi = self.late[:, :, columns]
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


def middle_of(times: Floats) -> int:
    """Index of the first of ascending times in the second half of the time."""
    return min(int(np.searchsorted(times, 0.5 * times[-1])), len(times) - 2)


def _knots(times: Floats, step_s: float) -> NDArray[np.intp]:
    """Grid points such that the distance between two is at least min(step, age / 20) where the grid allows."""
    chosen = [0]
    for index in range(1, len(times)):
        age = times[chosen[-1]]
        if times[index] - age >= min(step_s, PAIR_GROWTH * age) * (1 - 1e-9):
            chosen.append(index)
    return np.array(chosen)
