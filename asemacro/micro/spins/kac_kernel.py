"""Compiled loops of spins with many neighbours: a flip changes the local fields of all of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.micro.spins.kac_strips import StripKernel
from asemacro.micro.spins.streams import draw, pick

_UNIT = 2.0**-64
_AHEAD = 16  # attempts that are drawn together


class Rows(NamedTuple):
    """States at work, with what belongs to them.

    Attributes:
        spins: (batch, n_sites) int8 in the order of strips, edited.
        fields: (batch, n_sites) their local fields in units of the weights, in the order of strips, edited.
        seen: (n_sites,) scratch, False on entry and on return.
        edges: (3,) of the blocks whose flips are counted.
        flips: (batch, n_blocks) counts, added to.
    """

    spins: NDArray[np.int8]
    fields: NDArray[np.signedinteger]
    seen: NDArray[np.bool_]
    edges: NDArray[np.int64]
    flips: NDArray[np.int64]


@njit(cache=True, nogil=True, inline="always")
def _accepted(chance: np.uint64, tilt: float) -> bool:
    """Whether 64 random bits fall below the rate 1 / (1 + exp(tilt))."""
    return np.float64(chance) * _UNIT * (1.0 + np.exp(tilt)) < 1.0


@njit(cache=True, nogil=True, inline="always")
def _block(grid: NDArray, edges: NDArray, first: int, second: int, third: int) -> int:
    """Number of the block of a site."""
    across = (first // edges[0]) * (grid[1] // edges[1]) + second // edges[1]
    return across * (grid[2] // edges[2]) + third // edges[2]


@njit(cache=True, nogil=True, error_model="numpy")
def _add(fields: NDArray, begin: int, weights: NDArray, at: int, count: int, rising: bool) -> None:
    """Add some weights to local fields that lie together, or take them off."""
    here, change = fields[begin : begin + count], weights[at : at + count]
    if rising:
        for k in range(count):
            here[k] += change[k]
    else:
        for k in range(count):
            here[k] -= change[k]


@njit(cache=True, nogil=True, inline="always")
def _wrapped(place: int, length: int) -> int:
    """A place at most one length beyond either end of a ring."""
    return place + length if place < 0 else (place - length if place >= length else place)


@njit(cache=True, nogil=True, error_model="numpy")
def _flip(kernel: StripKernel, rows: Rows, row: int, site: int) -> None:
    """Flip a spin, count it, and change the local fields around it."""
    width, grid = kernel.width, kernel.grid
    strips, n1 = grid[2] // width, grid[1]
    rest, column = divmod(site, width)
    rest, second = divmod(rest, n1)
    plane, strip = divmod(rest, strips)
    spin = rows.spins[row, site]
    rows.spins[row, site] = -spin
    rows.flips[row, _block(grid, rows.edges, plane, second, strip * width + column)] += 1
    fields, rising = rows.fields[row], spin < 0
    for r in range(kernel.starts[column], kernel.starts[column + 1]):
        there = _wrapped(plane + kernel.runs[r, 0], grid[0]) * strips
        base = (there + _wrapped(strip + kernel.runs[r, 1], strips)) * n1
        begin, count, at = _wrapped(second + kernel.runs[r, 2], n1), kernel.runs[r, 3], kernel.runs[r, 4]
        straight = min(count, n1 - begin)
        _add(fields, (base + begin) * width, kernel.weights, at, straight * width, rising)
        if straight < count:
            _add(fields, base * width, kernel.weights, at + straight * width, (count - straight) * width, rising)


@njit(cache=True, nogil=True, error_model="numpy")
def _twice(active: NDArray, seen: NDArray) -> bool:
    """Whether a site is active twice."""
    found = False
    for site in active:
        found |= seen[site]
        seen[site] = True
    for site in active:
        seen[site] = False
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def flip_by_fields(
    kernel: StripKernel,
    rows: Rows,
    active: NDArray,
    everything: bool,
    left: NDArray,
    streams: NDArray,
    first: int,
    levels: tuple[int, int],
    budget: int,
) -> int:
    """Attempts on spins whose local fields are known; arguments and result as in `Glauber._run`.

    An attempt looks at one local field; only an accepted one changes those of its neighbours, exactly, because they
    are whole numbers.

    Args:
        kernel: the coupling.
        rows: the states.
        active: (batch, m) places in the order of strips, not read if `everything` is active.
        everything: whether all sites are active.
        left: (batch,), edited.
        streams: (batch, 4), edited.
        first: row to begin with.
        levels: see `Glauber._run`.
        budget: most work, in attempts; a flip counts as one for each 16 weights more.
    """
    lower, upper = levels
    m = rows.spins.shape[1] if everything else active.shape[1]
    n = np.uint64(m)
    price = 1 + len(kernel.weights) // (16 * kernel.width)
    slope, shift = kernel.slope, kernel.shift
    # what is read early is in the cache, for several attempts at once, when it is needed: large states do not fit it
    sites, early, chances = (
        np.empty(_AHEAD, dtype=np.int64),
        np.empty(_AHEAD, dtype=np.int64),
        np.empty(_AHEAD, dtype=np.uint64),
    )
    for row in range(first, len(rows.spins)):
        if left[row] == 0:
            continue
        if budget <= 0:
            return row
        state, near = rows.spins[row], rows.fields[row]
        if not everything and _twice(active[row], rows.seen):
            return -1
        total = state.sum()
        a, b, c, d = streams[row]
        attempts = left[row]
        done = 0
        while done < attempts and budget > 0 and lower < total < upper:
            ahead = min(_AHEAD, attempts - done)
            budget -= ahead
            for q in range(ahead):
                bits, a, b, c, d = draw(a, b, c, d)
                chosen, chances[q] = pick(bits, n)
                sites[q] = chosen if everything else active[row, chosen]
                early[q] = near[sites[q]] + state[sites[q]]
            for q in range(ahead):
                site, spin = sites[q], np.int64(state[sites[q]])
                done += 1
                if _accepted(chances[q], spin * (slope * near[site] + shift)):
                    _flip(kernel, rows, row, site)
                    total -= 2 * spin
                    budget -= price
                    if not lower < total < upper:
                        break
        streams[row, 0], streams[row, 1], streams[row, 2], streams[row, 3] = a, b, c, d
        left[row] -= done
        if left[row] > 0 and lower < total < upper:
            return row
    return len(rows.spins)


@njit(cache=True, nogil=True, error_model="numpy")
def flip_window(
    x: NDArray,
    fields: NDArray,
    tilt: tuple[float, float],
    attempts: NDArray,
    streams: NDArray,
    span: tuple[int, int],
    grid: NDArray,
    edges: NDArray,
    flips: NDArray,
) -> None:
    """What spins do in a time in which their local fields stay as they are, flips and back flips.

    Args:
        x: (batch, n_sites) int8, edited.
        fields: (batch, n_sites) local fields.
        tilt: 2 beta and 2 beta h.
        attempts: (batch, most) uint64 thresholds: k of them are not above 64 random bits if there are k attempts.
        streams: (batch, 4), edited.
        span: first site and the one after the last.
        grid: (3,) sites along each axis.
        edges: (3,) of the blocks whose flips are counted.
        flips: (batch, n_blocks) counts, added to.
    """
    slope, shift = tilt
    for row in range(len(x)):
        a, b, c, d = streams[row]
        state, near, steps = x[row], fields[row], attempts[row]
        for site in range(span[0], span[1]):
            bits, a, b, c, d = draw(a, b, c, d)
            k = 0
            while k < len(steps) and bits >= steps[k]:
                k += 1
            if k == 0:
                continue
            spin, count = np.int64(state[site]), 0
            up = slope * near[site] + shift  # tilt of leaving the state up
            for _ in range(k):
                bits, a, b, c, d = draw(a, b, c, d)
                if _accepted(bits, spin * up):
                    spin = -spin
                    count += 1
            if count:
                state[site] = spin
                rest, third = divmod(site, grid[2])
                plane, second = divmod(rest, grid[1])
                flips[row, _block(grid, edges, plane, second, third)] += count
        streams[row, 0], streams[row, 1], streams[row, 2], streams[row, 3] = a, b, c, d
