"""Cluster expansions as barrier models: pair energies as clusters, detailed balance by enumeration, icet as oracle."""

from __future__ import annotations

import itertools
from typing import Any

import ase.build
import numpy as np
import pytest
from ase.units import kB

from asemacro.barriers.cluster_expansion import ClusterExpansionBarriers
from asemacro.barriers.clusters import Cluster, Clusters
from asemacro.barriers.energy import swap_energy
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from tests.micro.test_kmc import arrangements, rates_between

SPECIES = ("Cu", "Au")
E0 = {"Cu": 0.7, "Au": 0.5}
PAIRS = PairBarrier(SPECIES, E0, [{"Au-Cu": -0.04, "Au-X": 0.03, "X-X": -0.05}, {"Au-Au": 0.02, "Cu-X": -0.01}])
FCC = Lattice.fcc(3.7, SPECIES, 3)
COPPER = ase.build.bulk("Cu", "fcc", a=3.7)


def primitive(*shape: int) -> Lattice:
    """Copper and gold on cells of one site."""
    atoms = COPPER.repeat(shape)
    atoms.symbols[::2] = "Au"
    lattice = Lattice.from_atoms(atoms)
    assert lattice.n_basis == 1
    return lattice


CELLS = [
    pytest.param(FCC, id="cubic"),
    pytest.param(Lattice.fcc(3.7, SPECIES, (2, 2, 1)), id="tiny"),
    pytest.param(primitive(3, 3, 2), id="primitive"),
]


def as_clusters(model: PairBarrier) -> Clusters:
    """Each bond of a cell of fcc once."""
    crystal = Lattice.from_atoms(COPPER)
    clusters = []
    for table, shell in zip(model._tables, crystal.shells(2), strict=True):
        for offset in shell.offsets[0]:
            if tuple(offset) > (0, 0, 0, 0):
                clusters.append(Cluster(np.array([[0, 0, 0, 0], offset]), table))
    return Clusters(crystal, model.species, tuple(clusters), 0.0)


def random_clusters(lattice: Lattice, seed: int, size: float = 0.03) -> Clusters:
    """Points, pairs and triplets of near sites with random energies: no symmetry, no sense."""
    rng = np.random.default_rng(seed)
    near = [(0, 0, 0, 0), *map(tuple, lattice.shells(2)[0].offsets[0].tolist())]
    chosen = [
        [near[0]],
        [near[0], near[1]],
        [near[0], near[5]],
        [near[0], near[1], near[3]],
        [near[2], near[0], near[4]],
    ]
    return Clusters(
        lattice,
        SPECIES,
        tuple(Cluster(np.array(sites), rng.normal(0, size, (3,) * len(sites))) for sites in chosen),
        0.1,
    )


def total(clusters: Clusters, lattice: Lattice, x: np.ndarray) -> float:
    """The energy, cell by cell of the crystal itself."""
    shape, value = np.array(lattice.shape), clusters.constant * lattice.n_sites
    for cell in itertools.product(*map(range, lattice.shape)):
        for cluster in clusters.clusters:
            c = (cluster.sites[:, :3] + cell) % shape
            sites = ((c[:, 0] * shape[1] + c[:, 1]) * shape[2] + c[:, 2]) * lattice.n_basis + cluster.sites[:, 3]
            value += cluster.energy[tuple(x[sites])]
    return value


@pytest.mark.parametrize("lattice", CELLS)
def test_pair_energies_as_clusters_are_the_pair_model(lattice: Lattice) -> None:
    model = ClusterExpansionBarriers(as_clusters(PAIRS), E0)
    rng = np.random.default_rng(0)
    x = lattice.random_state({"Cu": 0.5, "Au": 0.5}, vacancies=2, batch=4, rng=rng)
    np.testing.assert_allclose(model.energy(lattice, x), PAIRS.energy(lattice, x), atol=1e-11)
    for state in x:
        sites = np.flatnonzero(state == 0)
        wanted = PAIRS.barriers(lattice, state, sites)
        np.testing.assert_allclose(model.barriers(lattice, state, sites), wanted, atol=1e-12)
        assert np.ptp(wanted[np.isfinite(wanted)]) > 0.1


