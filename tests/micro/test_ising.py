"""Ising dynamics against enumerated generators, Onsager's solution, and laws of independent spins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exact_spins import ExactIsing, onsager
from scipy import stats
from scipy.linalg import expm

from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins, spins_from_atoms, spins_to_atoms
from asemacro.micro.protocol import MicroSystem
from asemacro.micro.sampling import sample
from asemacro.micro.spins import ising
from asemacro.micro.spins.cluster_moves import wolff
from asemacro.micro.spins.ising import Ising
from asemacro.observables.spins import DomainWallDensity, EnergyPerSite, Magnetization
from asemacro.testing import ALPHA, check_microsystem, chi_square

SIGMAS = stats.norm.isf(ALPHA / 2)
LATTICES = {
    "square": Lattice.square(1.0, "X", (4, 3)),
    "triangular": Lattice.triangular(1.0, "X", 4),
    "honeycomb": Lattice.honeycomb(1.0, "X", 3),
    "cubic": Lattice.cubic(1.0, "X", (3, 2, 3)),
    "bcc": Lattice.bcc(1.0, "X", 2),
    "chain": Lattice.chain(1.0, "X", 12),
}


def square(side: int) -> Lattice:
    return Lattice.square(1.0, "X", side)


def spins(lattice: Lattice, batch: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(batch, lattice.n_sites))


def mean_is(values: np.ndarray, expected: float) -> bool:
    return abs(values.mean() - expected) < SIGMAS * values.std(ddof=1) / np.sqrt(len(values))


@pytest.fixture(scope="module")
def nine() -> ExactIsing:
    return ExactIsing(3, 2.5, 0.1)


@pytest.mark.parametrize("name", LATTICES)
def test_obeys_the_protocol(name: str) -> None:
    lattice = LATTICES[name]
    system = Ising(lattice, 2.0, (1.0, 0.3), field=0.2)
    assert isinstance(system, MicroSystem)
    x = -np.ones((1, lattice.n_sites), np.int8)
    x[0, ::3] = 1
    check_microsystem(system, x, (0.05, 2.0), observable=DomainWallDensity(), replicas=1500)
    assert np.array_equal(system.carriers(x), [np.arange(lattice.n_sites)])


@pytest.mark.parametrize("name", LATTICES)
def test_rates_obey_detailed_balance(name: str) -> None:
    lattice = LATTICES[name]
    coupling = (1.0, -0.4, 0.4, 0.2) if name == "square" else (0.7, 0.3)
    system = Ising(lattice, 1.7, coupling, field=-0.3)
    x = spins(lattice, 5, 1)
    rates = system.rates(x)
    for i in range(lattice.n_sites):
        flipped = x.copy()
        flipped[:, i] *= -1
        change = system.energy(flipped) - system.energy(x)
        np.testing.assert_allclose(rates[:, i], 1 / (1 + np.exp(change / 1.7)), rtol=1e-12)
        np.testing.assert_allclose(rates[:, i], 1 - system.rates(flipped)[:, i], rtol=1e-12)
    chosen = np.array([[3, 1], [0, 2], [1, 0], [5, 6], [2, 3]])
    np.testing.assert_array_equal(system.rates(x, chosen), np.take_along_axis(rates, chosen, 1))


def test_energy_counts_each_bond_once() -> None:
    x = np.ones((1, 16), np.int8)
    assert Ising(square(4), 1.0, field=0.25).energy(x) == pytest.approx(-2 * 16 - 0.25 * 16)
    assert Ising(square(4), 1.0, (1.0, 0.5)).energy(x) == pytest.approx(-2 * 16 - 0.5 * 2 * 16)
    assert Ising(square(2), 1.0).energy(x[:, :4]) == pytest.approx(-8)  # the doubled bonds of the 2 x 2 square


def test_law_of_nine_spins_after_a_start(nine: ExactIsing) -> None:
    system = Ising(square(3), 2.5, field=0.1)
    x = -np.ones((60_000, 9), np.int8)
    rng = np.random.default_rng(2)
    for t, pause in ((1.0, 1.0), (4.0, 3.0)):
        x, _ = system.evolve(x, pause, rng=rng)
        counts = np.bincount(nine.number(x), minlength=512)
        assert chi_square(counts, nine.law_after(t, 0)) > ALPHA


def test_stationary_law_of_nine_spins_stays(nine: ExactIsing) -> None:
    rng = np.random.default_rng(3)
    system = Ising(square(3), 2.5, field=0.1)
    x = nine.x[rng.choice(512, size=60_000, p=nine.law)]
    x, _ = system.evolve(x, 3.0, rng=rng)
    assert chi_square(np.bincount(nine.number(x), minlength=512), nine.law) > ALPHA


def test_law_of_a_patch_with_frozen_surroundings(nine: ExactIsing) -> None:
    # four active spins of nine: 16 states that differ from the start in these spins only
    active = np.array([0, 1, 3, 4])
    start = nine.x[137]
    bits = (np.arange(16)[:, None] >> np.arange(4)) & 1
    states = np.repeat(start[None], 16, axis=0)
    states[:, active] = np.where(bits, 1, -1)
    numbers = nine.number(states)
    inside = nine.generator[numbers][:, numbers].toarray()
    inside -= np.diag(inside.diagonal() + (inside - np.diag(inside.diagonal())).sum(axis=1))
    expected = expm(inside * 1.3)[int(np.flatnonzero((states == start).all(axis=1))[0])]
    x = np.repeat(start[None], 40_000, axis=0)
    system = Ising(square(3), 2.5, field=0.1)
    new, sites = system.evolve(x, 1.3, np.broadcast_to(active, (len(x), 4)), rng=np.random.default_rng(4))
    assert (sites == active).all()
    found = (nine.number(new)[:, None] == numbers).argmax(axis=1)
    assert chi_square(np.bincount(found, minlength=16), expected) > ALPHA


def test_mean_magnetisation_of_sixteen_spins() -> None:
    exact = ExactIsing(4, 2.5, 0.1)
    system = Ising(square(4), 2.5, field=0.1)
    known = {0.5: -0.961971, 1: -0.930698, 2: -0.880938, 5: -0.774711, 10: -0.632935, 20: -0.393339}
    rng = np.random.default_rng(5)
    x, law, now = -np.ones((30_000, 16), np.int8), np.eye(1, 1 << 16)[0], 0.0
    for t, value in known.items():
        x, _ = system.evolve(x, t - now, rng=rng)
        law, now = exact.law_after(t - now, law), t
        assert law @ exact.m == pytest.approx(value, abs=2e-6)
        assert mean_is(x.mean(axis=1, dtype=float), law @ exact.m)
    assert exact.law @ exact.m == pytest.approx(0.389341, abs=1e-6)
    assert exact.law @ exact.walls == pytest.approx(0.146746, abs=1e-6)


def test_first_passage_of_nine_spins(nine: ExactIsing) -> None:
    system = Ising(square(3), 2.5, field=0.1)
    x = -np.ones((20_000, 9), np.int8)
    for level, target, value in ((1e-9, nine.m > 0, 26.34596), (1.0, nine.m == 1, 48.47188)):
        exact = nine.first_passage(target)[0]
        assert exact == pytest.approx(value, abs=1e-5)
        times, there = system.first_passage(x, 5000.0, above=level, rng=np.random.default_rng(6))
        assert np.isfinite(times).all()
        assert mean_is(times, exact)
        assert (there.mean(axis=1) >= level - 1e-8).all()
    assert (system.first_passage(x[:3], 10.0, below=-1.0, rng=np.random.default_rng(0))[0] == 0).all()
    late, _ = system.first_passage(x, 2.0, above=1.0, rng=np.random.default_rng(7))
    assert np.isinf(late).mean() > 0.9
    with pytest.raises(ValueError, match="level"):
        system.first_passage(x, 1.0, rng=np.random.default_rng(0))


@pytest.mark.parametrize("temperature", [1.5, 2.0, 2.5, 3.0])
def test_onsager(temperature: float) -> None:
    energy, magnetisation = onsager(temperature)
    lattice, system = square(48), Ising(square(48), temperature)
    rng = np.random.default_rng(int(10 * temperature))
    x = np.ones((24, lattice.n_sites), np.int8)
    if magnetisation == 0:  # relaxation of the magnetisation takes 100 and more units of time
        x = wolff(system, x, 300, rng=rng)
    x, _ = system.evolve(x, 40.0, rng=rng)
    e, m = [], []
    for _ in range(8):
        x, _ = system.evolve(x, 5.0, rng=rng)
        e.append(EnergyPerSite()(x, lattice)[:, 0])
        m.append(Magnetization()(x, lattice)[:, 0])
    for values, expected in ((np.mean(e, axis=0), energy), (np.mean(m, axis=0), magnetisation)):
        limit = stats.t.isf(ALPHA / 2, len(values) - 1)
        assert abs(values.mean() - expected) < limit * values.std(ddof=1) / np.sqrt(len(values))


def test_spins_without_coupling_forget_at_rate_one() -> None:
    lattice = Lattice.cubic(1.0, "X", 4)
    system = Ising(lattice, np.inf, field=3.0)
    x = random_spins(lattice, 0.5, 8000, rng=np.random.default_rng(8))
    np.testing.assert_allclose(system.rates(x[:1]), 0.5)
    new, _ = system.evolve(x, 0.8, rng=np.random.default_rng(9))
    m = new.mean(axis=1, dtype=float)
    variance = (1 - np.exp(-1.6)) / lattice.n_sites
    assert abs(m.mean() - 0.5 * np.exp(-0.8)) < SIGMAS * np.sqrt(variance / len(m))
    low, high = stats.chi2.ppf([ALPHA / 2, 1 - ALPHA / 2], len(m) - 1) / (len(m) - 1)
    assert 0.95 * low < m.var(ddof=1) / variance < 1.05 * high


def test_where_a_run_is_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    system = Ising(square(6), 2.0, field=0.1)
    x = spins(system.lattice, 7, 10)
    active = np.broadcast_to(np.arange(20), (7, 20))
    whole = [system.evolve(x, 9.0, a, rng=np.random.default_rng(11))[0] for a in (None, active)]
    passage = system.first_passage(x, 9.0, above=0.8, rng=np.random.default_rng(12))
    monkeypatch.setattr(ising, "PATIENCE", 50)
    for a, expected in zip((None, active), whole, strict=True):
        np.testing.assert_array_equal(system.evolve(x, 9.0, a, rng=np.random.default_rng(11))[0], expected)
    cut = system.first_passage(x, 9.0, above=0.8, rng=np.random.default_rng(12))
    for part, once in zip(cut, passage, strict=True):
        np.testing.assert_array_equal(part, once)


def test_a_full_list_of_active_spins_is_the_same_path_in_any_code_width() -> None:
    system = Ising(square(5), 2.2)
    wide = Ising(square(5), 2.2, (1.0, 1e-14, 1e-13, 2e-14))  # other codes, the same rates to 1e-12
    x = spins(system.lattice, 4, 13)
    paths = [
        s.evolve(x, 5.0, a, rng=np.random.default_rng(14))[0] for s in (system, wide) for a in (None, s.carriers(x))
    ]
    assert all(np.array_equal(paths[0], path) for path in paths[1:])
    assert (system._code_type, wide._code_type) == (np.uint8, np.uint16)


def test_system_elsewhere() -> None:
    system = Ising(square(4), 2.0, (1.0, 0.2), field=0.1)
    assert (system.at(3.0).temperature, system.at(3.0).coupling, system.at(3.0).field) == (3.0, (1.0, 0.2), 0.1)
    assert system.on(square(8)).lattice.n_sites == 64


def test_snapshots_do_not_store_where_spins_are() -> None:
    system = Ising(square(8), 2.0)
    small = sample(system, spins(system.lattice, 2, 15), [0.0, 1.0, 2.0], rng=np.random.default_rng(16))
    assert small.sites.shape == small.x.shape == (2, 3, 64)
    assert small.sites.strides[:2] == (0, 0)
    np.testing.assert_array_equal(small.sites[1, 2], np.arange(64))


def test_partial_evolution_moves_a_block() -> None:
    system = Ising(square(12), 5.0)
    x = spins(system.lattice, 300, 17)
    moves = partial_evolution(system, x, [0.5, 3.0], 16 / 144, rng=np.random.default_rng(18))
    assert moves.K == 9
    changed = (moves.state() != x).reshape(300, 12, 12)
    for lines in (changed.any(axis=1), changed.any(axis=2)):
        for row in lines:
            at = np.flatnonzero(row)
            gaps = np.diff(np.append(at, at[:1] + 12))  # between changed lines, around the lattice
            assert 12 - gaps.max(initial=12) < 4
    assert np.bincount(moves.sites[1], minlength=144).min() > 0
    phi = DomainWallDensity()
    full = phi(moves.state(), system.lattice) - phi(x, system.lattice)
    np.testing.assert_allclose(moves.change(phi), full, atol=1e-13)
    with pytest.raises(ValueError, match="exactly 17 sites; the nearest have 14, 15, 16, 18, 20, 21"):
        partial_evolution(system, x, [0.5], 17 / 144, rng=np.random.default_rng(0))


def test_wolff_leaves_the_law_of_sixteen_spins() -> None:
    rng = np.random.default_rng(19)
    for field in (0.0, 0.15):
        exact = ExactIsing(4, 2.27, field)
        x = exact.x[rng.choice(1 << 16, size=30_000, p=exact.law)]
        new = wolff(Ising(square(4), 2.27, field=field), x, 4, rng=rng)
        assert (new != x).any(axis=1).mean() > 0.5
        for values in (exact.m, exact.energy):
            _, cell = np.unique(np.round(values, 9), return_inverse=True)
            expected = np.bincount(cell, exact.law)
            assert chi_square(np.bincount(cell[exact.number(new)], minlength=len(expected)), expected) > ALPHA


def test_wolff_forgets_its_start() -> None:
    exact = ExactIsing(3, 2.27)
    new = wolff(Ising(square(3), 2.27), -np.ones((20_000, 9), np.int8), 40, rng=np.random.default_rng(20))
    assert chi_square(np.bincount(exact.number(new), minlength=512), exact.law) > ALPHA
    system = Ising(square(3), 2.27, -1.0)
    with pytest.raises(ValueError, match="not negative"):
        wolff(system, new, 1, rng=np.random.default_rng(0))


def test_random_spins_have_an_exact_magnetisation() -> None:
    lattice = square(10)
    rng = np.random.default_rng(21)
    x = random_spins(lattice, [-1.0, -0.24, 0.0, 0.5], rng=rng)
    np.testing.assert_allclose(x.mean(axis=1), [-1, -0.24, 0, 0.5])
    many = random_spins(lattice, 0.2, 4000, rng=rng)
    assert x.dtype == np.int8
    ups = (many > 0).sum(axis=0)
    assert stats.chisquare(ups).pvalue > ALPHA
    for bad in (1.1, np.nan, [[0.0]]):
        with pytest.raises(ValueError, match="magnetisations"):
            random_spins(lattice, bad, rng=rng)
    with pytest.raises(ValueError, match="states"):
        random_spins(lattice, [0.0, 0.1], 3, rng=rng)


def test_spins_are_atoms_with_moments() -> None:
    lattice = Lattice.honeycomb(2.5, "X", 4)
    x = spins(lattice, 1, 22)
    atoms = spins_to_atoms(x, lattice)
    assert set(atoms.symbols) == {"X"}
    np.testing.assert_array_equal(atoms.get_initial_magnetic_moments(), x[0])
    order = np.random.default_rng(23).permutation(len(atoms))
    shaken = atoms[order]
    shaken.rattle(0.02, seed=1)
    np.testing.assert_array_equal(spins_from_atoms(shaken, lattice), x)
    far = atoms.copy()
    far.positions[3] += [0.0, 0.7, 0.0]
    bare = atoms.copy()
    bare.set_initial_magnetic_moments(np.zeros(len(bare)))
    for wrong, message in ((atoms[1:], "sites"), (far, "nearest site"), (bare, "moment")):
        with pytest.raises(ValueError, match=message):
            spins_from_atoms(wrong, lattice)
    with pytest.raises(ValueError, match="spins"):
        spins_to_atoms(x[:, 1:], lattice)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((square(4), 0.0), "above 0"),
        ((square(4), np.nan), "above 0"),
        ((square(4), 1.0, np.inf), "couplings"),
        ((square(4), 1.0, 1.0, np.nan), "field"),
        ((square(2), 1.0, (1.0, 1.0, 1.0)), "own neighbour"),
        ((Lattice.chain(1.0, "X", 1), 1.0), "own neighbour"),
        ((square(4).opened(0), 1.0), "wrap around"),
        ((Lattice.fcc(1.0, "X", 3), 1.0, (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)), "different couplings"),
    ],
)
def test_bad_systems_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ising(*arguments)


@pytest.mark.parametrize(
    ("x", "duration", "active", "message"),
    [
        (np.ones((1, 15), np.int8), 1.0, None, "shape"),
        (np.ones((1, 16), np.int64), 1.0, None, "int8"),
        (np.zeros((1, 16), np.int8), 1.0, None, "-1 or 1"),
        (np.full((1, 16), 2, np.int8), 1.0, None, "-1 or 1"),
        (np.ones((1, 16), np.int8), -1.0, None, "finite time"),
        (np.ones((1, 16), np.int8), np.inf, None, "finite time"),
        (np.ones((1, 16), np.int8), 1.0, [[16]], "0..15"),
        (np.ones((1, 16), np.int8), 1.0, [[2, 2]], "different"),
        (np.ones((1, 16), np.int8), 1.0, [[0.5]], "whole numbers"),
        (np.ones((1, 16), np.int8), 1.0, [0, 1], "indices"),
    ],
)
def test_bad_evolutions_are_refused(x: Any, duration: Any, active: Any, message: str) -> None:
    sites = None if active is None else np.array(active)
    with pytest.raises(ValueError, match=message):
        Ising(square(4), 2.0).evolve(x, duration, sites, rng=np.random.default_rng(0))
