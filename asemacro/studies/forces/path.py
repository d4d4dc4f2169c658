"""The path of a learned ODE as the command simulate writes it, and from when on it means nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from asemacro.macro.ode import simulate_ode
from asemacro.studies.forces.learned import LearnedForces
from asemacro.studies.learn.pace import Pace
from asemacro.tasks.progress import progress_bar
from asemacro.typing import Floats

MARGIN = 0.1  # of the range of the training states, by which a path may leave it
BEYOND = "beyond"


@dataclasses.dataclass(frozen=True)
class Leaving:
    """Where a path leaves what was learned from.

    Attributes:
        at: number of the first saved time that means nothing.
        variable: that leaves there.
        low: least value of it that was learned from.
        high: largest.
    """

    at: int
    variable: int
    low: float
    high: float


def path_rows(
    learned: LearnedForces, z0: Floats, until: float, points: int, *, force: bool
) -> tuple[list[str], list[list[float]]]:
    """Header and rows of the path from z0 (d,): time, all variables, and 1 where they mean nothing; says how it went.

    Raises:
        ValueError: one line; it would take more than an hour and is not forced, or runs away.
    """
    names = learned.labels or tuple(f"z{k + 1}" for k in range(learned.ode.dim))
    pace = Pace(until, "", force=force, judged=False)
    with progress_bar({"simulate": 1.0}) as report:

        def watch(times: Floats, z: Floats) -> bool:
            now = float(times[0])
            report("simulate", now / until, f"time {now:.3g} of {until:g}")
            pace(now)
            return False

        times, paths = simulate_ode(learned.ode, z0, until, n_saves=points, watch=watch)
    z = paths[0]
    left = leaving(learned, z)
    last, head = (len(z) if left is None else left.at) - 1, f"one path to time {until:g}: "
    now = ", ".join(f"{names[k]} {z[last, k]:+.4f}" for k in range(learned.n_observed))
    if left is not None:
        print(
            f"from time {times[left.at]:.4g} on the path is beyond what was learned from, and means nothing: "
            f"{names[left.variable]} goes out of {left.low:.4g} to {left.high:.4g}"
        )
        mark = f"the rows with {BEYOND} = 1 mean nothing"
        now = f"{now} at time {times[last]:.4g}, the last within what was learned from; {mark}" if last >= 0 else mark
    print(head + now)
    beyond = np.arange(len(z)) > last
    rows = [[*row, int(mark)] for row, mark in zip(np.column_stack([times, z]).tolist(), beyond, strict=True)]
    return ["time", *names, BEYOND], rows


def leaving(learned: LearnedForces, z: Floats) -> Leaving | None:
    """Where a path z (n, d) leaves the states that were learned from; None if it stays.

    It leaves if a variable goes beyond their range by more than a part of the width, or beyond a bound of it; from the
    first time on, at which since then any variable was out of the range at all.
    """
    if not len(learned.z):
        return None
    low, high = learned.z.min(axis=0), learned.z.max(axis=0)
    least, most = (-np.inf, np.inf) if learned.bounds is None else learned.bounds.T
    out: NDArray[np.bool_] = (z < low) | (z > high)
    far = (np.maximum(low - z, z - high) > MARGIN * (high - low)) | (out & ((z < least) | (z > most)))
    if not far.any():
        return None
    at = int(far.any(axis=1).argmax())
    inside = np.flatnonzero(~out[: at + 1].any(axis=1))
    at = int(inside[-1]) + 1 if len(inside) else 0
    k = int(out[at].argmax())
    return Leaving(at, k, float(low[k]), float(high[k]))
