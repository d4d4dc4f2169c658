"""A file that one process at a time holds, so that no two write to the same place."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

say = logging.getLogger("asemacro")


class Lock:
    """A lock file that this process holds from `take` to `release`; the system frees it when the process dies.

    Nothing happens where the system has no such locks.

    Args:
        path: of the lock file.
        place: what it guards, for messages: "in FOLDER", "to FILE".
        advice: what to do instead of waiting.
    """

    def __init__(self, path: Path, place: str, advice: str) -> None:
        self._path, self._place, self._advice = path, place, advice
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take it.

        Raises:
            OSError: another process holds it.
        """
        self._file = _locked(self._path, self._place, self._advice)

    def release(self) -> None:
        """Give it back and remove the file; nothing if it is not held."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _locked(path: Path, place: str, advice: str) -> IO[str] | None:
    """The lock file, held until it is closed; None where the system has no such locks."""
    while fcntl is not None:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read(20).strip()
            file.close()
            who = f"process {owner}" if owner else "another process"
            raise OSError(f"{who} is writing {place}; wait for it or {advice}") from None
        except OSError as error:  # some network file systems have no locks
            say.warning("%s cannot be locked (%s): run nothing else that writes there", path.parent, error.strerror)
            return file
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            return file
        file.close()  # its owner removed it in between: try the new one
    return None
