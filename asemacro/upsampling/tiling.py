"""Large snapshots from small ones: blocks side by side, exact repeats, mosaics of shifted cells."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory, generator_of, time_of
from asemacro.arguments.door import (
    SITES,
    SNAPSHOTS,
    array,
    batch,
    checked,
    function,
    whole,
)
from asemacro.micro.blocks import Blocks
from asemacro.micro.protocol import SYSTEM
from asemacro.typing import State

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice
    from asemacro.micro.protocol import MicroSystem
    from asemacro.micro.sampling import Snapshots

How = Callable[..., tuple[Any, State]]


@checked(
    system=SYSTEM,
    small=SNAPSHOTS,
    copies=whole(1),
    how=function,
    n_snapshots=whole(1),
    rng=generator_of,
    relax_s=time_of,
)
def upsample(
    system: MicroSystem,
    small: Snapshots,
    copies: int,
    how: How | None = None,
    *,
    n_snapshots: int | None = None,
    rng: np.random.Generator,
    relax_s: float = 0.0,
) -> tuple[MicroSystem | Blocks, State]:
    """Large snapshots whose parts are small ones of the same age.

    Args:
        system: the micro system of one small cell.
        small: snapshots (n_trajectories, n_times, n_sites) of it.
        copies: number of small cells in the large system.
        how: `blocks` (default: best in docs/notes/upsampling.md), `repeat` or `mosaic`.
        n_snapshots: large snapshots for each time; default one for each trajectory.
        rng: random generator.
        relax_s: evolve all carriers of the large system for this long afterwards. A mosaic needs it, and
            carriers that were moved do (burn in by time, never by events, when pairs stop at times).

    Returns:
        The large system and its snapshots, (n_times * n_snapshots, n_large), ages in ascending order.

    Raises:
        ValueError: copies < 1, fewer trajectories than the way of upsampling needs.
    """
    count = len(small.x) if n_snapshots is None else n_snapshots
    way = blocks if how is None else how
    big: MicroSystem | Blocks = system
    parts = []
    for t in range(len(small.times)):
        big, x = way(system, small.x[:, t], copies, count, rng=rng)
        parts.append(x)
    x = np.concatenate(parts)
    if relax_s > 0:
        x, _ = big.evolve(x, relax_s, rng=rng)
    return big, x


@checked(system=SYSTEM, cells=batch, copies=whole(1), count=whole(1), rng=generator_of)
def blocks(
    system: MicroSystem, cells: State, copies: int, count: int, *, rng: np.random.Generator
) -> tuple[Blocks, State]:
    """Different small periodic cells side by side, none of them changed.

    No seams, the spread of a large system (the mean over independent cells), and the carriers stay where time
    put them, so no burn-in. Correlations longer than the small cell are missing, as in the small cell itself.

    Args:
        system: the micro system of one cell.
        cells: (n_trajectories, n_sites) cells of one age.
        copies: cells in a large snapshot; drawn without replacement.
        count: number of large snapshots.
        rng: random generator.

    Raises:
        ValueError: fewer cells than copies.
    """
    _fits(system, cells)
    if len(cells) < copies:
        raise ValueError(
            f"blocks needs at least {copies} different trajectories, got {len(cells)}; run more or use repeat"
        )
    bound_of_memory(float(count) * copies * cells[0].nbytes, f"{count} snapshots of {copies} cells")
    rows = np.stack([rng.choice(len(cells), size=copies, replace=False) for _ in range(count)])
    return Blocks(system, copies), cells[rows].reshape(count, -1, *cells.shape[2:])


@checked(system=SYSTEM, cells=batch, copies=whole(1), count=whole(1), rng=generator_of)
def repeat(
    system: MicroSystem, cells: State, copies: int, count: int, *, rng: np.random.Generator
) -> tuple[MicroSystem, State]:
    """Exact copies of one small cell in one large box: no seams, the composition exact, the spread of one cell.

    Arguments as in `blocks`; the cells are taken in turn, in random order. The system must be one that can be made
    again on another lattice (`on`).
    """
    _fits(system, cells)
    big = _on_larger(system, copies, count * cells[0].nbytes)
    order = rng.permutation(len(cells))[np.arange(count) % len(cells)]
    return big, system.lattice.tile(cells[order], big.lattice)


@checked(system=SYSTEM, cells=batch, copies=whole(1), count=whole(1), rng=generator_of, wanted=array(None, kind="i"))
def mosaic(
    system: MicroSystem, cells: State, copies: int, count: int, *, rng: np.random.Generator, wanted: Any = None
) -> tuple[MicroSystem, State]:
    """Different small cells, each shifted by a random lattice translation, in one large box, composition fixed.

    The published way. Bonds across the seams are random (17.6 % of the first-shell bonds of 8 x 8 x 8 bcc cells)
    and heal only over the full relaxation time: give `upsample` a relax_s of that order. `fix_composition` brings
    the counts of all species, vacancies included, to `wanted` (default: `copies` times those of the first cell).

    Systems whose carriers never move (spins) have no composition to fix. In a transient take spins of one start and
    age, one `Snapshots` for each start, and relax for half a unit of time at most: the state ages meanwhile.

    Arguments as in `blocks`.
    """
    _fits(system, cells)
    big = _on_larger(system, copies, count * cells[0].nbytes)
    small, large = system.lattice, big.lattice
    factors = np.array(large.shape) // np.array(small.shape)
    fields = cells.shape[2:]
    x = np.empty((count, large.n_sites, *fields), dtype=cells.dtype)
    grid = x.reshape(count, *large.shape, large.n_basis, *fields)
    for row in range(count):
        chosen = rng.choice(len(cells), size=copies, replace=len(cells) < copies)
        for cell, place in zip(chosen, np.ndindex(*factors), strict=True):
            shift = [int(rng.integers(n)) for n in small.shape]
            block = np.roll(cells[cell].reshape(*small.shape, small.n_basis, *fields), shift, axis=(0, 1, 2))
            window = tuple(slice(p * n, (p + 1) * n) for p, n in zip(place, small.shape, strict=True))
            grid[row][window] = block
    if system.immobile:
        return big, x
    counts = np.bincount(cells[0], minlength=len(small.species) + 1) * copies if wanted is None else np.asarray(wanted)
    return big, fix_composition(x, counts, rng=rng)


@checked(x=SITES, counts=array(None, kind="i"), rng=generator_of)
def fix_composition(x: State, counts: NDArray[np.integer], *, rng: np.random.Generator) -> State:
    """Change as few random sites as possible so that every state has exactly `counts[s]` sites of value s.

    Args:
        x: (batch, n_sites), not edited.
        counts: (S + 1,) wanted numbers, vacancies first; they must sum to n_sites.
        rng: random generator.

    Raises:
        ValueError: counts that do not sum to the number of sites or are negative.
    """
    if x.ndim != 2 or (x.size and not 0 <= x.min() <= x.max() < len(counts)):
        raise ValueError(f"x must be states of values 0 to {len(counts) - 1}, got the shape {x.shape}")
    if counts.sum() != x.shape[1] or (counts < 0).any():
        raise ValueError(f"counts {counts.tolist()} must not be negative and sum to {x.shape[1]} sites")
    out = x.copy()
    for row in out:
        excess = np.bincount(row, minlength=len(counts)) - counts
        surplus = [rng.choice(np.flatnonzero(row == s), size=e, replace=False) for s, e in enumerate(excess) if e > 0]
        if surplus:
            missing = np.repeat(np.arange(len(counts)), np.maximum(-excess, 0))
            row[rng.permutation(np.concatenate(surplus))] = missing
    return out


def _fits(system: MicroSystem, cells: State) -> None:
    if cells.shape[1] != system.lattice.n_sites:
        raise ValueError(f"cells must have {system.lattice.n_sites} sites, those of the system, got {cells.shape}")


def _on_larger(system: MicroSystem, copies: int, size_bytes: int) -> MicroSystem:
    """The same system on the most cubic box of `copies` small ones, whose states take so many bytes for each copy."""
    bound_of_memory(float(size_bytes) * copies, f"large snapshots of {copies} cells")
    return system.on(larger_lattice(system.lattice, copies))


def larger_lattice(lattice: Lattice, copies: int) -> Lattice:
    """`lattice` repeated `copies` times along its periodic axes, as near to equal sides as the factors allow."""
    free = [k for k, periodic in enumerate(lattice.pbc) if periodic]
    sides = np.linalg.norm(lattice.cell, axis=1) * np.array(lattice.shape)
    best, best_ratio = None, np.inf
    for a in _divisors(copies):
        for b in _divisors(copies // a):
            factors = [1, 1, 1]
            for k, m in zip(free, (a, b, copies // a // b), strict=False):
                factors[k] = m
            if np.prod(factors) != copies:
                continue
            lengths = (sides * factors)[free]
            if lengths.max() / lengths.min() < best_ratio - 1e-9:
                best, best_ratio = factors, lengths.max() / lengths.min()
    if best is None:
        raise ValueError(f"a lattice without periodic axes cannot hold {copies} copies")
    return lattice.repeat(best)


def _divisors(n: int) -> list[int]:
    small = [k for k in range(1, math.isqrt(n) + 1) if n % k == 0]
    return sorted({*small, *(n // k for k in small)})
