"""All pairs from the unlike ones: exact for counted states, vacancies included."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley
from asemacro.statistics.members import error_of_members
from asemacro.studies.alloy.figures import order_range, total_interval
from asemacro.studies.alloy.points import PairTable, Point
from tests.micro.test_kmc import arrangements


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
    points = list(
        table.points(
            1000.0, "annealed", "sde", delta, error, equilibrium_reached=True, extrapolated=False, anneal_time_s=2.0
        )
    )
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


def point_of(
    delta: float, error: float, state: str = "equilibrium", anneal_s: float = 1.0, *, good: bool = True
) -> Point:
    return Point(
        300.0,
        "Nb-Mo",
        1,
        state,
        delta,
        error,
        None,
        delta - error,
        delta + error,
        "",
        0.0,
        0.0,
        "sde",
        good,
        not good,
        anneal_s,
    )


def test_like_pairs_have_the_members_of_the_unlike_ones() -> None:
    """In a binary alloy delta_ii = -delta_ij N_i / N_j, member by member."""
    table = PairTable(
        ("Nb", "Mo"), ("Nb-Nb", "Nb-Mo", "Mo-Mo"), np.array([[0, 0], [0, 1], [1, 1]]), np.array([60.0, 40]), 8
    )
    shift = np.array([[0.1], [-0.05], [0.02]])
    found = table.of_members(shift, np.zeros((3, 1)))
    np.testing.assert_allclose(found, error_of_members(shift) * np.array([1.0, 1.0, 1.5]))
    assert np.isnan(table.of_members(np.empty((0, 1)), np.empty((0, 1)))).all()


def test_both_errors_add_in_squares() -> None:
    point = point_of(1.0, 0.03)
    assert point.total_err == pytest.approx(0.03)
    both = dataclasses.replace(point, delta_err_barrier=0.04)
    assert both.total_err == pytest.approx(0.05)
    assert total_interval(both, (-2.0, 1.02)) == pytest.approx((0.95, 1.02))
    assert both.trusted


def test_extrapolated_points_are_not_trusted() -> None:
    assert point_of(1.0, 0.001).trusted
    assert not point_of(1.0, 0.001, good=False).trusted
    assert not point_of(1.0, 0.06).trusted


def test_an_anneal_longer_than_the_universe_is_not_trusted() -> None:
    assert not point_of(0.01, 0.001, "annealed", 2e217).trusted
    assert point_of(0.01, 0.001, "annealed", 1e12).trusted
    assert point_of(0.01, 0.001, "equilibrium", 2e217).trusted


def test_a_bar_of_what_is_hardly_known_does_not_set_the_axis() -> None:
    low, high = order_range([point_of(1.0, 0.2, good=False), point_of(-0.5, 0.1), point_of(1.1, 5.0, good=False)])
    assert -0.8 < low < -0.6
    assert 1.2 < high < 1.4


def test_bounds_are_those_of_all_arrangements() -> None:
    """Every arrangement of small cells lies within them, and some reach them where geometry lets them."""
    lattice = Lattice.chain(3.0, ["Nb", "Mo", "Ta"], 8)
    for numbers in ([1, 4, 2, 1], [0, 5, 2, 1], [0, 2, 2, 4], [1, 1, 1, 5]):
        counts = dict(zip(("X", "Nb", "Mo", "Ta"), numbers, strict=True))
        sro = WarrenCowley(lattice.species, shells=1, pairs="all")
        order = sro(arrangements(numbers), lattice)
        low, high = PairTable.of(sro, counts, lattice).bounds
        assert (order >= low - 1e-12).all()
        assert (order <= high + 1e-12).all()
        # like pairs of less than half: none beside another, by hand -2 c_j; of more: what the others leave
        assert np.isclose(order.min(axis=0), low).sum() >= 4
    # Z = 8, 60 % A: no more than 40 % of the sites can keep A from A, so p_AA >= 8 (2 - 1 / 0.6) = 8 / 3
    table = PairTable(
        ("Nb", "Mo"), ("Nb-Nb", "Nb-Mo", "Mo-Mo"), np.array([[0, 0], [0, 1], [1, 1]]), np.array([60.0, 40]), 8
    )
    np.testing.assert_allclose(table.bounds[0], [8 / 3 - 4.8, -3.2, -3.2])
    np.testing.assert_allclose(table.bounds[1], [8 - 4.8, 8 * 2 / 3 - 3.2, 8 - 3.2])


def test_bars_are_cut_and_points_on_a_bound_say_so() -> None:
    lattice = Lattice.bcc(3.2, ["Nb", "Mo", "Ta"], 4)
    counts = {"Nb": 42, "Mo": 43, "Ta": 42, "X": 1}
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    table = PairTable.of(sro, counts, lattice)
    delta = np.array([0.1, 0.2, -0.3, -2.75, 2.6, 9.0])
    points = list(
        table.points(
            500.0, "equilibrium", "extrapolated", delta, np.full(6, 1.3),
            equilibrium_reached=False, extrapolated=True, anneal_time_s=1.0,
        )
    )  # fmt: skip
    like = next(p for p in points if p.pair == "Mo-Mo")
    floor = -8 * 43 / 127
    assert (like.delta, like.delta_low, like.at_bound) == (pytest.approx(floor), pytest.approx(floor), "lower")
    assert like.delta_high == pytest.approx(floor + 1.3)
    assert points[-1].at_bound == "upper"
    assert points[0].at_bound == ""
    for p, low, high in zip(points, *table.bounds, strict=True):
        assert low - 1e-12 <= p.delta_low <= p.delta <= p.delta_high <= high + 1e-12


def test_a_row_that_is_no_number_is_refused() -> None:
    lattice = Lattice.bcc(3.2, ["Nb", "Mo"], 4)
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    table = PairTable.of(sro, {"Nb": 64, "Mo": 63, "X": 1}, lattice)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"900 K .* is not a number"):
            list(
                table.points(
                    900.0, "annealed", "sde", np.zeros(3), np.array([0.1, bad, 0.1]),
                    equilibrium_reached=True, extrapolated=False, anneal_time_s=1.0,
                )
            )  # fmt: skip


def test_vacancy_contacts_count_as_neighbours_that_are_no_atoms() -> None:
    lattice = Lattice.bcc(3.2, ["Nb", "Mo", "Ta"], 4)
    counts = {"Nb": 40, "Mo": 43, "Ta": 40, "X": 5}
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    table = PairTable.of(sro, counts, lattice)
    contacts = table.contacts(sro(lattice.random_state(counts, rng=np.random.default_rng(0)), lattice))
    all_pairs = table.all_pairs(table.bounded(np.array([0.5, -0.8, 6.0]), contacts), contacts)
    assert (all_pairs + table.random >= -1e-12).all()
