"""Short-range order: ordered crystals have exact values, and the sum rule holds exactly."""

from __future__ import annotations

import itertools
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Structure

from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley
from asemacro.observables.short_range_order import warren_cowley
from asemacro.studies.speed.plain_alloy import pair_counts

FCC_OF_BCC = bulk("Al", a=6.0).cell  # primitive cell of the bcc superstructures with four atoms
FACES = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
DIAGONAL = np.outer(range(4), [0.25] * 3)  # their sites, along its body diagonal

# name: (atoms, pair, alpha in shells 1, 2, 3)
ORDERED = {
    "B2": (Atoms("MoTa", scaled_positions=[[0] * 3, [0.5] * 3], cell=[3.2] * 3, pbc=True), "Mo-Ta", (-1, 1, 1)),
    "L1_2": (
        Atoms("AuCu3", scaled_positions=FACES, cell=[3.7] * 3, pbc=True),
        "Cu-Au",
        (-1 / 3, 1, -1 / 3),
    ),
    "D0_3": (Atoms("AlFe3", scaled_positions=DIAGONAL, cell=FCC_OF_BCC, pbc=True), "Al-Fe", (-1 / 3, -1 / 3, 1)),
    "B32": (Atoms("Na2Tl2", scaled_positions=DIAGONAL, cell=FCC_OF_BCC, pbc=True), "Na-Tl", (0, -1, 1)),
}


def shuffled(prototype: str, shape: int, seed: int, batch: int = 2) -> tuple[Lattice, np.ndarray]:
    """States of any mixture with vacancies, adjacent ones included, every species present."""
    lattice = Lattice.from_prototype(prototype, 3.0, ("Nb", "Mo", "Ta"), shape)
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, (batch, lattice.n_sites)).astype(np.int8)
    x[:, :6] = [1, 2, 3, 0, 0, 1]
    return lattice, rng.permuted(x, axis=1)


@pytest.mark.parametrize("name", ORDERED)
def test_ordered_crystals(name: str) -> None:
    atoms, pair, alphas = ORDERED[name]
    order = warren_cowley(atoms, shells=3)
    at = order.pairs.index(pair)
    assert np.allclose(order.alpha[:, at], alphas, atol=1e-12)
    first, second = pair.split("-")
    share = atoms.symbols.count(second) / len(atoms)
    assert order.delta[0, at] == pytest.approx(-order.neighbours[0] * share * alphas[0])
    # without vacancies the like pair follows from the unlike one
    like = order.pairs.index(f"{first}-{first}")
    assert np.allclose(order.delta[:, like], -order.delta[:, at])
    assert not order.random_alloy


def test_iron_neighbours_in_d0_3() -> None:
    order = warren_cowley(ORDERED["D0_3"][0], shells=1)
    # of the 8 neighbours of Fe in D0_3, 16/3 are Fe on average; 6 in the random alloy
    assert order.alpha[0, order.pairs.index("Fe-Fe")] == pytest.approx(1 - (16 / 3) / 6)
    assert order.delta[0, order.pairs.index("Fe-Fe")] == pytest.approx(16 / 3 - 6)


@pytest.mark.parametrize("prototype", ["bcc", "fcc", "hcp", "diamond", "square", "honeycomb", "chain"])
@pytest.mark.parametrize("shape", [1, 2, 3, 5])
def test_counts_equal_a_neighbour_table(prototype: str, shape: int) -> None:
    lattice = Lattice.from_prototype(prototype, 3.0, ("Nb", "Mo", "Ta"), shape)
    x = np.random.default_rng(shape).integers(0, 4, (3, lattice.n_sites)).astype(np.int8)
    found = WarrenCowley(lattice.species, 3).pair_counts(x, lattice)
    for n, shell in enumerate(lattice.shells(3)):
        neighbours = lattice.neighbours(shell.offsets)
        for state, counts in zip(x, found[:, n], strict=True):
            expected = np.zeros((4, 4), dtype=int)
            np.add.at(expected, (state[:, None], state[neighbours]), 1)
            assert np.array_equal(counts, expected)
            assert np.array_equal(pair_counts(state, lattice, n + 1), expected), "the grid rolled along the neighbours"


