"""Which vacancies a hop concerns, found through lists of the vacancies in each block of cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.lattice.gather import wrap

NEXT_ONE, BEFORE, STAMP = range(3)
"""Columns of `Walk.chain`: the next vacancy in the list of a block, the one before (-1: none), and the number of the
hop for which the vacancy was last listed."""


def new_lists(cells: NDArray[np.int64], grid: NDArray[np.int64], shape: NDArray[np.int64]) -> Any:
    """`Walk.head` (n_blocks,), the first vacancy of each block, and `Walk.chain` (n, 3) of vacancies in `cells`."""
    head = np.full(int(np.prod(grid)), -1, dtype=np.int64)
    chain = np.full((len(cells), 3), -1, dtype=np.int64)
    for v, block in enumerate(np.ravel_multi_index(tuple((cells * grid // shape).T), tuple(grid))):
        put(head, chain, block, v)
    return head, chain


@njit(cache=True, nogil=True, inline="always")
def within(cells: NDArray, w: int, v: int, shape: NDArray, reach: NDArray) -> bool:
    """Whether the cell in row v lies in the box that the environment of the cell in row w reaches."""
    for axis in range(3):
        d = cells[v, axis] - cells[w, axis]
        if d < 0:
            d += shape[axis]
        if d > reach[axis, 1] and d - shape[axis] < reach[axis, 0]:
            return False
    return True


@njit(cache=True, nogil=True)
def put(head: NDArray, chain: NDArray, block: int, v: int) -> None:
    """Add vacancy v to the list of a block."""
    first = head[block]
    chain[v, NEXT_ONE], chain[v, BEFORE] = first, -1
    if first >= 0:
        chain[first, BEFORE] = v
    head[block] = v


@njit(cache=True, nogil=True)
def drop(head: NDArray, chain: NDArray, block: int, v: int) -> None:
    """Take vacancy v from the list of its block."""
    after, before = chain[v, NEXT_ONE], chain[v, BEFORE]
    if before >= 0:
        chain[before, NEXT_ONE] = after
    else:
        head[block] = after
    if after >= 0:
        chain[after, BEFORE] = before


@njit(cache=True, nogil=True)
def list_concerned(walk: Any, shape: NDArray, v: int, hop: int) -> int:
    """Fill `walk.pending` with vacancy v, whose hop this is, and all that see the cell it left or the one it is in.

    These are in the last row of `walk.cells` and in row v. A block is at least as wide as the reach of an environment:
    those who see a cell are in its block or an adjacent one.

    Returns:
        their number.
    """
    cells, grid, reach, head, chain, pending = walk.cells, walk.grid, walk.reach, walk.head, walk.chain, walk.pending
    n = pending.shape[0]
    old, new = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for axis in range(3):
        old[axis] = cells[n, axis] * grid[axis] // shape[axis]
        new[axis] = cells[v, axis] * grid[axis] // shape[axis]
    same = old[0] == new[0] and old[1] == new[1] and old[2] == new[2]
    if not same:
        drop(head, chain, (old[0] * grid[1] + old[1]) * grid[2] + old[2], v)
        put(head, chain, (new[0] * grid[1] + new[1]) * grid[2] + new[2], v)
    pending[0] = v
    chain[v, STAMP] = hop
    found = 1
    for side in range(1 if same else 2):
        at = old if side == 0 else new
        for i in range(min(3, grid[0])):
            # with one or two blocks along an axis: each of them once
            k1 = i if grid[0] < 3 else wrap(at[0] + i - 1, grid[0])
            for j in range(min(3, grid[1])):
                k2 = j if grid[1] < 3 else wrap(at[1] + j - 1, grid[1])
                for k in range(min(3, grid[2])):
                    k3 = k if grid[2] < 3 else wrap(at[2] + k - 1, grid[2])
                    w = head[(k1 * grid[1] + k2) * grid[2] + k3]
                    while w >= 0:
                        near = within(cells, w, n, shape, reach) or within(cells, w, v, shape, reach)
                        if chain[w, STAMP] != hop and near:
                            chain[w, STAMP] = hop
                            pending[found] = w
                            found += 1
                        w = chain[w, NEXT_ONE]
    return found
