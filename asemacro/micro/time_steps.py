"""Durations as whole time steps and a shorter one, taken in compiled calls short enough to be interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import MOST_COUNT, shown
from asemacro.tasks.patience import Patience, next_size
from asemacro.typing import Floats

ROUNDING = 1e-9
"""A duration this near to a whole number of steps, in steps, is one."""
_FIRST_CALL = 1 << 14  # carriers stepped in the first call of the compiled loop

Call = Callable[[slice, NDArray[np.int64], Floats], None]


def steps_and_rest(times: Floats, time_step: float) -> tuple[NDArray[np.int64], Floats]:
    """Numbers of whole steps in times (batch,), and the lengths of what is left, negligible below ROUNDING of a step.

    Raises:
        ValueError: more steps than can be counted.
    """
    if times.max() > MOST_COUNT * time_step:
        raise ValueError(
            f"a duration of {shown(float(times.max()))} makes more steps than can be counted; the longest is "
            f"{MOST_COUNT * time_step:.3g}"
        )
    steps = np.floor(times / time_step + ROUNDING).astype(np.int64)
    return steps, times - steps * time_step


def take_steps(call: Call, steps: NDArray[np.int64], rest: Floats, carriers: int, what: str) -> None:
    """Take all steps of all rows by several calls of a compiled loop.

    Where they are cut changes no result: rows come one after another, and so do their random numbers.

    Args:
        call: takes rows (a slice), their numbers of whole steps and the length of a last one, and edits their states.
        steps: (batch,) whole steps of each row.
        rest: (batch,) length of the step that follows them.
        carriers: that move in each row.
        what: the work, for the line that says that it is long.
    """
    steps = steps.copy()
    total, done = float(steps.sum(dtype=float)), 0.0
    patience = Patience(what)
    row, size = 0, max(1, _FIRST_CALL // max(carriers, 1))
    while row < len(steps):
        end = row + max(1, int(np.searchsorted(steps[row:].cumsum(), size, side="right")))
        now, last = steps[row:end].copy(), rest[row:end].copy()
        cut = now[0] > size  # one row alone, and not to its end
        if cut:
            now[0], last[0] = size, 0.0
        started = time.perf_counter()
        call(slice(row, end), now, last)
        done += float(now.sum())
        steps[row] -= now[0]
        row = row if cut else end
        size = next_size(size, time.perf_counter() - started)
        patience.done(done / max(total, 1.0))
