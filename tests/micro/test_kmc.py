"""Vacancy KMC: exact answers on enumerable cells, laws of waiting times and jumps, conserved counts."""

from __future__ import annotations

import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from ase.units import kB
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.micro.protocol import MicroSystem
from asemacro.micro.sampling import sample
from asemacro.tasks import patience
from asemacro.testing import ALPHA, check_microsystem, chi_square

SPECIES = ("Nb", "Mo", "Ta")
PAIR = PairBarrier(
    SPECIES,
    {"Nb": 0.6, "Mo": 0.7, "Ta": 0.65},
    [{"Nb-Mo": -0.06, "Mo-Ta": -0.11, "Nb-X": 0.02, "X-X": -0.03}, {"Nb-Ta": 0.04, "Mo-Mo": -0.03, "Ta-X": 0.05}],
)


def kmc(shape: int = 4, temperature_K: float = 900, **more: Any) -> VacancyKMC:
    return VacancyKMC(Lattice.bcc(3.24, SPECIES, shape), PAIR, temperature_K, **more)


def arrangements(counts: list[int]) -> np.ndarray:
    """All states with these numbers of vacancies and atoms of each species, (n_states, n_sites)."""
    states = [np.full(sum(counts), -1, dtype=np.int8)]
    for value, count in list(enumerate(counts))[:-1]:
        filled = []
        for state in states:
            for sites in itertools.combinations(np.flatnonzero(state < 0), count):
                new = state.copy()
                new[list(sites)] = value
                filled.append(new)
        states = filled
    return np.where(np.stack(states) < 0, len(counts) - 1, np.stack(states)).astype(np.int8)


def rates_between(system: VacancyKMC, states: np.ndarray) -> sparse.csr_matrix:
    """Rates as the kernel uses them from each state to each other one, which neighbours in numpy lead to."""
    number = {state.tobytes(): i for i, state in enumerate(states)}
    neighbours = system.lattice.neighbours(system.lattice.shells(1)[0].offsets)
    rows, columns, values = [], [], []
    for i, state in enumerate(states):
        for site, rates in zip(np.flatnonzero(state == 0), system.rates(state), strict=True):
            for target, rate in zip(neighbours[site], rates, strict=True):
                if state[target] == 0:
                    assert rate == 0.0
                    continue
                new = state.copy()
                new[[site, target]] = new[[target, site]]
                rows.append(i)
                columns.append(number[new.tobytes()])
                values.append(rate)
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(states),) * 2)


@pytest.mark.parametrize(
    ("lattice", "counts"),
    [
        pytest.param(Lattice.bcc(3.24, SPECIES, 2), [1, 13, 1, 1], id="bcc-one-vacancy-ternary"),
        pytest.param(Lattice.bcc(3.24, SPECIES[:2], 2), [2, 13, 1], id="bcc-two-vacancies"),
        pytest.param(Lattice.bcc(3.24, SPECIES[:2], 2), [2, 12, 2], id="bcc-two-vacancies-two-solutes"),
        pytest.param(Lattice.fcc(3.6, SPECIES[:2], (2, 2, 1)), [2, 13, 1], id="fcc-two-vacancies"),
        pytest.param(Lattice.hcp(3.0, SPECIES[:2], (2, 2, 2)), [2, 13, 1], id="hcp-two-vacancies"),
        pytest.param(Lattice.square(3.0, SPECIES, (4, 3)), [1, 9, 1, 1], id="square-ternary"),
        pytest.param(Lattice.chain(3.0, SPECIES[:2], 7), [2, 3, 2], id="chain"),
    ],
)
def test_boltzmann_law_is_the_null_vector_of_the_generator(lattice: Lattice, counts: list[int]) -> None:
    """Rates as the kernel uses them; energy and neighbours computed apart from it, in numpy."""
    temperature = 1100.0
    system = VacancyKMC(lattice, PAIR, temperature)
    states = arrangements(counts)
    generator = rates_between(system, states)
    outflow = np.asarray(generator.sum(axis=1)).ravel()
    energy = PAIR.energy(lattice, states)
    law = np.exp(-(energy - energy.min()) / (kB * temperature))
    law /= law.sum()
    assert np.ptp(energy) > 0.05
    assert np.abs(generator.T @ law - outflow * law).max() < 1e-10 * (outflow * law).max()
    if lattice.prototype != "chain":  # atoms on a line keep their order
        assert sparse.csgraph.connected_components(generator, directed=False)[0] == 1


