"""The plain versions that kernels are measured against: each against exact answers, then the kernels against them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ase.units import kB
from exact_spins import ExactIsing
from scipy import stats

from asemacro.barriers import load_barriers
from asemacro.files.arrays import read_arrays
from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.macro.trajectories import simulate
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.micro.spins.ising import Ising
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import gaussian, top_hat
from asemacro.observables.alloy import WarrenCowley
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.studies.learn.learned import polynomial_sde
from asemacro.studies.speed import plain_sde
from asemacro.studies.speed.plain_alloy import (
    jump_rates,
    metropolis_swaps,
    pair_counts,
    residence_time_kmc,
    warren_cowley_delta,
)
from asemacro.studies.speed.plain_barriers import PairBonds, plain_barriers
from asemacro.studies.speed.plain_spins import Couplings, glauber, patch_pairs
from asemacro.testing import ALPHA, chi_square, same_mean
from tests.barriers.test_barriers_pair_nnk import WEIGHTS, needs_weights
from tests.micro.test_kmc import PAIR, SPECIES, arrangements

LATTICES = {
    "bcc": Lattice.bcc(3.24, SPECIES, (3, 2, 4)),
    "bcc of two cells": Lattice.bcc(3.24, SPECIES, (1, 1, 2)),
    "fcc": Lattice.fcc(3.6, SPECIES, (2, 1, 3)),
    "hcp": Lattice.hcp(3.0, SPECIES, 2),
    "square": Lattice.square(3.0, SPECIES, 4),
}
STARTS = 6000


# ---------------------------------------------------------------- alloys


@pytest.mark.parametrize("name", LATTICES)
def test_swap_energies_are_changes_of_the_energy_of_the_cell(name: str) -> None:
    """All pairs of sites at once, in cells so small that a shell meets its own images."""
    lattice = LATTICES[name]
    x = lattice.random_state({"Nb": 0.4, "Mo": 0.3, "Ta": 0.3}, vacancies=1, rng=np.random.default_rng(0))[0]
    a, b = np.triu_indices(lattice.n_sites, 1)
    after = np.repeat(x[None], len(a), axis=0)
    after[np.arange(len(a)), a], after[np.arange(len(a)), b] = x[b], x[a]
    expected = PAIR.energy(lattice, after) - PAIR.energy(lattice, x[None])
    np.testing.assert_allclose(PairBonds(lattice, PAIR).swap_energy(x, a, b), expected, atol=1e-12)
    assert np.std(expected) > 0.01


@pytest.mark.parametrize("name", LATTICES)
def test_rates_of_the_kernel_are_the_plain_ones(name: str) -> None:
    lattice = LATTICES[name]
    x = lattice.random_state(vacancies=min(4, lattice.n_sites // 2), rng=np.random.default_rng(1))[0]
    kmc = VacancyKMC(lattice, PAIR, 900)
    targets, rates = jump_rates(PairBonds(lattice, PAIR), x, np.flatnonzero(x == 0), 900, 1e13)
    np.testing.assert_array_equal(targets, lattice.neighbours(kmc.jumps)[x == 0])
    np.testing.assert_allclose(kmc.rates(x), rates, rtol=1e-10)
    assert (rates > 0).any()


@pytest.mark.parametrize("name", ["nbmota", "refractory", pytest.param("published", marks=needs_weights)])
def test_networks_are_the_plain_ones(name: str) -> None:
    """A box of unequal edges, so that exchanged axes would show."""
    lattice = Lattice.bcc(3.24, SPECIES, (5, 6, 7))
    model = load_barriers(WEIGHTS if name == "published" else name)
    plain = plain_barriers(lattice, model, read_arrays(WEIGHTS, "network") if name == "published" else None)
    assert plain is not None
    x = lattice.random_state(vacancies=8, rng=np.random.default_rng(2))[0]
    sites = np.flatnonzero(x == 0)
    targets, found = plain(x, sites)
    of_kernel = dict(zip(lattice.neighbours(VacancyKMC(lattice, model, 900).jumps)[sites].flat,
                         model.barriers(lattice, x, sites).flat, strict=True))  # fmt: skip
    np.testing.assert_allclose([of_kernel[t] for t in targets.flat], found.flat, atol=1e-5)
    assert np.std(found[np.isfinite(found)]) > 0.1


def test_other_models_have_no_plain_version() -> None:
    class Own(type(PAIR).__bases__[0]):  # type: ignore[misc]
        def compile(self, lattice: Lattice) -> Any:
            raise NotImplementedError

    assert plain_barriers(LATTICES["bcc"], Own()) is None


def chain_of_states(temperature_K: float) -> tuple[Lattice, np.ndarray, np.ndarray, np.ndarray]:
    """All 240 states of 3 x 3 sites with two vacancies and a solute, energies, and rates by total energies alone."""
    lattice = Lattice.square(3.0, SPECIES[:2], (3, 3))
    states = arrangements([2, 6, 1])
    energy = PAIR.energy(lattice, states)
    number = {state.tobytes(): i for i, state in enumerate(states)}
    near = lattice.neighbours(lattice.shells(1)[0].offsets)
    rates = np.zeros((len(states), len(states)))
    for i, state in enumerate(states):
        for site in np.flatnonzero(state == 0):
            for target in near[site][state[near[site]] > 0]:
                new = state.copy()
                new[site], new[target] = state[target], 0
                j = number[new.tobytes()]
                change = energy[j] - energy[i]
                saddle = PAIR.migration_eV[lattice.species[state[target] - 1]]
                barrier = max(saddle, abs(change) / 2 + 0.01) + change / 2
                rates[i, j] += 1e13 * np.exp(-barrier / (kB * temperature_K))
    return lattice, states, energy, rates


def test_kinetics_have_the_law_of_the_generator() -> None:
    """States after three hops, and the time to the first, of many runs from one state."""
    temperature_K = 1100.0
    lattice, states, energy, rates = chain_of_states(temperature_K)
    outflow = rates.sum(axis=1)
    law = np.exp(-(energy - energy.min()) / (kB * temperature_K))
    law /= law.sum()
    assert np.abs(rates.T @ law - outflow * law).max() < 1e-10 * (outflow * law).max(), "the generator itself"
    bonds, rng = PairBonds(lattice, PAIR), np.random.default_rng(3)
    number = {state.tobytes(): i for i, state in enumerate(states)}
    runs = [residence_time_kmc(bonds, states[0], 3, temperature_K, rng=rng)[0] for _ in range(STARTS)]
    seen = np.bincount([number[x.tobytes()] for x in runs], minlength=len(states))
    jumps = rates / outflow[:, None]
    assert chi_square(seen, (jumps @ jumps @ jumps)[0]) > ALPHA
    assert chi_square(seen, (jumps @ jumps)[0] / 2 + law / 2) < ALPHA
    waits = [residence_time_kmc(bonds, states[0], 1, temperature_K, rng=rng)[1] for _ in range(2000)]
    assert stats.kstest(np.array(waits) * outflow[0], "expon").pvalue > ALPHA


def test_a_vacancy_among_vacancies_cannot_jump() -> None:
    lattice = Lattice.square(3.0, SPECIES[:2], (3, 3))
    with pytest.raises(ValueError, match="no vacancy can jump"):
        residence_time_kmc(PairBonds(lattice, PAIR), np.zeros(9, np.int8), 1, 900, rng=np.random.default_rng(0))


def test_swaps_have_the_law_of_their_transition_matrix() -> None:
    """The matrix by energies of the whole cell; it keeps the Boltzmann law. Then states after three attempts."""
    temperature_K, lattice = 1500.0, Lattice.chain(3.0, SPECIES[:2], 6)
    states = arrangements([1, 3, 2])
    energy = PAIR.energy(lattice, states)
    number = {state.tobytes(): i for i, state in enumerate(states)}
    matrix = np.zeros((len(states), len(states)))
    for i, state in enumerate(states):
        for a in range(6):
            unlike = np.flatnonzero(state != state[a])
            for b in unlike:
                new = state.copy()
                new[[a, b]] = new[[b, a]]
                j = number[new.tobytes()]
                matrix[i, j] += min(1, np.exp(-(energy[j] - energy[i]) / (kB * temperature_K))) / 6 / len(unlike)
        matrix[i, i] += 1 - matrix[i].sum()
    law = np.exp(-(energy - energy.min()) / (kB * temperature_K))
    np.testing.assert_allclose(law @ matrix, law, atol=1e-12)
    bonds, rng = PairBonds(lattice, PAIR), np.random.default_rng(4)
    runs = [metropolis_swaps(bonds, states[0], 3, temperature_K, rng=rng) for _ in range(STARTS)]
    seen = np.bincount([number[x.tobytes()] for x, _ in runs], minlength=len(states))
    assert chi_square(seen, np.linalg.matrix_power(matrix, 3)[0]) > ALPHA
    assert chi_square(seen, np.linalg.matrix_power(matrix, 2)[0]) < ALPHA
    assert 0 < sum(accepted for _, accepted in runs) < 3 * STARTS


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("shell", [1, 2])
def test_order_is_the_plain_one(name: str, shell: int) -> None:
    lattice = LATTICES[name]
    x = np.random.default_rng(5).permutation(np.resize([1, 2, 3, 0, 1], lattice.n_sites)).astype(np.int8)
    phi = WarrenCowley(lattice.species, (shell,))
    np.testing.assert_array_equal(pair_counts(x, lattice, shell), phi.pair_counts(x, lattice)[0, 0])
    if (np.bincount(x, minlength=4)[1:] > 0).all():
        np.testing.assert_allclose(warren_cowley_delta(x, lattice, shell), phi(x, lattice)[0], atol=1e-12)


def test_order_of_a_crystal() -> None:
    """B2: all eight first neighbours are unlike, all six second ones alike; random has half of each."""
    lattice = Lattice.bcc(3.2, ("Mo", "Ta"), (2, 3, 4))
    b2 = np.tile([1, 2], 24).astype(np.int8)
    assert warren_cowley_delta(b2, lattice).tolist() == [8 - 4]
    assert warren_cowley_delta(b2, lattice, 2).tolist() == [0 - 3]


# ---------------------------------------------------------------- spins


@pytest.mark.parametrize("name", ["square", "triangular", "honeycomb", "sc", "bcc", "chain"])
def test_rates_of_spins_are_the_plain_ones(name: str) -> None:
    lattice = Lattice.from_prototype(name, 1.0, "X", 4)
    x = random_spins(lattice, 0.1, rng=np.random.default_rng(6))
    plain = Couplings.of_shell(lattice, 1.7, -0.3).flip_rates(x[0], np.arange(lattice.n_sites))
    np.testing.assert_allclose(Ising(lattice, 1.7, field=-0.3).rates(x)[0], plain, rtol=1e-12)


@pytest.mark.parametrize("coupling", [top_hat(2), gaussian(1.5)], ids=["top hat", "gaussian"])
def test_rates_of_many_neighbours_are_the_plain_ones(coupling: Any) -> None:
    lattice = Lattice.square(1.0, "X", (8, 9))
    x = random_spins(lattice, 0.1, rng=np.random.default_rng(7))
    plain = Couplings.of_table(lattice, coupling.table(2), 0.9, 0.2).flip_rates(x[0], np.arange(72))
    # couplings of unequal strength are rounded to parts of 1e9 in the kernel
    np.testing.assert_allclose(KacIsing(lattice, coupling, 0.9, 0.2).rates(x)[0], plain, rtol=1e-7)


def test_law_of_nine_spins_after_a_time() -> None:
    nine, rng = ExactIsing(3, 2.5, 0.1), np.random.default_rng(8)
    couplings, start = Couplings.of_shell(Lattice.square(1.0, "X", 3), 2.5, 0.1), -np.ones(9, np.int8)
    ends, flips = zip(*(glauber(couplings, start, 1.0, rng=rng) for _ in range(STARTS)), strict=True)
    seen = np.bincount(nine.number(np.array(ends)), minlength=512)
    assert chi_square(seen, nine.law_after(1.0, 0)) > ALPHA
    assert chi_square(seen, nine.law_after(1.3, 0)) < ALPHA
    changed = (np.array(ends) != start).sum(axis=1)
    assert (np.array(flips) >= changed).all()
    assert ((np.array(flips) - changed) % 2 == 0).all()


def test_pairs_are_those_of_partial_evolution() -> None:
    """Mean and scatter of z1 from one snapshot; with frozen surroundings only the block moves."""
    lattice, side, duration = Lattice.square(1.0, "X", 8), 4, 0.5
    x = np.repeat(random_spins(lattice, 0.3, rng=np.random.default_rng(9)), 3000, axis=0)
    system, phi = Ising(lattice, 2.27), Observables([Magnetization(), DomainWallDensity()])
    z0, z1 = patch_pairs(Couplings.of_shell(lattice, 2.27), x, side, duration, rng=np.random.default_rng(10))
    known = partial_evolution(system, x, [duration], side**2 / 64, rng=np.random.default_rng(11)).pairs(phi)
    np.testing.assert_allclose(z0, known.z0, atol=1e-12)
    assert same_mean(z1, known.z1) > ALPHA
    assert same_mean((z1 - z0) ** 2, (known.z1 - z0) ** 2) > ALPHA
    assert same_mean(z1, z0 + 0.9 * (known.z1 - z0)) < ALPHA


# ---------------------------------------------------------------- trajectories


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_trajectories_are_the_plain_ones(dim: int) -> None:
    """The same random numbers: every trajectory, also outside of the box of the data and in units of its own."""
    sde = polynomial_sde(tuple("abc"[:dim]), 100, hidden=0, degrees=(5, 3))
    generator = torch.Generator().manual_seed(0)
    for part in (sde.drift_network, sde.diffusion_network):
        torch.nn.init.normal_(part.coefficients, std=0.3, generator=generator)
    sde.z_mean, sde.z_scale = torch.full((dim,), 0.2).double(), torch.full((dim,), 0.5).double()
    sde.log_time = torch.tensor([0.4, 0.0, 0.0], dtype=torch.float64)
    start = np.full(dim, 2.1)  # y = 3.8, in a box of -4 to 4
    words: dict[str, Any] = {"n_trajectories": 50, "n_steps": 20, "n_saves": 20}
    _, known = simulate(sde, start, 1.0, **words, rng=np.random.default_rng(12))
    found = plain_sde.trajectories(sde, start, 1.0, 50, 20, rng=np.random.default_rng(12))
    np.testing.assert_allclose(found, known, rtol=1e-9, atol=1e-9)
    assert (np.abs((found - 0.2) / 0.5) > 4).any()
    assert found.std() > 0.1


def test_other_equations_have_no_plain_version() -> None:
    with pytest.raises(ValueError, match="polynomial SDEs only"):
        plain_sde.trajectories(polynomial_sde(("a",), 9), np.zeros(1), 1.0, 2, 2, rng=np.random.default_rng(0))