def test_runs_are_those_of_the_pair_model() -> None:
    model = ClusterExpansionBarriers(as_clusters(PAIRS), E0, attempt_frequency_Hz={"Au": 3e13})
    pairs = PairBarrier(SPECIES, E0, PAIRS.pair_eV, attempt_frequency_Hz={"Au": 3e13})
    x = FCC.random_state(vacancies=3, rng=np.random.default_rng(1))
    runs = [VacancyKMC(FCC, m, 900.0).run(x, hops=300, rng=np.random.default_rng(2)) for m in (model, pairs)]
    assert np.array_equal(runs[0].x, runs[1].x)
    assert runs[0].time_s == pytest.approx(runs[1].time_s, rel=1e-9)


def test_low_ones_are_raised_and_counted() -> None:
    model = ClusterExpansionBarriers(random_clusters(Lattice.from_atoms(COPPER), 3, 0.2), 0.05)
    x = FCC.random_state(vacancies=2, rng=np.random.default_rng(1))
    barriers = model.barriers(FCC, x[0], np.flatnonzero(x[0] == 0))
    assert barriers.min() == pytest.approx(0.01, abs=1e-9)
    assert VacancyKMC(FCC, model, 2000.0).run(x, hops=50, rng=np.random.default_rng(2)).clamped_fraction > 0.3


@pytest.mark.parametrize(
    ("crystal", "lattice"),
    [
        pytest.param(Lattice.from_atoms(COPPER), primitive(2, 2, 2), id="fcc"),
        pytest.param(Lattice.hcp(2.9, SPECIES, 1), Lattice.hcp(2.9, SPECIES, (2, 2, 1)), id="hcp"),
    ],
)
def test_kinetics_and_swaps_have_the_law_of_the_energy(crystal: Lattice, lattice: Lattice) -> None:
    """All states of a tiny cell with two vacancies, random triplets: the Boltzmann law is stationary."""
    clusters = random_clusters(crystal, 4)
    model, temperature = ClusterExpansionBarriers(clusters, E0), 1100.0
    states = arrangements([2, lattice.n_sites - 4, 2])
    energy = np.array([total(clusters, lattice, state) for state in states])
    np.testing.assert_allclose(model.energy(lattice, states), energy, atol=1e-10)
    law = np.exp(-(energy - energy.min()) / (kB * temperature))
    rates = rates_between(VacancyKMC(lattice, model, temperature), states)
    outflow = np.asarray(rates.sum(axis=1)).ravel()
    assert np.abs(rates.T @ law - outflow * law).max() < 1e-10 * (outflow * law).max()
    assert np.ptp(energy) > 0.2
    compiled, shape, rng = model.compile_energy(lattice), np.array(lattice.shape), np.random.default_rng(0)
    for k in rng.integers(len(states), size=200):
        a, b = rng.choice(lattice.n_sites, 2, replace=False)
        after = states[k].copy()
        after[[a, b]] = after[[b, a]]
        change = total(clusters, lattice, after) - energy[k]
        assert swap_energy(compiled, shape, states[k], a, b, np.zeros(0, dtype=np.float32)) == pytest.approx(
            change, abs=1e-11
        )


def icet_expansion(prototype: str, symbols: list[str], cutoffs: list[float], seed: int = 0) -> Any:
    icet = pytest.importorskip("icet", reason="pip install 'asemacro[icet]'")
    primitive = ase.build.bulk("Cu", prototype, a=3.0, **({"c": 4.9} if prototype == "hcp" else {}))
    space = icet.ClusterSpace(primitive, cutoffs, symbols)
    return icet.ClusterExpansion(space, np.random.default_rng(seed).normal(0, 0.02, len(space)))