def test_chosen_jumps_have_the_probabilities_of_their_rates() -> None:
    system = kmc(3)
    rng = np.random.default_rng(0)
    x = system.lattice.random_state(vacancies=5, rng=rng)
    rates = system.rates(x)
    neighbours = system.lattice.neighbours(system.lattice.shells(1)[0].offsets)
    outcomes = {}
    for v, site in enumerate(system.carriers(x)[0]):
        for j, target in enumerate(neighbours[site]):
            new = x[0].copy()
            new[[site, target]] = new[[target, site]]
            if rates[v, j] > 0:
                outcomes[new.tobytes()] = outcomes.get(new.tobytes(), 0.0) + rates[v, j]
    index = {key: i for i, key in enumerate(outcomes)}
    counts = np.zeros(len(index))
    for _ in range(8000):
        counts[index[system.run(x, hops=1, rng=rng).x.tobytes()]] += 1
    probability = np.array(list(outcomes.values())) / rates.sum()
    assert chi_square(counts, probability) > ALPHA
    assert chi_square(counts, np.full(len(index), 1 / len(index))) < ALPHA


@pytest.mark.parametrize("vacancies", [1, 6])
def test_waiting_times_are_exponential(vacancies: int) -> None:
    system = kmc(4)
    rng = np.random.default_rng(1)
    x = system.lattice.random_state(vacancies=vacancies, rng=rng)
    run = system.run(x, record_hops=np.arange(6001), observe=lambda s: system.rates(s).sum(), rng=rng)
    waits = np.diff(run.record_times_s)
    assert stats.kstest(waits * run.record[:-1], "expon").pvalue > ALPHA
    assert stats.kstest(waits * run.record[:-1].mean(), "expon").pvalue < 1e-3  # rates do differ


@pytest.mark.parametrize("vacancies", [1, 3, 12])
def test_rates_kept_through_a_run_equal_fresh_ones(vacancies: int) -> None:
    system = kmc(6)
    rng = np.random.default_rng(2)
    x = system.lattice.random_state(vacancies=vacancies, rng=rng)
    fresh = kmc(6, cache_entries=1)
    run = system.run(x, record_hops=np.arange(0, 20000, 50), rng=rng)
    total = [fresh.rates(state).sum() for state in run.record]
    np.testing.assert_allclose(1 / run.record_residence_s, total, rtol=1e-13)
    assert 0.2 < run.cache_hit_rate < 1.0


def test_neither_cache_nor_the_length_of_calls_changes_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    x = kmc().lattice.random_state(vacancies=3, rng=np.random.default_rng(3))

    def path(system: VacancyKMC) -> Any:
        return system.run(x, hops=20000, rng=np.random.default_rng(4))

    plain = path(kmc())
    used = kmc()
    path(used.at(2000))
    monkeypatch.setattr(patience, "PATIENCE_S", 1e-4)
    for system in (kmc(cache_entries=1), kmc(cache_entries=7), used, pickle.loads(pickle.dumps(used))):
        other = path(system)
        assert other.time_s == plain.time_s
        assert np.array_equal(other.x, plain.x)
        assert np.array_equal(other.sites, plain.sites)
    assert path(kmc(cache_entries=1)).cache_hit_rate < plain.cache_hit_rate


def test_diffusion_in_a_pure_metal() -> None:
    """An uncorrelated walk in continuous time: mean squared displacement 6 D t, D = Z d^2 rate / 6."""
    lattice = Lattice.bcc(3.0, "Nb", 12)
    system = VacancyKMC(lattice, PairBarrier(["Nb"], {"Nb": 0.5}, [{"Nb-Nb": -0.1}]), 1000)
    rate = 1e13 * np.exp(-0.5 / (kB * 1000))
    copies = np.ones((5_000, lattice.n_sites), dtype=np.int8)
    copies[:, 0] = 0
    box = np.diag(lattice.cell) * lattice.shape
    rng = np.random.default_rng(5)
    duration = 4 / (8 * rate)  # four hops on average: a standard error of 0.3 % of 100,000 walks
    squares = []
    for _ in range(20):
        _, sites = system.evolve(copies, duration, rng=rng)
        moved = lattice.positions()[sites[:, 0]] - lattice.positions()[0]
        moved -= box * np.rint(moved / box)
        # the box is so wide that no such walk comes near half of it
        assert np.abs(moved).max() < 0.5 * box.min()
        squares.append((moved**2).sum(axis=1).mean())
    exact = 8 * lattice.shells(1)[0].distance ** 2 * rate / 6
    assert np.mean(squares) / (6 * duration) == pytest.approx(exact, rel=0.01)


def _bonds(x: np.ndarray, lattice: Lattice) -> np.ndarray:
    """Unlike first-shell bonds of two kinds per site: sums of local terms."""
    other = x[:, lattice.neighbours(lattice.shells(1)[0].offsets)]
    return np.stack([((x[..., None] == 2) & (other == k)).mean(axis=(1, 2)) for k in (1, 3)], axis=1)


