"""What a KMC run gives, and how it tells how far it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.tasks.patience import Patience
from asemacro.typing import Report


@dataclasses.dataclass(frozen=True)
class KMCRun:
    """Result of `VacancyKMC.run`.

    Attributes:
        x: (n_sites,) final state.
        sites: (n,) where the moving vacancies ended, in the order of the active ones at the start.
        time_s: time passed.
        hops: number of hops.
        stopped: "time", "hops", or "blocked" if no jump was left with a rate above zero.
        record: (n_records, ...) the states, or what `observe` made of them, at the record points reached.
        record_times_s: (n_records,) time of each record.
        record_hops: (n_records,) hops before each record.
        record_residence_s: (n_records,) mean residence time 1 / (sum of rates) of the recorded state: the
            weight that turns an average over states after given hops into a time average.
        cache_hit_rate: fraction of environments whose barriers were known.
        clamped_fraction: fraction of the barriers used that the model had raised to its floor.
        adjacent_fraction: fraction of the time in which a moving vacancy had a vacancy as first neighbour.
        wall_time_s: time the run took.
    """

    x: NDArray[np.int8]
    sites: NDArray[np.int64]
    time_s: float
    hops: int
    stopped: str
    record: NDArray[Any]
    record_times_s: NDArray[np.float64]
    record_hops: NDArray[np.int64]
    record_residence_s: NDArray[np.float64]
    cache_hit_rate: float
    clamped_fraction: float
    adjacent_fraction: float
    wall_time_s: float

    @property
    def hops_per_second(self) -> float:
        """Speed of the run, hops per second of wall time."""
        return self.hops / max(self.wall_time_s, 1e-9)


def share_of(
    until_s: float | None,
    until_hops: int | None,
    before: int,
    batch: int,
    patience: Patience,
    progress: Report | None = None,
) -> Callable[[int, float], None]:
    """A report of a run, the one after `before` of `batch`: how much of it all is done goes to `patience`."""

    def tick(hops: int, time_s: float) -> None:
        by_time = time_s / until_s if until_s else 0.0
        by_hops = hops / until_hops if until_hops else 0.0
        share = (before + max(by_time, by_hops)) / batch
        patience.done(share)
        if progress is not None:
            progress("kmc", share, f"{hops:.2e} hops, {time_s:.2e} s")

    return tick


def least(end: Any, point: Any) -> Any:
    """The earlier of an end, which may be None, and a point."""
    return point if end is None else min(end, point)
