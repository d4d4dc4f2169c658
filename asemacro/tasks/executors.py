"""Executors by name: threads, processes of this machine, the workers of a Dask scheduler."""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Iterator

from asemacro.tasks.where import Where, running_at


class Kind(enum.StrEnum):
    """What runs tasks."""

    threads = "threads"
    processes = "processes"
    dask = "dask"


@contextlib.contextmanager
def executor_of(kind: Kind | None = None, workers: int | None = None, scheduler: str | None = None) -> Iterator[Where]:
    """Within the block tasks run there; the results do not depend on it.

    Args:
        kind: threads (the default), as the compiled kernels release the interpreter lock; processes, for models in
            Python; dask, for many machines.
        workers: threads or processes; default one for each core.
        scheduler: address or file of a Dask scheduler, which means dask; it has workers of its own.

    Raises:
        ValueError: arguments that do not go together, or Dask is not installed; or as `dask_workers`.
        OSError: see `worker_processes`, `dask_workers`.
    """
    if kind is None:
        kind = Kind.threads if scheduler is None else Kind.dask
    if kind is not Kind.dask and scheduler is not None:
        raise ValueError(f"--scheduler {scheduler} is one of Dask; leave --executor {kind} away, or --scheduler")
    with contextlib.ExitStack() as stack:
        if kind is Kind.dask:
            if scheduler is None:
                raise ValueError(
                    "--executor dask needs --scheduler ADDRESS or FILE.json, as `dask scheduler` and `dask worker` make"
                )
            if workers is not None:
                raise ValueError(f"--workers {workers} is for threads and processes; a Dask scheduler has its own")
            try:
                from asemacro.tasks.dask_workers import dask_workers
            except ModuleNotFoundError as missing:
                raise ValueError(
                    f"--executor dask needs the package {missing.name}: pip install 'asemacro[dask]'; without it there "
                    "are threads and processes"
                ) from None
            where = stack.enter_context(dask_workers(scheduler))
        else:
            count = workers or os.cpu_count() or 1
            words = f"{count} {kind if count > 1 else 'thread' if kind is Kind.threads else 'process'}"
            executor = None
            if kind is Kind.processes:
                from asemacro.tasks.processes import worker_processes

                executor = stack.enter_context(worker_processes(count))
            where = Where(executor, count, words)
        yield stack.enter_context(running_at(where))
