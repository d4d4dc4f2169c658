"""Random numbers inside kernels whose inner loop is as short as a call of a generator.

xoshiro256++ (D. Blackman and S. Vigna, ACM Trans. Math. Softw. 47, 36 (2021)), written from its recurrence: period
2^256 - 1, 64 bits a draw. Its state starts from 256 random bits of the caller's numpy generator, one state for each
row of a batch, so streams do not overlap and a row does not depend on its neighbours in the batch.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
WHOLE = np.uint64(0xFFFFFFFFFFFFFFFF)


def new_streams(n: int, *, rng: np.random.Generator) -> NDArray[np.uint64]:
    """(n, 4) states of independent streams."""
    return rng.integers(0, WHOLE, size=(n, 4), dtype=np.uint64, endpoint=True)


def threshold(probability: NDArray[np.float64]) -> NDArray[np.uint64]:
    """t with P(64 random bits < t) = probability, to within 2^-53 of it; 1 becomes 1 - 2^-64."""
    p = np.asarray(probability, dtype=float)
    return np.where(p < 1, np.ldexp(np.where(p < 1, p, 0.0), 64).astype(np.uint64), WHOLE)


@njit(cache=True, nogil=True, inline="always")
def turn(word: np.uint64, by: int) -> np.uint64:
    """The 64 bits of a word rotated to the left."""
    return (word << np.uint64(by)) | (word >> np.uint64(64 - by))


@njit(cache=True, nogil=True, inline="always")
def draw(
    a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]:
    """64 random bits, and the state that follows (a, b, c, d)."""
    bits = turn(a + d, 23) + a
    t = b << np.uint64(17)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    return bits, a, b, c ^ t, turn(d, 45)


@njit(cache=True, nogil=True, inline="always")
def pick(bits: np.uint64, n: np.uint64) -> tuple[np.int64, np.uint64]:
    """An index uniform in 0 .. n - 1 and, independent of it, 64 bits for a comparison with a `threshold`.

    The 128-bit product bits x n: its upper half is the index, its lower half uniform on multiples of n, so a
    probability is met to within n 2^-64.

    Args:
        bits: 64 random bits.
        n: below 2^32.
    """
    low = (bits & LOW) * n
    high = (bits >> HALF) * n + (low >> HALF)
    return np.int64(high >> HALF), (high << HALF) | (low & LOW)
