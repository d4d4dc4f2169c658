"""What is labelled, the jump of one atom into the vacancy of a cell, and what comes of it, a band with its barriers.

A band is the path of images between the state before the jump and the state after it. Its highest energy minus that of
either end is the barrier of the jump or of the jump back: both directions from one band.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from asemacro.files.content import digest
from asemacro.lattice.lattice import Lattice
from asemacro.typing import Floats

FAILED_EV = 0.05
"""Barriers that are not higher are failed calculations."""
RELAXED = ("atoms", "none")
MOST_PATHS = 7
LATTICE_FIELDS = ("cell", "basis", "shape", "pbc", "species", "composition", "prototype", "conventional", "ideal")


@dataclasses.dataclass(frozen=True)
class BandSettings:
    """How bands are computed.

    Attributes:
        relax: "atoms": end points are relaxed at fixed cell, then the climbing-image nudged elastic band; "none": all
            atoms stay on the sites of the lattice but the one that jumps, which goes along the straight line.
        images: of the band between its end points; with "none" points at which the line is first looked at.
        end_force: end points are relaxed until no force on an atom is larger, eV per angstrom.
        band_force: the same for the band.
        most_steps: of each relaxation; a band that takes more fails.
        paths: first paths of a relaxed band. The first one goes straight; in each further one the atom is pushed aside,
            towards the widest openings between the atoms around the middle of the line. The lowest saddle counts.
    """

    relax: str = "atoms"
    images: int = 5
    end_force: float = 0.02
    band_force: float = 0.03
    most_steps: int = 300
    paths: int = 1

    def __post_init__(self) -> None:
        if self.relax not in RELAXED:
            raise ValueError(f"relax must be one of {', '.join(RELAXED)}, got {self.relax!r}")
        if self.images < 1:
            raise ValueError(f"a band needs at least one image between its end points, got {self.images}")
        if not 1 <= self.paths <= MOST_PATHS:
            raise ValueError(f"paths must be 1 to {MOST_PATHS}, got {self.paths}")


@dataclasses.dataclass(frozen=True, eq=False)
class Jump:
    """An atom that jumps into the vacancy beside it.

    Attributes:
        lattice: the cell, at the lattice parameter of the calculation.
        x: (n_sites,) int8 the state before, 0 on the site of the one vacancy, else 1 + index into lattice.species.
        jumping: site of the atom that jumps.
        cell: the cell that the jump belongs to, "random-3"; jumps of one cell share most of their surroundings.
        origin: tells apart bands of the same jump from different calculations.
    """

    lattice: Lattice
    x: NDArray[np.int8]
    jumping: int
    cell: str
    origin: str = ""

    @functools.cached_property
    def vacancy(self) -> int:
        """The vacant site."""
        return int(np.flatnonzero(self.x == 0)[0])

    @functools.cached_property
    def after(self) -> NDArray[np.int8]:
        """The state after the jump."""
        x = self.x.copy()
        x[[self.vacancy, self.jumping]] = x[[self.jumping, self.vacancy]]
        return x

    @functools.cached_property
    def species(self) -> str:
        """Symbol of the atom that jumps."""
        return self.lattice.species[self.x[self.jumping] - 1]

    @functools.cached_property
    def atom(self) -> int:
        """Number of the atom that jumps among the atoms of `ends`."""
        return int(np.count_nonzero(self.x[: self.jumping]))

    @functools.cached_property
    def name(self) -> str:
        """A name that the jump, the jump back, and no other have."""
        states = sorted([self.x.tobytes(), self.after.tobytes()])
        fields = {name: getattr(self.lattice, name) for name in ("species", "prototype", "shape", "cell", "basis")}
        return f"band-{digest([states, fields, self.origin])[:24]}"

    def ends(self) -> tuple[Atoms, Atoms]:
        """The atoms before and after the jump on the sites of the lattice, the same atoms in the same order."""
        before = self.lattice.to_atoms(self.x)
        step = before.get_distance(self.jumping, self.vacancy, mic=True, vector=True)
        after = before.copy()
        after.positions[self.jumping] += step
        return before[self.x > 0], after[self.x > 0]


@dataclasses.dataclass(frozen=True, eq=False)
class Band:
    """What was computed of a jump.

    Attributes:
        jump: which.
        energies: (images + 2,) eV, along the path; empty if the calculation did not come so far.
        positions: (3, n_atoms, 3) angstrom, before, at the highest image and after; empty likewise.
        reason: why it failed; empty if it did not.
        settings: what it was made with, in plain values.
        seconds: that it took.
    """

    jump: Jump
    energies: Floats
    positions: Floats
    reason: str
    settings: dict[str, Any]
    seconds: float = 0.0

    @property
    def forward_eV(self) -> float:
        """Barrier of the jump."""
        return float(self.energies.max() - self.energies[0])

    @property
    def backward_eV(self) -> float:
        """Barrier of the jump back."""
        return float(self.energies.max() - self.energies[-1])


def fault_of_energies(energies: Floats) -> str:
    """Why the energies along a path give no barriers; empty if they do."""
    top = int(energies.argmax())
    if top in (0, len(energies) - 1):
        return "the highest image is an end point"
    low = min(energies[top] - energies[0], energies[top] - energies[-1])
    return f"barrier not above {FAILED_EV:g} eV: {low:.3f} eV" if low <= FAILED_EV else ""


def lattice_fields(lattice: Lattice) -> dict[str, Any]:
    """A lattice in plain values, for files; `lattice_of` gives it back."""
    plain = {name: getattr(lattice, name) for name in LATTICE_FIELDS}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in plain.items()}


def lattice_of(fields: dict[str, Any]) -> Lattice:
    """The lattice that `lattice_fields` wrote down.

    Raises:
        ValueError, TypeError, KeyError: fields that are no lattice.
    """
    arrays = {name: np.array(fields[name], dtype=float) for name in ("cell", "basis", "conventional", "ideal")}
    tuples = {name: tuple(fields[name]) for name in ("shape", "pbc", "species")}
    return Lattice(**arrays, **tuples, composition=dict(fields["composition"]), prototype=fields["prototype"])  # type: ignore[arg-type]
