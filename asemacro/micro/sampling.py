"""Snapshots of a microscopic system at fixed times."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import bound_of_memory, generator_of, shown
from asemacro.arguments.door import EXECUTOR, STATES, array, checked, flag_or_report, whole
from asemacro.micro.protocol import SYSTEM, MicroSystem
from asemacro.tasks.patience import Patience
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.running import InTurn, Task, run_tasks
from asemacro.typing import Report

_STREAM_BYTES = 1000  # of a random stream


@dataclasses.dataclass(frozen=True)
class Snapshots:
    """States of several trajectories at the same times.

    Attributes:
        x: (n_trajectories, n_times, n_sites) states.
        sites: (n_trajectories, n_times, n_carriers) where the carriers are, in the same order at all times; of
            carriers that never move a view without memory of its own.
        times: (n_times,) times since the start.
    """

    x: NDArray[Any]
    sites: NDArray[np.int64]
    times: NDArray[np.float64]


@checked(
    system=SYSTEM,
    x0=STATES,
    times=array(finite=False),
    n_trajectories=whole(1),
    rng=generator_of,
    executor=EXECUTOR,
    progress=flag_or_report,
)
def sample(
    system: MicroSystem,
    x0: NDArray[Any],
    times: ArrayLike,
    *,
    n_trajectories: int | None = None,
    rng: np.random.Generator,
    executor: Executor | None = None,
    progress: bool | Report = False,
) -> Snapshots:
    """States at fixed times, so that each state is weighted by the time that the system spends in it.

    Every trajectory has its own random stream, spawned from `rng`: the executor does not change the result.

    Args:
        system: what to evolve.
        x0: (batch, n_sites) initial states.
        times: (n_times,) increasing times since the start, in the system's unit (s for KMC).
        n_trajectories: number of trajectories, taking the initial states in turn; default one for each.
        rng: source of randomness.
        executor: runs the trajectories in parallel if given (threads suffice: the kernels release the GIL), see
            `run_tasks`; default one after the other.
        progress: True for a bar, or a function called as progress("sample", fraction, text) after each trajectory.

    Raises:
        ValueError: times that are negative, not finite, or decrease.
    """
    times = np.atleast_1d(times)
    if times.ndim != 1 or len(times) == 0 or not np.all(np.isfinite(times)) or times[0] < 0:
        raise ValueError(f"snapshot times must be finite numbers >= 0, got {shown(times)}")
    if np.any(np.diff(times) < 0):
        raise ValueError(f"snapshot times must not decrease, got {shown(times)}")
    if x0.ndim < 2 or len(x0) == 0:
        raise ValueError(f"initial states must have the shape (batch, n_sites), got {x0.shape}")
    n = len(x0) if n_trajectories is None else n_trajectories
    size = n * (len(times) + 1) * x0[0].nbytes  # the states, and the streams of the trajectories
    bound_of_memory(size + n * _STREAM_BYTES, f"{n} trajectories of {len(times)} states")
    patience = Patience(f"the sampling of {n} trajectories")
    tasks = [
        Task(f"trajectory {i}", partial(_trajectory, system, x0[i % len(x0)], times, stream), part=())
        for i, stream in enumerate(rng.spawn(n))
    ]
    with reporting(progress, {"sample": 1.0}) as shown_to:

        def tell(task: str, fraction: float, text: str) -> None:
            patience.done(fraction)
            shown_to("sample", fraction, f"{round(fraction * n)} of {n} trajectories")

        done = run_tasks(tasks, InTurn() if executor is None else executor, progress=part_of(tell, "sample", tasks=n))
    states = np.stack([x for x, _ in done])
    if system.immobile:
        here = np.asarray(system.carriers(x0[:1]))[0]
        return Snapshots(states, np.broadcast_to(here, (*states.shape[:2], len(here))), times)
    return Snapshots(states, np.stack([sites for _, sites in done]), times)


def _trajectory(
    system: MicroSystem, x: NDArray[Any], times: NDArray[np.float64], rng: np.random.Generator, progress: Report
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    states, places = [], []
    for now, sites in course(system, x, times, rng):
        states.append(now)
        if not system.immobile:
            places.append(sites)
    return np.stack(states), np.array(places, dtype=np.int64)


def course(
    system: MicroSystem,
    x: NDArray[Any],
    times: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    sites: NDArray[np.int64] | None = None,
    since: float = 0.0,
) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """One trajectory of `sample` state by state: x (n_sites[, n_fields]) and the sites of the carriers at each time.

    Args:
        system: what to evolve.
        x: state to begin with.
        times: of the states.
        rng: source of randomness.
        sites: of the carriers at the beginning, of a trajectory that goes on; default as the system gives them.
        since: time at the beginning.
    """
    now = x[None]
    here = system.carriers(now) if sites is None else sites[None]
    for pause in np.diff(times, prepend=since):
        now, here = system.evolve(now, pause, here, rng=rng)
        yield now[0], here[0]
