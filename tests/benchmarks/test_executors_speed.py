"""Two workers against one: `pytest tests/benchmarks/test_executors_speed.py -o addopts="" -p no:benchmark -s`.

Twelve KMC runs by the clock on the wall, in one process, in two, by one and two workers of Dask, and by two of which
one is killed in the middle. All give the same bytes. Beside the clock: processor time of the runs, the part of the
time in which workers had one, and the load of the machine, which should be quiet.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dask_cluster import dask_cluster
from sent_work import walked

from asemacro.tasks.executors import Kind, executor_of
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams

RUNS, HOPS = 12, 6_000_000
Walk = tuple[bytes, float, float]
Opened = Callable[[], AbstractContextManager[Any]]


def tasks(hops: int) -> list[Task[Walk]]:
    streams = Streams((1,))
    return [Task(f"run {k}", partial(walked, hops, streams("run", k))) for k in range(RUNS)]


def timed(opened: Opened, when_done: Callable[[int], object]) -> tuple[float, list[Walk]]:
    """Seconds of all runs, and what they give; the workers have loaded the kernels before."""
    with opened():
        run_tasks(tasks(100))
        came: list[Walk] = []

        def finished(result: Walk) -> None:
            came.append(result)
            when_done(len(came))

        begun = time.perf_counter()
        found = run_tasks(tasks(HOPS), finished=finished)
        return time.perf_counter() - begun, found


def kill(pid: int, done: int) -> None:
    """A third of the runs is done."""
    if done == RUNS // 3:
        os.kill(pid, signal.SIGKILL)


def test_two_workers_against_one(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    seconds: dict[str, float] = {}
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {RUNS} runs of {HOPS:.0e} hops")

    def told(name: str, workers: int, opened: Opened, when_done: Callable[[int], object] = abs) -> list[bytes]:
        seconds[name], found = timed(opened, when_done)
        busy = sum(clock for _, clock, _ in found) / (workers * seconds[name])
        cpu = sum(processor for _, _, processor in found)
        print(f"{name:<36} {seconds[name]:6.1f} s {cpu:10.1f} s {busy:8.1%} {os.getloadavg()[0]:7.1f}", flush=True)
        return [result for result, _, _ in found]

    print(f"{'':<36} {'clock':>8} {'processor':>12} {'busy':>8} {'load':>7}")
    right = told("one process", 1, partial(executor_of, Kind.threads, 1))
    assert told("two threads", 2, partial(executor_of, Kind.threads, 2)) == right
    assert told("two processes", 2, partial(executor_of, Kind.processes, 2)) == right
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        with dask_cluster(folder, count) as file:
            dask = partial(executor_of, scheduler=str(file))
            with dask(), distributed.Client(scheduler_file=str(file), set_as_default=False) as client:
                client.wait_for_workers(count)
                pids = list(client.run(os.getpid).values())
            assert told(f"{count} Dask worker{'s' * (count > 1)}", count, dask) == right
            if count == 2:
                assert told("2 Dask workers, one killed on the way", 2, dask, partial(kill, pids[0])) == right
    print(f"two Dask workers over one: {seconds['1 Dask worker'] / seconds['2 Dask workers']:.2f}")
    print(f"two Dask workers over one process: {seconds['one process'] / seconds['2 Dask workers']:.2f}")
