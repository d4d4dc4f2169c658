"""Large snapshots of all ages, from far out of equilibrium into it: small runs of many starts, enlarged age by age."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import generator_of, shown, time_of
from asemacro.arguments.door import (
    EXECUTOR,
    array,
    batch,
    checked,
    flag_or_report,
    function,
    many,
    optional,
    real,
    whole,
)
from asemacro.lattice.spins import random_spins
from asemacro.micro.protocol import SYSTEM
from asemacro.micro.sampling import sample
from asemacro.tasks.progress import part_of, reporting
from asemacro.typing import Floats, Report
from asemacro.upsampling.tiling import How, upsample

if TYPE_CHECKING:
    from asemacro.micro.protocol import MicroSystem

MOST_AGES = 10_000_000
Start = NDArray[Any] | Callable[..., NDArray[Any]]


def start_of(value: Any, name: str) -> Any:
    """States, or a function that makes them."""
    return value if callable(value) else batch(value, name)


@dataclasses.dataclass(frozen=True)
class LargeSnapshots:
    """States of a large system made from small runs.

    Attributes:
        system: the large micro system.
        x: (N, n_sites[, n_fields]) states.
        start: (N,) number of the start; states of different starts share no small run, so this is the `group` that a
            fit must keep together.
        age: (N,) time since the start.
    """

    system: Any
    x: NDArray[Any]
    start: NDArray[np.int64]
    age: Floats

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: NDArray[Any]) -> LargeSnapshots:
        """Some of the states, by index or mask."""
        return dataclasses.replace(self, x=self.x[rows], start=self.start[rows], age=self.age[rows])


class Running(TypedDict, total=False):
    """What runs the small runs of `snapshots`, and what is told of them."""

    executor: Executor | None
    progress: bool | Report


@checked(
    system=SYSTEM,
    starts=many(start_of),
    ages=array(finite=False),
    copies=whole(1),
    how=function,
    trajectories=whole(1),
    per_age=whole(1),
    relax=time_of,
    rng=generator_of,
    executor=optional(EXECUTOR),
    progress=flag_or_report,
)
def snapshots(
    system: MicroSystem,
    starts: Sequence[Start],
    ages: ArrayLike,
    copies: int,
    how: How | None = None,
    *,
    trajectories: int | None = None,
    per_age: int = 1,
    relax: float = 0.0,
    rng: np.random.Generator,
    **running: Unpack[Running],
) -> LargeSnapshots:
    """Run small systems from each start and enlarge what they are at each age.

    Only runs of one start and age are mixed: in a transient states of different ones do not belong together.

    Args:
        system: the small micro system.
        starts: small states (batch, n_sites[, n_fields]), taken in turn by the trajectories, or functions
            start(lattice, batch=n, rng=rng) that make them (`magnetised`, `micro.field.random_cosines`); the same one
            may come several times, for independent sets of runs.
        ages: ascending times since the start, `log_ages`.
        copies: sites of the large system over sites of the small one.
        how: `mosaic`, `replicate`, `interpolate`, `blocks` (default), as in `upsample`.
        trajectories: small runs of each start; default `copies`, 1 is enough for ways that do not mix runs.
        per_age: large snapshots for each start and age.
        relax: time for which the large states evolve afterwards; their age counts without it.
        rng: source of randomness; each start has its own stream.
        **running: executor, which runs the trajectories of a start in parallel; progress, True for a bar, or a function
            called as progress("snapshots", fraction, text) after each small run.

    Raises:
        ValueError: no starts, or what `sample`, `upsample` and the way of upsampling do not take.
    """
    if not len(starts):
        raise ValueError("no starts, so there are no snapshots")
    times = np.atleast_1d(np.asarray(ages, dtype=float))
    runs = copies if trajectories is None else trajectories
    large: Any = system
    parts = []
    share, executor = 1 / len(starts), running.get("executor")
    with reporting(running.get("progress", False), {"snapshots": 1.0}) as report:
        for k, (start, stream) in enumerate(zip(starts, rng.spawn(len(starts)), strict=True)):
            x0 = start(system.lattice, batch=runs, rng=stream) if callable(start) else np.asarray(start)
            here = part_of(report, "snapshots", k * share, share)
            small = sample(system, x0, times, n_trajectories=runs, rng=stream, executor=executor, progress=here)
            large, x = upsample(system, small, copies, how, n_snapshots=per_age, relax_s=relax, rng=stream)
            parts.append(x)
    n = len(times) * per_age
    return LargeSnapshots(
        large,
        np.concatenate(parts),
        np.repeat(np.arange(len(starts)), n),
        np.tile(np.repeat(times, per_age), len(starts)),
    )


@checked(magnetisations=array(finite=False))
def magnetised(magnetisations: ArrayLike) -> list[Start]:
    """Starts for `snapshots`: spins on random sites, one start for each magnetisation in [-1, 1]."""
    wanted = np.atleast_1d(magnetisations)
    if wanted.ndim != 1 or not (np.abs(wanted) <= 1).all():
        raise ValueError(f"magnetisations must lie in [-1, 1], a number or a list of them, got {shown(magnetisations)}")
    return [partial(random_spins, magnetisation=float(m)) for m in wanted]


@checked(first=real, last=real, n=whole(3, MOST_AGES))
def log_ages(first: float, last: float, n: int) -> Floats:
    """(n,) ages: 0, then even on a logarithmic axis from `first` to `last`.

    Raises:
        ValueError: times that are not 0 < first < last, or fewer than 3 ages.
    """
    if not (np.isfinite(last) and 0 < first < last) or n < 3:
        raise ValueError(f"ages need 0 < first < last and at least 3 of them, got {first}, {last} and {n}")
    return np.concatenate([[0.0], np.geomspace(first, last, n - 1)])
