"""What a KMC run gives, and how it tells how far it is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import array_of, count_of, time_of
from asemacro.micro.alloy.kernels import CLAMPED, HIT, HOP, MISS, SEEN, Walk
from asemacro.tasks.patience import Patience
from asemacro.typing import Report

_STOPPED: tuple[Literal["chunk", "time", "hops", "blocked"], ...] = ("chunk", "time", "hops", "blocked")


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


def result_of(
    walk: Walk,
    stopped: int,
    record: list[Any],
    marks: list[tuple[float, int, float]],
    wall_time_s: float,
) -> KMCRun:
    """The result of a walk that has ended."""
    hops, hits, misses, used, clamped = (int(walk.counts[k]) for k in (HOP, HIT, MISS, SEEN, CLAMPED))
    table = np.array(marks, dtype=float).reshape(-1, 3)
    return KMCRun(
        x=walk.x,
        sites=walk.sites,
        time_s=float(walk.clock[0]),
        hops=hops,
        stopped=_STOPPED[stopped],
        record=np.array(record),
        record_times_s=table[:, 0],
        record_hops=np.array([m[1] for m in marks], dtype=np.int64),
        record_residence_s=table[:, 2],
        cache_hit_rate=hits / max(hits + misses, 1),
        clamped_fraction=clamped / max(used, 1),
        adjacent_fraction=float(walk.clock[1] / walk.clock[0]) if walk.clock[0] > 0 else 0.0,
        wall_time_s=wall_time_s,
    )


def share_of(
    until_s: float | None,
    until_hops: int | None,
    before: int,
    batch: int,
    patience: Patience,
    progress: Report | None = None,
) -> Callable[[int, float], None]:
    """A report of a run, the one after `before` of `batch`: how much of it all is done goes to `patience`."""

    begun: list[tuple[float, int]] = []

    def tick(hops: int, time_s: float) -> None:
        by_time = time_s / until_s if until_s else 0.0
        by_hops = hops / until_hops if until_hops else 0.0
        share = (before + max(by_time, by_hops)) / batch
        patience.done(share)
        if progress is not None:
            now = time.perf_counter()
            if not begun:
                begun.append((now, hops))  # a run that goes on has made hops before
            (since, made), rate = begun[0], ""
            if hops > made:
                rate = f" at {(hops - made) / max(now - since, 1e-9):.2g}/s"
            progress("kmc", share, f"{hops:.2e} hops{rate}, {time_s:.2e} s")

    return tick


class Plan(NamedTuple):
    """Where a run ends and where it is recorded.

    Attributes:
        until_s: time to stop at, or None.
        until_hops: number of hops to stop after, or None.
        by_time: the record points are times, not numbers of hops.
        points: record points, ascending.
    """

    until_s: float | None
    until_hops: int | None
    by_time: bool
    points: NDArray[Any]

    @property
    def length(self) -> str:
        """How long the run is, in words."""
        return f"{self.until_hops:g} hops" if self.until_s is None else f"{self.until_s:g} s"

    def ends_at(self, point: Any) -> tuple[float | None, int | None]:
        """Time and number of hops that a record point is reached at, not beyond the end of the run."""
        if self.by_time:
            return _earlier(self.until_s, float(point)), self.until_hops
        return self.until_s, _earlier(self.until_hops, int(point))


def plan_of(
    duration_s: float | None, hops: int | None, record_times_s: ArrayLike | None, record_hops: ArrayLike | None
) -> Plan:
    """The plan that the arguments of `VacancyKMC.run` describe.

    Raises:
        ValueError: no end, a negative one, record points of both kinds, or that do not ascend.
    """
    if record_times_s is not None and record_hops is not None:
        raise ValueError("give record points as times or as hops, not both")
    by_time = record_times_s is not None
    if by_time:
        points = np.atleast_1d(array_of(record_times_s, "record_times_s"))
    else:
        points = np.atleast_1d(array_of([] if record_hops is None else record_hops, "record_hops", kind="i"))
    if points.ndim != 1 or np.any(np.diff(points) < 0):
        raise ValueError("record points must ascend")
    if len(points) and by_time and duration_s is None:
        duration_s = float(points[-1])
    if len(points) and not by_time and hops is None:
        hops = int(points[-1])
    if duration_s is None and hops is None:
        raise ValueError("a run needs an end: duration_s or hops")
    until_s = None if duration_s is None else time_of(duration_s)
    until_hops = None if hops is None else count_of(hops, "hops")
    for point in points[:1]:
        time_of(point, "record_times_s") if by_time else count_of(point, "hops")
    return Plan(until_s, until_hops, by_time, points)


def _earlier(end: Any, point: Any) -> Any:
    """The earlier of an end, which may be None, and a point."""
    return point if end is None else min(end, point)
