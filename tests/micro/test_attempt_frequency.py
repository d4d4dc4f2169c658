"""Attempt frequencies of species: rates and waiting times by formula, the equilibrium as without them, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.units import kB
from scipy import stats

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.callable import CallableBarriers
from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.gnn.file import load_gnn, save_gnn
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.load import load_barriers
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.alloy.mobility import hop_time_s, jumps_at
from asemacro.testing import ALPHA, chi_square
from tests.micro.test_detailed_balance import consistent
from tests.micro.test_kmc import PAIR, SPECIES, arrangements, rates_between

OWN = {"Nb": 7e12, "Ta": 3.1e13}
HZ = np.array([0.0, 7e12, 1e13, 3.1e13])  # X, Nb, Mo, Ta
PAIRS = {"species": SPECIES, "migration_eV": PAIR.migration_eV, "pair_eV": PAIR.pair_eV}


def pairs(**own: float) -> PairBarrier:
    return PairBarrier(**PAIRS, attempt_frequency_Hz=own)


def network() -> BarrierGNN:
    model = consistent()
    model.attempt_frequency_Hz = OWN
    return model


def flat(symbols: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return np.full(8, 0.6)


@pytest.mark.parametrize(
    ("model", "cells"),
    [
        pytest.param(pairs(**OWN), 3, id="pair"),
        pytest.param(network(), 5, id="network"),
        pytest.param(CallableBarriers(flat, 3.0, attempt_frequency_Hz=OWN), 3, id="function"),
    ],
)
def test_rates_are_those_of_the_species_that_jumps(model: BarrierModel, cells: int) -> None:
    lattice = Lattice.bcc(3.24, SPECIES, cells)
    x = lattice.random_state(vacancies=4, rng=np.random.default_rng(0))[0]
    sites = np.flatnonzero(x == 0)
    atoms = x[lattice.neighbours(lattice.shells(1)[0].offsets)[sites]]
    arrhenius = np.exp(-model.barriers(lattice, x, sites) / (kB * 900.0))
    system = VacancyKMC(lattice, model, 900.0)
    assert system.attempt_frequency_Hz == {"Nb": 7e12, "Mo": 1e13, "Ta": 3.1e13}
    np.testing.assert_allclose(system.rates(x), HZ[atoms] * arrhenius, rtol=1e-13)
    np.testing.assert_array_equal(model.jump_frequencies(lattice, x, sites), HZ[atoms])
    for changed in (system.at(700.0), system.on(lattice.repeat(2))):
        assert changed.attempt_frequency_Hz == system.attempt_frequency_Hz
    # what is given to the system overrides all that the model says
    given = VacancyKMC(lattice, model, 900.0, 2e12)
    assert set(given.on(lattice.repeat(2)).attempt_frequency_Hz.values()) == {2e12}
    np.testing.assert_allclose(given.rates(x), 2e12 * arrhenius, rtol=1e-13)


@pytest.mark.parametrize("seed", [1, 2])
def test_one_common_frequency_is_the_run_that_it_always_was(seed: int) -> None:
    lattice = Lattice.bcc(3.24, SPECIES, 4)
    x = lattice.random_state(vacancies=2, rng=np.random.default_rng(0))
    systems = [
        VacancyKMC(lattice, PAIR, 900.0),
        VacancyKMC(lattice, PAIR, 900.0, 1e13),
        VacancyKMC(lattice, pairs(Nb=1e13, Mo=1e13, Ta=1e13), 900.0),
    ]
    runs = [system.run(x, hops=500, rng=np.random.default_rng(seed)) for system in systems]
    assert len({(run.time_s, run.x.tobytes()) for run in runs}) == 1
    other = VacancyKMC(lattice, pairs(**OWN), 900.0).run(x, hops=500, rng=np.random.default_rng(seed))
    assert other.time_s != runs[0].time_s


@pytest.mark.parametrize(
    ("lattice", "counts"),
    [
        pytest.param(Lattice.bcc(3.24, SPECIES, 2), [1, 13, 1, 1], id="bcc"),
        pytest.param(Lattice.fcc(3.6, SPECIES[:2], (2, 2, 1)), [2, 13, 1], id="fcc-two-vacancies"),
    ],
)
def test_equilibrium_does_not_depend_on_them(lattice: Lattice, counts: list[int]) -> None:
    """All states: the Boltzmann law is the stationary law of either generator, whose rates differ."""
    temperature, states = 1100.0, arrangements(counts)
    energy = PAIR.energy(lattice, states)
    law = np.exp(-(energy - energy.min()) / (kB * temperature))
    common, own = (rates_between(VacancyKMC(lattice, m, temperature), states) for m in (PAIR, pairs(**OWN)))
    ratio = np.unique(np.round((own / 1e13).data / (common / 1e13).data, 9))
    np.testing.assert_allclose(ratio, [0.7, 1.0, 3.1][: len(lattice.species)])
    outflow = np.asarray(own.sum(axis=1)).ravel()
    assert np.abs(own.T @ law - outflow * law).max() < 1e-10 * (outflow * law).max()
    assert np.ptp(energy) > 0.05


def test_waiting_times_and_who_jumps() -> None:
    """One vacancy among atoms of the same barrier: species jump by number times frequency, waits are exponential."""
    lattice = Lattice.bcc(3.24, SPECIES, 3)
    model = PairBarrier(SPECIES, dict.fromkeys(SPECIES, 0.5), [{}], attempt_frequency_Hz=OWN)
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(3))[0]
    vacancy = int(np.flatnonzero(x == 0)[0])
    atoms = x[lattice.neighbours(lattice.shells(1)[0].offsets)[vacancy]]
    rates = np.bincount(atoms, minlength=4) * HZ * np.exp(-0.5 / (kB * 1000.0))
    assert (rates[1:] > 0).all()
    system, rng = VacancyKMC(lattice, model, 1000.0), np.random.default_rng(4)
    runs = [system.run(x, hops=1, rng=rng) for _ in range(4000)]
    jumped = np.bincount([run.x[vacancy] for run in runs], minlength=4)
    assert chi_square(jumped[1:], rates[1:] / rates.sum()) > ALPHA
    assert stats.kstest([run.time_s * rates.sum() for run in runs], "expon").pvalue > ALPHA


def test_mean_time_of_a_hop_is_that_of_the_rates() -> None:
    lattice, model = Lattice.bcc(3.24, SPECIES, 3), pairs(**OWN)
    x = lattice.random_state(vacancies=3, batch=2, rng=np.random.default_rng(5))
    system = VacancyKMC(lattice, model, 800.0)
    rates = np.array([system.rates(row) for row in x])
    barriers, frequencies = jumps_at(model, lattice, x)
    assert hop_time_s(barriers, 800.0, frequencies) == pytest.approx(6 / rates.sum(), rel=1e-12)
    assert hop_time_s(barriers, 800.0) != pytest.approx(6 / rates.sum(), rel=0.01)
    # far below where exp(-barrier / kT) underflows
    cold = hop_time_s(barriers, 12.0, frequencies)
    first = np.sort(barriers[np.isfinite(barriers)])[0]
    assert 1e13 * cold > np.exp(first / (kB * 12.0)) / 50


def test_files_keep_them(tmp_path: Path) -> None:
    path = tmp_path / "pair.json"
    path.write_text(json.dumps({**PAIRS, "attempt_frequency_Hz": OWN}))
    assert load_barriers(path).attempt_frequency_Hz == OWN
    again = load_gnn(save_gnn(network(), tmp_path / "network.safetensors"))
    assert again.attempt_frequency_Hz == OWN
    np.testing.assert_array_equal(again.frequencies(("Ta", "Mo")), [0.0, 3.1e13, 1e13])
    assert not load_gnn(save_gnn(consistent(), tmp_path / "plain.safetensors")).attempt_frequency_Hz
    assert not load_barriers("refractory").attempt_frequency_Hz  # a file of before there were any


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"W": 1e13}, "attempt_frequency_Hz names W; the model knows Nb, Mo, Ta"),
        ({"Nb": 0}, "above 0, got 0"),
        ({"Nb": "fast"}, "must be a number, got 'fast'"),
        ({"Nb": 1e40}, "<= 1e\\+30"),
        ([1e13], "must be a JSON object"),
        (None, "must be a JSON object"),
    ],
)
def test_a_wrong_one_in_a_file_is_one_line(value: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "pair.json"
    path.write_text(json.dumps({**PAIRS, "attempt_frequency_Hz": value}))
    with pytest.raises(ValueError, match=words) as caught:
        load_barriers(path)
    assert "\n" not in str(caught.value)
    if isinstance(value, dict):
        model = consistent()
        model.attempt_frequency_Hz = value
        with pytest.raises(ValueError, match=words):
            load_gnn(save_gnn(model, tmp_path / "network.safetensors"))


class Alike(PairBarrier):
    """Takes tantalum for niobium."""

    def compile(self, lattice: Lattice) -> CompiledBarriers:
        return super().compile(lattice)._replace(species=np.array([0, 1, 2, 1], dtype=np.int8))


def test_one_number_for_species_of_different_frequencies_is_refused() -> None:
    lattice = Lattice.bcc(3.24, SPECIES, 3)
    with pytest.raises(ValueError, match="takes Nb for another species"):
        VacancyKMC(lattice, Alike(**PAIRS, attempt_frequency_Hz=OWN), 900.0)
    VacancyKMC(lattice, Alike(**PAIRS), 900.0)
    VacancyKMC(lattice, Alike(**PAIRS, attempt_frequency_Hz=OWN), 900.0, 1e13)
