"""A reversible SDE of an alloy with an energy: law from swaps, covariance rate from partial evolutions."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from scipy import stats

import asemacro as am
from asemacro.testing import ALPHA

STRUCTURES = Path(__file__).resolve().parents[3] / "structures"
SIGMAS = stats.norm.isf(ALPHA / 6)  # of three pairs
KELVIN, VACANCIES = 1500.0, 4


@pytest.fixture(scope="module")
def alloy() -> tuple[am.VacancyKMC, np.ndarray]:
    """KMC of 256 sites and equilibrium states of two chains of swaps."""
    rng = np.random.default_rng(0)
    lattice = am.Lattice.from_atoms(ase.io.read(STRUCTURES / "NiCoCr.cif")).at_least(256)
    barriers = am.load_barriers(STRUCTURES / "NiCoCr_pair.json")
    swaps = am.SwapMC(lattice, barriers, KELVIN)
    sweeps = 20 + 5 * np.arange(1500)
    chains = [
        swaps.run(lattice.random_state(vacancies=VACANCIES, rng=rng), record_sweeps=sweeps, rng=rng).record
        for _ in range(2)
    ]
    return am.VacancyKMC(lattice, barriers, temperature_K=KELVIN), np.array(chains)


def test_part_of_the_vacancies_satisfies_fluctuation_dissipation(alloy: tuple[am.VacancyKMC, np.ndarray]) -> None:
    # with the other vacancies frozen the moves are reversible under the law of the whole: E[d^2] = -2 E[d phi]
    kmc, chains = alloy
    sro = am.WarrenCowley(kmc.lattice.species)
    x = chains.reshape(-1, chains.shape[-1])
    rng = np.random.default_rng(1)
    hop_s = VACANCIES * kmc.run(x[0], hops=1000, rng=rng).time_s / 1000
    pairs = am.partial_evolution(kmc, x, times=[20 * hop_s], fraction=1 / VACANCIES, rng=rng).pairs(sro)
    change, apart = (pairs.z1 - pairs.z0) / VACANCIES, pairs.z0 - pairs.z0.mean(axis=0)
    balance = change**2 + 2 * change * apart
    error = balance.std(axis=0, ddof=1) / np.sqrt(len(balance))
    assert (np.abs(balance.mean(axis=0)) < SIGMAS * error).all()
    assert (error < 0.2 * (change**2).mean(axis=0)).all()


def test_the_law_of_the_sde_is_that_of_other_swaps(alloy: tuple[am.VacancyKMC, np.ndarray]) -> None:
    kmc, (learned_from, others) = alloy
    sro = am.WarrenCowley(kmc.lattice.species)
    rng = np.random.default_rng(2)
    hop_s = VACANCIES * kmc.run(learned_from[0], hops=1000, rng=rng).time_s / 1000
    moves = am.partial_evolution(kmc, learned_from, times=[100 * hop_s], fraction=1 / VACANCIES, rng=rng)
    sde = am.NeuralSDE(
        am.ReversibleDrift(sro.dim, degree=4), am.PolynomialDiffusion(sro.dim, degree=0), labels=sro.labels, sites=256
    )
    am.fit_reversible(sde, sro(learned_from, kmc.lattice), am.moments_from_pairs(moves.pairs(sro)), rng=rng)
    law, z = am.stationary_law(sde), sro(others, kmc.lattice)
    mean = law.mean(law.z)
    # states five sweeps apart are hardly correlated; the law itself comes from as many
    error = 1.2 * np.sqrt(2) * z.std(axis=0) / np.sqrt(len(z))
    assert (np.abs(mean - z.mean(axis=0)) < SIGMAS * error).all()
    spread = np.sqrt(law.mean((law.z - mean) ** 2))
    assert (np.abs(spread / z.std(axis=0) - 1) < SIGMAS * 1.2 / np.sqrt(len(z))).all()
    # trajectories keep the law, and relax no slower than some hundred hops of each vacancy
    rates = am.relaxation_modes(sde, degree=4).rates
    assert 1e-3 < rates[0] * hop_s < 0.1
    _, paths = am.simulate(sde, z[:400], n_trajectories=400, times_s=[3 / rates[0]], rng=rng)
    late = paths[:, -1].mean(axis=0) - mean
    assert (np.abs(late) < SIGMAS * z.std(axis=0) / np.sqrt(400) + 0.02 * z.std(axis=0)).all()
