"""The cells of barrier data: the lattice that the atoms are on, and which atoms are around a vacancy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from asemacro.barriers.gnn.crystal import MOST_JUMP_SHELLS, JumpNetwork
from asemacro.barriers.gnn.graph import graph_of
from asemacro.barriers.gnn.placement import Placement, place, sites_around
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.sites import sites_at
from asemacro.typing import Floats, Integers

_FARTHEST = 1e6  # cells: no site is further from the origin
_OFF_CUBE = 0.05  # half lattice constants: how far atoms of a bcc cube may be off their sites
_OFF = 0.25  # neighbour distances: the same of other cells


@dataclass(frozen=True)
class Cell:
    """A cell of atoms, each on a site of a lattice.

    Attributes:
        lattice: the lattice.
        sites: (n,) site of each atom.
    """

    lattice: Lattice
    sites: Integers

    def around(self, jumps: JumpNetwork, where: str) -> tuple[Integers, Integers, NDArray[np.bool_]]:
        """What a vacancy sees that takes the place of each atom.

        Returns:
            (n, n_env) atoms on the sites of the graph, the vacancy's own first; (n,) kinds of the sites; (n, Z) which
            jumps of the graph there are.

        Raises:
            ValueError: one line; another crystal, or a cell that is too small.
        """
        try:
            placed = place(jumps, self.lattice)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if not _tells_images_apart(placed, self.lattice):
            raise ValueError(
                f"{where} has {len(self.sites)} sites; the models need larger cells, in which no vacancy sees its own "
                "image (128 sites of bcc, 108 of fcc)"
            )
        atom = np.empty(self.lattice.n_sites, dtype=np.int64)
        atom[self.sites] = np.arange(len(self.sites))
        basis = self.sites % self.lattice.n_basis
        graph = graph_of(jumps)
        counts = np.array([site.n_jumps for site in graph.sites])[placed.kinds[basis]]
        there = np.arange(graph.n_jumps) < counts[:, None]
        return atom[sites_around(placed, self.lattice, self.sites)], placed.kinds[basis], there


def read_cell(scaled: Floats, vectors: Floats | None, numbers: NDArray[np.integer], where: str) -> Cell:
    """The lattice under the atoms of a cell.

    Args:
        scaled: (n, 3) positions in fractions of the cell.
        vectors: (3, 3) of the cell; None for a cube of bcc.
        numbers: (n,) atomic numbers.
        where: what cell this is, for messages.

    Raises:
        ValueError: one line; no crystal, or not an atom on each site.
    """
    n = len(numbers)
    scaled = np.asarray(scaled, dtype=np.float64)
    if not np.abs(scaled).max() < _FARTHEST:  # nan too
        raise ValueError(f"{where} has positions far outside of the cell")
    if vectors is None:
        repeat = round((n / 2) ** (1 / 3))
        if 2 * repeat**3 != n:
            raise ValueError(f"{where} is not a cubic bcc cell of ideal sites ({n} sites)")
        lattice = Lattice.bcc(2.0, "X", repeat)
        positions, most = (scaled - scaled[0]) * 2 * repeat, _OFF_CUBE
    else:
        if not abs(np.linalg.det(vectors)) > 1.0:
            raise ValueError(f"{where} has vectors that span no volume")
        atoms = Atoms(numbers=numbers, cell=vectors, scaled_positions=scaled, pbc=True)
        try:
            lattice = Lattice.from_atoms(atoms)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        positions, most = atoms.positions, _OFF * _shortest(lattice)
    sites, distance = lattice.nearest_sites(positions)
    if distance.max() > most:
        kind = "a cubic bcc cell" if vectors is None else f"a {lattice.prototype} cell"
        raise ValueError(f"{where} is not {kind} of ideal sites ({n} sites)")
    if len(np.unique(sites)) < n:
        raise ValueError(f"{where} has two atoms on one site")
    if n < lattice.n_sites:
        raise ValueError(f"{where} has {n} atoms on {lattice.n_sites} sites; each site must hold one")
    return Cell(lattice, sites.astype(np.int64))


def jumps_of(cell: Cell, number: int, where: str) -> JumpNetwork:
    """The jumps to the first shells that hold `number` sites together.

    Raises:
        ValueError: one line; there are no such shells.
    """
    counts: list[int] = []
    for shells in range(1, MOST_JUMP_SHELLS + 1):
        try:
            jumps = JumpNetwork.of(cell.lattice, shells)
        except ValueError:
            if counts and counts[-1] > number:
                break
            continue
        counts.append(max(len(targets) for targets in jumps.jump_offsets()))
        if counts[-1] == number:
            return jumps
        if counts[-1] > number:
            break
    raise ValueError(
        f"{where}: neighbor lists {number} jumps from each site; the first shells of this {cell.lattice.prototype} "
        f"lattice hold {', '.join(map(str, counts)) or 'none'}"
    )


def _shortest(lattice: Lattice) -> float:
    return float((abs(np.linalg.det(lattice.cell)) / lattice.n_basis) ** (1 / 3))


def _tells_images_apart(placed: Placement, lattice: Lattice) -> bool:
    """Whether neither end of a jump has an image among the sites that the jump changes or whose features it does."""
    for env, site in zip(placed.env, placed.sites, strict=True):
        sites = sites_at(lattice.shape, lattice.n_basis, env[:, :3], env[:, 3])
        links = np.split(site.links, site.link_start[1:-1])
        pairs = np.split(site.pairs, site.pair_start[1:-1])
        n_links, n_pairs = len(links) // site.n_round1, len(pairs) // (1 + site.n_jumps)
        for j, bond in enumerate(site.bonds):
            near = [part for row in bond for part in links[row * n_links : (row + 1) * n_links]]
            far = pairs[:n_pairs] + pairs[(1 + j) * n_pairs : (2 + j) * n_pairs]
            seen = sites[np.unique(np.concatenate([bond, *near, *far]))]
            if (seen == sites[0]).sum() > 1 or (seen == sites[1 + j]).sum() > 1:
                return False
    return True