def _counts(x: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(row, minlength=4) for row in x])


def test_obeys_the_protocol() -> None:
    system = kmc(3, 700)
    x = system.lattice.random_state(vacancies=4, rng=np.random.default_rng(6))
    assert isinstance(system, MicroSystem)
    hop = 4 / system.rates(x).sum()
    check_microsystem(
        system, x, (0.5 * hop, 5 * hop), observable=_bonds, conserved=_counts, fraction=0.5, replicas=4000
    )


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(*[st.integers(2, 5)] * 3),
    vacancies=st.integers(1, 6),
    frozen=st.integers(0, 4),
    seed=st.integers(0, 1000),
)
def test_counts_are_conserved_and_frozen_vacancies_stay(
    shape: tuple[int, int, int], vacancies: int, frozen: int, seed: int
) -> None:
    system = VacancyKMC(Lattice.bcc(3.24, SPECIES, shape), PAIR, 1500)
    rng = np.random.default_rng(seed)
    x = system.lattice.random_state(vacancies=vacancies, rng=rng)
    sites = rng.permutation(system.carriers(x)[0])
    active, rest = sites[frozen:], sites[:frozen]
    run = system.run(x, hops=200, duration_s=1e-3, active=active, rng=rng)
    assert np.array_equal(_counts(run.x[None]), _counts(x))
    assert np.all(run.x[rest] == 0)
    assert np.all(run.x[run.sites] == 0)
    assert len(run.sites) == len(active)
    if len(active) == 0:
        assert run.hops == 0


def test_a_vacancy_among_vacancies_is_blocked_and_time_passes() -> None:
    system = kmc(3)
    x = np.ones((1, system.lattice.n_sites), dtype=np.int8)
    ring = system.lattice.neighbours(system.lattice.shells(1)[0].offsets)[0]
    x[0, [0, *ring]] = 0
    rng = np.random.default_rng(0)
    run = system.run(x, hops=10, active=np.array([0]), rng=rng)
    assert (run.stopped, run.hops, run.time_s) == ("blocked", 0, 0.0)
    run = system.run(x, duration_s=3.0, active=np.array([0]), rng=rng)
    assert (run.stopped, run.hops, run.time_s, run.adjacent_fraction) == ("time", 0, 3.0, 1.0)
    new, sites = system.evolve(x, 3.0, np.array([[0]]), rng=rng)
    assert np.array_equal(new, x)
    assert sites.tolist() == [[0]]
    # so slow that float64 rates underflow: the same, not an endless loop
    assert system.at(1.0).run(x, hops=10, rng=rng).stopped == "blocked"


def test_stops_and_records() -> None:
    system = kmc()
    rng = np.random.default_rng(7)
    x = system.lattice.random_state(vacancies=2, rng=rng)
    run = system.run(x, record_hops=[0, 10, 10, 500], rng=rng)
    assert (run.hops, run.stopped) == (500, "hops")
    assert run.record_hops.tolist() == [0, 10, 10, 500]
    assert run.record.shape == (4, system.lattice.n_sites)
    assert np.array_equal(run.record[0], x[0])
    assert np.array_equal(run.record[-1], run.x)
    times = np.linspace(0, run.time_s, 6)
    by_time = system.run(x, record_times_s=times, observe=lambda s: s[0, :3], rng=rng)
    assert by_time.record.shape == (6, 3)
    assert (by_time.time_s, by_time.stopped) == (times[-1], "time")
    assert np.array_equal(by_time.record_times_s, times)
    both = system.run(x, duration_s=run.time_s, hops=3, record_times_s=times, rng=rng)
    assert (both.hops, both.stopped) == (3, "hops")
    assert len(both.record) < 6
    seen = []
    system.run(x, hops=5000, progress=lambda *words: seen.append(words), rng=rng)
    assert {task for task, _, _ in seen} == {"kmc"}
    assert seen[-1][1] == 1
    assert seen[-1][2].startswith("5.00e+03 hops at ")
    assert np.all(np.diff([fraction for _, fraction, _ in seen]) > 0)


def test_adjacent_time_is_the_time_with_a_vacancy_pair() -> None:
    system = kmc(3)
    rng = np.random.default_rng(8)
    x = system.lattice.random_state(vacancies=3, rng=rng)
    run = system.run(x, record_hops=np.arange(4001), observe=lambda s: (system.rates(s) == 0).any(), rng=rng)
    waits = np.diff(run.record_times_s)
    assert run.adjacent_fraction == pytest.approx(waits[run.record[:-1]].sum() / waits.sum(), rel=1e-9)
    assert 0 < run.adjacent_fraction < 1


