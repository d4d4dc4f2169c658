"""Keys of what surrounds a vacancy: 128 bits, so that different surroundings share one practically never."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.lattice.gather import cell_of, wrap

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
OTHER = np.uint64(0xD1B54A32D192ED03)


@njit(cache=True, nogil=True, inline="always")
def mix(h: np.uint64) -> np.uint64:
    """A bijection of 64 bits in which every output bit depends on every input bit (splitmix64's finaliser)."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def mix_other(h: np.uint64) -> np.uint64:
    """Another such bijection (MurmurHash3's finaliser)."""
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@njit(cache=True, nogil=True)
def environment_key(env: NDArray, basis: int, bits: int) -> tuple[np.uint64, np.uint64]:
    """Key of the species around a vacancy, wherever it is: packed into words of 64 bits, each mixed twice.

    Args:
        env: (n_env,) int8 species.
        basis: basis index of the vacancy's site.
        bits: bits that hold a species.
    """
    # mixed before species join: as plain sums, one on basis 0 with species 2 last had the key of 1 with species 1 last
    h1 = mix(np.uint64(basis) + GOLDEN)
    h2 = mix_other(np.uint64(basis) ^ OTHER)
    shift = np.uint64(bits)
    per_word = 64 // bits
    n = env.shape[0]
    start = 0
    while start < n:
        stop = min(n, start + per_word)
        word = np.uint64(0)
        for e in range(start, stop):
            word = (word << shift) | np.uint64(env[e])
        start = stop
        h1 = mix((h1 ^ word) + GOLDEN)
        h2 = mix_other(h2 + (word ^ OTHER))
    return h1, h2 | np.uint64(1)


@njit(cache=True, nogil=True)
def block_of(grid: NDArray, shape: NDArray, n_basis: int, site: int) -> tuple[int, int, int]:
    """Which block of cells a site is in; the lattice is cut into `grid` blocks along its axes."""
    c1, c2, c3 = cell_of(shape, n_basis, site)
    return c1 * grid[0] // shape[0], c2 * grid[1] // shape[1], c3 * grid[2] // shape[2]


@njit(cache=True, nogil=True)
def note_change(
    blocks: NDArray, grid: NDArray, shape: NDArray, n_basis: int, site: int, before: int, after: int
) -> None:
    """Keep `blocks` (n_blocks, 2), the sums (xor) of the keys of all (site, species) that changed since the start.

    A change that is undone leaves no trace, so the sum is a function of the state (Zobrist hashing).
    """
    block = 0
    if blocks.shape[0] > 1:
        b1, b2, b3 = block_of(grid, shape, n_basis, site)
        block = (b1 * grid[1] + b2) * grid[2] + b3
    for side in range(2):
        species = np.int64(before if side == 0 else after)
        h = mix(np.uint64(site * 128 + species) + GOLDEN)
        blocks[block, 0] ^= h
        blocks[block, 1] ^= mix_other(h ^ OTHER)


@njit(cache=True, nogil=True)
def region_key(
    blocks: NDArray, grid: NDArray, shape: NDArray, n_basis: int, site: int, salt: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Key of the vacancy's site and of all changes in its own and the adjacent blocks.

    A block is at least as wide as the reach of an environment, so within one run equal keys mean equal
    environments. `salt`, a random word of its own for each run, tells runs apart.
    """
    h1 = mix(np.uint64(site) ^ salt)
    h2 = mix_other(np.uint64(site) ^ mix_other(salt + GOLDEN))
    if blocks.shape[0] == 1:
        return h1 ^ blocks[0, 0], (h2 ^ blocks[0, 1]) | np.uint64(1)
    b1, b2, b3 = block_of(grid, shape, n_basis, site)
    for i in range(min(3, grid[0])):
        # with one or two blocks along an axis: each of them once
        k1 = i if grid[0] < 3 else wrap(b1 + i - 1, grid[0])
        for j in range(min(3, grid[1])):
            k2 = j if grid[1] < 3 else wrap(b2 + j - 1, grid[1])
            for k in range(min(3, grid[2])):
                k3 = k if grid[2] < 3 else wrap(b3 + k - 1, grid[2])
                block = (k1 * grid[1] + k2) * grid[2] + k3
                h1 ^= blocks[block, 0]
                h2 ^= blocks[block, 1]
    return h1, h2 | np.uint64(1)
