"""Kernels between blocks: exact averages, any grid, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from block_fields import KERNEL, gaussian, top_hat

from asemacro.macro.spde import BlockKernel, box_averaged
from asemacro.macro.spde.block_kernel import orbit_sums, orbits, relative_error


def test_box_average_of_a_disc_is_that_of_the_facts() -> None:
    middle = box_averaged(top_hat(8), 8)
    np.testing.assert_allclose(middle.values[1:, 1:][:2, :2], [[0.3141, 0.1325], [0.1325, 0.0390]], atol=5e-5)
    four = KERNEL.values[KERNEL.reach :, KERNEL.reach :]
    np.testing.assert_allclose(four[0, :3], [0.0765, 0.0816, 0.0357], atol=5e-5)
    assert middle.total == pytest.approx(1)
    assert KERNEL.total == pytest.approx(1)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_box_average_counts_all_pairs_of_two_blocks(dim: int) -> None:
    rng, block, edge = np.random.default_rng(dim), 2, 8
    fine = rng.random((5,) * dim)
    fine = (fine + np.flip(fine)) / 2
    kernel = box_averaged(fine, block)
    grid = BlockKernel(fine).on((edge,) * dim)
    sites = np.stack(np.unravel_index(np.arange(edge**dim), grid.shape), axis=1)
    coupling = grid[tuple(np.moveaxis((sites[:, None] - sites[None]) % edge, -1, 0))]
    blocks = np.ravel_multi_index(tuple((sites // block).T), (edge // block,) * dim)
    pairs = np.zeros((blocks.max() + 1,) * 2)
    np.add.at(pairs, (blocks[:, None], blocks[None]), coupling)
    wanted = pairs[0].reshape((edge // block,) * dim) / block**dim
    np.testing.assert_allclose(kernel.on(wanted.shape), wanted, atol=1e-12)


def test_blocks_of_blocks_are_larger_blocks() -> None:
    np.testing.assert_allclose(KERNEL.coarsened(2).values, box_averaged(top_hat(8), 8).values, atol=1e-12)


def test_refining_a_smooth_kernel_and_coarsening_it_again_gives_it_back() -> None:
    kernel = box_averaged(gaussian(10.0), 5)
    fine = kernel.refined(5)
    assert fine.total == pytest.approx(kernel.total)
    assert relative_error(fine, BlockKernel(gaussian(10.0))) < 0.06
    assert relative_error(fine.coarsened(5), kernel) < 0.06


@pytest.mark.parametrize("shape", [(16,), (16, 12), (9, 11), (6, 5, 8), (3, 3), (1, 1)])
def test_convolution_is_the_sum_over_lags_on_any_grid(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    values = rng.random((5,) * len(shape))
    kernel = BlockKernel(values + np.flip(values))
    m = rng.standard_normal((2, *shape))
    wanted = sum(
        v * np.roll(m, tuple(-lag), axis=tuple(range(1, m.ndim)))
        for v, lag in zip(kernel.values.ravel(), kernel.lags(), strict=True)
    )
    np.testing.assert_allclose(kernel.convolve(m), wanted, atol=1e-10)


@pytest.mark.parametrize(
    ("dim", "symmetry", "count"), [(2, "square", 15), (2, "even", 41), (1, "square", 5), (3, "square", 35)]
)
def test_orbits(dim: int, symmetry: str, count: int) -> None:
    lags, orbit = orbits(4, dim, symmetry)
    assert orbit.max() + 1 == count
    assert (lags[orbit == 0] == 0).all()
    m = np.random.default_rng(0).standard_normal((2, *(9,) * dim))
    sums = orbit_sums(m, lags, orbit)
    one = BlockKernel((orbit == 3).astype(float).reshape((9,) * dim))
    np.testing.assert_allclose(sums[3], one.convolve(m), atol=1e-10)
    with pytest.raises(ValueError, match="at least 9 blocks an edge, got 8"):
        orbit_sums(m[:, :8], lags, orbit)


def test_what_is_no_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="axes of odd length"):
        BlockKernel(np.ones((4, 4)))
    with pytest.raises(ValueError, match=r"J\(-r\) = J\(r\)"):
        BlockKernel([0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="does not fit a grid"):
        KERNEL.on((8,))
