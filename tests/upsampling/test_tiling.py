"""Large snapshots: blocks keep everything, repeats are exact, mosaics keep counts and heal."""

from __future__ import annotations

import numpy as np
import pytest
from exact_systems import Mean, Spins
from scipy import stats

from asemacro.barriers.pair import PairBarrier
from asemacro.labels.transitions import pairs_from_runs, partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.micro.blocks import Blocks, observe
from asemacro.micro.sampling import Snapshots, sample
from asemacro.observables.alloy import WarrenCowley
from asemacro.upsampling.tiling import blocks, fix_composition, larger_lattice, mosaic, repeat, upsample

ALPHA = 1e-5
BARRIERS = PairBarrier(("Mo", "Ta"), {"Mo": 0.7, "Ta": 0.6}, [{"Mo-Ta": -0.06}, {"Mo-Ta": 0.02}])


@pytest.fixture(scope="module")
def alloy() -> tuple[VacancyKMC, Snapshots]:
    """A small ordering alloy and snapshots of 6 runs at 3 ages."""
    lattice = Lattice.bcc(3.2, ["Mo", "Ta"], 4)
    kmc = VacancyKMC(lattice, BARRIERS, 1500.0)
    rng = np.random.default_rng(1)
    x0 = lattice.random_state(vacancies=1, batch=6, rng=rng)
    wait = kmc.run(x0[:1], hops=100, rng=rng).time_s
    return kmc, sample(kmc, x0, [0.0, wait, 20 * wait], rng=rng)


def test_blocks_keep_every_cell(alloy: tuple[VacancyKMC, Snapshots]) -> None:
    kmc, small = alloy
    big, x = upsample(kmc, small, 4, n_snapshots=5, rng=np.random.default_rng(2))
    assert isinstance(big, Blocks)
    assert x.shape == (15, 4 * 128)
    for row, age in zip(x.reshape(3, 5, 4, 128), small.x.transpose(1, 0, 2), strict=True):
        for snapshot in row:
            origin = [int(np.flatnonzero((age == cell).all(axis=1))[0]) for cell in snapshot]
            assert len(set(origin)) == 4  # different trajectories of the same age
    phi = WarrenCowley(kmc.lattice.species)
    z = observe(phi, x, big.lattice)
    cells = phi(x.reshape(-1, 128), kmc.lattice).reshape(15, 4, -1).mean(axis=1)
    np.testing.assert_allclose(z, cells, atol=1e-12)


def test_partial_evolution_of_blocks_moves_one_vacancy(alloy: tuple[VacancyKMC, Snapshots]) -> None:
    kmc, small = alloy
    big, x = upsample(kmc, small, 4, rng=np.random.default_rng(3))
    dt = float(small.times[1])
    moves = partial_evolution(big, x, [dt / 2, dt], 1 / 4, rng=np.random.default_rng(4))
    assert moves.K == 4
    after = moves.state()
    assert (np.bincount(after[0], minlength=3) == np.bincount(x[0], minlength=3)).all()
    changed = (after != x).reshape(len(x), 4, 128).any(axis=2).sum(axis=1)
    assert (changed <= 1).all()
    phi = WarrenCowley(kmc.lattice.species)
    pairs = moves.pairs(phi, 1500.0)
    np.testing.assert_allclose(pairs.z1 - pairs.z0, 4 * (observe(phi, after, big.lattice) - pairs.z0), atol=1e-12)


def test_repeat_is_the_same_crystal(alloy: tuple[VacancyKMC, Snapshots]) -> None:
    kmc, small = alloy
    big, x = upsample(kmc, small, 8, repeat, rng=np.random.default_rng(5))
    assert big.lattice.n_sites == 8 * 128
    phi = WarrenCowley(kmc.lattice.species, shells=2)
    ages = small.x.transpose(1, 0, 2)
    for large, cells in zip(x.reshape(3, 6, -1), ages, strict=True):
        found = np.sort(phi(large, big.lattice), axis=0)
        np.testing.assert_allclose(found, np.sort(phi(cells, kmc.lattice), axis=0), atol=1e-12)


def test_mosaic_keeps_counts_and_breaks_seams(alloy: tuple[VacancyKMC, Snapshots]) -> None:
    kmc, small = alloy
    big, x = upsample(kmc, small, 8, mosaic, n_snapshots=30, rng=np.random.default_rng(6))
    wanted = 8 * np.bincount(small.x[0, 0], minlength=3)
    assert all((np.bincount(row, minlength=3) == wanted).all() for row in x)
    phi = WarrenCowley(kmc.lattice.species)
    last = phi(x[-30:], big.lattice).mean()
    cells = phi(small.x[:, -1], kmc.lattice).mean()
    # (1 - 1/8)^3 of the first-shell bonds of 4 x 4 x 4 cells stay inside their cell
    assert last == pytest.approx((7 / 8) ** 3 * cells, abs=0.15)


def test_relaxing_moves_all_carriers_for_a_time(alloy: tuple[VacancyKMC, Snapshots]) -> None:
    kmc, small = alloy
    _, still = upsample(kmc, small, 8, mosaic, rng=np.random.default_rng(7))
    _, moved = upsample(kmc, small, 8, mosaic, rng=np.random.default_rng(7), relax_s=float(small.times[-1]))
    assert (still != moved).sum(axis=1).min() > 50


