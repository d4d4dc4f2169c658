"""Ctrl-C and SIGTERM: both end a command in the same way, and neither comes between files that belong together."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Which signal stopped the command, if one did."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def exit_code(self) -> int:
        """As of a process that the signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    def raised(self, number: int, frame: FrameType | None) -> None:
        """Handler of both signals."""
        self.signal = number
        raise KeyboardInterrupt


_stop = Stop()

Stops = tuple[threading.Event, ...]
_here = threading.local()


class Stopped(BaseException):
    """Raised in a task that was told to stop because another one failed or the user stopped the run."""


@contextlib.contextmanager
def stoppable(stops: Stops) -> Iterator[None]:
    """Within the block `stop_if_told` looks at these events, in this thread."""
    before = stops_here()
    _here.stops = stops
    try:
        yield
    finally:
        _here.stops = before


def stops_here() -> Stops:
    """The events that stop what this thread does."""
    stops: Stops = getattr(_here, "stops", ())
    return stops


def stop_if_told() -> None:
    """End the task that this thread runs, if it was told to stop. Long loops call it several times a second.

    Raises:
        Stopped: it was.
    """
    if any(event.is_set() for event in stops_here()):
        raise Stopped


def interrupted(error: BaseException | None) -> bool:
    """Whether an error is an interrupt, or what became of one: compilers that are stopped fail in their own ways."""
    return isinstance(error, KeyboardInterrupt) or (isinstance(error, Exception) and _stop.signal is not None)


@contextlib.contextmanager
def sigterm_like_ctrl_c() -> Iterator[Stop]:
    """Within the block SIGTERM raises KeyboardInterrupt, as Ctrl-C does, unless they are ignored.

    Only the main thread can listen.
    """
    _stop.signal = None
    with _handled_by(_stop.raised):
        try:
            yield _stop
        finally:
            _stop.signal = None


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C and SIGTERM to the end of a short block."""
    came: list[int] = []
    with _handled_by(lambda number, frame: came.append(number)):
        yield
    if came:
        signal.raise_signal(came[0])


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Another handler of the signals that stop a command; one that is ignored stays so."""
    before = {number: signal.getsignal(number) for number in _STOPS}
    if threading.current_thread() is not threading.main_thread():
        before = {}
    before = {number: old for number, old in before.items() if old is not signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


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
    except BaseException as error:
        if not interrupted(error):
            raise
        after = path.stat().st_mtime_ns if path.exists() else None
        state = "is as it was" if before is not None else "was not written"
        raise InterruptedError(f"interrupted; {path} {state if before == after else 'is written'}") from None
