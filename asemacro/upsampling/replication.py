"""Large snapshots of spins from small ones: every spin becomes a block of spins, disordered and relaxed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from asemacro.arguments.checks import bound_of_memory, generator_of, time_of
from asemacro.arguments.door import (
    CRYSTAL,
    SPIN_SYSTEM,
    STATES,
    array,
    batch,
    checked,
    number,
    optional,
    real,
    whole,
)
from asemacro.lattice.patches import overlapping_windows
from asemacro.micro.protocol import SYSTEM
from asemacro.tasks.threads import one_thread
from asemacro.typing import Spins
from asemacro.upsampling.tiling import larger_lattice

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice
    from asemacro.micro.protocol import MicroSystem
    from asemacro.micro.spins.glauber import Glauber

_ROWS = 1 << 24  # random numbers drawn at a time


class Relaxation(TypedDict, total=False):
    """What follows the random flips of `replicate`.

    Attributes:
        relax: time for which every spin is active; default 0.
        patch: sites of the overlapping patches that relax with the rest frozen; None for all spins at once.
    """

    relax: float
    patch: int | None


@checked(
    system=SPIN_SYSTEM,
    cells=batch,
    copies=whole(1),
    count=whole(1),
    rng=generator_of,
    flips=number(0, 1),
    relax=time_of,
    patch=optional(whole(1)),
)
def replicate(
    system: Glauber,
    cells: Spins,
    copies: int,
    count: int,
    *,
    rng: np.random.Generator,
    flips: float = 0.0,
    **relaxation: Unpack[Relaxation],
) -> tuple[Glauber, Spins]:
    """Small states enlarged in levels; at each, blocks of equal spins, then random flips, then a local relaxation.

    Use it as `upsample(system, small, 16, partial(replicate, flips=p, relax=2.0, patch=n_s), rng=rng)`. The levels
    multiply each axis by the prime factors of its factor, the smallest first. Blocks alone remove walls and make
    critical states too ordered however they are relaxed for a short time; flips with the probability that
    `calibrate_flips` finds restore the order. Far from equilibrium, where correlations are short, `mosaic` is better.

    Args:
        system: the small system.
        cells: (n_trajectories, n_sites) small states of one age.
        copies: sites of the large system over those of the small one, made of the axes as `larger_lattice` does.
        count: number of large states; the small ones are taken in turn, in random order.
        rng: random generator.
        flips: probability that a spin is flipped at random, at every level.
        **relaxation: relax and patch, what follows the flips at every level, see `Relaxation`.

    Returns:
        The large system and its states (count, copies * n_sites).

    Raises:
        ValueError: a probability or time out of range, patches that do not fit.
    """
    bound_of_memory(2.0 * count * copies * cells[0].nbytes, f"{count} snapshots of {copies} cells")
    if cells.shape[1] != system.lattice.n_sites:
        raise ValueError(f"cells must have {system.lattice.n_sites} sites, those of the system, got {cells.shape}")
    x = cells[rng.permutation(len(cells))[np.arange(count) % len(cells)]]
    return _grown(system, x, copies, flips, relaxation, rng)


def _grown(
    system: Glauber,
    x: Spins,
    copies: int,
    flips: float,
    relaxation: Relaxation,
    rng: np.random.Generator,
) -> tuple[Glauber, Spins]:
    """One large state from each small one, in their order."""
    relax, patch = relaxation.get("relax", 0.0), relaxation.get("patch")
    factors = np.array(larger_lattice(system.lattice, copies).shape) // np.array(system.lattice.shape)
    for step in levels(factors.tolist()):
        x = enlarge(x, system.lattice, step)
        system = system.on(system.lattice.repeat(step))
        x = relax_patches(system, flip_random(x, flips, rng=rng), relax, patch, rng=rng)
    return system, x


def levels(factors: Sequence[int]) -> list[tuple[int, ...]]:
    """Factors along the axes as products of successive ones: prime factors, the smallest first.

    Example: (4, 6, 1) is (2, 2, 1) then (2, 3, 1).
    """
    primes = [_primes(m) for m in factors]
    return [tuple(step) for step in itertools.zip_longest(*primes, fillvalue=1)]


def _primes(m: int) -> list[int]:
    found, p = [], 2
    while m > 1:
        if m % p:
            p += 1
        else:
            found.append(p)
            m //= p
    return found


@checked(x=STATES, lattice=CRYSTAL, factors=array(None, kind="i"))
def enlarge(x: Spins, lattice: Lattice, factors: Sequence[int]) -> Spins:
    """Every spin becomes a compact block of m1 m2 m3 equal spins of the lattice repeated (m1, m2, m3) times.

    The large lattice, scaled down by the factors, is laid over the small one, and its sites are assigned to the
    nearest small ones, equally many to each: of all such assignments the one with the least sum of squared distances,
    centre on centre where a unit cell has one site, in the best of several places where it has more.

    Args:
        x: (batch, n_sites) spins, or any other values.
        lattice: of the small states.
        factors: whole numbers m >= 1 along the axes; 1 along one that is not periodic.

    Returns:
        (batch, m1 m2 m3 n_sites) states of `lattice.repeat(factors)`.

    Raises:
        ValueError: factors that are not such numbers, or states that do not fit.
    """
    m = [int(k) for k in factors]
    if len(m) != 3 or any(k < 1 for k in m) or any(k > 1 and not p for k, p in zip(m, lattice.pbc, strict=True)):
        raise ValueError(f"factors are whole numbers >= 1 along periodic axes, 1 along others, got {tuple(factors)}")
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != lattice.n_sites:
        raise ValueError(f"states must have the shape (batch, {lattice.n_sites}), got {x.shape}")
    grid = x.reshape(len(x), *lattice.shape, lattice.n_basis)
    shape = [n * k for n, k in zip(lattice.shape, m, strict=True)]
    large = np.empty((len(x), *shape, lattice.n_basis), dtype=x.dtype)
    for place, basis, cell, source in _parents(lattice, (m[0], m[1], m[2])):
        moved = np.roll(grid[..., source], tuple(-c for c in cell), axis=(1, 2, 3))
        large[:, place[0] :: m[0], place[1] :: m[1], place[2] :: m[2], basis] = moved
    return large.reshape(len(x), -1)


@lru_cache(maxsize=32)
def _parents(lattice: Lattice, m: tuple[int, int, int]) -> list[tuple[Any, int, Any, int]]:
    """For each large site of a small cell, (place in the cell, basis): the small site (cell, basis) it takes after."""
    fine = [(place, b) for place in itertools.product(*map(range, m)) for b in range(lattice.n_basis)]
    position = (np.array([place for place, _ in fine]) + lattice.basis[[b for _, b in fine]]) / m
    centred = position + lattice.basis.mean(axis=0) - position.mean(axis=0)
    if lattice.n_basis == 1:
        shifts = [np.zeros(3)]
    else:  # where the large lattice is laid decides how compact the blocks are
        shifts = [np.array(k) / m / 4 for k in itertools.product(*(range(4) if p else range(1) for p in lattice.pbc))]
    cells = np.array(list(itertools.product(*(range(-1, 2) if p else range(1) for p in lattice.pbc))))
    best, least = None, np.inf
    for shift in shifts:
        gaps = (centred + shift)[:, None, None] - lattice.basis[None, :, None] - cells[None, None]
        squares = ((gaps @ lattice.cell) ** 2).sum(axis=-1).round(9)  # (large site, small basis, small cell)
        cost = np.repeat(squares.min(axis=2), len(fine) // lattice.n_basis, axis=1)
        rows, columns = linear_sum_assignment(cost)
        if cost[rows, columns].sum() < least - 1e-6:
            best, least = (squares.argmin(axis=2), columns // (len(fine) // lattice.n_basis)), cost[rows, columns].sum()
    assert best is not None
    nearest, source = best
    return [
        (*site, cells[nearest[k, b]].tolist(), int(b)) for k, (site, b) in enumerate(zip(fine, source, strict=True))
    ]


@checked(x=STATES, probability=real, rng=generator_of)
def flip_random(x: Spins, probability: float, *, rng: np.random.Generator) -> Spins:
    """States in which every spin is flipped with a probability, independently.

    Raises:
        ValueError: a probability outside [0, 1].
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"the probability of a flip must lie in [0, 1], got {probability}")
    if probability == 0:
        return x
    out = np.empty_like(x)
    rows = max(1, _ROWS // max(x.shape[1], 1))
    for first in range(0, len(x), rows):
        part = x[first : first + rows]
        out[first : first + rows] = np.where(rng.random(part.shape, dtype=np.float32) < probability, -part, part)
    return out


@checked(system=SYSTEM, x=STATES, duration=time_of, patch=whole(1), rng=generator_of)
def relax_patches(
    system: MicroSystem, x: NDArray[Any], duration: float, patch: int | None, *, rng: np.random.Generator
) -> NDArray[Any]:
    """Local relaxation: patches that overlap by half evolve one after another, their surroundings frozen.

    Patches that do not touch evolve together. Each step leaves the equilibrium of the whole system invariant.

    Args:
        system: the system; its carriers fill the lattice and stay where they are.
        x: (batch, n_sites) states, not edited.
        duration: time for which every carrier is active in all; those in several patches share it.
        patch: sites of a patch; None for the whole system at once.
        rng: random generator.

    Raises:
        ValueError: a negative time, patches that do not fit.
    """
    if not (np.isfinite(duration) and duration >= 0):
        raise ValueError(f"the relaxation must last a finite time >= 0, got {duration}")
    if duration == 0:
        return x
    if patch is None:
        return system.evolve(x, duration, rng=rng)[0]
    groups = list(overlapping_windows(system.lattice, patch))
    share = duration * system.lattice.n_sites / sum(len(group) for group in groups)
    for group in groups:
        x, _ = system.evolve(x, share, np.broadcast_to(group, (len(x), len(group))), rng=rng)
    return x


@dataclasses.dataclass(frozen=True)
class FlipCalibration:
    """Result of `calibrate_flips`.

    Attributes:
        probability: of a flip, for `replicate`.
        error: its standard error, from that of the order of the enlarged states and of the target.
        tried: (n,) probabilities tried.
        order: (n,) mean |M| of the enlarged states.
        order_error: (n,) standard errors; they share the small states, so they are correlated.
        target: mean |M| wanted.
    """

    probability: float
    error: float
    tried: NDArray[np.float64]
    order: NDArray[np.float64]
    order_error: NDArray[np.float64]
    target: float


@checked(
    system=SPIN_SYSTEM,
    cells=batch,
    target=number(),
    target_error=number(0),
    known=array(2),
    copies=whole(1),
    relax=time_of,
    patch=optional(whole(1)),
    bounds=array(2),
    points=whole(3, 1000),
    rng=generator_of,
)
@one_thread()
def calibrate_flips(
    system: Glauber,
    cells: Spins,
    target: float,
    *,
    target_error: float = 0.0,
    known: tuple[float, float] | None = None,
    copies: int | None = None,
    bounds: tuple[float, float] = (0.0, 0.1),
    points: int = 9,
    rng: np.random.Generator,
    **relaxation: Unpack[Relaxation],
) -> FlipCalibration:
    """The flip probability with which enlarged states have the mean |M| of directly simulated ones.

    Both are small systems (8^2 enlarged to 16^2, against 16^2 itself): nothing is learned from a large one. Several
    probabilities are tried, with the same small states, and a parabola through the results is solved for the target.
    An enlarged state keeps much of the |M| of its small one, so where the mean of the small system is known better than
    from the small states given, the chance of these states can be taken out (a control variate).

    Args:
        system: the smaller system.
        cells: (n, n_sites) independent equilibrium states of it.
        target: mean |M| of the system `copies` times as large.
        target_error: standard error of the target.
        known: mean |M| of the smaller system and its standard error, from more states than those enlarged.
        copies: how many times as large; default twice along each periodic axis.
        bounds: probabilities between which to look.
        points: number of probabilities tried.
        rng: random generator.
        **relaxation: relax (here 2 by default) and patch as in `replicate`, to be used with the result.

    Raises:
        ValueError: bad bounds, or no probability between them that reaches the target.
    """
    low, high = (float(bound) for bound in bounds)
    if not 0 <= low < high <= 1:
        raise ValueError(f"bounds must be two probabilities between 0 and 1, ascending, got {low} and {high}")
    if len(cells) < 2 or cells.shape[1] != system.lattice.n_sites:
        raise ValueError(f"cells must be 2 or more states of {system.lattice.n_sites} sites, got {cells.shape}")
    many = 2 ** sum(system.lattice.pbc) if copies is None else copies
    bound_of_memory(2.0 * many * cells.nbytes, f"{len(cells)} states enlarged {many} times")
    tried = np.linspace(low, high, points)
    order, error = np.empty(points), np.empty(points)
    before = np.abs(cells.mean(axis=1, dtype=float))
    for k, p in enumerate(tried):
        _, x = _grown(system, cells, many, float(p), {"relax": 2.0, **relaxation}, rng)
        size, excess = np.abs(x.mean(axis=1, dtype=float)), 0.0
        if known is not None:
            slope = np.cov(size, before)[0, 1] / before.var(ddof=1)
            size, excess = size - slope * (before - known[0]), abs(slope) * known[1]
        order[k], error[k] = size.mean(), np.hypot(size.std() / np.sqrt(len(size)), excess)
    parabola = np.polynomial.Polynomial.fit(tried, order, 2)
    roots = (parabola - target).roots()
    roots = roots.real[(np.abs(roots.imag) < 1e-12) & (roots.real >= low) & (roots.real <= high)]
    if not len(roots):
        raise ValueError(
            f"flips with a probability of {low:g} to {high:g} give |M| from {order[0]:.4f} to {order[-1]:.4f}, not "
            f"{target:.4f}; try other bounds"
        )
    best = float(roots.min())
    spread = np.hypot(np.interp(best, tried, error), target_error)
    return FlipCalibration(best, float(spread / abs(parabola.deriv()(best))), tried, order, error, float(target))