@pytest.mark.parametrize("n_species", [1, 7, 8, 9, 20])
def test_counts_of_many_species(n_species: int) -> None:
    from ase.data import chemical_symbols

    lattice = Lattice.fcc(3.6, chemical_symbols[20 : 20 + n_species], (3, 30, 20))
    x = np.random.default_rng(0).integers(0, n_species + 1, (2, lattice.n_sites)).astype(np.int8)
    found = WarrenCowley(lattice.species, pairs="all").pair_counts(x, lattice)[:, 0]
    for state, counts in zip(x, found, strict=True):
        assert np.array_equal(counts, pair_counts(state, lattice))


def test_counts_of_a_box_worked_on_in_slabs() -> None:
    lattice = Lattice.bcc(3.0, ("Nb", "Mo"), (7, 61, 67))  # a slab is four of the seven layers
    x = lattice.random_state(vacancies=5000, rng=np.random.default_rng(1))
    found = WarrenCowley(lattice.species, (2,)).pair_counts(x, lattice)[0, 0]
    assert np.array_equal(found, pair_counts(x[0], lattice, 2))


@given(
    prototype=st.sampled_from(["bcc", "fcc", "hcp", "square", "diamond"]),
    shape=st.integers(2, 4),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=30, deadline=None)
def test_sum_rule_with_vacancies(prototype: str, shape: int, seed: int) -> None:
    lattice, x = shuffled(prototype, shape if prototype != "square" else shape + 1, seed)
    every = WarrenCowley(lattice.species, 2, pairs="all")
    unlike = WarrenCowley(lattice.species, 2)
    counts = every.pair_counts(x, lattice)
    sizes = every.neighbours(lattice)
    for k, state in enumerate(x):
        atoms = np.bincount(state, minlength=4)[1:]
        assert np.array_equal(counts[k, :, 1:].sum(-1), sizes[:, None] * atoms)
        full = unlike.with_like(unlike(state, lattice)[0], atoms, unlike.vacancy_contacts(state, lattice)[0])
        i, j = np.transpose(every.pairs)
        assert np.allclose(full[:, i, j].ravel(), every(state, lattice)[0], atol=1e-12)
        assert np.allclose(atoms[:, None] * full, np.swapaxes(atoms[:, None] * full, -1, -2))


@given(
    prototype=st.sampled_from(["bcc", "fcc", "hcp", "chain"]),
    shape=st.integers(1, 4),
    moved=st.integers(0, 12),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=40, deadline=None)
def test_change_from_changed_sites(prototype: str, shape: int, moved: int, seed: int) -> None:
    lattice, x0 = shuffled(prototype, 10 * shape if prototype == "chain" else shape + 1, seed)
    rng = np.random.default_rng(seed)
    sites = rng.permuted(np.tile(np.arange(lattice.n_sites), (2, 1)), axis=1)[:, :moved]
    values = rng.permuted(np.take_along_axis(x0, sites, 1), axis=1)
    x1 = x0.copy()
    np.put_along_axis(x1, sites, values, 1)
    padding = np.full((2, 3), -1)
    for pairs in ("unlike", "all"):
        phi = WarrenCowley(lattice.species, 3, pairs)
        change = phi.change(x0, lattice, np.hstack([sites, padding]), np.hstack([values, padding]))
        assert np.allclose(change, phi(x1, lattice) - phi(x0, lattice), atol=1e-12)


def test_tiling_does_not_change_it() -> None:
    lattice, x = shuffled("bcc", 2, 3)
    phi = WarrenCowley(lattice.species, 5, "all")
    big = lattice.repeat((3, 1, 2))
    assert np.allclose(phi(lattice.tile(x, big), big), phi(x, lattice), atol=1e-12)


