"""Blocks of equal spins, random flips, local relaxation: exact counts, invariance, and critical order at 2 L from L."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from exact_spins import ExactIsing
from scipy import stats

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.sampling import sample
from asemacro.micro.spins.cluster_moves import wolff
from asemacro.micro.spins.ising import Ising
from asemacro.observables.spins import DomainWallDensity
from asemacro.testing import ALPHA, chi_square
from asemacro.upsampling.replication import calibrate_flips, enlarge, flip_random, levels, relax_patches, replicate
from asemacro.upsampling.tiling import mosaic, upsample

SIGMAS = stats.norm.isf(ALPHA / 2)
CRITICAL = 2.27
ORDER_16 = 0.7121  # <|M|> of 16 x 16 at 2.27 by cluster moves, to 0.0007


def square(side: int) -> Lattice:
    return Lattice.square(1.0, "X", side)


def spins(lattice: Lattice, batch: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(batch, lattice.n_sites))


def test_every_spin_becomes_a_square() -> None:
    x = spins(square(5), 3, 0)
    for m in (2, 3, 4):
        expected = np.kron(x.reshape(3, 5, 5), np.ones((m, m), np.int8)).reshape(3, -1)
        np.testing.assert_array_equal(enlarge(x, square(5), (m, m, 1)), expected)
    flat = np.repeat(x.reshape(3, 5, 5), 3, axis=2).reshape(3, -1)
    np.testing.assert_array_equal(enlarge(x, square(5), (1, 3, 1)), flat)


@pytest.mark.parametrize("name", ["triangular", "honeycomb", "sc", "bcc", "fcc", "hcp", "diamond"])
@pytest.mark.parametrize("m", [2, 3])
def test_every_spin_becomes_a_compact_block_of_any_lattice(name: str, m: int) -> None:
    lattice = Lattice.from_prototype(name, 1.0, "X", 3)
    factors = tuple(m if p else 1 for p in lattice.pbc)
    blocks = enlarge(np.arange(lattice.n_sites)[None], lattice, factors)[0]
    volume = int(np.prod(factors))
    assert (np.bincount(blocks) == volume).all()
    large = lattice.repeat(factors)
    near = large.neighbours(large.shells(1)[0].offsets)
    like = (blocks[near] == blocks[:, None]).mean(axis=1)
    assert like.min() > 0  # no site is cut off from its block
    # a wall between two halves of the small lattice stays a wall: its share of the bonds falls by about m
    halves = np.where(np.arange(lattice.n_sites) < lattice.n_sites // 3, 1, -1).astype(np.int8)[None]
    before, after = DomainWallDensity()(halves, lattice), DomainWallDensity()(enlarge(halves, lattice, factors), large)
    assert after[0, 0] < 1.65 * before[0, 0] / m


def test_factors_are_made_of_small_ones() -> None:
    assert levels((4, 6, 1)) == [(2, 2, 1), (2, 3, 1)]
    assert levels((1, 1, 1)) == []
    assert levels((5, 1, 1)) == [(5, 1, 1)]
    x = spins(square(3), 2, 1)
    step = enlarge(enlarge(x, square(3), (2, 2, 1)), square(6), (2, 3, 1))
    np.testing.assert_array_equal(step, enlarge(x, square(3), (4, 6, 1)))


def test_flips_have_their_probability() -> None:
    x = spins(square(32), 200, 2)
    share = (flip_random(x, 0.07, rng=np.random.default_rng(3)) != x).mean()
    assert abs(share - 0.07) < SIGMAS * np.sqrt(0.07 * 0.93 / x.size)
    assert flip_random(x, 0.0, rng=np.random.default_rng(3)) is x


def test_relaxing_patches_gives_every_spin_its_time() -> None:
    lattice = square(8)
    system = Ising(lattice, np.inf)
    x = np.ones((4000, 64), np.int8)
    for patch in (None, 16, 64, 32):
        m = relax_patches(system, x, 0.7, patch, rng=np.random.default_rng(4)).mean(axis=0, dtype=float)
        error = SIGMAS * np.sqrt((1 - np.exp(-1.4)) / len(x))
        assert np.abs(m - np.exp(-0.7)).max() < error * 1.3  # 64 spins are looked at


def test_relaxing_patches_leaves_the_equilibrium() -> None:
    exact = ExactIsing(4, 2.3, 0.1)
    rng = np.random.default_rng(5)
    x = exact.x[rng.choice(1 << 16, size=30_000, p=exact.law)]
    new = relax_patches(Ising(square(4), 2.3, field=0.1), x, 2.0, 4, rng=rng)
    assert (new != x).any(axis=1).mean() > 0.5
    _, cell = np.unique(np.round(exact.energy, 9), return_inverse=True)
    expected = np.bincount(cell, exact.law)
    assert chi_square(np.bincount(cell[exact.number(new)], minlength=len(expected)), expected) > ALPHA


def test_levels_grow_to_any_size() -> None:
    system = Ising(square(4), 2.0, field=0.1)
    cells = spins(square(4), 5, 6)
    big, x = replicate(system, cells, 36, 7, rng=np.random.default_rng(7))
    assert big.lattice.shape == (24, 24, 1)
    small = x.reshape(7, 4, 6, 4, 6)
    assert (small == small[:, :, :1, :, :1]).all()
    assert {row.tobytes() for row in small[:, :, 0, :, 0].reshape(7, 16)} == {row.tobytes() for row in cells}
    big, x = replicate(system, cells, 4, 3, rng=np.random.default_rng(8), flips=0.1, relax=1.0, patch=16)
    assert (big.temperature, big.field, x.shape) == (2.0, 0.1, (3, 64))
    again = replicate(system, cells, 4, 3, rng=np.random.default_rng(8), flips=0.1, relax=1.0, patch=16)[1]
    np.testing.assert_array_equal(x, again)


def test_upsampling_of_snapshots_by_blocks_of_spins() -> None:
    system = Ising(square(4), 3.0)
    small = sample(
        system,
        random_spins(square(4), [-1.0, 0.0, 1.0], rng=np.random.default_rng(9)),
        [0.0, 1.0],
        rng=np.random.default_rng(9),
    )
    big, x = upsample(system, small, 4, partial(replicate, flips=0.0), rng=np.random.default_rng(10))
    assert big.lattice.n_sites == x.shape[1] == 64
    assert sorted(x[:3].mean(axis=1)) == [-1, 0, 1]


def test_mosaic_of_spins_keeps_the_cells() -> None:
    system = Ising(square(4), 3.0)
    cells = spins(square(4), 40, 11)
    big, x = mosaic(system, cells, 4, 6, rng=np.random.default_rng(12))
    assert big.lattice.shape == (8, 8, 1)
    known = {np.roll(c.reshape(4, 4), (a, b), (0, 1)).tobytes() for c in cells for a in range(4) for b in range(4)}
    for tile in x.reshape(6, 2, 4, 2, 4).transpose(0, 1, 3, 2, 4).reshape(-1, 4, 4):
        assert tile.tobytes() in known


def test_critical_order_of_sixteen_from_eight() -> None:
    # replication alone makes critical states too ordered; with flips of a few per cent they have the order of 16 x 16
    small = Ising(square(8), CRITICAL)
    cells = wolff(small, np.ones((20_000, 64), np.int8), 40, rng=np.random.default_rng(13))
    found = {}
    for p in (0.0, 0.0414):
        _, x = replicate(small, cells, 4, len(cells), rng=np.random.default_rng(14), flips=p, relax=2.0, patch=64)
        order = np.abs(x.mean(axis=1, dtype=float))
        found[p] = order.mean(), order.std() / np.sqrt(len(order))
    assert found[0.0][0] > ORDER_16 + 0.01
    assert abs(found[0.0414][0] - ORDER_16) < SIGMAS * np.hypot(found[0.0414][1], 0.0007)


def test_flips_are_calibrated_on_small_systems() -> None:
    small, large = Ising(square(4), CRITICAL), Ising(square(8), CRITICAL)
    rng = np.random.default_rng(15)
    cells = wolff(small, np.ones((5000, 16), np.int8), 30, rng=rng)
    direct = np.abs(wolff(large, np.ones((5000, 64), np.int8), 40, rng=rng).mean(axis=1, dtype=float))
    error = direct.std() / np.sqrt(len(direct))
    found = calibrate_flips(small, cells, direct.mean(), target_error=error, relax=2.0, points=4, rng=rng)
    assert 0.01 < found.probability < 0.08
    assert 0 < found.error < 0.01
    _, x = replicate(small, cells, 4, len(cells), rng=rng, flips=found.probability, relax=2.0)
    order = np.abs(x.mean(axis=1, dtype=float))
    assert abs(order.mean() - direct.mean()) < SIGMAS * np.hypot(error, order.std() / np.sqrt(len(order)))
    # the mean of the small system, known better, takes out the chance of the cells: their order errs by 2.5 sigma here
    some = cells[np.argsort(np.abs(cells.mean(axis=1)))[60:]]
    known = (float(np.abs(cells.mean(axis=1)).mean()), 0.0)
    plain, controlled = (
        calibrate_flips(small, some, direct.mean(), relax=2.0, points=4, known=k, rng=np.random.default_rng(16))
        for k in (None, known)
    )
    assert (controlled.order_error < 0.75 * plain.order_error).all()
    assert abs(controlled.probability - found.probability) < abs(plain.probability - found.probability)
    with pytest.raises(ValueError, match="other bounds"):
        calibrate_flips(small, cells[:500], 0.99, points=3, rng=rng)
    with pytest.raises(ValueError, match="probabilities"):
        calibrate_flips(small, cells[:500], 0.7, bounds=(0.1, 0.1), rng=rng)


def test_bad_input_is_refused() -> None:
    system, x = Ising(square(4), 2.0), np.ones((2, 16), np.int8)
    rng = np.random.default_rng(0)
    for factors in ((2, 2, 2), (0, 1, 1), (2, 2)):
        with pytest.raises(ValueError, match="factors"):
            enlarge(x, square(4), factors)
    with pytest.raises(ValueError, match="shape"):
        enlarge(x[:, :9], square(4), (2, 2, 1))
    with pytest.raises(ValueError, match="probability"):
        flip_random(x, 1.5, rng=rng)
    with pytest.raises(ValueError, match="duration"):
        relax_patches(system, x, -1.0, None, rng=rng)
    with pytest.raises(ValueError, match="exactly 7 sites"):
        relax_patches(system, x, 1.0, 7, rng=rng)
