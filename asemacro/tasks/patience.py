"""Long work: compiled loops that come back to Python several times a second, where they can be stopped, and a word if
it takes over an hour.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from asemacro.tasks.interrupts import stop_if_told

PATIENCE_S = 0.2
"""Longest time inside a compiled loop, so that Ctrl-C and progress bars answer."""
HOUR_S = 3600.0
MEASURED_S = 1.0
"""The rate of work is judged after this time."""
_CENTURY_H = 24 * 365.25 * 100
_said: dict[str, float] = {}
say = logging.getLogger("asemacro")


def next_size(size: int, elapsed_s: float, *, least: int = 1, most: int = 10**8) -> int:
    """How much work fits PATIENCE_S, given that `size` took `elapsed_s`; at most 8 times as much."""
    return int(min(max(size * min(PATIENCE_S / max(elapsed_s, 1e-6), 8.0), least), most))


class Patience:
    """Says once, in one line, that some work will take more than an hour, from its rate in one second; and stops it.

    `patience = Patience("the evolution of 3 states for 2.5 s")`, then `patience.done(share)` wherever the loop comes
    back to Python. The rate counts from the first such call: what comes before it may be compilation.
    The same work is spoken of once an hour at most, however many threads do it.

    Args:
        what: the work, the beginning of the line.
        clock: seconds, for tests.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._clock = what, clock
        self._first: tuple[float, float] | None = None
        self._silent = False

    def done(self, share: float) -> None:
        """Tell how much of the work is done, 0 to 1.

        Raises:
            Stopped: the work is part of a task that was told to stop, see `run_tasks`.
        """
        stop_if_told()
        if self._silent:
            return
        now = self._clock()
        if self._first is None:
            self._first = now, share
        elapsed, gained = now - self._first[0], share - self._first[1]
        if elapsed < MEASURED_S:
            return
        total_s = elapsed / gained if gained > 0 else float("inf")
        if total_s <= HOUR_S:
            return
        self._silent = True
        if now - _said.get(self._what, -float("inf")) < HOUR_S:
            return
        _said[self._what] = now
        hours = total_s / 3600
        length = f"about {hours:.3g} h" if hours < _CENTURY_H else "more than a hundred years"
        say.warning("%s will take %s at the rate of its first seconds; Ctrl-C stops it", self._what, length)