@pytest.mark.parametrize(("shape", "counts"), [((1, 1, 2), (0, 2, 2)), ((1, 1, 3), (2, 1, 3)), ((1, 2, 2), (1, 3, 4))])
def test_random_mean_is_the_mean_over_all_arrangements(shape: tuple[int, ...], counts: tuple[int, ...]) -> None:
    lattice = Lattice.bcc(3.0, ("Nb", "Mo"), shape)
    values = np.repeat(np.arange(3, dtype=np.int8), counts)
    states = np.array(sorted(set(itertools.permutations(values.tolist()))), dtype=np.int8)
    phi = WarrenCowley(lattice.species, 3, "all")
    assert np.allclose(phi(states, lattice).mean(0), phi.random_mean(lattice, counts), atol=1e-12)


def test_random_mean_in_a_large_box() -> None:
    lattice = Lattice.bcc(3.2, ("Nb", "Mo", "Ta"), 8)
    phi = WarrenCowley(lattice.species, pairs="all")
    counts = lattice.counts(vacancies=1)
    mean = phi.random_mean(lattice, counts)
    at = phi.labels.index("Nb-Nb")
    assert mean[at] == pytest.approx(8 * (341 - 1) / 1023 - 8 * 341 / 1023)
    assert mean[phi.labels.index("Nb-Mo")] == pytest.approx(0, abs=1e-12)


def test_labels_and_alpha() -> None:
    phi = WarrenCowley(("Ta", "Nb", "Mo"), shells=2)
    assert phi.labels == ("Nb-Mo", "Nb-Ta", "Mo-Ta", "Nb-Mo:2", "Nb-Ta:2", "Mo-Ta:2")
    assert phi.dim == 6
    assert WarrenCowley(("Ta", "Mo"), (2,), "all").labels == ("Mo-Mo:2", "Mo-Ta:2", "Ta-Ta:2")
    lattice, x = shuffled("bcc", 3, 8, batch=1)
    order = warren_cowley(lattice.to_atoms(x), shells=2)
    atoms = np.bincount(x[0], minlength=4)[1:]
    alpha = phi.alpha(phi(x, lattice), atoms, lattice).reshape(2, 3)
    columns = [order.pairs.index(label) for label in phi.labels[:3]]
    assert np.allclose(order.alpha[:, columns], alpha)
    assert np.allclose(order.delta[:, columns].ravel(), phi(x, lattice)[0])


def test_local_values_average_to_the_global_ones() -> None:
    lattice = Lattice.fcc(3.6, ("Nb", "Mo", "Ta"), 3)
    x = lattice.random_state(vacancies=4, rng=np.random.default_rng(9))
    atoms = lattice.to_atoms(x, vacancies=False)
    atoms = atoms[np.random.default_rng(0).permutation(len(atoms))]
    order = warren_cowley(atoms, shells=2)
    assert "alpha_Ta" not in atoms.arrays
    assert np.array_equal(order.atoms.positions, atoms.positions)
    for n, suffix in enumerate(["", "_2"]):
        for pair, alpha in zip(order.pairs, order.alpha[n], strict=True):
            i, j = pair.split("-")
            local = order.atoms.arrays[f"alpha_{j}{suffix}"][atoms.symbols == i]
            assert local.mean() == pytest.approx(alpha, abs=1e-12)


def test_local_values_survive_a_file(tmp_path: Path) -> None:
    order = warren_cowley(ORDERED["L1_2"][0])
    ase.io.write(tmp_path / "local.extxyz", order.atoms)
    back = ase.io.read(tmp_path / "local.extxyz")
    assert np.allclose(back.arrays["alpha_Au_2"], order.atoms.arrays["alpha_Au_2"])
    assert np.allclose(order.atoms.arrays["alpha_Cu"], [1 - 12 / 9, 1 - 8 / 9, 1 - 8 / 9, 1 - 8 / 9])


