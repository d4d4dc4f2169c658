"""Partial evolution against exact laws of independent spins and coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from exact_systems import Coordinates, Mean, MeanWithChange, Spins
from scipy import stats

from asemacro.data import Pairs
from asemacro.labels.duration import choose_dt, event_time
from asemacro.labels.transitions import pair_time_needed, partial_evolution
from asemacro.micro.blocks import BlockLattice, Blocks, observe

ALPHA = 1e-5
SIGMAS = stats.norm.isf(ALPHA / 2)


@pytest.mark.parametrize(("n", "m"), [(12, 1), (12, 3), (10, 10), (7, 2)])
def test_mean_and_noise_of_pairs_are_exact(n: int, m: int) -> None:
    # all spins up: E z1 = exp(-t), Var z1 = K (1 - exp(-2t)) / n, whatever m
    rng = np.random.default_rng(n + m)
    rows, times = 40_000, [0.3, 1.0]
    x = np.ones((rows, n), np.int8)
    moves = partial_evolution(Spins(n), x, times, m / n, rng=rng)
    assert pytest.approx(n / m) == moves.K
    for k, t in enumerate(times):
        z1 = moves.pairs(Mean(), time=k).z1[:, 0]
        variance = moves.K * (1 - np.exp(-2 * t)) / n
        assert abs(z1.mean() - np.exp(-t)) < SIGMAS * np.sqrt(variance / rows)
        fourth = np.mean((z1 - z1.mean()) ** 4)
        assert abs(z1.var() - variance) < SIGMAS * np.sqrt((fourth - variance**2) / rows)


def test_only_active_carriers_change_and_input_is_kept() -> None:
    rng = np.random.default_rng(1)
    x = rng.choice(np.array([-1, 1], np.int8), size=(200, 20))
    kept = x.copy()
    moves = partial_evolution(Spins(20), x, [0.5, 50.0], 0.25, rng=rng)
    assert (x == kept).all()
    for k in (0, 1):
        changed = (moves.state(k) != x).sum(axis=1)
        assert changed.max() <= 5
        assert changed.sum() == len(moves.sites[k]) > 0


def test_every_carrier_is_active_equally_often() -> None:
    x = np.ones((5000, 8), np.int8)
    moves = partial_evolution(Spins(8), x, [60.0], 0.25, rng=np.random.default_rng(2))
    flips = np.bincount(moves.sites[0], minlength=8)
    assert stats.chisquare(flips).pvalue > ALPHA


def test_change_shortcut_equals_full_measurement() -> None:
    rng = np.random.default_rng(3)
    x = rng.choice(np.array([-1, 1], np.int8), size=(300, 30))
    moves = partial_evolution(Spins(30), x, [0.7], 0.3, rng=rng)
    slow, fast = moves.pairs(Mean(), 300.0), moves.pairs(MeanWithChange(), 300.0)
    np.testing.assert_allclose(slow.z1, fast.z1, atol=1e-14)
    assert slow.condition.shape == (300, 1)


def test_blocks_evolve_only_the_chosen_cells() -> None:
    rng = np.random.default_rng(4)
    big = Blocks(Spins(6), 5)
    x = rng.choice(np.array([-1, 1], np.int8), size=(400, 30))
    moves = partial_evolution(big, x, [2.0], 1 / 30, rng=rng)
    assert moves.K == 30
    assert (moves.state() != x).sum(axis=1).max() == 1
    np.testing.assert_allclose(moves.pairs(MeanWithChange()).z1, moves.pairs(Mean()).z1, atol=1e-13)
    np.testing.assert_allclose(observe(Mean(), x, big.lattice)[:, 0], x.mean(axis=1), atol=1e-14)


def test_blocks_follow_their_carriers_in_order() -> None:
    # very many active carriers in unequal numbers a cell: every returned site must belong to the carrier asked for
    rng = np.random.default_rng(5)
    big = Blocks(Spins(6), 4)
    x = np.ones((50, 24), np.int8)
    active = rng.permuted(np.broadcast_to(np.arange(24), (50, 24)), axis=1)[:, :9]
    new, moved = big.evolve(x, np.linspace(0, 40, 50), active, rng=rng)
    assert (moved == active).all()
    still = np.ones_like(x, dtype=bool)
    np.put_along_axis(still, active, False, 1)
    assert (new[still] == 1).all()
    assert (new[0] == 1).all()
    assert (new[25:] == -1).any()


def test_blocks_law_equals_that_of_the_whole() -> None:
    rows = 30_000
    x = np.ones((rows, 12), np.int8)
    z1 = partial_evolution(Blocks(Spins(4), 3), x, [0.5], 1 / 4, rng=np.random.default_rng(6)).pairs(Mean()).z1
    whole = partial_evolution(Spins(12), x, [0.5], 1 / 4, rng=np.random.default_rng(7)).pairs(Mean()).z1
    table = [np.unique(np.round(z * 12).astype(int), return_counts=True) for z in (z1, whole)]
    assert (table[0][0] == table[1][0]).all()
    assert stats.chi2_contingency([table[0][1], table[1][1]]).pvalue > ALPHA


def test_pair_time_gives_the_error_it_promises() -> None:
    # K Sigma = K (1 - exp(-2t)) / (n t) for short t; 400 estimates from T / t pairs each
    n, t, error = 10, 0.05, 0.1
    rng = np.random.default_rng(8)
    sigma = (1 - np.exp(-2 * t)) / (n * t)
    pairs = round(float(pair_time_needed(n, [sigma], [error])[0]) / t)
    x = np.ones((400 * pairs, n), np.int8)
    z1 = partial_evolution(Spins(n), x, [t], 1 / n, rng=rng).pairs(Mean()).z1[:, 0]
    drift = ((z1 - 1) / t).reshape(400, pairs).mean(axis=1)
    low, high = stats.chi2.ppf([ALPHA / 2, 1 - ALPHA / 2], 399) / 399
    assert low < drift.var(ddof=1) / error**2 < high


def flicker(rows: int, rate: float, share: float, rng: np.random.Generator) -> tuple[Coordinates, np.ndarray]:
    """Ten slow coordinates (rate 1) beside ten fast ones; stationary states."""
    system = Coordinates(np.repeat([1.0, rate], 10), np.repeat([1.0, share], 10))
    return system, rng.standard_normal((rows, 20)) * system.sd


def test_choose_dt_passes_the_flicker() -> None:
    rng = np.random.default_rng(9)
    system, x = flicker(4000, 2000.0, 0.05, rng)
    # all fast coordinates are settled by dt ~ 5 / rate; slow noise 2 dt must also outgrow their 2 sd^2
    report = choose_dt(system, x, Mean(), start_s=0.0005, n_rows=4000, fraction=1.0, rng=rng)
    assert 0.002 < report.dt < 0.2
    assert report.rows[0].variance_rate[0] > 1.3 * report.rows[-1].variance_rate[0]
    assert not report.warnings
    assert np.asarray(report).tolist() == [report.dt / 2, report.dt]
    assert "<- chosen" in str(report)
    moves = partial_evolution(system, x[:10], report, 0.5, rng=rng)
    assert moves.times.tolist() == [report.dt / 2, report.dt]


def test_choose_dt_warns_of_memory() -> None:
    rng = np.random.default_rng(10)
    system, x = flicker(4000, 12.0, 1.0, rng)
    with pytest.warns(UserWarning, match="memory"):
        choose_dt(system, x, Mean(), start_s=0.02, n_rows=4000, fraction=1.0, rng=rng)


def test_choose_dt_refuses_a_start_in_which_nothing_moves() -> None:
    x = np.ones((50, 5), np.int8)
    with pytest.raises(ValueError, match=r"nothing moves in 5e-31 in any of 20 snapshots; give a longer start_s"):
        choose_dt(Spins(5), x, Mean(), start_s=1e-30, n_rows=20, rng=np.random.default_rng(0))


def test_event_time_is_the_time_of_one_event() -> None:
    x = np.ones((100, 5), np.int8)
    # a spin differs from its start with probability (1 - exp(-t)) / 2 < 1 - 1/e: it must be given up
    with pytest.raises(ValueError, match="nothing happens"):
        event_time(Spins(5), x * 0, rng=np.random.default_rng(0))
    system, y = flicker(100, 1.0, 1.0, np.random.default_rng(0))
    assert event_time(system, y, rng=np.random.default_rng(0)) < 1e-3


def test_pairs_concat_keeps_groups_apart() -> None:
    part = Pairs(
        np.zeros((4, 2)), np.ones((4, 2)), np.array(1.0), np.array(2.0), np.array(500.0), group=np.array([7, 7, 3, 3])
    )
    both = Pairs.concat([part, part])
    assert len(both) == 8
    assert len(np.unique(both.group)) == 4
    assert both.take(both.group == both.group[0]).z0.shape == (2, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": np.array(0.0)}, "dt must be positive"),
        ({"K": np.array(0.5)}, "K at least 1"),
        ({"z1": np.zeros((4, 3))}, "one shape"),
        ({"z1": np.full((4, 2), np.nan)}, "z1 must be finite"),
        ({"group": np.zeros(3)}, "group has shape"),
    ],
)
def test_pairs_refuse_what_makes_no_sense(change: dict[str, np.ndarray], message: str) -> None:
    good = {
        "z0": np.zeros((4, 2)),
        "z1": np.zeros((4, 2)),
        "dt": np.array(1.0),
        "K": np.array(2.0),
        "condition": np.zeros(0),
    }
    with pytest.raises(ValueError, match=message):
        Pairs(**{**good, **change})


@pytest.mark.parametrize(
    ("times", "fraction"), [([], 0.5), ([1.0, 1.0], 0.5), ([-1.0], 0.5), ([np.nan], 0.5), ([1.0], 0.0), ([1.0], 1.5)]
)
def test_partial_evolution_refuses_bad_input(times: list[float], fraction: float) -> None:
    with pytest.raises(ValueError, match="must"):
        partial_evolution(Spins(4), np.ones((2, 4), np.int8), times, fraction, rng=np.random.default_rng(0))


def test_block_lattice_checks_shapes() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        BlockLattice(Spins(4).lattice, 0)
    with pytest.raises(ValueError, match="expected"):
        BlockLattice(Spins(4).lattice, 2).split(np.zeros((3, 7)))


def test_balanced_pairs_give_every_temperature_the_same_weight() -> None:
    rng = np.random.default_rng(3)
    kelvin = np.repeat([600.0, 900.0, 2000.0], [50, 5, 10])
    pairs = Pairs(rng.random((65, 2)), rng.random((65, 2)), 1.0, 4.0, kelvin, weight=rng.random(65))
    even = pairs.balanced()
    totals = [even.weight[kelvin == k].sum() for k in (600, 900, 2000)]
    np.testing.assert_allclose(totals, pairs.weight.sum() / 3)
    hot = kelvin == 2000
    np.testing.assert_allclose(even.weight[hot] / even.weight[hot][0], pairs.weight[hot] / pairs.weight[hot][0])
    np.testing.assert_allclose(pairs.take(hot).balanced().weight, pairs.weight[hot])
    bare = Pairs(rng.random((4, 1)), rng.random((4, 1)), 1.0, 1.0, np.empty(0))
    np.testing.assert_allclose(bare.balanced().weight, 1)
