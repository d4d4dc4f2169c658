"""What a piece of work takes: wall time, and the memory of the process while it runs."""

from __future__ import annotations

import resource
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY_S = 0.05
_STATM = Path("/proc/self/statm")


class Meter:
    """Wall time and largest resident memory while a `with` block runs.

    The memory is that of the whole process, looked at 20 times a second; where the system does not tell what it is now,
    the largest that it ever was.

    Attributes:
        seconds: since the block began, its length when it has ended.
        peak_gb: largest resident memory in 10^9 bytes.
    """

    def __init__(self) -> None:
        self.seconds, self.peak_gb = 0.0, 0.0
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        self._look()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._watcher.join()
        self._look()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        self.seconds = time.perf_counter() - self._started
        self.peak_gb = max(self.peak_gb, resident_bytes() / 1e9)


def resident_bytes() -> float:
    """Resident memory of this process now, or where that is not told the largest so far."""
    try:
        return float(_STATM.read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        unit = 1.0 if sys.platform == "darwin" else 1024.0
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
