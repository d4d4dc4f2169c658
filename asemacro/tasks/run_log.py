"""What a run says: on the screen as much as the user wants, and all of it in a file beside the results."""

from __future__ import annotations

import contextlib
import enum
import io
import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from asemacro.version import __version__

NAME = "run.log"
say = logging.getLogger("asemacro")


class Loudness(enum.IntEnum):
    """How much of what is said goes to the screen."""

    QUIET = 0
    ORDINARY = 1
    LOUD = 2


_now = [Loudness.ORDINARY]
_open: list[RunLog] = []


def loudness() -> Loudness:
    """Of this process."""
    return _now[0]


def set_loudness(wanted: Loudness) -> None:
    """QUIET: warnings and errors only. LOUD: a line of progress every ten seconds, where else there is a bar."""
    _now[0] = wanted
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.WARNING if wanted is Loudness.QUIET else logging.NOTSET)


@contextlib.contextmanager
def muted_if_quiet() -> Iterator[None]:
    """Within the block nothing is printed if warnings and errors alone were asked for; of runs without a log."""
    with contextlib.redirect_stdout(io.StringIO()) if loudness() is Loudness.QUIET else contextlib.nullcontext():
        yield


def note(line: str) -> None:
    """A line for the logs of the runs of this process, not for the screen."""
    for log in _open:
        log.line(line)


class RunLog(logging.Handler):
    """Keeps what is printed to standard output and what the package says, with the time of day before each line.

    A run that goes on adds to the log of the run that was stopped.

    Args:
        folder: of the results.
        verb: whose they are.

    Attributes:
        new: there was no such file before.
    """

    def __init__(self, folder: Path, verb: str) -> None:
        super().__init__()
        self.path = folder / NAME
        self.new = not self.path.exists()
        self._verb = verb
        self._writing = threading.Lock()
        self._file: TextIO | None = None
        self._stdout: TextIO | None = None

    def open(self) -> None:
        """Begin; a log that cannot be written is no reason not to run."""
        try:
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            say.warning("no log is written to %s: %s", self.path, error.strerror)
            return
        self.line(f"asemacro {__version__}: {' '.join(sys.argv[1:]) or self._verb}")
        self._stdout = sys.stdout
        sys.stdout = _Tee(None if loudness() is Loudness.QUIET else self._stdout, self)
        say.addHandler(self)
        _open.append(self)

    def shut(self, last: str) -> None:
        """End with a last line."""
        if self._file is None or self._stdout is None:
            return
        _open.remove(self)
        say.removeHandler(self)
        sys.stdout.flush()
        sys.stdout = self._stdout
        self.line(last)
        with contextlib.suppress(OSError):
            self._file.close()
        self._file = None

    def line(self, text: str) -> None:
        """One line; on a full disk it is lost."""
        with self._writing, contextlib.suppress(OSError, ValueError):
            if self._file is not None:
                self._file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")
                self._file.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """What the package says."""
        self.line(record.getMessage())


class _Tee(io.TextIOBase):
    """Standard output that goes to the screen, if there is one, and line by line to a log."""

    def __init__(self, screen: TextIO | None, log: RunLog) -> None:
        self._screen, self._log, self._begun = screen, log, ""

    def write(self, text: str) -> int:
        """Part of a line, or several."""
        if self._screen is not None:
            self._screen.write(text)
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._log.line(line)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back from the screen."""
        if self._screen is not None:
            self._screen.flush()
