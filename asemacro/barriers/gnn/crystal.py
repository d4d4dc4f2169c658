"""The ideal crystal that a graph network is made for: its sites, its symmetry and the jumps of a vacancy.

A site is (cell, place in the basis) of the conventional cell, four integers, so that symmetry operations are exact.
Lengths are in units of the shortest distance between sites.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import spglib
from numpy.typing import NDArray

from asemacro.arguments.checks import count_of
from asemacro.lattice.boxes import sites_in
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.reach import unreached_axes
from asemacro.lattice.shells import SAME_SHELL
from asemacro.typing import Floats, Integers

MOST_JUMP_SHELLS = 8
MOST_JUMP_REACH = 2.6
"""In shortest distances: as far as pair energies."""
_SAME = 0.02  # of the shortest distance: sites that an operation maps this near to each other are mapped
_EXACT = 1e-5
_LEAST_HEIGHT, _LEAST_DISTANCE, _LONGEST = 0.3, 0.3, 100.0  # in cube roots of the volume of a site


@dataclass(frozen=True)
class JumpNetwork:
    """Sites of an ideal crystal and the jumps of a vacancy to its first neighbour shells.

    Attributes:
        prototype: name of the lattice, as in `Lattice`.
        cell: (3, 3) vectors of the conventional cell.
        basis: (n, 3) sites in fractions of the cell.
        pbc: which axes are lattice translations.
        shells: jumps lead to the sites of so many neighbour shells of this ideal crystal.
    """

    prototype: str
    cell: tuple[tuple[float, ...], ...]
    basis: tuple[tuple[float, ...], ...]
    pbc: tuple[bool, bool, bool] = (True, True, True)
    shells: int = 1

    @classmethod
    def of(cls, lattice: Lattice, shells: int | None = None) -> JumpNetwork:
        """The jumps on a lattice, strained or not: sites and shells are those of its ideal crystal.

        Args:
            lattice: in any cell.
            shells: jumps lead to so many neighbour shells; None for the first, which must then lead everywhere.

        Raises:
            ValueError: one line; jumps to the first shell keep to planes or chains, or a site has no jump.
        """
        number = count_of(1 if shells is None else shells, "jump shells", least=1, most=MOST_JUMP_SHELLS)
        basis = sites_in(lattice.cell, lattice.basis, lattice.conventional)
        network = cls._scaled(lattice.prototype, lattice.ideal, basis, lattice.pbc, number)
        lost = unreached_axes(network.jump_offsets(), lattice.pbc)
        if shells is None and lost:
            raise ValueError(
                f"jumps to the first shell of this {lattice.prototype} lattice leave {lost} of its axes unreached: "
                "name the shells that vacancies jump to (JumpNetwork.of(lattice, shells=2))"
            )
        return network

    @classmethod
    def named(cls, prototype: str, shells: int | None = None) -> JumpNetwork:
        """The jumps on a lattice with a name: bcc, fcc, hcp (of the ideal c/a), diamond, sc ..."""
        return cls.of(Lattice.from_prototype(prototype, 1.0, "X", 1), shells)

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> JumpNetwork:
        """From what `fields` gave.

        Raises:
            ValueError: fields are missing or of another kind, or no crystal.
        """
        cell, basis = (np.array(fields[key], dtype=float) for key in ("cell", "basis"))
        pbc = [bool(p) for p in fields["pbc"]]
        if cell.shape != (3, 3) or basis.ndim != 2 or basis.shape[1] != 3 or len(pbc) != 3 or not 0 < len(basis) < 100:
            raise ValueError("cell, basis and pbc of the crystal must be (3, 3), (n, 3) and (3,)")
        if not (np.isfinite(cell).all() and np.isfinite(basis).all()) or abs(np.linalg.det(cell)) < 1e-3:
            raise ValueError("the vectors of the crystal span no volume")
        if np.abs(cell).max() > 1e3 or np.abs(basis).max() > 10 or not any(pbc):
            raise ValueError("the cell of the crystal is too large, or has no lattice translations")
        shells = count_of(fields["shells"], "jump shells", least=1, most=MOST_JUMP_SHELLS)
        return cls._scaled(str(fields["prototype"]), cell, basis, (pbc[0], pbc[1], pbc[2]), shells)

    def fields(self) -> dict[str, Any]:
        """What is kept in a file, ready for JSON."""
        return {
            "prototype": self.prototype,
            "cell": self.cell,
            "basis": self.basis,
            "pbc": self.pbc,
            "shells": self.shells,
        }

    @classmethod
    def _scaled(
        cls, prototype: str, cell: Floats, basis: Floats, pbc: tuple[bool, bool, bool], shells: int
    ) -> JumpNetwork:
        spacing = (abs(np.linalg.det(cell)) / len(basis)) ** (1 / 3)
        height = (1 / np.linalg.norm(np.linalg.inv(cell), axis=0))[list(pbc)]
        # `neighbour_distances` would take ages in a cell like a needle or a sheet
        flat = not height.min() > _LEAST_HEIGHT * spacing or np.linalg.norm(cell, axis=1).max() > _LONGEST * spacing
        found = [] if flat else neighbour_distances(cell, basis, pbc, 0.0)
        if flat or (all(pbc) and found[0] < _LEAST_DISTANCE * spacing):
            raise ValueError(f"a {prototype} crystal like that has no jumps: its cell is flat, or its sites coincide")
        scaled = np.round(cell / found[0], 10)
        network = cls(
            prototype,
            tuple(tuple(row) for row in scaled.tolist()),
            tuple(tuple(row) for row in np.round(basis, 10).tolist()),
            pbc,
            shells,
        )
        if not all(map(len, network.jump_offsets())) or network.jump_reach > MOST_JUMP_REACH:
            what = "leave some sites without any" if network.jump_reach <= MOST_JUMP_REACH else "are too long"
            raise ValueError(f"jumps to the first {shells} shells of this {prototype} lattice {what}")
        return network

    # ---------------------------------------------------------------- sites

    def displacements(self, sites: Integers, origin: int) -> Floats:
        """(n, 3) from the site `origin` of cell 0 to the sites (n, 4), in fractions of the cell."""
        basis = np.array(self.basis)
        moved: Floats = sites[:, :3] + basis[sites[:, 3]] - basis[origin]
        return moved

    def distances(self, sites: Integers, origin: int) -> Floats:
        """(n,) distances of the sites (n, 4) from the site `origin` of cell 0."""
        lengths: Floats = np.linalg.norm(self.displacements(sites, origin) @ np.array(self.cell), axis=1)
        return lengths

    def near(self, origin: int, reach: float) -> Integers:
        """(n, 4) other sites within `reach` of the site `origin` of cell 0, by distance, then by displacement."""
        sites = _around(np.array(self.cell), np.array(self.basis), self.pbc, reach)
        return self.ordered(sites[(self.distances(sites, origin) < reach + _EXACT)], origin)[1:]

    def ordered(self, sites: Integers, origin: int) -> Integers:
        """Sites (n, 4) by distance from the site `origin` of cell 0, then by displacement."""
        keys = np.round(self.displacements(sites, origin), 5)
        far = np.round(self.distances(sites, origin), 4)
        return sites[np.lexsort((keys[:, 2], keys[:, 1], keys[:, 0], far))]

    def jumps(self, origin: int) -> Integers:
        """(Z, 4) sites that a vacancy on the site `origin` of cell 0 jumps to, shell by shell."""
        sites = self.near(origin, self.jump_reach)
        return sites

    @functools.cached_property
    def jump_reach(self) -> float:
        """Distance of the last jump shell."""
        found = neighbour_distances(np.array(self.cell), np.array(self.basis), self.pbc, 1.0, self.shells)
        return float(found[self.shells - 1] + SAME_SHELL)

    def jump_offsets(self) -> list[Integers]:
        """For each site of the basis the cell offset and place of its jump targets, (Z, 4)."""
        return [self.jumps(origin) for origin in range(len(self.basis))]

    # ---------------------------------------------------------------- symmetry

    @functools.cached_property
    def operations(self) -> tuple[Integers, Integers]:
        """Space group of the sites.

        Returns:
            (m, 3, 3) matrices W, and (m, n, 4) images of the sites of cell 0: a site (c, s) goes to the site
            images[s] moved by W c.
        """
        with warnings.catch_warnings():  # spglib deprecates None as an answer, before it offers another one
            warnings.simplefilter("ignore", DeprecationWarning)
            cell, basis = np.array(self.cell), np.array(self.basis)
            found = spglib.get_symmetry((cell, basis, [1] * len(basis)), symprec=_SAME)
        if found is None:
            raise ValueError(f"the {self.prototype} crystal of a graph network has sites on top of each other")
        images, kept = [], []
        along = np.array(self.pbc)
        for matrix, shift in zip(found["rotations"], found["translations"], strict=True):
            if np.any(matrix[np.ix_(along, ~along)]):
                continue
            moved = basis @ matrix.T + shift
            gap = moved[:, None] - basis[None]
            error = np.linalg.norm((gap - np.rint(gap)) @ cell, axis=2)
            to = error.argmin(axis=1)
            cells = np.rint(gap[np.arange(len(basis)), to]).astype(np.int64)
            kept.append(matrix)
            images.append(np.column_stack([cells, to]))
        return np.array(kept, dtype=np.int64), np.array(images, dtype=np.int64)

    @functools.cached_property
    def kinds(self) -> Integers:
        """(n,) kind of each site of the basis: those that a symmetry maps onto each other are of one kind."""
        images = self.operations[1][:, :, 3]
        first = images.min(axis=0)
        return np.unique(first, return_inverse=True)[1].astype(np.int64)

    @functools.cached_property
    def firsts(self) -> tuple[int, ...]:
        """The first site of each kind."""
        return tuple(int(np.argmax(self.kinds == k)) for k in range(self.kinds.max() + 1))

    def moved(self, operation: int, sites: Integers, origin: int) -> Integers:
        """Images of the sites (n, 4) under an operation, in cells counted from that of the image of `origin`."""
        matrix, images = self.operations[0][operation], self.operations[1][operation]
        to = images[sites[:, 3]]
        cells = sites[:, :3] @ matrix.T + to[:, :3] - images[origin, :3]
        return np.column_stack([cells, to[:, 3]])

    def between(self, origin: int, target: int) -> Sequence[int]:
        """Operations that map the site `origin` onto `target`, those that turn least first."""
        matrices, images = self.operations
        found = np.flatnonzero(images[:, origin, 3] == target)
        turned = -np.abs(np.diagonal(matrices[found], axis1=1, axis2=2)).sum(axis=1)
        trace = -np.trace(matrices[found], axis1=1, axis2=2)
        order = np.lexsort((*matrices[found].reshape(len(found), 9).T, trace, turned))
        return [int(k) for k in found[order]]


def neighbour_distances(cell: Floats, basis: Floats, pbc: Sequence[bool], least: float, number: int = 1) -> list[float]:
    """Distances of the first `number` neighbour shells, of sites at least `least` apart or nearer."""
    size = (abs(np.linalg.det(cell)) / len(basis)) ** (1 / 3)
    reach = max(least, 1.2 * min(size, np.linalg.norm(cell[list(pbc)], axis=1).min()))
    while True:
        sites = _around(cell, basis, pbc, reach)
        apart = (sites[None, :, :3] + basis[sites[:, 3]] - basis[:, None]) @ cell
        itself = (sites[None, :, :3] == 0).all(axis=2) & (sites[:, 3] == np.arange(len(basis))[:, None])
        found = np.sort(np.linalg.norm(apart, axis=2)[~itself])
        found = found[found < reach]
        if len(found):
            starts = np.flatnonzero(np.diff(found, prepend=-1.0) > SAME_SHELL * found[0])
            if len(starts) > number:  # one shell beyond the last, so that the last is complete
                return [float(found[k]) for k in starts[:number]]
        reach *= 1.25


def _around(cell: Floats, basis: Floats, pbc: Sequence[bool], reach: float) -> Integers:
    """(n, 4) all sites of the cells that a site of cell 0 may see within `reach`."""
    height = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    spread = np.ptp(basis, axis=0)
    most = [int(np.ceil(reach / h + s)) if p else 0 for h, s, p in zip(height, spread, pbc, strict=True)]
    cells = np.array(list(itertools.product(*(range(-m, m + 1) for m in most))))
    rows = np.repeat(cells, len(basis), axis=0)
    place: NDArray[np.int64] = np.tile(np.arange(len(basis)), len(cells))
    return np.column_stack([rows, place]).astype(np.int64)
