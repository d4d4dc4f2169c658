"""Where a long run is, kept now and then, so that little of it is lost when it is killed."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from asemacro.tasks.checkpoint import Entry

EVERY_S = 30.0
"""Between two times that a run is kept."""
MOST_BYTES = 1e9
"""That the file of a pause may unpack to."""


class Pause(Protocol):
    """All that a run needs to go on."""

    def write(self, path: Path) -> object:
        """Write it to a file."""


class Keeper:
    """Writes a pause of a run every half minute; and the last one when the run is interrupted.

    To be used as `with Keeper(entry) as keeper: run(..., keep=keeper.take)`.

    Args:
        entry: where it is kept.
        every_s: least time between two.
    """

    def __init__(self, entry: Entry, every_s: float = EVERY_S) -> None:
        self._entry = entry
        self._every_s = every_s
        self._last: Pause | None = None
        self._saved = time.monotonic()

    def take(self, pause: Pause) -> None:
        """The run has come to here."""
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
