"""Workers of a Dask cluster: other processes on this machine, or a job of a queue with many machines."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import cloudpickle
from distributed import Client, KilledWorker
from distributed.utils import CancelledError

from asemacro.tasks.dask_scheduler import connected
from asemacro.tasks.dask_task import PLUGIN, PREFIX, TOPIC, Ready, run_task
from asemacro.tasks.elsewhere import hear
from asemacro.tasks.processes import WorkersLost
from asemacro.tasks.same_code import code_here, differences
from asemacro.tasks.where import CancelsAtOnce, Where

T = TypeVar("T")
WAIT_S = 600.0
"""For a first worker, and for another one when all are gone."""
LOOK_S = 5.0
"""Between two looks at whether there are workers."""
say = logging.getLogger("asemacro")


@contextlib.contextmanager
def dask_workers(scheduler: str) -> Iterator[Where]:
    """The workers of a Dask scheduler.

    Each runs as many tasks at once as it has threads, linear algebra on one thread each. When a worker dies, Dask gives
    its tasks to others, with the same random streams; workers may come and go. Tasks stop when the block is left, or
    when this process is killed, where they next report progress.

    Args:
        scheduler: its address (tcp://HOST:8786), or the file that `dask scheduler --scheduler-file FILE.json` writes.

    Raises:
        ValueError: the address is none, or the workers have other code than this process.
        WorkersLost: nothing answers there, or no worker is there for WAIT_S.
    """
    with connected(scheduler) as client:
        address = client.scheduler.address
        _wait_for_one(client, address)
        _check_code(client, address)
        client.register_plugin(Ready(), name=PLUGIN)
        client.subscribe_topic(TOPIC, lambda event: hear(*_own(event[1], client.id)))
        threads = client.nthreads()
        count = sum(threads.values())
        machines = len({name.rpartition(":")[0].rpartition("/")[2] for name in threads})
        words = (
            f"{count} threads of {len(threads)} Dask workers on {machines} machine{'s' * (machines > 1)} ({address})"
        )
        executor = _DaskExecutor(client, address)
        try:
            yield Where(executor, count, words)
        finally:
            executor.shutdown(cancel_futures=True)


def _own(word: tuple[str, int, float, str], client: str) -> tuple[int, float, str]:
    """A word of progress; those of the tasks of others count for nothing."""
    return (word[1] if word[0] == client else 0, *word[2:])


def _wait_for_one(client: Client, address: str) -> None:
    """Until there is a worker; a task waits for it, which makes adaptive clusters start one.

    Raises:
        WorkersLost: there is none for WAIT_S.
    """
    if client.nthreads():
        return
    say.warning(
        "%s has no workers yet: waiting up to %g min for the first, as `dask worker %s` starts one",
        address, WAIT_S / 60, address,
    )  # fmt: skip
    until = time.monotonic() + WAIT_S
    asks = client.submit(int, pure=False)
    while not client.nthreads():
        if time.monotonic() >= until:
            raise WorkersLost(f"no worker came to {address} in {WAIT_S / 60:g} min; start some: dask worker {address}")
        time.sleep(min(LOOK_S, 1.0))
    asks.release()


def _check_code(client: Client, address: str) -> None:
    """Results are the same only of the same code.

    Raises:
        ValueError: a worker has other versions.
    """
    here = code_here()
    for worker, there in client.run(code_here, on_error="return").items():
        if isinstance(there, Exception):
            raise ValueError(
                f"the Dask worker {worker} cannot load this asemacro ({type(there).__name__}: {there}); start it in an "
                "environment like the one here"
            )
        if found := differences(here, there):
            raise ValueError(f"the Dask worker {worker} has {found}; start it in an environment like the one here")


class _DaskExecutor(CancelsAtOnce):
    """Hands tasks to the workers; a future fails in one line when they are lost."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._left: dict[Future[Any], Any] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._over = threading.Event()
        self._code = code_here()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """The result of fn(*args, **kwargs), from one of the workers."""
        # pickled once: a task that is done again begins from the same bytes
        content = cloudpickle.dumps((fn, args, kwargs))
        future: Future[T] = Future()
        try:
            there = self._client.submit(
                run_task, content, self._code, self._client.id, pure=False,
                fifo_timeout=0,  # else, of what came within 0.1 s, a worker takes the last first
                key=f"{PREFIX}{self._client.id}-{next(self._numbers)}",
            )  # fmt: skip
        except (OSError, RuntimeError, CancelledError) as error:
            raise self._lost() from error
        with self._lock:
            self._left[future] = there
        future.add_done_callback(self._settled)
        there.add_done_callback(lambda done: self._take(done, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop what is not finished."""
        if cancel_futures:
            self._over.set()
            self.cancel(self._unfinished())
        for future in self._unfinished() if wait else ():
            future.exception()

    def cancel(self, futures: Sequence[Future[Any]]) -> None:
        """Cancel them in one message: the workers may run any of them, and give up one only for those that are left."""
        with self._lock:
            there = [self._left.pop(future) for future in futures if future in self._left]
        for future in futures:
            future.cancel()
        self._let_go(there, cancelled=True)

    def _unfinished(self) -> list[Future[Any]]:
        with self._lock:
            return [future for future in self._left if not future.done()]

    def _settled(self, future: Future[Any]) -> None:
        """A future is done or was cancelled: the workers need not keep, or make, its result."""
        with self._lock:
            there = self._left.pop(future, None)
        if future.cancelled():
            future.set_running_or_notify_cancel()  # whoever waits for it hears of it
        if there is not None:
            self._let_go([there], future.cancelled())

    def _let_go(self, there: Sequence[Any], cancelled: bool) -> None:
        """Nobody wants these results of Dask any more."""
        if there and self._client.status != "closed":
            with contextlib.suppress(Exception):  # the scheduler is gone, and so are they
                if cancelled:
                    self._client.cancel(there)
                for one in there:
                    one.release()

    def _take(self, there: Any, future: Future[Any]) -> None:
        """What came from a worker; Dask calls this in a thread of its own."""
        if future.done():
            return
        try:
            result = there.result()
        except KilledWorker:
            self._fail(future, WorkersLost(
                "several Dask workers died one after another at one task, as where a library crashes or the memory is "
                "full; give each more memory, or fewer threads"
            ))  # fmt: skip
        except CancelledError:
            self._fail(future, self._lost())
        except BaseException as error:
            self._fail(future, error)
        else:
            with contextlib.suppress(Exception):  # it was cancelled in this moment
                future.set_result(result)

    def _fail(self, future: Future[Any], error: BaseException) -> None:
        with contextlib.suppress(Exception):
            future.set_exception(error)

    def _lost(self) -> WorkersLost:
        return WorkersLost(
            f"the Dask scheduler {self._address} is no longer there; what is finished is kept, and the same command "
            "goes on from there with a new one"
        )

    def _watch(self) -> None:
        """Say when no worker is there, and give up when none comes."""
        alone: float | None = None
        while not self._over.wait(LOOK_S):
            if not self._unfinished():
                alone = None
                continue
            try:
                gone = self._client.status == "closed"
                workers = {} if gone else self._client.nthreads()
            except Exception:  # it reconnects
                continue
            if gone:
                for future in self._unfinished():
                    self._fail(future, self._lost())
            elif workers:
                alone = None
            elif alone is None:
                alone = time.monotonic()
                say.warning("no Dask worker is left: waiting up to %g min for another one", WAIT_S / 60)
            elif time.monotonic() - alone >= WAIT_S:
                line = f"no Dask worker came back to {self._address} in {WAIT_S / 60:g} min; what is finished is kept"
                for future in self._unfinished():
                    self._fail(future, WorkersLost(line))
