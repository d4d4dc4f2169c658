"""The published scheme, kept for comparison: patches closed into boxes of their own, pairs that stop after n_s flips.

The papers' pairs are one sweep long (as many flips as the patch has spins) and the learned SDE takes one Euler step a
pair. Nothing else in this package closes a patch or counts flips to stop.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from asemacro.data import Moments, Pairs
from asemacro.labels.moments import patch_moments
from asemacro.lattice.neighbour_tables import Stencil, locate, stencil_of, wrapped
from asemacro.lattice.patches import window_size
from asemacro.micro.blocks import observe
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.ising import Ising
from asemacro.observables.base import Observable
from asemacro.typing import Floats, Spins

if TYPE_CHECKING:
    from asemacro.macro.sde import NeuralSDE


def closed_patches(
    system: Ising | CurieWeiss, x: Spins, n_sites: int, *, rng: np.random.Generator
) -> tuple[Any, Spins]:
    """A random patch of each state, closed periodically: the small system and its states (batch, n_sites)."""
    patch = system.on(_patch_lattice(system, n_sites))
    sites = system.draw_active(x, n_sites, rng=rng)
    return patch, np.take_along_axis(x, sites, axis=1)


def closed_moments(
    system: Ising | CurieWeiss, x: Spins, phi: Observable, n_sites: int, *, rng: np.random.Generator
) -> Moments:
    """Infinitesimal moments of a closed patch as labels of the whole: its drift as it is, its covariance over K."""
    patch, cells = closed_patches(system, x, n_sites, rng=rng)
    k = system.lattice.n_sites / n_sites
    own = patch_moments(patch, cells, phi, rng=rng)
    return Moments(observe(phi, x, system.lattice), own.drift, own.covariance / k, np.asarray(k))


def closed_pairs(
    system: Ising | CurieWeiss, x: Spins, phi: Observable, n_sites: int, times: ArrayLike, *, rng: np.random.Generator
) -> list[Pairs]:
    """Pairs z1 = z0 + phi(x1_I) - phi(x0_I) of closed patches that stop at times, one set for each time."""
    patch, cells = closed_patches(system, x, n_sites, rng=rng)
    z0, before = observe(phi, x, system.lattice), observe(phi, cells, patch.lattice)
    k = system.lattice.n_sites / n_sites
    pairs = []
    for pause, time in zip(np.diff(times, prepend=0.0), np.asarray(times), strict=True):
        cells, _ = patch.evolve(cells, pause, rng=rng)
        z1 = z0 + observe(phi, cells, patch.lattice) - before
        pairs.append(Pairs(z0, z1, time, np.asarray(k), np.zeros(0)))
    return pairs


def sweep_pairs(
    system: Ising | CurieWeiss,
    x: Spins,
    phi: Observable,
    n_sites: int,
    *,
    closed: bool,
    naive: bool = False,
    rng: np.random.Generator,
) -> Pairs:
    """Pairs of one sweep: a patch of n_sites spins evolves until it has made n_sites flips, each with its own duration.

    Args:
        system: of the snapshots.
        x: (batch, n) snapshots.
        phi: observable, a mean over the patch.
        n_sites: spins of a patch.
        closed: whether the patch is closed into a periodic box (published for Ising) or its surroundings are frozen
            (published for Curie-Weiss).
        naive: the paper's baseline: z1 = phi(x1_I), and K = 1.
        rng: source of randomness.
    """
    z0, k = observe(phi, x, system.lattice), system.lattice.n_sites / n_sites
    if closed:
        patch, cells = closed_patches(system, x, n_sites, rng=rng)
        after, duration = flip_many(patch, cells, n_sites, rng=rng)
        there = observe(phi, after, patch.lattice)
        z1 = there if naive else z0 + there - observe(phi, cells, patch.lattice)
    else:
        active = system.draw_active(x, n_sites, rng=rng)
        after, duration = flip_many(system, x, n_sites, active, rng=rng)
        if naive:
            inside = _patch_lattice(system, n_sites)
            z1 = observe(phi, np.take_along_axis(after, active, axis=1), inside)
        else:
            z1 = z0 + k * (observe(phi, after, system.lattice) - z0)
    return Pairs(z0, z1, duration, np.asarray(1.0 if naive else k), np.zeros(0))


def flip_many(
    system: Ising | CurieWeiss,
    x: Spins,
    n_flips: int,
    active: NDArray[np.int64] | None = None,
    *,
    rng: np.random.Generator,
) -> tuple[Spins, Floats]:
    """Let the active spins (batch, m) make n_flips flips: the states, and the time that it took, (batch,).

    Attempts come at rate 1 a spin, so that N of them take a Gamma(N) / m time, independent of what they do.
    """
    n = system.lattice.n_sites
    stencil, mean_field = stencil_of(system.lattice, ()), 0.0
    if isinstance(system, CurieWeiss):
        mean_field = system.coupling / n
    else:
        stencil = stencil_of(system.lattice, system.coupling)
    sites = np.broadcast_to(np.arange(n), (len(x), n)) if active is None else active
    new = x.copy()
    attempts = _flip(stencil, mean_field, system.field, 2 / system.temperature, new, sites, n_flips, rng)
    return new, rng.gamma(attempts) / sites.shape[1]


@njit(cache=True, nogil=True, error_model="numpy")
def _flip(
    stencil: Stencil,
    mean_field: float,
    field: float,
    beta2: float,
    x: NDArray,
    active: NDArray,
    n_flips: int,
    rng: np.random.Generator,
) -> NDArray:
    """Edit x (batch, n) by n_flips flips in each row; the numbers of attempts (batch,)."""
    grid, offsets, deltas, weights = stencil.grid, stencil.offsets, stencil.deltas, stencil.weights
    attempts = np.zeros(len(x))
    m = active.shape[1]
    for row in range(len(x)):
        state = x[row]
        total = state.sum()
        made = 0
        while made < n_flips:
            attempts[row] += 1
            site = active[row, int(rng.random() * m)]
            spin = state[site]
            local = mean_field * (total - spin) + field
            basis, c1, c2, c3, inside = locate(grid, site)
            for j in range(len(weights)):
                if inside:
                    other = site + deltas[basis, j]
                else:
                    d1, d2, d3 = offsets[basis, j, 0], offsets[basis, j, 1], offsets[basis, j, 2]
                    other = wrapped(grid, c1 + d1, c2 + d2, c3 + d3, offsets[basis, j, 3])
                local += weights[j] * state[other]
            if rng.random() * (1 + np.exp(beta2 * spin * local)) < 1:
                state[site] = -spin
                total -= 2 * spin
                made += 1
    return attempts


def sweep_trajectories(sde: NeuralSDE, z0: Floats, step: float, n_steps: int, *, rng: np.random.Generator) -> Floats:
    """Euler-Maruyama with one step a sweep, as published: (n_trajectories, n_steps + 1, d) from z0 (n_trajectories, d).

    States are kept in [-1, 1], as magnetisations and densities are.
    """
    z, path = z0, [z0]
    for _ in range(n_steps):
        factor = np.linalg.cholesky(sde.diffusion(z))
        noise = (factor @ rng.standard_normal((*z.shape, 1)))[..., 0]
        z = np.clip(z + step * sde.drift(z) + np.sqrt(step) * noise, -1.0, 1.0)
        path.append(z)
    return np.stack(path, axis=1)


def _patch_lattice(system: Ising | CurieWeiss, n_sites: int) -> Any:
    return dataclasses.replace(system.lattice, shape=window_size(system.lattice, n_sites))
