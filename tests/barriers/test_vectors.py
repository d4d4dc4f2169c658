"""The blocks of vectors of the networks against NumPy, whatever the numbers of rows and blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from asemacro.barriers import dense
from asemacro.barriers import vectors as v


def random(*shape: int, kind: Any = np.float32) -> np.ndarray:
    return v.aligned(np.random.default_rng(sum(shape)).normal(size=shape), kind).reshape(shape)


def hardswish(t: np.ndarray) -> np.ndarray:
    return t * np.clip(t + 3, 0, 6) / 6


def relu(t: np.ndarray) -> np.ndarray:
    return np.maximum(t, 0)


LAYERS = [(dense.linear_layer, None), (dense.hardswish_layer, hardswish), (dense.relu_layer, relu)]


@njit
def add(blocks: int, out: Any, base: Any, rows: Any, width: int, links: Any) -> None:
    v.add_rows(blocks, out, (0, 16), base, (0, 16), rows, (0, 16, width), links, (0, links.shape[0]))


@njit
def shift(z: Any, table: Any, before: Any, after: Any, moved: Any) -> None:
    v.shift_and_swish(z, table, before, after, moved, (0, 0, 16, 0, 0, 0))


@njit
def of_whole(z: Any, unit: Any, table: Any, weights: Any) -> float:
    n = z.shape[0]
    return v.swish_of_whole_dot(z, unit, table, (0, n, 0), weights, 0, n)


@njit
def both_ways(even: Any, odd: Any, weights: Any) -> float:
    return v.both_ways_dot(even, 0, odd, 0, weights, 0, even.shape[0])


@njit
def apart(a: Any, b: Any, out: Any) -> None:
    v.sum_and_difference(a, b, out, (0, 0, 0, 16))


@njit
def dot(a: Any, b: Any) -> float:
    return v.dot(a, 0, b, 0, a.shape[0])


@njit
def bytes_of(words: Any, links: Any, out: Any) -> None:
    v.spread_bytes(v.add_words(words, links, 1, links.shape[0]), out, 2)


@njit
def runs(words: Any, links: Any, out: Any) -> None:
    v.add_runs(words, links, 1, links.shape[0], out, 2)


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 8, 13, 20])
@pytest.mark.parametrize(("layer", "after"), LAYERS)
def test_layers(rows: int, layer: Any, after: Any) -> None:
    a, b, bias, c = random(rows, 21), random(21, 32), random(32), random(rows, 32)
    layer(a.ravel(), 0, 21, (rows, 21, 32, 32), b.ravel(), 0, bias, 0, c.ravel(), 0)
    wanted = a.astype(float) @ b + bias
    np.testing.assert_allclose(c, wanted if after is None else after(wanted), atol=1e-5)
    # a row is the same to the bit in whatever block it is computed
    alone = random(1, 32)
    layer(a.ravel(), 21 * (rows - 1), 21, (1, 21, 32, 32), b.ravel(), 0, bias, 0, alone.ravel(), 0)
    assert np.array_equal(alone[0], c[-1])


def test_layer_with_its_activation_behind_it() -> None:
    a, b, bias = random(9, 5), random(5, 32), random(32)
    wanted = a.astype(float) @ b + bias
    out = np.zeros((2, 9, 32), dtype=np.float32)
    dense.linear_and_hardswish_layer(a.ravel(), 0, 5, (9, 5, 32, 32), b.ravel(), 0, bias, 0, out.ravel(), 0)
    np.testing.assert_allclose(out, [wanted, hardswish(wanted)], atol=1e-5)


def test_layer_onto_its_inputs() -> None:
    """Rows of the output that are apart, others between them left as they are."""
    a, b, bias = random(9, 96), random(96, 32), random(32)
    out = random(9, 2, 32)
    wanted = out.copy()
    wanted[:, 0] = a[:, [*range(16), *range(48, 64)]] + hardswish(a.astype(float) @ b + bias)
    dense.hardswish_onto(a.ravel(), 0, 96, (9, 96, 32, 64), b.ravel(), 0, bias, 0, out.ravel(), 0)
    np.testing.assert_allclose(out, wanted, atol=1e-4)


def test_layer_of_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    a, b, bias = (rng.integers(-(10**6), 10**6, shape).astype(np.int32) for shape in ((9, 5), (5, 32), (32,)))
    a, c = a % 13, np.zeros((9, 32), dtype=np.int32)
    dense.layer_of_whole_numbers(a.ravel(), 0, 5, (9, 5, 32, 32), b.ravel(), 0, bias, 0, c.ravel(), 0)
    np.testing.assert_array_equal(c, a @ b + bias)


@pytest.mark.parametrize("blocks", [1, 2, 3, 5, 8, 15, 17])
@pytest.mark.parametrize("n", [0, 1, 12])
def test_sums_of_rows(blocks: int, n: int) -> None:
    rows, base, out = random(6, 16 * blocks), random(16 * blocks), random(16 * blocks)
    links = np.random.default_rng(n).integers(0, 6, n)
    add(blocks, out, base, rows.ravel(), 16 * blocks, links)
    np.testing.assert_allclose(out, base + rows[links].sum(axis=0), atol=1e-5)


def test_activations_of_sums() -> None:
    z, table, before, after, moved = random(16), random(32), random(16), random(16), random(16)
    shift(z, table, before, after, moved)
    np.testing.assert_allclose(after, hardswish(z + table[:16] + table[16:]), atol=1e-6)
    assert np.array_equal(moved, after - before)
    a, b = random(48), random(1, 48)[0]
    assert dot(a, b) == pytest.approx(a.astype(float) @ b, abs=1e-5)
    wanted = (hardswish(a + b) + hardswish(a - b)) @ random(48, 1)[:, 0]
    assert both_ways(a, b, random(48, 1)[:, 0]) == pytest.approx(wanted, abs=1e-5)
    assert both_ways(a, -b, random(48, 1)[:, 0]) == both_ways(a, b, random(48, 1)[:, 0])


def test_sums_and_differences() -> None:
    a, b, out = random(16), random(1, 16)[0], random(32)
    apart(a, b, out)
    np.testing.assert_array_equal(out, np.concatenate([a + b, a - b]))


def test_features_that_are_whole_numbers_know_no_path() -> None:
    rng = np.random.default_rng(0)
    z, first, second = rng.integers(-(2**28), 2**28, (3, 48)).astype(np.int32)
    unit, weights = np.float32(2.0**-26), random(48)
    table = np.concatenate([first, second])
    wanted = hardswish((z.astype(float) + second - first) * float(unit)) @ weights
    assert of_whole(z, unit, table, weights) == pytest.approx(wanted, abs=1e-5)
    none = np.zeros(96, dtype=np.int32)
    assert of_whole(z, unit, table, weights) == of_whole(z + second - first, unit, none, weights)


def test_counts_as_bytes() -> None:
    words = 1 << (8 * np.array([0, 1, 2, 7, 6, 2]))
    out = np.full(12, -1.0, dtype=np.float32)
    bytes_of(words, np.array([0, 0, 1, 1, 5, 2, 3]), out)
    np.testing.assert_array_equal(out, [-1, -1, 1, 2, 2, 0, 0, 0, 0, 1, -1, -1])


def test_runs_of_words() -> None:
    words, out = np.arange(20) ** 3, np.full(12, -1)
    runs(words, np.array([0, 3, 3, 11]), out)
    np.testing.assert_array_equal(out, [-1, -1, *(2 * words[3:11] + words[11:19]), -1, -1])


def test_padding() -> None:
    assert v.with_padded_columns(np.ones((2, 9)), 8).tolist() == [[1.0] * 9 + [0.0] * 7] * 2
    assert v.aligned(np.ones(3), np.float32).ctypes.data % v.ALIGNED == 0
