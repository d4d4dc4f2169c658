"""Clock and spread of the members of an ensemble on the way of runs: known where members differ by a constant."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import kB

from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.alloy.visited import Visited, time_factor, within
from tests.micro.test_kmc import PAIR, SPECIES
from tests.studies.alloy.pair_ensemble import PairEnsemble, changed, on_both_sides

BCC = Lattice.bcc(3.24, SPECIES, 4)
COUNTS = {"Nb": 41, "Mo": 42, "Ta": 42, "X": 3}
KELVIN = 1200.0
NOTHING = [{}, {}]


def visited(model: PairEnsemble, runs: int = 2, looks: int = 20) -> tuple[Visited, np.ndarray]:
    """What the members make of some random states, and these."""
    x = BCC.random_state(COUNTS, batch=runs * looks, rng=np.random.default_rng(0)).reshape(runs, looks, -1)
    seen = Visited(VacancyKMC(BCC, model, KELVIN), runs)
    for run in range(runs):
        for state in x[run]:
            seen.see(run, state)
    return seen, x


@pytest.mark.parametrize(("step_eV", "uncertain"), [(0.06, 0.0), (0.08, 1.0)])
def test_barriers_that_differ_by_a_constant_change_the_clock_alone(step_eV: float, uncertain: float) -> None:
    """Two members at +- step have the standard deviation sqrt(2) step, which 0.1 eV lies between."""
    seen, _ = visited(on_both_sides(PAIR, NOTHING, dict.fromkeys(SPECIES, step_eV)))
    np.testing.assert_allclose(seen.log_rates, np.tile([step_eV, -step_eV], (2, 1)) / (kB * KELVIN), rtol=1e-9)
    assert seen.uncertain == pytest.approx(uncertain)


def test_uncertain_jumps_weigh_as_they_are_made() -> None:
    model = on_both_sides(PAIR, NOTHING, {"Mo": 0.2})
    seen, x = visited(model)
    shares, neighbours = [], BCC.neighbours(BCC.shells(1)[0].offsets)
    kmc = VacancyKMC(BCC, model, KELVIN)
    for state in x.reshape(-1, BCC.n_sites):
        rates = kmc.rates(state)
        of_molybdenum = state[neighbours[np.flatnonzero(state == 0)]] == 2
        shares.append((np.where(of_molybdenum, rates, 0).sum(axis=1) / rates.sum(axis=1)).mean())
    assert 0.01 < np.mean(shares) < 0.9
    assert seen.uncertain == pytest.approx(np.mean(shares), rel=1e-9)


def test_states_count_by_their_weights() -> None:
    model = on_both_sides(PAIR, NOTHING, {"Mo": 0.2})
    each, x = zip(*(visited(model, runs=1, looks=1 + k) for k in range(2)), strict=True)
    one, both = each
    other = Visited(VacancyKMC(BCC, model, KELVIN), 1)
    other.see(0, x[1][0, 1])
    seen = Visited(VacancyKMC(BCC, model, KELVIN), 1)
    seen.see(0, x[1][0, 0], 3.0)
    seen.see(0, x[1][0, 1], 1.0)
    np.testing.assert_allclose(both.log_rates, (one.log_rates + other.log_rates) / 2)
    np.testing.assert_allclose(seen.log_rates, 0.75 * one.log_rates + 0.25 * other.log_rates)
    assert seen.uncertain == pytest.approx(0.75 * one.uncertain + 0.25 * other.uncertain)


def test_a_single_model_tells_nothing() -> None:
    seen, _ = visited(PAIR)
    assert seen.log_rates.shape == (2, 0)
    assert np.isnan(seen.uncertain)
    assert np.isnan(time_factor(seen.log_rates))
    assert within(time_factor(seen.log_rates)) == ""


def test_the_factor_is_that_of_a_normal_logarithm() -> None:
    log_rates = np.random.default_rng(0).normal(scale=np.log(2), size=(1, 20_000))
    assert time_factor(log_rates) == pytest.approx(2.0, rel=0.03)
    assert within(2.04) == " (by the barriers within a factor of 2)"


def test_the_clock_is_that_of_runs_of_the_member() -> None:
    """Members with more migration energy of one species each: their own time per hop follows to first order."""
    members = [changed(PAIR, NOTHING, {symbol: 0.01}) for symbol in SPECIES]
    model, lattice = PairEnsemble(*members), Lattice.bcc(3.24, SPECIES, 4)
    counts = {"Nb": 42, "Mo": 43, "Ta": 42, "X": 1}
    rng = np.random.default_rng(1)
    kmc, runs, per_hop = VacancyKMC(lattice, model, KELVIN), 4, []
    first = lattice.random_state(counts, rng=rng)
    warm = [kmc.run(first, hops=10_000, rng=rng).x for _ in range(runs)]
    seen = Visited(kmc, runs)
    for run, x in enumerate(warm):
        done = kmc.run(x, hops=60_000, rng=rng)
        times = np.linspace(0, done.time_s, 500)[1:]
        for state in kmc.run(x, record_times_s=times, rng=rng).record:
            seen.see(run, state)
    for one in (model, *members):
        own = VacancyKMC(lattice, one, KELVIN)
        per_hop.append([own.run(x, hops=120_000, rng=rng).time_s / 120_000 for x in warm])
    slower = np.log(np.mean(per_hop[1:], axis=1) / np.mean(per_hop[0]))
    noise = np.std(per_hop, axis=1, ddof=1) / np.mean(per_hop, axis=1) / np.sqrt(runs)
    own_noise = seen.log_rates.std(axis=0, ddof=1) / np.sqrt(runs)
    apart = slower + seen.log_rates.mean(axis=0)
    # errors of four runs have tails: Student's t with 3 degrees of freedom; 0.003 for what is not linear
    noise = np.sqrt(noise[1:] ** 2 + noise[0] ** 2 + own_noise**2)
    assert (np.abs(apart) < 9 * noise + 0.003).all()
    assert np.ptp(slower) > 0.01
