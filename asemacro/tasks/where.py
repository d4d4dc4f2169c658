"""Where the tasks of a block run: in threads of this process, in other processes, on other machines."""

from __future__ import annotations

import abc
import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

say = logging.getLogger("asemacro")


class CancelsAtOnce(Executor, abc.ABC):
    """An executor that does not run tasks in the order in which they came.

    Where they are cancelled one after the other, one that waits may take the place of one that ran.
    """

    @abc.abstractmethod
    def cancel(self, futures: Sequence[Future[Any]]) -> None:
        """Cancel them, so that none that waits begins."""


@dataclass(frozen=True)
class Where:
    """What runs tasks.

    Attributes:
        executor: any `concurrent.futures.Executor`; None for threads, one pool for each call of `run_tasks`.
        workers: tasks that run at once.
        words: on both, for the line that says so; empty for none.
    """

    executor: Executor | None
    workers: int
    words: str = ""
    _said: threading.Event = field(default_factory=threading.Event)

    def say(self) -> None:
        """One line on what runs the tasks, before the first of them."""
        if self.words and not self._said.is_set():
            self._said.set()
            say.info("tasks run on %s", self.words)


class _Thread(threading.local):
    where: Where | None = None


_thread = _Thread()


def where_here() -> Where | None:
    """Where the tasks of this thread run; None if no block says so."""
    return _thread.where


def at_once(workers: int | None) -> int:
    """Tasks that run at once here: as the block says, else these workers, else one for each core."""
    where = where_here()
    return where.workers if where is not None else workers or os.cpu_count() or 1


@contextlib.contextmanager
def running_at(where: Where) -> Iterator[Where]:
    """Within the block the tasks that this thread begins run there, whatever number of workers a function is given."""
    before = where_here()
    _thread.where = where
    try:
        yield where
    finally:
        _thread.where = before


@contextlib.contextmanager
def running_on(executor: Executor, workers: int = 1) -> Iterator[None]:
    """Within the block the tasks that functions of asemacro begin run on an executor of yours.

    `with running_on(executor): phase_diagram(...)`: the results are those of threads, bit by bit. With an executor of
    processes, progress is told when a task ends, and a model of your own must be importable by them.

    Args:
        executor: any `concurrent.futures.Executor`.
        workers: tasks that it runs at once, for the time left in a bar of progress.
    """
    with running_at(Where(executor, workers)):
        yield
