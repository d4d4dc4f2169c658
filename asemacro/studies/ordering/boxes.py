"""What is sampled: a model with an energy, and two boxes of one composition."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.base import BarrierModel
from asemacro.lattice.boxes import in_conventional_cells, near_cube
from asemacro.lattice.shells import first_beyond, first_own_image
from asemacro.studies.alloy.inputs import MOST_REPEATS, choose_barriers

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

SMALLER = 0.75  # edge of the small box: 6 beside 8 cells
LEAST_RATIO = 1.5  # of the numbers of sites
say = logging.getLogger("asemacro")


@dataclasses.dataclass(frozen=True)
class Box:
    """One of the two.

    Attributes:
        name: "small" or "large".
        lattice: an even number of conventional cells along each axis.
        counts: (S + 1,) of vacancies and of atoms of each species.
    """

    name: str
    lattice: Lattice
    counts: NDArray[np.int64]

    @property
    def named_counts(self) -> dict[str, int]:
        """Counts by symbol, vacancies as "X"."""
        return {name: int(n) for name, n in zip(("X", *self.lattice.species), self.counts, strict=True)}

    @property
    def atoms(self) -> int:
        """Number of atoms."""
        return int(self.counts[1:].sum())


def choose_energy(barriers: str | Path | BarrierModel | None, lattice: Lattice) -> BarrierModel:
    """The model that was asked for, else the default one for this lattice and its species.

    Raises:
        ValueError: one line; the model has no energy, or none knows the species.
    """
    model = choose_barriers(barriers, lattice)
    if not model.has_energy:
        raise ValueError(
            f"barrier model {model.name} has no energy, so it has no equilibrium to sample; give a model that has one: "
            "--barriers refractory (Mo, Nb, Ta, V, W on bcc), cocrfeni (Cr, Fe, Co, Ni on fcc), pair energies (.json), "
            "a cluster expansion"
        )
    return model


def two_boxes(lattice: Lattice, model: BarrierModel, sites: int) -> tuple[Box, Box]:
    """The small and the large box, near cubes of an even number of conventional cells along each axis.

    Args:
        lattice: of the alloy; its occupancies give the vacancies.
        model: its neighbours must not coincide in the boxes.
        sites: least number of the large box.

    Raises:
        ValueError: a single species, too few atoms of one, or a model that is not for this lattice.
    """
    if len(lattice.species) < 2:
        only = f"{lattice.species[0]} only" if lattice.species else "no atoms"
        raise ValueError(f"no unlike pairs: the lattice holds {only}")
    whole = in_conventional_cells(lattice)
    even = dataclasses.replace(
        whole, shape=cast("tuple[int, int, int]", tuple(2 if p else 1 for p in whole.pbc)), _memo={}
    )
    BarrierModel.check(model, even)
    large = _wide_enough(near_cube(even, sites), even, model)
    small = _wide_enough(_smaller(large, even), even, model)
    while large.n_sites < LEAST_RATIO * small.n_sites:
        large = near_cube(even, large.n_sites + 1)
    return _filled("small", small), _filled("large", large)


def check_shells(boxes: Sequence[Box], shells: int) -> None:
    """Refuse shells that lead from an atom to itself; say which meet atoms of nearer ones again.

    Raises:
        ValueError: one line, with the number of shells that the boxes hold.
    """
    small = min((box.lattice for box in boxes), key=lambda lattice: lattice.n_sites)
    found = small.shells(shells)
    own = first_own_image(small, found)
    if own:
        raise ValueError(
            f"shell {own} is as far away as the small box of {small.n_sites} sites repeats, where an atom is its own "
            f"neighbour; give more --sites, or at most --shells {own - 1}"
        )
    far, half = first_beyond(small, found)
    if far:
        say.info("from shell %d on neighbours lie beyond half the small box of %d sites (%.3g angstrom): they are "
                 "images of atoms that nearer shells hold", far, small.n_sites, half)  # fmt: skip


def _smaller(large: Lattice, even: Lattice) -> Lattice:
    """A box of the same form with edges of about SMALLER times as many cells, an even number of them."""
    pairs = [max(1, int(SMALLER * n / unit + 0.3)) for n, unit in zip(large.shape, even.shape, strict=True)]
    return even.repeat(pairs)


def _wide_enough(box: Lattice, even: Lattice, model: BarrierModel) -> Lattice:
    """The box, or one with as few more cells along each axis as the model needs, so that its neighbours are distinct.

    Raises:
        ValueError: as of the model; no box will do.
    """
    wider = box
    for more in range(MOST_REPEATS):
        pairs = [n // unit + more * p for n, unit, p in zip(box.shape, even.shape, box.pbc, strict=True)]
        wider = even.repeat(pairs)
        try:
            model.compile(wider)
        except ValueError:
            continue
        if more:
            say.info("the box of %d sites is widened to %d: neighbours of %s would coincide in it", box.n_sites,
                     wider.n_sites, model.name)  # fmt: skip
        return wider
    model.compile(wider)  # says what is wrong
    return wider


def _filled(name: str, box: Lattice) -> Box:
    counts = box.counts(vacancies=round(box.vacant * box.n_sites))
    for symbol, count in zip(box.species, counts[1:], strict=True):
        if count < 1:
            raise ValueError(f"a box of {box.n_sites} sites has no atom of {symbol}; give more --sites")
    return Box(name, box, counts)
