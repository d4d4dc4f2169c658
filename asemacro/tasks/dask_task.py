"""What a Dask worker does for asemacro: it runs a task, and stops it when nobody wants its result any more."""

from __future__ import annotations

import threading
from typing import Any

import cloudpickle
from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from asemacro.tasks.elsewhere import at_work, one_thread_from_now
from asemacro.tasks.same_code import Code, code_here, differences

PLUGIN = "asemacro"
TOPIC = "asemacro-progress"
PREFIX = "asemacro-"
"""Of the keys of tasks."""
_stops: dict[Any, threading.Event] = {}
"""Of the tasks that this process runs."""


class Ready(WorkerPlugin):
    """Makes a worker ready: one thread for each task, which is told to stop when Dask counts it as cancelled.

    It does when the user cancels it or is gone, but waits for the thread all the same.
    """

    idempotent = True  # the first user of the workers makes them ready for all

    def setup(self, worker: Any) -> None:
        """Before the first task; Dask limits the threads of other libraries, but not of numba."""
        one_thread_from_now()

    def teardown(self, worker: Any) -> None:
        """The worker closes."""
        for stop in _stops.values():
            stop.set()

    def transition(self, key: Any, start: str, finish: str, **more: Any) -> None:
        """A task of the worker comes into another state; here, as it may be cancelled before its thread begins."""
        if finish == "executing" and str(key).startswith(PREFIX):
            _stops[key] = threading.Event()
        elif finish in ("cancelled", "released", "forgotten") and (stop := _stops.get(key)) is not None:
            stop.set()


def run_task(content: bytes, code: Code, client: str) -> Any:
    """One task, in a worker.

    Args:
        content: pickled function and arguments.
        code: of the process that asks; workers that came later than the others are looked at here.
        client: who asks.

    Raises:
        ValueError: this worker has other versions.
    """
    worker = get_worker()
    key = worker.get_current_task()
    try:
        if found := differences(code, code_here()):
            raise ValueError(f"the Dask worker {worker.address} has {found}; start it in an environment like the first")
        fn, args, kwargs = cloudpickle.loads(content)
        stop = _stops.get(key, threading.Event())
        with at_work(lambda *word: worker.log_event(TOPIC, (client, *word)), (stop,)):
            return fn(*args, **kwargs)
    finally:
        _stops.pop(key, None)
