"""All pairs from the unlike ones: exact for counted states, vacancies included."""

from __future__ import annotations

import numpy as np

from asemacro.diagram_figures import order_range
from asemacro.lattice import Lattice
from asemacro.observables import WarrenCowley
from asemacro.points import PairTable, Point


def table_of(lattice: Lattice, counts: dict[str, int], sro: WarrenCowley) -> PairTable:
    species = list(lattice.species)
    pairs = np.array([[species.index(s) for s in label.split("-")] for label in sro.labels])
    atoms = np.array([counts[s] for s in species], dtype=float)
    return PairTable(sro.species, tuple(sro.labels), pairs, atoms, lattice.shells(1)[0].offsets.shape[1])


def test_like_pairs_follow_from_unlike_ones_and_vacancy_contacts() -> None:
    lattice = Lattice.bcc(3.2, ["V", "Nb", "Mo", "Ta"], 4)
    counts = {"V": 20, "Nb": 50, "Mo": 28, "Ta": 24, "X": 6}
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    x = lattice.random_state(counts, batch=5, rng=np.random.default_rng(3))
    order = sro(x, lattice)
    table = table_of(lattice, counts, sro)
    for one in order:
        values, errors = table.complete(one[table.unlike], np.zeros(len(table.unlike)), table.contacts(one))
        np.testing.assert_allclose(values, one, atol=1e-12)
        np.testing.assert_array_equal(errors, 0)
    contacts = table.contacts(order)
    assert contacts[table.unlike].max() == 0
    like = np.setdiff1d(np.arange(len(sro.labels)), table.unlike)
    # every vacancy has 8 neighbours; those that are atoms are counted once each
    total = contacts[like] @ table.counts[table.species[like, 0]]
    assert 0 < total <= 8 * counts["X"]


def test_rows_hold_alpha_of_the_definition() -> None:
    lattice = Lattice.bcc(3.2, ["Nb", "Mo"], 4)
    counts = {"Nb": 60, "Mo": 67, "X": 1}
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    table = table_of(lattice, counts, sro)
    delta, error = np.array([0.3, -0.2, 0.1]), np.array([0.01, 0.06, 0.02])
    points = list(table.points(1000.0, "annealed", "sde", delta, error, equilibrated=True, anneal_time_s=2.0))
    assert [p.pair for p in points] == list(sro.labels)
    for point in points:
        second = point.pair.split("-")[1]
        random = 8 * counts[second] / 127
        np.testing.assert_allclose(point.alpha, -point.delta / random)
        np.testing.assert_allclose(point.alpha_err, point.delta_err / random)
    assert [p.trusted for p in points] == [True, False, True]


def test_no_pair_has_a_negative_probability() -> None:
    lattice = Lattice.bcc(3.2, ["Nb", "Mo", "Ta"], 4)
    counts = {"Nb": 20, "Mo": 60, "Ta": 47, "X": 1}
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    table = table_of(lattice, counts, sro)
    small, large = np.array([0.1, -0.2, 0.3]), np.array([0.5, -0.8, 6.0])
    np.testing.assert_allclose(table.bounded(small), small)
    values, _ = table.complete(table.bounded(large), np.zeros(3), np.zeros(6))
    assert (values + table.random >= -1e-12).all()
    assert (values + table.random).min() < 1e-12  # no weaker than it must be


def test_extrapolated_points_are_not_trusted() -> None:
    point = Point(300.0, "Nb-Mo", 1, "equilibrium", 1.0, 0.001, -0.2, 0.001, "sde", False, 1.0)
    assert not point.trusted


def test_a_bar_of_what_is_hardly_known_does_not_set_the_axis() -> None:
    def point(delta: float, error: float) -> Point:
        return Point(300.0, "Nb-Mo", 1, "equilibrium", delta, error, 0.0, 0.0, "sde", False, 1.0)

    low, high = order_range([point(1.0, 0.2), point(-0.5, 0.1), point(1.1, 5.0)])
    assert -0.8 < low < -0.6
    assert 1.2 < high < 1.4
