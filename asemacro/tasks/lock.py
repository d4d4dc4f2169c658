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


def locked(path: Path, place: str, advice: str) -> IO[str] | None:
    """The lock file, held by this process until it is closed; the system frees it when the process dies.

    None where the system has no such locks.

    Args:
        path: of the lock file.
        place: what it guards, for messages: "in FOLDER", "to FILE".
        advice: what to do instead of waiting.

    Raises:
        OSError: another process holds it.
    """
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
