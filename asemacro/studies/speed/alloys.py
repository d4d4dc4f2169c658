"""The alloys that are measured: barrier models, the lattices that they live on, their plain versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.load import load_barriers
from asemacro.barriers.pair import PairBarrier
from asemacro.barriers.published import PublishedNetwork
from asemacro.files.arrays import read_arrays
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.prototypes import PROTOTYPES
from asemacro.studies.speed.plain_barriers import PlainBarriers, plain_barriers

SPECIES = ("Nb", "Mo", "Ta")
LATTICE_CONSTANT = 3.24  # angstrom; of Nb-Mo-Ta, and on other lattices it does not matter
MOST_SPECIES = 3
PAIR_EV = ({"Nb-Mo": -0.05, "Mo-Ta": -0.1}, {"Nb-Ta": 0.02})
MIGRATION_EV = {"Nb": 1.6, "Mo": 2.0, "Ta": 1.7}


@dataclasses.dataclass(frozen=True)
class Alloy:
    """A barrier model and the alloy that it is measured on.

    Attributes:
        name: of the model.
        model: the model.
        unit: a unit cell of the lattice, with the species.
        arrays: of the file of the published network, else None.
    """

    name: str
    model: BarrierModel
    unit: Lattice
    arrays: Mapping[str, NDArray[Any]] | None = None

    @property
    def system(self) -> str:
        """In a few words."""
        return f"{self.name}, {self.unit.prototype} {'-'.join(self.unit.species)}"

    def plain(self, lattice: Lattice) -> PlainBarriers | None:
        """The plain version of its barriers, if there is one."""
        return plain_barriers(lattice, self.model, self.arrays)


def pair_energies() -> PairBarrier:
    """The model of pair energies that is measured: two shells, made up."""
    return PairBarrier(SPECIES, MIGRATION_EV, PAIR_EV, name="pair")


def alloy(barriers: str | Path) -> Alloy:
    """The alloy of a barrier model: Nb-Mo-Ta if it knows them, else the first three species that it knows.

    Args:
        barriers: "pair", or a name or file as in `load_barriers`.

    Raises:
        ValueError: no such model, or one of a lattice that has no name.
    """
    if str(barriers) == "pair":
        return Alloy("pair", pair_energies(), Lattice.bcc(LATTICE_CONSTANT, SPECIES, 1))
    model = load_barriers(barriers)
    prototype = model.prototype or "bcc"
    if prototype not in PROTOTYPES:
        raise ValueError(
            f"barrier model {barriers} is for {prototype} lattices; bench makes its lattices by name "
            f"({', '.join(PROTOTYPES)}), give a model for one of these"
        )
    known = model.species or SPECIES
    species = SPECIES if set(SPECIES) <= set(known) else known[:MOST_SPECIES]
    arrays = read_arrays(barriers, "published network") if isinstance(model, PublishedNetwork) else None
    name = str(barriers) if arrays is None else "published"
    return Alloy(name, model, Lattice.from_prototype(prototype, LATTICE_CONSTANT, species, 1), arrays)
