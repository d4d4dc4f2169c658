"""Ctrl-C and SIGTERM: both end a command in the same way, and neither comes between files that belong together."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Which signal stopped the command."""

    def __init__(self) -> None:
        self._signal: int = signal.SIGINT

    @property
    def exit_code(self) -> int:
        """As of a process that the signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self._signal

    def terminate(self, number: int, frame: FrameType | None) -> None:
        """Handler of SIGTERM."""
        self._signal = number
        raise KeyboardInterrupt


@contextlib.contextmanager
def sigterm_like_ctrl_c() -> Iterator[Stop]:
    """Within the block SIGTERM raises KeyboardInterrupt, as Ctrl-C does. Only the main thread can listen."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGTERM, stop.terminate)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C and SIGTERM to the end of a short block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


@contextlib.contextmanager
def naming_the_file(path: str | Path) -> Iterator[None]:
    """An interrupt of the block, which writes one file at its end, says what has become of the file.

    Raises:
        InterruptedError: in place of KeyboardInterrupt.
    """
    path = Path(path)
    before = path.stat().st_mtime_ns if path.exists() else None
    try:
        yield
    except KeyboardInterrupt:
        after = path.stat().st_mtime_ns if path.exists() else None
        state = "is as it was" if before is not None else "was not written"
        raise InterruptedError(f"interrupted; {path} {state if before == after else 'is written'}") from None
