"""Exact infinitesimal moments against enumerated generators; sums over patches; what observables offer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exact_spins import ExactIsing
from exact_systems import Mean, Spins
from scipy import stats

from asemacro.barriers.pair import PairBarrier
from asemacro.data import Moments
from asemacro.labels.moments import event_changes, infinitesimal_moments, patch_moments
from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.patches import window_sites
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.micro.blocks import Blocks
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.ising import Ising
from asemacro.observables.alloy import WarrenCowley
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, EnergyPerSite, Magnetization
from asemacro.testing import ALPHA

SIGMAS = stats.norm.isf(ALPHA / 2)
PHI = Observables([Magnetization(), DomainWallDensity()])


class Full:
    """An observable without shortcuts."""

    def __init__(self, phi: Any) -> None:
        self.phi, self.labels, self.dim = phi, phi.labels, phi.dim

    def __call__(self, x: Any, lattice: Any) -> Any:
        return self.phi(x, lattice)


class OneChange(Full):
    """The same with changes of one state at a time only."""

    def change(self, x0: Any, lattice: Any, sites: Any, values: Any) -> Any:
        return self.phi.change(x0, lattice, sites, values)


def square(side: int) -> Lattice:
    return Lattice.square(1.0, "X", side)


def spins(lattice: Lattice, batch: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(batch, lattice.n_sites))


@pytest.fixture(scope="module")
def alloy() -> tuple[VacancyKMC, np.ndarray]:
    """Three vacancies, two of them next to each other, in a small ternary alloy."""
    lattice = Lattice.bcc(3.2, ("Mo", "Nb", "Ta"), 4)
    barriers = PairBarrier(lattice.species, {"Mo": 0.7, "Nb": 0.5, "Ta": 0.6}, [{"Mo-Ta": -0.06}, {"Mo-Nb": 0.02}])
    x = lattice.random_state(vacancies=3, batch=4, rng=np.random.default_rng(0))
    first = np.flatnonzero(x[0] == 0)[0]
    near = lattice.neighbours(lattice.shells(1)[0].offsets)[first, 0]
    if x[0, near]:
        last = np.flatnonzero(x[0] == 0)[-1]
        x[0, last], x[0, near] = x[0, near], 0
    return VacancyKMC(lattice, barriers, 1500.0), x


def test_moments_are_those_of_the_enumerated_generator() -> None:
    exact = ExactIsing(3, 2.5, 0.1)
    z = np.stack([exact.m, exact.walls], axis=1)
    np.testing.assert_allclose(PHI(exact.x, square(3)), z, atol=1e-14)
    drift, covariance = infinitesimal_moments(Ising(square(3), 2.5, field=0.1), exact.x, PHI)
    np.testing.assert_allclose(drift, exact.generator @ z, atol=1e-12)
    both = (z[:, :, None] * z[:, None]).reshape(-1, 4)
    product = (exact.generator @ both).reshape(-1, 2, 2)
    cross = z[:, :, None] * drift[:, None]
    np.testing.assert_allclose(covariance, product - cross - cross.transpose(0, 2, 1), atol=1e-12)
    # in equilibrium E[L phi] = 0 and E[phi L phi] = -E[covariance] / 2
    np.testing.assert_allclose(exact.law @ drift, 0, atol=1e-13)
    assert exact.law @ (exact.m * drift[:, 0]) == pytest.approx(-exact.law @ covariance[:, 0, 0] / 2, abs=1e-13)


def test_moments_of_curie_weiss() -> None:
    system = CurieWeiss(square(4), 1.1, field=0.1)
    x = spins(system.lattice, 6, 1)
    drift, covariance = infinitesimal_moments(system, x, Magnetization())
    others = x.sum(axis=1, dtype=int)[:, None] - x
    rate = 1 / (1 + np.exp(2 / 1.1 * x * (others / 16 + 0.1)))
    np.testing.assert_allclose(drift[:, 0], (-2 * x * rate).sum(axis=1) / 16, atol=1e-14)
    np.testing.assert_allclose(covariance[:, 0, 0], 4 * rate.sum(axis=1) / 256, atol=1e-14)


def test_moments_of_an_alloy_are_sums_over_its_hops(alloy: tuple[VacancyKMC, np.ndarray]) -> None:
    kmc, x = alloy
    phi = WarrenCowley(kmc.lattice.species, shells=2)
    near = kmc.lattice.neighbours(kmc.lattice.shells(1)[0].offsets)
    drift, covariance = infinitesimal_moments(kmc, x, phi)
    for k, state in enumerate(x):
        b, s = np.zeros(phi.dim), np.zeros((phi.dim, phi.dim))
        for vacancy, rates in zip(np.flatnonzero(state == 0), kmc.rates(state), strict=True):
            for target, rate in zip(near[vacancy], rates, strict=True):
                after = state.copy()
                after[vacancy], after[target] = state[target], state[vacancy]
                step = (phi(after, kmc.lattice) - phi(state, kmc.lattice))[0]
                b += rate * step
                s += rate * np.outer(step, step)
        np.testing.assert_allclose(drift[k], b, rtol=1e-9, atol=1e-9 * abs(b).max())
        np.testing.assert_allclose(covariance[k], s, rtol=1e-9, atol=1e-9 * abs(s).max())
    alone = [infinitesimal_moments(kmc, x, phi, kmc.carriers(x)[:, [v]]) for v in range(3)]
    np.testing.assert_allclose(np.mean([b for b, _ in alone], axis=0), drift, rtol=1e-9, atol=1e-9 * abs(drift).max())


def test_generator_is_the_sum_over_frozen_patches() -> None:
    system = Ising(square(6), 2.0, (1.0, 0.2), field=0.1)
    x = spins(system.lattice, 3, 2)
    whole = infinitesimal_moments(system, x, PHI)
    tiles = [
        infinitesimal_moments(
            system, x, PHI, np.repeat(window_sites(system.lattice, np.array([[a, b, 0]]), (2, 3, 1)), 3, 0)
        )
        for a in range(0, 6, 2)
        for b in range(0, 6, 3)
    ]
    for k in (0, 1):
        np.testing.assert_allclose(np.mean([tile[k] for tile in tiles], axis=0), whole[k], atol=1e-13)


def test_random_patches_are_unbiased() -> None:
    system = Ising(square(8), 2.5, field=0.1)
    x = np.repeat(spins(system.lattice, 1, 3), 20_000, axis=0)
    whole = patch_moments(system, x[:1], PHI, rng=np.random.default_rng(4))
    found = patch_moments(system, x, PHI, 1 / 16, rng=np.random.default_rng(4), condition=2.5)
    assert (whole.K[0], found.K[0]) == (1, 16)
    assert (found.condition == 2.5).all()
    np.testing.assert_allclose(found.z, np.repeat(whole.z, len(x), 0))
    for values, expected in ((found.drift, whole.drift[0]), (found.covariance, whole.covariance[0])):
        error = values.std(axis=0) / np.sqrt(len(values))
        assert (np.abs(values.mean(axis=0) - expected) < SIGMAS * error + 1e-14).all()


def test_sampled_pairs_tend_to_the_moments() -> None:
    system = Ising(square(8), 2.5, field=0.1)
    x = np.repeat(spins(system.lattice, 1, 5), 60_000, axis=0)
    dt = 0.02
    pairs = partial_evolution(system, x, [dt], 0.25, rng=np.random.default_rng(6)).pairs(PHI)
    dz = pairs.z1 - pairs.z0
    drift, covariance = infinitesimal_moments(system, x[:1], PHI)
    # rates are at most 1, so what is left out is of the order dt
    error = SIGMAS * dz.std(axis=0) / np.sqrt(len(dz)) / dt
    assert (np.abs(dz.mean(axis=0) / dt - drift[0]) < error + 2 * dt * np.abs(drift[0])).all()
    square_ = dz[:, :, None] * dz[:, None] / (4 * dt)
    error = SIGMAS * square_.std(axis=0) / np.sqrt(len(dz))
    assert (np.abs(square_.mean(axis=0) - covariance[0]) < error + 4 * dt * np.abs(covariance[0]).max()).all()


def test_observables_without_shortcuts_give_the_same(alloy: tuple[VacancyKMC, np.ndarray]) -> None:
    kmc, x = alloy
    system = Ising(square(5), 2.0)
    cases: list[tuple[Any, np.ndarray, Any]] = [
        (system, spins(system.lattice, 4, 7), EnergyPerSite()),
        (kmc, x, WarrenCowley(kmc.lattice.species)),
        (Blocks(system, 3), spins(system.lattice, 6, 8).reshape(2, -1), PHI),
        (Blocks(kmc, 2), x.reshape(2, -1), WarrenCowley(kmc.lattice.species)),
    ]
    for micro, states, phi in cases:
        expected = infinitesimal_moments(micro, states, phi)
        for slow in (Full(phi), OneChange(phi)):
            for a, b in zip(infinitesimal_moments(micro, states, slow), expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max())


def test_blocks_are_the_mean_over_their_cells() -> None:
    system = Ising(square(4), 2.0, field=0.2)
    cells = spins(system.lattice, 12, 9)
    drift, covariance = infinitesimal_moments(system, cells, PHI)
    big = Blocks(system, 3)
    b, s = infinitesimal_moments(big, cells.reshape(4, -1), PHI)
    np.testing.assert_allclose(b, drift.reshape(4, 3, 2).mean(axis=1), atol=1e-14)
    np.testing.assert_allclose(s, covariance.reshape(4, 3, 2, 2).mean(axis=1) / 3, atol=1e-14)
    parts = [
        infinitesimal_moments(big, cells.reshape(4, -1), PHI, np.tile(np.arange(16) + 16 * c, (4, 1))) for c in range(3)
    ]
    np.testing.assert_allclose(np.mean([p[0] for p in parts], axis=0), b, atol=1e-14)


def test_blocks_draw_cells_or_parts_of_cells() -> None:
    big = Blocks(Ising(square(4), 2.0), 3)
    x = np.ones((3000, 48), np.int8)
    rng = np.random.default_rng(10)
    for m in (4, 16, 32):
        active = big.draw_active(x, m, rng=rng)
        assert active.shape == (3000, m)
        cells = active // 16
        assert all(len(set(row)) == max(1, m // 16) for row in cells.tolist())
        counts = np.bincount(active.ravel(), minlength=48)
        assert np.abs(counts - 3000 * m / 48).max() < 6 * np.sqrt(3000 * m / 48)
    assert partial_evolution(big, x[:5], [1.0], 1 / 3, rng=rng).K == 3
    with pytest.raises(ValueError, match="whole number of cells"):
        big.draw_active(x, 24, rng=rng)


def test_fields_that_do_not_fit_are_refused() -> None:
    z = np.zeros((4, 2))
    good: dict[str, Any] = {"z": z, "drift": z, "covariance": np.zeros((4, 2, 2)), "K": 2.0}
    bad: list[tuple[dict[str, Any], str]] = [
        ({"z": np.zeros(4)}, "shape"),
        ({"drift": np.zeros((4, 1))}, "drift has the shape"),
        ({"covariance": z}, "covariance has the shape"),
        ({"K": 0.5}, "at least 1"),
        ({"drift": np.full((4, 2), np.nan)}, "drift must be finite"),
        ({"group": np.zeros(3)}, "group has shape"),
    ]
    for change, message in bad:
        with pytest.raises(ValueError, match=message):
            Moments(**{**good, **change})
    part = Moments(**good, condition=np.array(2.5), group=np.array([5, 5, 1, 1]))
    both = Moments.concat([part, part])
    assert (len(both), len(np.unique(both.group)), both.condition.shape) == (8, 4, (8, 1))
    assert both.take(both.group == 0).drift.shape == (2, 2)
    with pytest.raises(ValueError, match="joined"):
        Moments.concat([part, Moments(**good)])
    with pytest.raises(ValueError, match="no moments"):
        Moments.concat([])


def test_what_has_no_moments_is_refused(alloy: tuple[VacancyKMC, np.ndarray]) -> None:
    kmc, x = alloy
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no `events`"):
        infinitesimal_moments(Spins(4), np.ones((1, 4), np.int8), Mean())
    with pytest.raises(ValueError, match="no `events`"):
        infinitesimal_moments(Blocks(Spins(4), 2), np.ones((1, 8), np.int8), Mean())
    with pytest.raises(ValueError, match="no carrier is active"):
        infinitesimal_moments(Ising(square(3), 2.0), np.ones((1, 9), np.int8), PHI, np.zeros((1, 0), np.int64))
    with pytest.raises(ValueError, match="fraction"):
        patch_moments(kmc, x, WarrenCowley(kmc.lattice.species), 0.0, rng=rng)
    assert infinitesimal_moments(Ising(square(3), 2.0), np.ones((0, 9), np.int8), PHI)[0].shape == (0, 2)
    phi = WarrenCowley(kmc.lattice.species)
    sites = np.array([[[0, 1]]])
    values = x[:1, [1, 1]].reshape(1, 1, 2) % 3 + 1
    with pytest.raises(ValueError, match="conserve"):
        event_changes(phi, x[:1], kmc.lattice, sites, values)
    with pytest.raises(ValueError, match="two values"):
        event_changes(phi, x[:1], kmc.lattice, np.array([[[0, 0]]]), x[:1, [0, 0]].reshape(1, 1, 2))
