"""Counting of neighbour pairs by modular arithmetic on the grid of cells, without a neighbour table."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.lattice.gather import cell_of, site_at, wrap

LANES = 8  # values counted at a time, one byte of a 64-bit word each
SLAB = 16384  # cells worked on at a time: what fits the cache
OUTSIDE = 255  # a site of the margin, which repeats another one


def count_pairs(
    x: NDArray[np.int8], shape: NDArray[np.int64], n_basis: int, bonds: NDArray[np.int64], n_values: int
) -> NDArray[np.int64]:
    """(batch, n_values, n_values) number of ordered pairs (i, j) over the bonds of one shell.

    The grid is copied, slab by slab, with a margin as wide as the longest bond. There a neighbour is always
    the same distance ahead in memory, and the neighbours of all sites are added up in one go as words with one
    byte for each value, by vector instructions.

    Args:
        x: (batch, n_sites) states.
        shape: (3,) cells along each axis.
        n_basis: sites in a cell.
        bonds: (n, 5) rows (basis, dc1, dc2, dc3, target basis), each bond once, at most 255 from a site.
        n_values: number of species plus one, for the vacancy 0.
    """
    margin = np.abs(bonds[:, 1:4]).max(0)
    counts = np.zeros((len(x), n_values, n_values), dtype=np.int64)
    _count_once(x.view(np.uint8), shape, n_basis, bonds, margin, counts)
    return counts + counts.transpose(0, 2, 1)


@njit(cache=True, nogil=True)
def _count_once(
    x: NDArray[np.uint8],
    shape: NDArray[np.int64],
    n_basis: int,
    bonds: NDArray[np.int64],
    margin: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Add each bond of `bonds` to counts[k, value here, value there]."""
    n1, n2, n3 = shape
    n_values = counts.shape[1]
    stride2 = n3 + 2 * margin[2]
    stride1 = (n2 + 2 * margin[1]) * stride2
    thick = max(1, min(n1, SLAB // (n2 * n3)))
    size = (thick + 2 * margin[0]) * stride1
    words = np.empty((n_basis, size), dtype=np.uint64)
    own = np.empty((n_basis, size), dtype=np.uint8)
    near = np.empty(size, dtype=np.uint64)
    reach = margin[0] * stride1 + margin[1] * stride2 + margin[2]
    for k in range(len(x)):
        for first in range(0, n_values, LANES):
            table = np.zeros(n_values, dtype=np.uint64)
            for value in range(first, min(first + LANES, n_values)):
                table[value] = np.uint64(1) << np.uint64(8 * (value - first))
            for low in range(0, n1, thick):
                high = min(low + thick, n1)
                used = (high - low + 2 * margin[0]) * stride1
                _copy_slab(x[k], shape, low, high, margin, table, words, own)
                for b in range(n_basis):
                    near[:used] = 0
                    for r in range(len(bonds)):
                        if bonds[r, 0] == b:
                            ahead = bonds[r, 1] * stride1 + bonds[r, 2] * stride2 + bonds[r, 3]
                            target = words[bonds[r, 4], reach + ahead : used - reach + ahead]
                            _add(near[reach : used - reach], target)
                    _collect(own[b, :used], near[:used], counts[k], first)


@njit(cache=True, nogil=True)
def _copy_slab(
    x: NDArray[np.uint8],
    shape: NDArray[np.int64],
    low: int,
    high: int,
    margin: NDArray[np.int64],
    table: NDArray[np.uint64],
    words: NDArray[np.uint64],
    own: NDArray[np.uint8],
) -> None:
    """Layers low..high-1 of the grid and their margin: each site's value, and its word in `table`."""
    n1, n2, n3 = shape
    n_basis, size = words.shape
    flat, mine = words.reshape(-1), own.reshape(-1)
    edge = margin[2]
    mine[:] = OUTSIDE
    m = edge
    for c1 in range(low - margin[0], high + margin[0]):
        for c2 in range(-margin[1], n2 + margin[1]):
            inside = low <= c1 < high and 0 <= c2 < n2
            row = (wrap(c1, n1) * n2 + wrap(c2, n2)) * n3 * n_basis
            for b in range(n_basis):
                start = b * size + m
                for c3 in range(n3):
                    flat[start + c3] = table[x[row + b + c3 * n_basis]]
                if inside:
                    for c3 in range(n3):
                        mine[start + c3] = x[row + b + c3 * n_basis]
                for c3 in range(edge):
                    flat[start - 1 - c3] = flat[start - 1 - c3 + n3]
                    flat[start + n3 + c3] = flat[start + c3]
            m += n3 + 2 * edge


@njit(cache=True, nogil=True)
def _add(total: NDArray[np.uint64], other: NDArray[np.uint64]) -> None:
    for m in range(len(total)):
        total[m] += other[m]


@njit(cache=True, nogil=True)
def _collect(own: NDArray[np.uint8], near: NDArray[np.uint64], counts: NDArray[np.int64], first: int) -> None:
    """Add the neighbours `near` of all sites to the row of `counts` of each site's own value."""
    byte = np.uint64(0x00FF00FF00FF00FF)
    nothing = np.uint64(0)
    for start in range(0, len(own), 256):  # 256 x 255 still fits the 16 bits of a counter
        mine, around = own[start : start + 256], near[start : start + 256]
        for i in range(len(counts)):
            even, odd = nothing, nothing
            for m in range(len(mine)):
                word = around[m] if mine[m] == i else nothing
                even += word & byte
                odd += (word >> np.uint64(8)) & byte
            for j in range(first, min(first + LANES, len(counts))):
                word = (odd if (j - first) % 2 else even) >> np.uint64(16 * ((j - first) // 2))
                counts[i, j] += np.int64(word & np.uint64(0xFFFF))


@njit(cache=True, nogil=True)
def count_changes(
    x: NDArray[np.int8],
    shape: NDArray[np.int64],
    offsets: NDArray[np.int64],
    sites: NDArray[np.int64],
    values: NDArray[np.int8],
    n_values: int,
) -> NDArray[np.int64]:
    """(n_values, n_values) change of the ordered pair numbers when `sites` take `values`.

    Args:
        x: (n_sites,) the state before.
        shape: (3,) cells along each axis.
        offsets: (n_basis, Z, 4) the shell.
        sites: (m,) changed sites in ascending order, each once.
        values: (m,) what they hold afterwards.
        n_values: number of species plus one.
    """
    n_basis = len(offsets)
    change = np.zeros((n_values, n_values), dtype=np.int64)
    for m in range(len(sites)):
        b = sites[m] % n_basis
        c1, c2, c3 = cell_of(shape, n_basis, sites[m])
        old, new = x[sites[m]], values[m]
        for k in range(offsets.shape[1]):
            target = site_at(shape, n_basis, c1, c2, c3, offsets[b, k])
            at = np.searchsorted(sites, target)
            if at < len(sites) and sites[at] == target:
                # both ends change: the reverse pair is met from the other end
                change[old, x[target]] -= 1
                change[new, values[at]] += 1
            else:
                other = x[target]
                change[old, other] -= 1
                change[other, old] -= 1
                change[new, other] += 1
                change[other, new] += 1
    return change


@njit(cache=True, nogil=True)
def count_each_change(
    x: NDArray[np.int8],
    shape: NDArray[np.int64],
    offsets: NDArray[np.int64],
    sites: NDArray[np.int64],
    values: NDArray[np.int8],
    n_values: int,
) -> NDArray[np.int64]:
    """(n_events, n_values, n_values) `count_changes` of each of several changes (n_events, m) of the same state.

    Sites may be in any order; negative ones are ignored.
    """
    changes = np.empty((len(sites), n_values, n_values), dtype=np.int64)
    for e in range(len(sites)):
        order = np.argsort(sites[e])
        order = order[np.count_nonzero(sites[e] < 0) :]
        changes[e] = count_changes(x, shape, offsets, sites[e][order], values[e][order], n_values)
    return changes
