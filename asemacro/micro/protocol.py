"""The protocol that every microscopic system here obeys, and snapshots of it at fixed times."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import bound_of_memory, generator_of, shown
from asemacro.arguments.door import EXECUTOR, STATES, SYSTEM, array, checked, flag_or_report, whole
from asemacro.tasks.patience import Patience
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.running import InTurn, Task, run_tasks
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


@runtime_checkable
class MicroSystem(Protocol):
    """A system whose generator is a sum over carriers (vacancies, spins, grid cells).

    `asemacro.testing.check_microsystem` tests that an object obeys it. Four more things may be offered:

    - `immobile = True`: the carriers never move, so snapshots need not say where they are;
    - `draw_active(x, m, *, rng) -> (batch, m)`: sites of m carriers for a partial evolution, each carrier with the
      same probability (for carriers that fill the lattice: a block of neighbours at a random place);
    - `events(x, active=None) -> Events | Motion`: all that can happen next, jumps with their rates or a continuous
      motion, from which exact infinitesimal moments follow (`asemacro.labels.moments`);
    - `time_step`: of a system that moves in steps, the shortest duration that makes sense (`choose_dt` starts there).

    Attributes:
        lattice: where the states live.
    """

    @property
    def lattice(self) -> Lattice: ...

    def carriers(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Sites of the carriers of states (batch, n_sites): (batch, n_carriers)."""
        ...

    def evolve(
        self,
        x: NDArray[Any],
        duration: ArrayLike,
        active: NDArray[np.integer] | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Advance states by a time, letting only some carriers move, everything else frozen.

        Args:
            x: (batch, n_sites) states, not edited.
            duration: time, a scalar or (batch,).
            active: (batch, m) sites of the carriers that may move; None for all.
            rng: source of randomness.

        Returns:
            The new states and (batch, m) where the same carriers now are. evolve(a) then evolve(b) equals
            evolve(a + b) in law.
        """
        ...


class Events(NamedTuple):
    """The jumps that can happen next in each state of a batch.

    Attributes:
        rates: (batch, n_events) in one over the system's unit of time; 0 for an event that cannot happen.
        sites: (batch, n_events, m) sites that an event changes.
        values: (batch, n_events, m) what they hold afterwards.
    """

    rates: NDArray[np.float64]
    sites: NDArray[np.int64]
    values: NDArray[Any]


class Motion(NamedTuple):
    """How the values of each state of a batch move continuously: dx = drift dt + sqrt(variance) dW, independent W, Ito.

    Attributes:
        sites: (batch, m) sites that move.
        drift: (batch, m, n_fields) per unit of the system's time.
        variance: (batch, m, n_fields) of the noise, per unit of time.
    """

    sites: NDArray[np.int64]
    drift: NDArray[np.float64]
    variance: NDArray[np.float64]


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
        Task(f"trajectory {i}", partial(_trajectory, system, x0[i % len(x0)], times, stream))
        for i, stream in enumerate(rng.spawn(n))
    ]
    with reporting(progress, {"sample": 1.0}) as shown_to:

        def tell(task: str, fraction: float, text: str) -> None:
            patience.done(fraction)
            shown_to("sample", fraction, f"{round(fraction * n)} of {n} trajectories")

        done = run_tasks(tasks, InTurn() if executor is None else executor, progress=part_of(tell, "sample", tasks=n))
    states = np.stack([x for x, _ in done])
    if getattr(system, "immobile", False):
        here = np.asarray(system.carriers(x0[:1]))[0]
        return Snapshots(states, np.broadcast_to(here, (*states.shape[:2], len(here))), times)
    return Snapshots(states, np.stack([sites for _, sites in done]), times)


def _trajectory(
    system: MicroSystem, x: NDArray[Any], times: NDArray[np.float64], rng: np.random.Generator, progress: Report
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    now = x[None]
    sites = system.carriers(now)
    states, places = [], []
    for pause in np.diff(times, prepend=0.0):
        now, sites = system.evolve(now, pause, sites, rng=rng)
        states.append(now[0])
        if not getattr(system, "immobile", False):
            places.append(sites[0])
    return np.stack(states), np.array(places, dtype=np.int64)
