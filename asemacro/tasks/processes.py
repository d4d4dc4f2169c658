"""Worker processes that end with the process that needs them, and are replaced when they end by themselves."""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from asemacro.tasks.elsewhere import at_work, hear, one_thread_from_now
from asemacro.tasks.running import InTurn

T = TypeVar("T")
MOST_DEATHS = 3
"""Processes that one task may end before it counts as the cause."""
LOOK_S = 0.2
"""Between two looks at what a process has to say."""
say = logging.getLogger("asemacro")


class WorkersLost(OSError):
    """Those that ran the tasks are no more; what is finished is kept, and the same command may go on."""


@contextlib.contextmanager
def worker_processes(count: int) -> Iterator[Executor]:
    """An executor of so many processes; of one it is the calling process itself.

    For work in Python, where threads would wait for each other. The processes start afresh ("spawn"), so what they are
    given must be picklable, and a script that uses them needs `if __name__ == "__main__":`. They do not hear Ctrl-C,
    the calling process does; when the block is left, or the calling process is killed, they end at once, whatever they
    are doing. One that ends by itself is replaced, and its task begins again, with the same random stream.

    Raises:
        WorkersLost: a task ended MOST_DEATHS of them, as after a crash of a library or for want of memory.
    """
    if count == 1:
        yield InTurn()
        return
    executor = _Replacing(count)
    try:
        yield executor
        executor.shutdown()
    finally:
        executor.end()


class _Worker:
    """One process, and a connection to it: it tells of its progress, and ends at a word or when nobody holds it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = ProcessPoolExecutor(1, context, _begin, (there,))
        self._process.submit(os.getpid)  # it is started at the first task
        there.close()

    def run(self, fn: Callable[..., T], args: tuple[Any, ...]) -> T:
        """What the function gives there.

        Raises:
            BrokenProcessPool: the process has ended.
        """
        future: Future[T] = self._process.submit(_run, fn, args)
        while wait([future], LOOK_S).not_done:
            self._listen()
        return future.result()

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while self._here.poll():
                hear(*self._here.recv())

    def end(self) -> None:
        """At once, whatever it is doing."""
        with contextlib.suppress(OSError):  # it has ended
            self._here.send(None)

    def join(self) -> None:
        """Wait for its end."""
        self._process.shutdown(cancel_futures=True)


class _Replacing(Executor):
    """So many threads, each of which hands its tasks to a process of its own: so it is known which task died with it.

    (A `ProcessPoolExecutor` of several gives up all tasks when one process ends.)
    """

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count)
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all: list[_Worker] = []
        self._lock = threading.Lock()
        self._ended = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """The result of fn(*args, **kwargs), from one of the processes."""
        return self._threads.submit(self._run, functools.partial(fn, **kwargs) if kwargs else fn, args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """No further tasks."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)

    def end(self) -> None:
        """All processes, at once."""
        with self._lock:
            self._ended = True
            for worker in self._all:
                worker.end()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._all:
            worker.join()

    def _run(self, fn: Callable[..., T], args: tuple[Any, ...]) -> T:
        for death in range(MOST_DEATHS):
            worker = self._worker()
            try:
                result = worker.run(fn, args)
            except BrokenProcessPool:
                with self._lock:
                    if self._ended:
                        raise
                    self._all.remove(worker)
                if death < MOST_DEATHS - 1:
                    say.warning("a worker process ended by itself; it is replaced, and its task begins again")
            except BaseException:
                self._idle.put(worker)
                raise
            else:
                self._idle.put(worker)
                return result
        raise WorkersLost(
            f"{MOST_DEATHS} worker processes ended by themselves at one task, as where a library crashes or the memory "
            "is full; fewer --workers may help"
        ) from None

    def _worker(self) -> _Worker:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pass
        with self._lock:
            if self._ended:
                raise BrokenProcessPool("the block was left")
            worker = _Worker()
            self._all.append(worker)
            return worker


_home: list[Connection] = []
"""Of a worker process: the connection to the calling one."""


def _begin(home: Connection) -> None:
    """What a worker process does first."""
    _home.append(home)
    one_thread_from_now()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("asemacro").setLevel(logging.ERROR)  # the calling process has said what there is to say
    threading.Thread(target=_end_with, args=(home,), daemon=True).start()


def _end_with(home: Connection) -> None:
    """Wait for the word, or for the other end of the pipe to be closed by the system."""
    with contextlib.suppress(EOFError, OSError):
        home.recv()
    os._exit(1)


def _run(fn: Callable[..., T], args: tuple[Any, ...]) -> T:
    """One task, in a worker process."""
    with at_work(_tell):
        return fn(*args)


def _tell(mark: int, fraction: float, text: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        _home[0].send((mark, fraction, text))
