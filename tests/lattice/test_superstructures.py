"""Waves of the simple ordered structures: the stars that textbooks name, each wave vector once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.superstructures import superstructures


@pytest.mark.parametrize(
    ("prototype", "stars", "sublattices"),
    [
        ("bcc", {"H": 1, "P": 2, "N": 6, "(1/2 0 0)": 6}, 1),
        ("fcc", {"X": 3, "L": 4, "W": 6, "(1/2 0 0)": 6, "(1/2 1/2 0)": 12}, 1),
        ("sc", {"X": 3, "M": 3, "R": 1}, 1),
        ("hcp", {"Gamma": 1, "M": 3, "A": 1, "L": 3}, 2),
        ("triangular", {"(1/2 0 0)": 3}, 1),
    ],
)
def test_stars_of_the_lattices(prototype: str, stars: dict[str, int], sublattices: int) -> None:
    box = Lattice.from_prototype(prototype, 3.0, ["Mo", "Ta"], 4)
    found = superstructures(box)
    assert {star.name: len(star.arms) for star in found.stars} == stars
    assert found.sublattice.max() + 1 == sublattices
    # all waves that repeat after two cells: as many as primitive cells in them, with the constant one
    cells = 2 ** sum(box.pbc) * box.n_basis // sublattices
    assert sum(stars.values()) + (sublattices == 1) == cells


def test_a_strained_cell_has_the_stars_of_the_ideal_one() -> None:
    box = Lattice.bcc(3.2, ["Mo", "Ta"], 4)
    strained = dataclasses.replace(
        box, cell=box.cell * [[1.0], [1.01], [0.99]], conventional=box.conventional * [[1.0], [1.01], [0.99]], _memo={}
    )
    assert [len(star.arms) for star in superstructures(strained).stars] == [
        len(star.arms) for star in superstructures(box).stars
    ]


def test_odd_boxes_are_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="even number of conventional cells") as error:
        superstructures(Lattice.bcc(3.2, ["Mo", "Ta"], (4, 3, 4)))
    assert "\n" not in str(error.value)


def test_sites_of_a_sublattice_are_joined_by_translations() -> None:
    found = superstructures(Lattice.hcp(3.0, ["Mo", "Ta"], 2))
    assert np.bincount(found.sublattice).tolist() == [8, 8]
