"""Where a long run is, kept now and then, so that little of it is lost when it is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from asemacro.tasks.checkpoint import Entry

EVERY_S = 30.0
"""Between two times that a run is kept."""
MOST_BYTES = 1e9
"""That the file of a pause may unpack to."""


class Pause(Protocol):
    """All that a run needs to go on."""

    def write(self, path: Path) -> object:
        """Write it to a file."""


P = TypeVar("P", bound=Pause)


class Keeper(Generic[P]):
    """Writes a pause of a run every half minute; and the last one when the run is interrupted.

    To be used as `with Keeper(entry, read, n_bytes, what) as keeper: run(keeper.before or start, keep=keeper.take)`.
    What would be too large is not kept, in which case a line says so.

    Args:
        entry: where it is kept.
        read: reads what a pause wrote.
        n_bytes: of a pause, roughly.
        what: makes it large, "512 sites", for the line.
        every_s: least time between two.

    Attributes:
        before: where the same run was stopped; None if it was not.
    """

    def __init__(
        self, entry: Entry, read: Callable[[Path], P], n_bytes: float, what: str, every_s: float = EVERY_S
    ) -> None:
        self._entry = entry
        self._every_s = every_s
        self._small = n_bytes < MOST_BYTES
        self._last: P | None = None
        self._saved = time.monotonic()
        self.before = entry.load(read) if self._small else None
        if not self._small:
            print(f"{what} are too many to keep the run on the way: killed, it begins anew")

    def take(self, pause: P) -> None:
        """The run has come to here."""
        if not self._small:
            return
        self._last = pause
        if time.monotonic() - self._saved >= self._every_s:
            self._save()

    def _save(self) -> None:
        if self._last is not None:
            self._entry.save(self._last.write)
            self._last, self._saved = None, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._save()
