"""Block fields of spins, Kac or vectors: starts out of equilibrium, and what they do in a short time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import erf

from asemacro.arguments.checks import bound_of_memory, generator_of
from asemacro.arguments.door import (
    BLOCK_SPINS,
    CRYSTAL,
    STATES,
    above_zero,
    checked,
    flag_or_report,
    many,
    number,
    whole,
)
from asemacro.field_data import FieldData
from asemacro.lattice.lattice import Lattice
from asemacro.micro.spins.block_spins import BlockSpins
from asemacro.observables.blocks import BlockMeans
from asemacro.tasks.parts import part
from asemacro.tasks.patience import Patience
from asemacro.tasks.progress import reporting
from asemacro.typing import Report

AMPLITUDE = 0.9
HOMOGENEOUS = 1 / 4
"""Part of the prepared fields that are the same everywhere."""
_LEAST_AMPLITUDE = 0.3
_TINY = 1e-30
_SITES_AT_ONCE = 1 << 23  # of states that are evolved together


@checked(
    lattice=CRYSTAL, n=whole(1), lengths=many(above_zero), amplitude=number(0, 1), homogeneous=number(0, 1),
    rng=generator_of,
)  # fmt: skip
def smooth_fields(
    lattice: Lattice,
    n: int,
    *,
    lengths: Sequence[float],
    amplitude: float = AMPLITUDE,
    homogeneous: float = HOMOGENEOUS,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    r"""Random local magnetisations far from equilibrium, which the learner of field equations needs.

    A field is m(r) = a (m0 + (1 - |m0|) erf(g(r) / sqrt 2)) with a Gaussian random field g of unit variance whose
    correlations fall as exp(-r^2 / (4 l^2)). l is one of the lengths, m0 is uniform in [-1/2, 1/2], a in [0.3, 1] times
    the amplitude. Some fields are the same everywhere instead: evenly from -amplitude to amplitude, in random order.

    Args:
        lattice: where the spins live.
        n: fields.
        lengths: correlation lengths l in sites, each used equally often.
        amplitude: largest |m|, in [0, 1].
        homogeneous: part of the fields that are the same everywhere.
        rng: source of randomness.

    Returns:
        (n, n_sites) single precision.

    Raises:
        ValueError: numbers out of range, no length, or more fields than the memory holds.
    """
    bound_of_memory(4.0 * n * lattice.n_sites + 16.0 * lattice.n_sites, f"{n} fields of {lattice.n_sites} sites")
    out = np.empty((n, lattice.n_sites), dtype=np.float32)
    for k, field in enumerate(_fields(lattice, n, lengths, amplitude, homogeneous, rng)):
        out[k] = field
    return out


def _fields(
    lattice: Lattice, n: int, lengths: Sequence[float], amplitude: float, homogeneous: float, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    """The fields of `smooth_fields` one by one, (n_sites,) each."""
    grid = tuple(m for m in lattice.shape if m > 1) or (1,)
    if lattice.n_basis != 1:
        raise ValueError(f"smooth fields need a lattice of one site a cell, got {lattice.n_basis} sites")
    flat = round(homogeneous * n)
    if flat < n and not len(lengths):
        raise ValueError("smooth fields need at least one correlation length")
    for k in rng.permutation(n):
        if k < flat:
            yield np.full(lattice.n_sites, amplitude * ((2 * k + 1) / flat - 1), dtype=np.float32)
            continue
        g = _gaussian_field(grid, lengths[k % len(lengths)], rng)
        offset, size = rng.uniform(-0.5, 0.5), amplitude * rng.uniform(_LEAST_AMPLITUDE, 1)
        yield size * (offset + (1 - abs(offset)) * erf(g / math.sqrt(2))).reshape(-1)


def _gaussian_field(grid: tuple[int, ...], length: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """White noise smoothed by exp(-k^2 l^2 / 2), of unit variance."""
    waves = fft.rfftn(rng.standard_normal(grid, dtype=np.float32))
    for axis, m in enumerate(grid):
        k = 2 * np.pi * (fft.rfftfreq(m) if axis == len(grid) - 1 else fft.fftfreq(m))
        along = np.exp(-((k * length) ** 2) / 2).astype(np.float32)
        waves *= np.expand_dims(along, tuple(set(range(len(grid))) - {axis}))
    field = fft.irfftn(waves, s=grid)
    return np.asarray(field / max(float(np.sqrt(np.mean(field**2))), _TINY), dtype=np.float32)


@checked(
    system=BLOCK_SPINS, block=whole(1), duration=above_zero, repeats=whole(1), steps=whole(1), window=above_zero,
    rng=generator_of, progress=flag_or_report,
)  # fmt: skip
def make_field_data(
    system: BlockSpins,
    starts: NDArray[Any] | int,
    *,
    block: int,
    duration: float,
    repeats: int = 1,
    steps: int = 1,
    window: float | None = None,
    rng: np.random.Generator,
    progress: bool | Report = False,
) -> FieldData:
    """What block fields do in a short time: a row for each step of each run from each start.

    Flips are counted as they happen, back flips too. Durations of 0.02 or less make the increments nearly those of
    frozen local fields; longer ones hold more flips, and the learner corrects for 1 - exp(-dt).

    Of vector spins the fields are those of the component along the easy axis, s_z, and there are no flips to count.

    Args:
        system: spins with a coupling of some range; one of many blocks is what block fields describe well. Or vector
            spins at a temperature above 0.
        starts: (n, n_sites) states, (n, n_sites, 3) of vectors, or how many to prepare: spins drawn independently at
            the local magnetisations of `smooth_fields`, with correlation lengths from B / 4 doubled up to a quarter of
            the lattice.
        block: B, edge of the blocks in sites, which divides the lattice along each axis.
        duration: time between before and after.
        repeats: runs from each start, all from the same state.
        steps: rows of each run, which goes on from one to the next.
        window: move synchronously, see `KacIsing.evolve_counting`; None for the exact dynamics, and for vectors.
        rng: source of randomness.
        progress: True for a bar, or a function called as progress("fields", fraction, text).

    Returns:
        n x repeats x steps rows in this order; `group` is the number of the start.

    Raises:
        ValueError: blocks that do not divide the lattice, a temperature of 0 or infinity, states that do not fit, or
            more rows than the memory holds.
    """
    phi = BlockMeans(system.lattice, block, component=system.block_component)
    if not system.temperature > 0:
        raise ValueError("field data need a temperature above 0")
    if not np.isfinite(system.temperature):
        raise ValueError("field data need a finite temperature; take a very high one, 1e6, for independent spins")
    if np.ndim(starts) == 0:
        n = whole(1)(starts, "starts")
    else:
        starts = system.checked(STATES(starts, "starts"))
        n = len(starts)
    rows = n * repeats * steps
    grid = tuple(phi.grid[k] for k in phi.axes)
    bound_of_memory(12.0 * rows * phi.dim, f"{rows} rows of {phi.dim} blocks")
    before, after = (np.empty((rows, *grid), dtype=np.float32) for _ in range(2))
    counted = np.zeros((rows, *grid), dtype=np.int32)
    known = False  # whether flips are counted
    patience = Patience(f"the block fields of {rows} rows")
    with reporting(progress, {"fields": 1.0}) as tell:
        for start, x in enumerate(_starts(system, starts, n, block, rng)):
            for first, states in _copies(x, repeats):

                def runs(states: NDArray[Any] = states) -> list[tuple[NDArray[Any], ...]]:
                    seen = []
                    for _ in range(steps):
                        old = phi.fields(states, system.lattice)
                        states, flips = system.evolve_counting(states, duration, block, window=window, rng=rng)
                        seen.append((old, phi.fields(states, system.lattice), *(() if flips is None else (flips,))))
                    return seen

                for step, (old, new, *counts) in enumerate(part("fields", runs, rng=rng)):
                    at = (start * repeats + first + np.arange(len(states))) * steps + step
                    before[at], after[at] = old, new
                    if counts:
                        counted[at], known = counts[0], True
                share = (start + (first + len(states)) / repeats) / n
                patience.done(share)
                tell("fields", share, f"{round(share * n)} of {n} starts")
    return FieldData(
        before, after, counted if known else None, np.full(rows, duration), np.full(rows, system.temperature),
        np.full(rows, system.block_field), phi.sites, block, np.repeat(np.arange(n), repeats * steps),
    )  # fmt: skip


def _starts(
    system: BlockSpins, starts: NDArray[Any] | int, n: int, block: int, rng: np.random.Generator
) -> Iterator[NDArray[Any]]:
    """States (1, n_sites[, 3]) to start from, given or prepared."""
    if isinstance(starts, np.ndarray) and starts.ndim:
        yield from starts[:, None]
        return
    shortest = block / 4
    longest = min(n for n in (*system.lattice.shape, system.lattice.n_sites) if n > 1) / 4
    lengths = [shortest * 2**k for k in range(1 + int(math.log2(longest / shortest)))]
    for field in _fields(system.lattice, n, lengths, AMPLITUDE, HOMOGENEOUS, rng):
        yield system.independent(field[None], rng=rng)


def _copies(x: NDArray[Any], repeats: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """The number of the first and copies of a state, as many as are evolved together."""
    size = max(1, _SITES_AT_ONCE // x.shape[1])
    for first in range(0, repeats, size):
        yield first, np.repeat(x, min(size, repeats - first), axis=0)