def test_fractional_occupancy_gives_the_random_alloy(structures: Path) -> None:
    for source in (ase.io.read(structures / "NbMoTa.cif"), Structure.from_file(structures / "NbMoTa.cif")):
        order = warren_cowley(source)
        assert order.random_alloy
        assert order.atoms is None
        assert np.allclose(order.alpha, 0, atol=1e-12)
        assert np.allclose(order.delta, 0, atol=1e-12)


def test_partial_order_of_fractional_sites() -> None:
    # B2 with 3/4 Mo on one sublattice and 1/4 on the other: alpha_1 = -(3/4 - 1/2)^2 / (1/2 * 1/2)
    share = [{"Mo": 0.75, "Ta": 0.25}, {"Mo": 0.25, "Ta": 0.75}]
    disordered = Structure(3.2 * np.eye(3), share, [[0] * 3, [0.5] * 3])
    order = warren_cowley(disordered)
    assert np.allclose(order.alpha[:, order.pairs.index("Mo-Ta")], [-0.25, 0.25])


def test_rows_are_what_the_command_prints() -> None:
    rows = warren_cowley(ORDERED["B2"][0], shells=2).rows()
    assert len(rows) == 6
    assert rows[1].pop("distance") == pytest.approx(3.2 * 3**0.5 / 2)
    assert rows[1] == {"pair": "Mo-Ta", "shell": 1, "neighbours": 8, "alpha": -1.0, "delta": 4.0, "alpha_atoms": -1.0}
    assert rows[4]["shell"] == 2


def test_all_shells_are_those_within_half_the_cell() -> None:
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(4)
    atoms.symbols[::3] = "Ta"
    order = warren_cowley(atoms, "all")
    assert order.distances / 3.2 == pytest.approx(np.sqrt([0.75, 1, 2, 2.75, 3, 4]))
    assert order.alpha == pytest.approx(warren_cowley(atoms, 6).alpha)
    assert len(warren_cowley(ORDERED["B2"][0], "all").neighbours) == 1  # the first one, whatever the cell
    with pytest.raises(TypeError, match="neighbour shells"):
        warren_cowley(atoms, "al")


def test_bad_input_is_one_clear_line() -> None:
    with pytest.raises(ValueError, match="no unlike pairs: the lattice holds Mo only"):
        warren_cowley(bulk("Mo"))
    with pytest.raises(ValueError, match="no unlike pairs in Mo"):
        WarrenCowley(["Mo"])
    with pytest.raises(ValueError, match="shells must be a whole number from 1"):
        WarrenCowley(["Mo", "Ta"], 0)
    with pytest.raises(ValueError, match="unlike"):
        WarrenCowley(["Mo", "Ta"], pairs="like")
    lattice, x = shuffled("bcc", 2, 0)
    phi = WarrenCowley(lattice.species)
    with pytest.raises(ValueError, match="15 sites, the lattice 16"):
        phi(x[:, :15], lattice)
    with pytest.raises(ValueError, match="the lattice has values 0 to 3"):
        phi(x + 1, lattice)
    with pytest.raises(ValueError, match="counts Mo, Ta, the lattice holds Nb, Mo, Ta"):
        WarrenCowley(["Mo", "Ta"])(x, lattice)
    with pytest.raises(ValueError, match="no atom of Ta"):
        phi(np.where(x == 3, 1, x).astype(np.int8), lattice)
    with pytest.raises(ValueError, match="conserve"):
        phi.change(x[:1], lattice, np.array([[np.flatnonzero(x[0] == 1)[0]]]), np.array([[2]]))
    with pytest.raises(ValueError, match="two values"):
        phi.change(x[:1], lattice, np.array([[3, 3]]), x[:1, [3, 3]])