@pytest.mark.parametrize(
    ("lattice", "symbols", "cutoffs"),
    [
        pytest.param(Lattice.fcc(3.0, SPECIES, 3), ["Cu", "Au", "X"], [5.0, 3.5, 2.5], id="fcc"),
        pytest.param(Lattice.fcc(3.0, ("Cu", "Ni", "Au"), 2), ["Ni", "X", "Cu", "Au"], [4.0, 3.0], id="fcc-quaternary"),
        pytest.param(Lattice.bcc(3.0, SPECIES, 3), ["X", "Cu", "Au"], [5.0, 3.5], id="bcc"),
        pytest.param(Lattice.hcp(3.0, SPECIES, (3, 3, 2), c=4.9), ["Cu", "Au", "X"], [4.5, 3.5], id="hcp"),
    ],
)
def test_energies_are_those_of_icet(lattice: Lattice, symbols: list[str], cutoffs: list[float]) -> None:
    """Predictions of random cells, and the changes of energy in swaps and jumps, as differences of predictions."""
    expansion = icet_expansion(lattice.prototype, symbols, cutoffs)
    model = ClusterExpansionBarriers(expansion, 5.0)
    assert set(model.species) == set(symbols) - {"X"}
    first = expansion.primitive_structure.positions[0]

    def predicted(x: np.ndarray) -> float:
        for second in expansion.primitive_structure.positions:
            atoms = lattice.to_atoms(x)
            atoms.translate(second - lattice.positions()[0])
            try:
                return expansion.predict(atoms) * len(atoms)
            except RuntimeError:  # in hcp the first site of the lattice is either site of the crystal
                assert second is not first
        raise AssertionError("icet does not find the sites")

    rng = np.random.default_rng(1)
    x = lattice.random_state(vacancies=3, batch=3, rng=rng)
    energy = np.array([predicted(state) for state in x])
    np.testing.assert_allclose(model.energy(lattice, x), energy, atol=1e-8)
    compiled, shape, work = model.compile_energy(lattice), np.array(lattice.shape), np.zeros(0, dtype=np.float32)
    near = lattice.neighbours(lattice.shells(1)[0].offsets)
    for state, before in zip(x, energy, strict=True):
        vacancy = int(np.flatnonzero(state == 0)[0])
        j = int(np.flatnonzero(state[near[vacancy]])[0])
        target = int(near[vacancy, j])
        for a, b in ((vacancy, target), tuple(rng.choice(lattice.n_sites, 2, replace=False))):
            after = state.copy()
            after[[a, b]] = after[[b, a]]
            change = predicted(after) - before
            assert swap_energy(compiled, shape, state, a, b, work) == pytest.approx(change, abs=1e-8)
            if a == vacancy and b == target:
                barrier = model.barriers(lattice, state, np.array([vacancy]))[0, j]
                assert barrier == pytest.approx(5.0 + change / 2, abs=1e-8)


def test_an_icet_expansion_in_swaps_and_kinetics() -> None:
    model = ClusterExpansionBarriers(icet_expansion("fcc", ["Cu", "Au", "X"], [4.0]), E0)
    lattice, rng = Lattice.fcc(3.0, SPECIES, 3), np.random.default_rng(0)
    x = lattice.random_state(vacancies=2, rng=rng)
    swaps = SwapMC(lattice, model, 900.0).run(x, 20, rng=rng)
    assert swaps.energy_change_eV == pytest.approx(
        np.diff(model.energy(lattice, np.array([x[0], swaps.x])))[0], abs=1e-9
    )
    assert VacancyKMC(lattice, model, 900.0).run(x, hops=100, rng=rng).hops == 100


def test_what_is_no_model_is_refused_in_one_line() -> None:
    with pytest.raises(TypeError, match="must be a ClusterExpansion of icet, got 3"):
        ClusterExpansionBarriers(3, 0.6)
    clusters = as_clusters(PAIRS)
    with pytest.raises(ValueError, match="one energy for each of Cu, Au; it has Cu"):
        ClusterExpansionBarriers(clusters, {"Cu": 0.6})
    model = ClusterExpansionBarriers(clusters, 0.6)
    with pytest.raises(ValueError, match="is for fcc lattices, the structure is bcc"):
        model.compile(Lattice.bcc(3.0, SPECIES, 3))
    with pytest.raises(ValueError, match="does not know Ni"):
        model.compile(Lattice.fcc(3.0, ("Cu", "Ni"), 3))


def test_an_expansion_without_vacancy_is_refused() -> None:
    with pytest.raises(ValueError, match="has no vacancy: add 'X'"):
        ClusterExpansionBarriers(icet_expansion("fcc", ["Cu", "Au"], [4.0]), 0.6)
