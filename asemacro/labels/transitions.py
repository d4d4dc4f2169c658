"""Partial evolution: move a few carriers of a large snapshot, scale their effect by K, keep what changed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import MOST_COUNT, bound_of_memory, generator_of, shown
from asemacro.arguments.door import (
    MOST_DRAWS,
    STATES,
    above_zero,
    array,
    checked,
    flag_or_report,
    real,
    whole,
)
from asemacro.data import Pairs, group_of
from asemacro.micro.blocks import BlockLattice, cells_of, observe
from asemacro.micro.protocol import SYSTEM
from asemacro.observables.base import OBSERVABLE, Observable, numbers_of
from asemacro.tasks.patience import Patience
from asemacro.tasks.progress import reporting
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice
    from asemacro.micro.protocol import MicroSystem

_CHUNK = 1 << 22  # sites of the states that an observable's change is asked for at a time


@dataclasses.dataclass(frozen=True)
class Transitions:
    """Large snapshots and what a part of their carriers did to them, at successive times.

    Attributes:
        lattice: lattice of the snapshots (a BlockLattice for cells side by side).
        x0: (batch, n_sites) the snapshots.
        times: (n_times,) seconds after x0.
        K: n / m, carriers over active carriers.
        starts: (n_times, batch + 1) first changed site of each row in `sites[time]`.
        sites: for each time, the sites where the state differs from x0, row after row.
        values: for each time, the new values there.
        group: (batch,) rows with the same number are correlated.
    """

    lattice: Lattice | BlockLattice
    x0: NDArray[Any]
    times: Floats
    K: float
    starts: NDArray[np.int64]
    sites: list[NDArray[np.int64]]
    values: list[NDArray[Any]]
    group: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x0)

    def _time(self, time: int) -> int:
        if not -len(self.times) <= time < len(self.times):
            raise ValueError(f"there are {len(self.times)} times, got index {time}")
        return time % len(self.times)

    @checked(time=whole(-MOST_COUNT))
    def state(self, time: int = -1) -> NDArray[Any]:
        """(batch, n_sites) states at `times[time]`."""
        t = self._time(time)
        x = self.x0.copy()
        rows = np.repeat(np.arange(len(x)), np.diff(self.starts[t]))
        x[rows, self.sites[t]] = self.values[t]
        return x

    @checked(phi=OBSERVABLE, time=whole(-MOST_COUNT))
    def change(self, phi: Observable, time: int = -1) -> Floats:
        """(batch, d) phi(x1) - phi(x0) of the large system, from the changed sites alone where phi can."""
        t = self._time(time)
        inner, copies = cells_of(self.lattice)
        size = inner.n_sites
        cells = self.x0.reshape(len(self) * copies, size, *self.x0.shape[2:])
        row = np.repeat(np.arange(len(self)), np.diff(self.starts[t]))
        cell = row * copies + self.sites[t] // size
        touched, first, counts = np.unique(cell, return_index=True, return_counts=True)
        out = np.zeros((len(self), phi.dim))
        step = max(1, _CHUNK // max(size, 1))
        for low in range(0, len(touched), step):
            part = slice(low, low + step)
            here = first[part, None] + np.arange(counts[part].max())
            used = here < (first + counts)[part, None]
            here = np.where(used, here, 0)
            sites = np.where(used, self.sites[t][here] % size, -1)
            change = phi.change(cells[touched[part]], inner, sites, self.values[t][here])
            np.add.at(out, touched[part] // copies, numbers_of(phi, "gives changes,", change, len(sites), phi.dim))
        return out / copies

    @checked(phi=OBSERVABLE, condition=array(), time=whole(-MOST_COUNT))
    def pairs(self, phi: Observable, condition: ArrayLike | None = None, time: int = -1) -> Pairs:
        """Pairs of any observable, without new micro work: z1 = z0 + K (phi(x1) - phi(x0)).

        Args:
            phi: the observable.
            condition: temperature in K, or None.
            time: which of `times` is the end.
        """
        z0 = observe(phi, self.x0, self.lattice)
        return self.pairs_from(z0, phi, condition, time)

    @checked(z0=array(), phi=OBSERVABLE, condition=array(), time=whole(-MOST_COUNT))
    def pairs_from(self, z0: Floats, phi: Observable, condition: ArrayLike | None = None, time: int = -1) -> Pairs:
        """As `pairs`, with phi(x0) already known."""
        t = self._time(time)
        z1 = z0 + self.K * self.change(phi, t)
        dt, k = np.asarray(self.times[t]), np.asarray(self.K)
        return Pairs(z0, z1, dt, k, condition, group=self.group)  # type: ignore[arg-type]


@checked(
    system=SYSTEM,
    x=STATES,
    times=array(finite=False),
    fraction=real,
    rng=generator_of,
    group=array(None, kind="i"),
    progress=flag_or_report,
)
def partial_evolution(
    system: MicroSystem,
    x: NDArray[Any],
    times: ArrayLike,
    fraction: float,
    *,
    rng: np.random.Generator,
    group: NDArray[np.int64] | None = None,
    progress: bool | Report = False,
) -> Transitions:
    """Let a random part of the carriers of each snapshot move, the rest frozen, and record successive times.

    Of n carriers m = fraction * n (rounded, at least 1) are drawn, anew for each row (`draw_active`), so that each
    is active with probability 1/K = m/n exactly and the drift K (phi(x1) - phi(x0)) / t is unbiased as t -> 0 for
    every phi. The evolution stops at times, never after a number of events: that would bias it.

    Args:
        system: the micro system.
        x: (batch, n_sites) snapshots; not edited.
        times: ascending, seconds; or the report of `choose_dt`.
        fraction: part of the carriers that moves, in (0, 1].
        rng: random generator.
        group: (batch,) numbers that mark correlated rows; default: none are.
        progress: True for a bar, or a function called as progress("labels", fraction, text).

    Raises:
        ValueError: times not positive and ascending, fraction out of range, no carriers.
    """
    ends = np.asarray(times).reshape(-1)
    if len(ends) == 0 or not np.isfinite(ends).all() or ends[0] <= 0 or (np.diff(ends) <= 0).any():
        raise ValueError(f"times must be positive and ascending, got {shown(ends)}")
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must lie in (0, 1], got {fraction}")
    x = np.atleast_2d(x)
    if x.shape[1] != system.lattice.n_sites:
        raise ValueError(f"x must be states (batch, {system.lattice.n_sites}), got {x.shape}")
    group = group_of(group, len(x))
    counts = np.zeros((len(ends), len(x)), dtype=np.int64)
    sites: list[list[NDArray[np.int64]]] = [[] for _ in ends]
    values: list[list[NDArray[Any]]] = [[] for _ in ends]
    rows = max(1, min(64, (1 << 24) // max(1, x.shape[1])))
    n = m = 0
    patience = Patience(f"the partial evolution of {len(x)} snapshots")
    with reporting(progress, {"labels": 1.0}) as report:
        for first in range(0, len(x), rows):
            part = x[first : first + rows]
            carriers = np.asarray(system.carriers(part), dtype=np.int64)
            n = carriers.shape[1]
            m = max(1, round(fraction * n))
            active = system.draw_active(part, m, rng=rng)
            state, now = part, 0.0
            for t, end in enumerate(ends):
                state, active = system.evolve(state, end - now, active, rng=rng)
                now = end
                differs = state != part
                row, site = np.nonzero(differs.any(axis=2) if differs.ndim > 2 else differs)
                counts[t, first : first + len(part)] = np.bincount(row, minlength=len(part))
                sites[t].append(site)
                values[t].append(state[row, site])
            share = (first + len(part)) / len(x)
            patience.done(share)
            report("labels", share, f"{first + len(part)} of {len(x)} snapshots")
    starts = np.concatenate([np.zeros((len(ends), 1), dtype=np.int64), counts.cumsum(axis=1)], axis=1)
    joined_sites = [np.concatenate(s) for s in sites] if len(x) else [np.zeros(0, np.int64) for _ in ends]
    joined_values = [np.concatenate(v) for v in values] if len(x) else [np.zeros(0, x.dtype) for _ in ends]
    return Transitions(system.lattice, x, ends, n / m if m else 1.0, starts, joined_sites, joined_values, group)


@checked(n_patches=above_zero, sigma=array(), drift_error=array())
def pair_time_needed(n_patches: float, sigma: ArrayLike, drift_error: ArrayLike) -> Floats:
    r"""Total duration of pairs T = K Sigma_ii / (error of the drift)_i^2, seconds, that an accuracy of the drift takes.

    Args:
        n_patches: K.
        sigma: (d,) diagonal of Sigma of the large system, z^2 / s.
        drift_error: standard error wanted for each component of the drift, z / s. For an error e of a stationary
            mean, take rate * e.
    """
    error, size = np.asarray(drift_error), np.asarray(sigma)
    if error.shape and size.shape and error.shape != size.shape:
        raise ValueError(f"sigma {size.shape} and drift_error {error.shape} must have one shape")
    if not (error > 0).all():
        raise ValueError(f"the error of the drift must be positive, got {error}")
    return n_patches * size / error**2


@checked(
    values=array(),
    times_s=array(None),
    copies=whole(1),
    condition=above_zero,
    step_s=above_zero,
    growth=above_zero,
    combinations=whole(1, MOST_DRAWS),
    rng=generator_of,
)
def pairs_from_runs(
    values: ArrayLike,
    times_s: ArrayLike,
    copies: int,
    condition: float | None = None,
    *,
    step_s: float,
    growth: float = 0.2,
    combinations: int = 1,
    rng: np.random.Generator,
) -> Pairs:
    """Pairs of blocks of small runs, from the runs alone.

    `copies` runs of one age side by side are a snapshot of the large system (`upsample.blocks`); what one of them does
    next is a partial evolution of it with K = copies. So runs recorded at fixed times already hold these
    pairs, at every age, with every carrier where time put it, and no micro work is done twice. The law is that
    of `partial_evolution` of `Blocks` (tested).

    Args:
        values: (n_runs, n_times, d) observable of each small run.
        times_s: (n_times,) ascending, the same for all runs.
        copies: K; runs are put into random sets of K, the rest left out.
        condition: temperature in K, or None.
        step_s: duration of pairs, as near as the times allow (`choose_dt`).
        growth: early pairs last this fraction of their age instead, if that is shorter.
        combinations: number of random ways to make the sets; each pair then has the weight 1 / combinations.
        rng: random generator.

    Returns:
        The pairs; those of one run have one group.

    Raises:
        ValueError: shapes that do not fit, fewer runs than copies, step_s or growth not positive.
    """
    phi, times = np.asarray(values), np.asarray(times_s)
    if phi.ndim != 3 or not phi.size or times.shape != phi.shape[1:2] or (np.diff(times) <= 0).any():
        raise ValueError(
            f"values must be (n_runs, n_times, d) and times ascending (n_times,), got {phi.shape}, {times.shape}"
        )
    if not 1 <= copies <= len(phi):
        raise ValueError(f"copies must lie between 1 and the number of runs {len(phi)}, got {copies}")
    bound_of_memory(32.0 * phi.size * combinations, f"the pairs of {combinations} combinations")
    knots = [0]
    for index in range(1, len(times)):
        age = times[knots[-1]] - times[0]
        if times[index] - times[knots[-1]] >= min(step_s, growth * age) * (1 - 1e-9):
            knots.append(index)
    phi, dt = phi[:, knots], np.diff(times[knots])
    parts = []
    for _ in range(combinations):
        sets = rng.permutation(len(phi))[: len(phi) // copies * copies].reshape(-1, copies)
        cells = phi[sets]
        z0 = np.broadcast_to(cells.mean(axis=1, keepdims=True), cells.shape)[:, :, :-1]
        z1 = z0 + np.diff(cells, axis=2)
        shape, d = z0.shape[:3], phi.shape[2]
        group = np.broadcast_to(sets[:, :, None], shape).reshape(-1)
        parts.append((z0.reshape(-1, d), z1.reshape(-1, d), np.broadcast_to(dt, shape).reshape(-1), group))
    z0, z1, steps, group = (np.concatenate(column) for column in zip(*parts, strict=True))
    temperature = np.zeros(0) if condition is None else np.array(condition)
    return Pairs(z0, z1, steps, np.array(float(copies)), temperature, np.array(1 / combinations), group)
