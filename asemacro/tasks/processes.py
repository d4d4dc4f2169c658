"""Worker processes that end with the process that needs them, however that one ends."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection

from asemacro.tasks.running import InTurn


@contextlib.contextmanager
def worker_processes(count: int) -> Iterator[Executor]:
    """An executor of so many processes; of one it is the calling process itself.

    For work in Python, where threads would wait for each other. The processes start afresh ("spawn"), so what they are
    given must be picklable, and a script that uses them needs `if __name__ == "__main__":`. They do not hear Ctrl-C,
    the calling process does; when the block is left, or the calling process is killed, they end at once, whatever they
    are doing.

    Raises:
        ValueError: one of them ended by itself, as after a crash of a library or for want of memory.
    """
    if count == 1:
        yield InTurn()
        return
    context = multiprocessing.get_context("spawn")
    heard, held = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(count, context, _begin, (heard,))
    try:
        yield executor
        executor.shutdown()
    except BrokenProcessPool:
        raise ValueError(
            "a worker process ended by itself, as where a library crashes or the memory is full; fewer --workers may "
            "help"
        ) from None
    finally:
        held.close()
        executor.shutdown(cancel_futures=True)
        heard.close()


def _begin(end: Connection) -> None:
    """What a worker process does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("asemacro").setLevel(logging.ERROR)  # the calling process has said what there is to say
    threading.Thread(target=_end_with, args=(end,), daemon=True).start()


def _end_with(end: Connection) -> None:
    """Wait for the other end of the pipe to be closed, by its owner or by the system."""
    with contextlib.suppress(EOFError, OSError):
        end.recv()
    os._exit(1)
