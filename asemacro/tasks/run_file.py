"""The one file that a long run writes: one process at a time, what is finished kept beside it, a word at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from asemacro.files.store import output_file
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.interrupts import interrupted, naming_the_file
from asemacro.tasks.lock import Lock
from asemacro.tasks.parts import Parts, Place, at_place


class RunFile:
    """A file that a run writes at its end, to be used as `with RunFile(path) as file:`.

    Args:
        path: the file.

    Raises:
        ValueError: the name is that of a folder.
        OSError: it cannot be written, or another process works on it.
        InterruptedError: on leaving, in place of KeyboardInterrupt; it says what has become of the file, and what is
            kept.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = output_file(path)
        self._checkpoint = Checkpoint(self.path.parent, f".{self.path.name}.checkpoint")
        place = self.path.with_name(f".{self.path.name}.lock")
        self._lock = Lock(place, f"to {self.path}", "give another file with -o")
        self._parts: Parts | None = None
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._lock.take()
        self._closing.callback(self._lock.release)
        self._closing.enter_context(naming_the_file(self.path))
        return self

    def keep_parts(self, inputs: Mapping[str, Any]) -> None:
        """What the run finishes is kept beside the file from here on, see `RunFolder.keep_parts`."""
        self._parts = Parts(self._checkpoint, inputs)
        self._closing.enter_context(at_place(Place(self._parts)))
        if self._parts.goes_on:
            print(f"goes on from what is kept beside {self.path}, of the same run that was stopped")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._checkpoint.clear()
        elif self._parts is not None:
            self._parts.leave(error)
        try:
            self._closing.__exit__(kind, error, trace)
        except InterruptedError as said:
            if not (interrupted(error) and self._checkpoint.holds_results):
                raise
            kept = "what was computed is kept beside it, the same command goes on from there"
            raise InterruptedError(f"{said}; {kept}") from None
