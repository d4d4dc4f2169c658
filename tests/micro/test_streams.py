"""The random numbers of the spin kernels: the published generator, and probabilities that are met."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import stats

from asemacro.micro.spins.streams import WHOLE, draw, new_streams, pick, threshold
from asemacro.testing import ALPHA


@njit
def _draws(state: np.ndarray, n: int) -> np.ndarray:
    a, b, c, d = state
    out = np.empty(n, dtype=np.uint64)
    for i in range(n):
        out[i], a, b, c, d = draw(a, b, c, d)
    return out


@njit
def _picks(bits: np.ndarray, n: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    index, rest = np.empty(len(bits), dtype=np.int64), np.empty(len(bits), dtype=np.uint64)
    for i in range(len(bits)):
        index[i], rest[i] = pick(bits[i], n)
    return index, rest


def test_numbers_are_those_of_the_published_generator() -> None:
    # xoshiro256++ from the state (1, 2, 3, 4), as other implementations have it
    known = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205]
    np.testing.assert_array_equal(_draws(np.array([1, 2, 3, 4], np.uint64), 5), np.array(known, np.uint64))


def test_an_index_and_the_rest_are_the_halves_of_a_product() -> None:
    bits = _draws(new_streams(1, rng=np.random.default_rng(0))[0], 2000)
    for n in (1, 3, 4096, 2**32 - 1):
        index, rest = _picks(bits, np.uint64(n))
        for word, i, r in zip(bits.tolist(), index.tolist(), rest.tolist(), strict=True):
            assert (i << 64) + r == word * n


def test_indices_and_chances_are_uniform_and_independent() -> None:
    bits = _draws(new_streams(1, rng=np.random.default_rng(1))[0], 200_000)
    index, rest = _picks(bits, np.uint64(7))
    low = rest < threshold(np.array(0.3))
    table = np.array([[np.sum((index == i) & (low == k)) for k in (False, True)] for i in range(7)])
    assert stats.chisquare(table.ravel(), np.tile([0.7, 0.3], 7) * len(bits) / 7).pvalue > ALPHA


def test_thresholds_are_probabilities() -> None:
    p = np.array([0.0, 2.0**-60, 0.25, 1 - 2.0**-53, 1.0])
    np.testing.assert_array_equal(threshold(p), np.array([0, 16, 1 << 62, (1 << 64) - (1 << 11), WHOLE], np.uint64))


def test_streams_differ() -> None:
    streams = new_streams(100, rng=np.random.default_rng(2))
    assert len(np.unique(streams)) == 400
    np.testing.assert_array_equal(streams, new_streams(100, rng=np.random.default_rng(2)))
