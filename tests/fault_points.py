"""The moments at which what a run has done comes to stand on the disk, and a kill at one of them."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

CHANGES = ("INSERT", "UPDATE", "DELETE", "COMMIT")
COMMIT_S = 0.004
"""A commit takes about as long: the kill comes somewhere in it."""


def tell_of_publication(tell: Callable[[str], None]) -> None:
    """From now on this process tells before and after a file comes into place or goes, and of SQL that changes one."""
    for name in ("replace", "unlink"):
        setattr(os, name, _told_of(getattr(os, name), tell))
    connect = sqlite3.connect

    def connected(*given: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*given, **named)
        connection.set_trace_callback(lambda sql: tell(sql[:6]) if sql.startswith(CHANGES) else None)
        return connection

    sqlite3.connect = connected  # type: ignore[assignment]


def kill_at_publication(moment: int) -> None:
    """This process kills itself at such a moment, when it has come to `moment` others."""
    left = [moment]

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def tell(what: str) -> None:
        left[0] -= 1
        if left[0] == -1 and what == "COMMIT":
            threading.Timer(random.uniform(0, COMMIT_S), kill).start()
        elif left[0] < 0:
            kill()

    tell_of_publication(tell)


def _told_of(act: Callable[..., None], tell: Callable[[str], None]) -> Callable[..., None]:
    def acted(*given: Any, **named: Any) -> None:
        tell("before")
        act(*given, **named)
        tell("after")

    return acted
