"""How long a run of a learned model takes: said once that is seen, refused if it is more than an hour."""

from __future__ import annotations

import time
from collections.abc import Callable

from asemacro.tasks.progress import duration

HOUR_S = 3600.0  # a run of more is refused
LOOK_S = 120.0  # unless it comes to equilibrium in this time
FIRST_ESTIMATE_S = 0.5
WORTH_SAYING_S = 5.0


class Pace:
    """Says how long a run takes once that is seen, and refuses one of more than an hour.

    Args:
        until: end of the run, in the model's time.
        ends: what is said of the end of a run that is not ended by equilibrium, after its duration.
        force: whether a run of more than an hour is wanted.
        judged: whether it ends at equilibrium; it then has LOOK_S to come to it.
        clock: seconds.
    """

    def __init__(
        self,
        until: float,
        ends: str,
        *,
        force: bool,
        judged: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._until, self._ends, self._force, self._judged, self._clock = until, ends, force, judged, clock
        self._begun: float | None = None
        self._mark = (0.0, 0.0)  # clock and model's time, from where the pace is measured
        self._wait = FIRST_ESTIMATE_S
        self._said = False

    def __call__(self, now: float) -> None:
        """Hear of the model's time that was reached.

        Raises:
            ValueError: the run would take more than an hour.
        """
        clock = self._clock()
        if self._begun is None:
            self._begun, self._mark = clock, (clock, now)
        since, then = self._mark
        if clock - since < self._wait or not now > then:
            return
        speed = (now - then) / (clock - since)
        elapsed, left = clock - self._begun, (self._until - now) / speed
        self._mark, self._wait = (clock, now), 2 * self._wait
        if not self._said and left > WORTH_SAYING_S:
            self._said = True
            ends = ", sooner if equilibrium is reached first" if self._judged else self._ends
            print(f"to time {self._until:g} it takes about {duration(elapsed + left)}{ends}", flush=True)
            return
        if elapsed + left > HOUR_S and not self._force and (not self._judged or elapsed >= LOOK_S):
            looked = f" and equilibrium was not reached in the first {duration(elapsed)}" if self._judged else ""
            raise ValueError(
                f"--until {self._until:g}: would take about {duration(elapsed + left)}{looked}; an hour comes to time "
                f"{now + speed * (HOUR_S - elapsed):.2g}, --force runs it all the same"
            )
