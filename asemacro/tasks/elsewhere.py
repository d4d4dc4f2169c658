"""A task in another process: what it says reaches the call that waits for it, and it runs on one thread."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from asemacro.tasks.interrupts import Stops, stoppable
from asemacro.tasks.threads import one_thread
from asemacro.tasks.where import Where, running_at

Send = Callable[[int, float, str], Any]
"""Carries (mark, fraction, text) from the process of a task to that of the call."""
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Say how many threads libraries begin, when they are loaded."""
EVERY_S = 0.5
"""Between two words of progress of one task."""


class Hears(Protocol):
    """What waits for the progress of one task."""

    def heard(self, fraction: float, text: str) -> None:
        """A word from the other process."""


_waiting: weakref.WeakValueDictionary[int, Hears] = weakref.WeakValueDictionary()
_marks = itertools.count(1)


def marked(hears: Hears) -> int:
    """A mark by which the words of a task find who waits for them, as long as somebody does."""
    mark = next(_marks)
    _waiting[mark] = hears
    return mark


def hear(mark: int, fraction: float, text: str) -> None:
    """Pass on a word that came from another process."""
    hears = _waiting.get(mark)
    if hears is not None:
        hears.heard(fraction, text)


class Home:
    """Where words of a task go from its process; those that come too soon after another one are left out.

    Args:
        send: carries them.
    """

    def __init__(self, send: Send) -> None:
        self._send, self._sent = send, 0.0

    def tell(self, mark: int, fraction: float, text: str) -> None:
        """A word of progress, from any thread."""
        now = time.monotonic()
        if now - self._sent >= EVERY_S:
            self._sent = now
            self._send(mark, float(fraction), str(text))


class _Thread(threading.local):
    home: Home | None = None


_thread = _Thread()


def home_here() -> Home | None:
    """Of the task that this thread runs for another process."""
    return _thread.home


def one_thread_from_now() -> None:
    """Libraries that this process loads from now on begin one thread (`at_work` sees to those that it has loaded)."""
    for name in VARIABLES:
        if not (name.startswith("NUMBA") and "numba" in sys.modules):  # which takes it as an error
            os.environ[name] = "1"


@contextlib.contextmanager
def at_work(send: Send, stops: Stops = ()) -> Iterator[None]:
    """Within the block this thread runs a task for another process.

    Everything runs on one thread, as there are as many workers as cores; tasks within the task run one after another.

    Args:
        send: carries words of progress home.
        stops: events that stop the task.
    """
    if "numba" in sys.modules:  # what others compiled for several threads asks it
        sys.modules["numba"].set_num_threads(1)
    _thread.home = Home(send)
    try:
        with one_thread(), stoppable(stops), running_at(Where(None, 1)):
            yield
    finally:
        _thread.home = None