def test_clamped_barriers_are_counted() -> None:
    steep = PairBarrier(["Nb", "Mo"], {"Nb": 0.02, "Mo": 0.02}, [{"Nb-Mo": 0.3}])
    lattice = Lattice.bcc(3.24, ["Nb", "Mo"], 4)
    x = lattice.random_state(rng=np.random.default_rng(0))
    barriers = steep.barriers(lattice, x[0], np.flatnonzero(x[0] == 0))
    assert barriers.min() >= 0.01 - 1e-12
    run = VacancyKMC(lattice, steep, 1000).run(x, hops=1000, rng=np.random.default_rng(1))
    assert 0.2 < run.clamped_fraction <= 1
    assert kmc().run(kmc().lattice.random_state(rng=np.random.default_rng(0)), hops=1000,
                     rng=np.random.default_rng(1)).clamped_fraction < 0.01  # fmt: skip


def test_snapshots_do_not_depend_on_the_executor() -> None:
    system = kmc()
    x0 = system.lattice.random_state(vacancies=2, batch=2, rng=np.random.default_rng(9))
    times = np.geomspace(1, 100, 5) / system.rates(x0[0]).sum()
    plain = sample(system, x0, times, n_trajectories=6, rng=np.random.default_rng(1))
    with ThreadPoolExecutor(3) as threads:
        parallel = sample(system, x0, times, n_trajectories=6, rng=np.random.default_rng(1), executor=threads)
    assert plain.x.shape == (6, 5, system.lattice.n_sites)
    assert np.array_equal(plain.x, parallel.x)
    assert np.array_equal(plain.sites, parallel.sites)
    assert np.all(np.take_along_axis(plain.x, plain.sites, axis=2) == 0)
    assert len(np.unique(plain.x[:, -1], axis=0)) == 6
    with pytest.raises(ValueError, match="must not decrease"):
        sample(system, x0, [2.0, 1.0], rng=np.random.default_rng(1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k, x, r: k.at(0), "temperature must be from 1 to 100,000 K, got 0 K"),
        (lambda k, x, r: k.at(float("nan")), "temperature must be"),
        (lambda k, x, r: kmc(attempt_frequency_Hz=-1), "attempt frequency"),
        (lambda k, x, r: kmc(cache_entries=0), "cache entries must be a whole number >= 1"),
        (lambda k, x, r: k.evolve(x, -1.0, rng=r), "duration must be a finite time >= 0"),
        (lambda k, x, r: k.evolve(x, np.inf, rng=r), "duration must be a finite time >= 0"),
        (lambda k, x, r: k.evolve(x[0], 1.0, rng=r), "shape"),
        (lambda k, x, r: k.evolve(x.astype(int), 1.0, rng=r), "int8"),
        (lambda k, x, r: k.evolve(x + np.int8(9), 1.0, rng=r), "species indices"),
        (lambda k, x, r: k.evolve(np.maximum(x, 1), 1.0, rng=r), "no vacancy"),
        (lambda k, x, r: k.evolve(np.vstack([x, np.where(x == 3, 0, x)]), 1.0, rng=r), "different numbers"),
        (lambda k, x, r: k.evolve(x, 1.0, np.array([[np.argmax(x[0])]]), rng=r), "not a vacancy"),
        (lambda k, x, r: k.evolve(x, 1.0, np.repeat(k.carriers(x)[:, :1], 2, 1), rng=r), "different from each"),
        (lambda k, x, r: k.evolve(x, 1.0, np.array([[10**6]]), rng=r), "active sites must be 0"),
        (lambda k, x, r: k.run(x, rng=r), "needs an end"),
        (lambda k, x, r: k.run(x, hops=-5, rng=r), "number of hops must be a whole number >= 0, got -5"),
        (lambda k, x, r: k.run(x, hops=2.5, rng=r), "whole number"),
        (lambda k, x, r: k.run(x, record_hops=[3, 2], rng=r), "ascend"),
        (lambda k, x, r: k.run(x, record_hops=[3], record_times_s=[1.0], rng=r), "not both"),
        (lambda k, x, r: k.run(np.vstack([x, x]), hops=1, rng=r), "one state"),
    ],
)
def test_bad_input_gives_one_clear_line(call: Any, message: str) -> None:
    system = kmc()
    rng = np.random.default_rng(0)
    x = system.lattice.random_state(vacancies=2, rng=rng)
    with pytest.raises(ValueError, match=message) as error:
        call(system, x, rng)
    assert "\n" not in str(error.value)