def test_larger_lattice_is_as_cubic_as_it_can() -> None:
    cubic = Lattice.bcc(3.0, ["Mo"], 2)
    assert larger_lattice(cubic, 8).shape == (4, 4, 4)
    assert sorted(larger_lattice(cubic, 12).shape) == [4, 4, 6]
    assert larger_lattice(Lattice.chain(1.0, ["Mo"], 5), 3).n_sites == 15
    flat = larger_lattice(Lattice.square(1.0, ["Mo"], 4), 4)
    assert flat.shape == (8, 8, 1)


def test_fix_composition_changes_as_little_as_possible() -> None:
    rng = np.random.default_rng(8)
    x = rng.integers(0, 3, size=(50, 90)).astype(np.int8)
    kept = x.copy()
    fixed = fix_composition(x, np.array([20, 30, 40]), rng=rng)
    assert (x == kept).all()
    for before, after in zip(x, fixed, strict=True):
        counts = np.bincount(before, minlength=3)
        assert np.bincount(after, minlength=3).tolist() == [20, 30, 40]
        assert (before != after).sum() == np.maximum(counts - [20, 30, 40], 0).sum()


def test_fix_composition_is_unbiased_over_sites() -> None:
    rng = np.random.default_rng(9)
    x = np.tile(np.repeat(np.array([0, 1], np.int8), 10), (4000, 1))
    fixed = fix_composition(x, np.array([12, 8]), rng=rng)
    changed = (fixed != x).sum(axis=0)
    assert (changed[:10] == 0).all()
    assert stats.chisquare(changed[10:]).pvalue > ALPHA


def test_runs_hold_the_pairs_of_their_blocks() -> None:
    # independent spins: pairs cut from runs and pairs by partial evolution of blocks have one law
    rng = np.random.default_rng(10)
    system, dt = Spins(4), 0.4
    small = sample(system, np.ones((6000, 4), np.int8), [0.0, dt], rng=rng)
    values = np.stack([Mean()(small.x[:, k], None) for k in range(2)], axis=1)
    cut = pairs_from_runs(values, small.times, 3, step_s=dt, growth=1.0, rng=rng)
    x = np.ones((6000, 12), np.int8)
    made = partial_evolution(Blocks(system, 3), x, [dt], 4 / 12, rng=rng).pairs(Mean())
    assert set(cut.K) == {3.0}
    assert cut.dt[0] == pytest.approx(dt)
    # a cell of 4 spins moves whole here, 4 of 12 random spins there: the mean and the variance agree
    for power in (1, 2):
        a, b = (cut.z1[:, 0] - np.exp(-dt)) ** power, (made.z1[:, 0] - np.exp(-dt)) ** power
        error = np.sqrt(a.var() / len(a) + b.var() / len(b))
        assert abs(a.mean() - b.mean()) < stats.norm.isf(ALPHA / 2) * error


def test_pairs_from_runs_layout() -> None:
    rng = np.random.default_rng(11)
    times = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0])
    values = rng.standard_normal((7, 7, 2))
    pairs = pairs_from_runs(values, times, 3, 900.0, step_s=4.0, growth=0.5, combinations=2, rng=rng)
    # knots at 0, 1, 2, 3, 5, 8, 13; 7 runs make 2 sets of 3; the age before the first step is 0
    assert len(pairs) == 2 * 2 * 3 * 6
    assert pairs.dt.min() >= 1.0
    assert set(pairs.weight) == {0.5}
    # z1 - z0 is the increment of one run: the one that group names
    for z0, z1, dt, run in zip(pairs.z0, pairs.z1, pairs.dt, pairs.group, strict=True):
        steps = values[run][:, None] - values[run][None]
        lags = times[:, None] - times[None]
        assert np.isclose(steps[np.isclose(lags, dt)], z1 - z0).all(axis=1).any()


def test_bad_input(alloy: tuple[VacancyKMC, Snapshots]) -> None:
    kmc, small = alloy
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="copies must be a whole number >= 1"):
        upsample(kmc, small, 0, rng=rng)
    with pytest.raises(ValueError, match="different trajectories"):
        upsample(kmc, small, 7, blocks, rng=rng)
    with pytest.raises(ValueError, match="relax_s"):
        upsample(kmc, small, 2, relax_s=-1.0, rng=rng)
    fixed = Spins(4)
    fixed.lattice = Lattice.chain(1.0, "X", 4)
    still = Snapshots(np.ones((2, 1, 4), np.int8), np.zeros((2, 1, 4), int), np.zeros(1))
    with pytest.raises(ValueError, match="Spins cannot be made on a larger lattice"):
        upsample(fixed, still, 2, repeat, rng=rng)
    with pytest.raises(ValueError, match="sum to"):
        fix_composition(np.zeros((1, 5), np.int8), np.array([2, 2]), rng=rng)
    for bad in ({"copies": 9}, {"step_s": 0.0}, {"combinations": 0}):
        arguments = {"copies": 2, "step_s": 1.0, **bad}
        with pytest.raises(ValueError):
            pairs_from_runs(np.zeros((4, 3, 1)), [0.0, 1.0, 2.0], rng=rng, **arguments)
