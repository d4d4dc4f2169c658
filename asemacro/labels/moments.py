r"""Exact infinitesimal moments: drift and covariance rates of an observable, from the rates of what can happen next.

    b = lim E[phi(x_t) - phi(x)] / t,      S = lim Cov[phi(x_t)] / t.

Of a system of jumps, with r_i the rate of event i and dphi_i what it does to phi, b = sum_i r_i dphi_i and
S = sum_i r_i dphi_i dphi_i^T. Where values move continuously, dx_i = f_i dt + s_i dW_i (fields), Ito's
b = sum_i f_i d_i phi + s_i^2 / 2 d_i^2 phi and S = sum_i s_i^2 d_i phi (d_i phi)^T.

Summed over a random part of the carriers and multiplied by K they are unbiased estimates of the same sums over all
carriers: labels without the bias of a finite duration and without the noise of sampled events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import STATES, array, checked, real
from asemacro.data import Moments, group_of
from asemacro.micro.blocks import BlockLattice, observe
from asemacro.micro.protocol import SYSTEM, Motion
from asemacro.observables.base import OBSERVABLE, Observable, numbers_of
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.micro.protocol import Events, MicroSystem

_CHUNK = 1 << 19  # events whose changes are held at a time
_COPIES = 1 << 24  # sites of the cells that are copied at a time
_PROBE = 1e-3  # step of the differences of phi, relative to the size of the values


@checked(
    system=SYSTEM,
    x=STATES,
    phi=OBSERVABLE,
    fraction=real,
    rng=generator_of,
    condition=array(),
    group=array(None, kind="i"),
)
@one_thread()
def patch_moments(
    system: MicroSystem,
    x: NDArray[Any],
    phi: Observable,
    fraction: float = 1.0,
    *,
    rng: np.random.Generator,
    condition: ArrayLike | None = None,
    group: NDArray[np.int64] | None = None,
) -> Moments:
    """Infinitesimal moments of each snapshot from a random part of its carriers, drawn as in `partial_evolution`.

    Args:
        system: a micro system with `events`.
        x: (batch, n_sites) snapshots.
        phi: the observable; fast if it has `changes`.
        fraction: part of the carriers summed over, in (0, 1]; 1 for all, without noise.
        rng: random generator.
        condition: temperature, or None.
        group: (batch,) numbers that mark correlated rows; default: none are.

    Raises:
        ValueError: fraction out of range, no carriers, a system without `events`.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must lie in (0, 1], got {fraction}")
    x = np.atleast_2d(x)
    n = np.asarray(system.carriers(x[:1])).shape[1]
    group = group_of(group, len(x))
    m = max(1, round(fraction * n))
    drift, covariance = np.zeros((len(x), phi.dim)), np.zeros((len(x), phi.dim, phi.dim))
    for rows in _slices(len(x), max(1, _CHUNK // max(m, 1))):
        active = None if m == n else system.draw_active(x[rows], m, rng=rng)
        drift[rows], covariance[rows] = infinitesimal_moments(system, x[rows], phi, active)
    z = observe(phi, x, system.lattice)
    k = np.array(n / m if m else 1.0)
    return Moments(z, drift, covariance, k, condition, group)  # type: ignore[arg-type]


@checked(system=SYSTEM, x=STATES, phi=OBSERVABLE, active=array(None, None, kind="i"))
def infinitesimal_moments(
    system: MicroSystem, x: NDArray[Any], phi: Observable, active: NDArray[np.integer] | None = None
) -> tuple[Floats, Floats]:
    """K times the sums that make drift and covariance rates of phi, over the active carriers of each state.

    Args:
        system: a micro system with `events`.
        x: (batch, n_sites) states.
        phi: the observable. Of values that move continuously its derivatives are taken as central differences, exact
            if phi is of second degree in the value of a site; it must be smooth, and computed in float64.
        active: (batch, m) sites of the carriers summed over; None for all. K = carriers / m.

    Returns:
        (batch, d) and (batch, d, d), per unit of the system's time.

    Raises:
        ValueError: a system without `events`, no active carriers.
    """
    x = np.atleast_2d(x)
    drift, covariance = np.zeros((len(x), phi.dim)), np.zeros((len(x), phi.dim, phi.dim))
    if not len(x):
        return drift, covariance
    n = np.asarray(system.carriers(x[:1])).shape[1]
    if active is not None and len(active) != len(x):
        raise ValueError(f"active must be sites ({len(x)}, m), got {active.shape}")
    m = n if active is None else active.shape[1]
    if m == 0:
        raise ValueError("no carrier is active, so there are no moments")
    for rows in _slices(len(x), max(1, _CHUNK // m)):
        found = system.events(x[rows], None if active is None else active[rows])
        where = (x[rows], phi, system.lattice)
        b, s = _of_motion(found, *where) if isinstance(found, Motion) else _of_jumps(found, *where)
        drift[rows], covariance[rows] = n / m * b, n / m * s
    return drift, covariance


def _of_jumps(found: Events, x: NDArray[Any], phi: Observable, lattice: Any) -> tuple[Floats, Floats]:
    """sum r dphi and sum r dphi dphi^T."""
    dphi = event_changes(phi, x, lattice, found.sites, found.values)
    flow = np.swapaxes(found.rates[..., None] * dphi, 1, 2)
    return flow.sum(axis=2), flow @ dphi


def _of_motion(found: Motion, x: NDArray[Any], phi: Observable, lattice: Any) -> tuple[Floats, Floats]:
    """sum f d phi + s^2 / 2 d^2 phi and sum s^2 d phi (d phi)^T, from phi with each value a little up and down."""
    batch, m, fields = found.drift.shape
    step = _PROBE * max(float(np.sqrt(np.mean(x**2))), np.finfo(float).tiny)
    here = x[np.arange(batch)[:, None], found.sites]
    shift = step * np.stack([np.eye(fields), -np.eye(fields)])
    values = here[:, None, :, None] + shift[:, None]  # (batch, up or down, m, which field, fields)
    sites = np.broadcast_to(found.sites[:, None, :, None], values.shape[:-1])
    dphi = event_changes(phi, x, lattice, sites.reshape(batch, -1, 1), values.reshape(batch, -1, 1, fields))
    up, down = np.moveaxis(dphi.reshape(batch, 2, m * fields, phi.dim), 1, 0)
    slope, curvature = (up - down) / (2 * step), (up + down) / step**2
    f, variance = found.drift.reshape(batch, -1, 1), found.variance.reshape(batch, -1, 1)
    covariance = np.swapaxes(variance * slope, 1, 2) @ slope
    return (f * slope + variance / 2 * curvature).sum(axis=1), covariance


def event_changes(
    phi: Observable, x: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]
) -> Floats:
    """What each of several events does to phi of its state: (batch, n_events, d).

    Args:
        phi: the observable.
        x: (batch, n_sites) states.
        lattice: their lattice; on blocks side by side an event stays inside one block.
        sites: (batch, n_events, m) changed sites; negative ones are ignored.
        values: (batch, n_events, m) what they hold afterwards.
    """
    batch, n_events, m = sites.shape
    if isinstance(lattice, BlockLattice):
        size = lattice.block.n_sites
        block = sites.max(axis=2) // size
        cells = lattice.split(x)
        own = (np.arange(batch)[:, None] * lattice.copies + block).reshape(-1)
        inside = np.where(sites >= 0, sites - block[..., None] * size, -1).reshape(-1, 1, m)
        after = values.reshape(-1, 1, m, *values.shape[3:])
        parts = [
            event_changes(phi, cells[own[rows]], lattice.block, inside[rows], after[rows])
            for rows in _slices(len(own), max(1, _COPIES // size))
        ]
        return np.concatenate(parts).reshape(batch, n_events, phi.dim) / lattice.copies
    return numbers_of(phi, "gives changes,", phi.changes(x, lattice, sites, values), batch, n_events, phi.dim)


def _slices(n: int, step: int) -> Iterator[slice]:
    return (slice(first, first + step) for first in range(0, n, step))
