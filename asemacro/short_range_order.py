"""Warren-Cowley parameters of a structure as users have it: `warren_cowley(atoms)`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from asemacro.crystal import Crystal, read_crystal
from asemacro.lattice import Lattice
from asemacro.observables import WarrenCowley
from asemacro.site_fractions import site_fractions

if TYPE_CHECKING:
    from pymatgen.core import Structure

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class ShortRangeOrder:
    """Short-range order of one structure; definitions as in `observables`.

    Attributes:
        pairs: names, "Mo-Ta", the lower atomic number first, like pairs included.
        neighbours: (shells,) sites Z in each shell.
        distances: (shells,) of the undistorted lattice, angstrom.
        alpha: (shells, pairs) alpha_ij.
        delta: (shells, pairs) delta_ij = -Z c_j alpha_ij.
        random_alloy: the structure has fractional occupancy: these are the values of the random alloy, in which each
            site is occupied independently of all others.
        lattice: the lattice that the atoms are on.
        atoms: a copy of the atoms with local values in arrays "alpha_Ta" (shell 1), "alpha_Ta_2" (shell 2), ...:
            1 - n_Ta / (Z c_Ta), n_Ta being the Ta neighbours of this atom; their mean over the Mo atoms is
            alpha of Mo-Ta. nan for atoms far from any site. None for fractional occupancy.
    """

    pairs: tuple[str, ...]
    neighbours: NDArray[np.int64]
    distances: Floats
    alpha: Floats
    delta: Floats
    random_alloy: bool
    lattice: Lattice
    atoms: Atoms | None

    def rows(self) -> list[dict[str, Any]]:
        """One record {pair, shell, neighbours, alpha, delta} for each pair and shell."""
        return [
            {
                "pair": pair,
                "shell": s + 1,
                "neighbours": int(self.neighbours[s]),
                "alpha": float(self.alpha[s, p]),
                "delta": float(self.delta[s, p]),
            }
            for s in range(len(self.neighbours))
            for p, pair in enumerate(self.pairs)
        ]


def warren_cowley(atoms: Atoms | Structure, shells: int = 2) -> ShortRangeOrder:
    """Warren-Cowley parameters of a structure in its first neighbour shells.

    Periodic images count: in a small cell an atom meets images of itself, as in the infinite crystal.

    Args:
        atoms: any cell of a crystal, see `Lattice.from_atoms`.
        shells: number of neighbour shells.

    Raises:
        ValueError: no lattice, atoms off it, or a single species ("no unlike pairs").
    """
    lattice = Lattice.from_atoms(atoms)
    species = lattice.species
    if len(species) < 2:
        raise ValueError(f"no unlike pairs: the structure holds {', '.join(species) or 'no atoms'} only")
    crystal = read_crystal(atoms)
    phi = WarrenCowley(species, shells, pairs="all")
    sizes = phi.neighbours(lattice)
    filled = site_fractions(lattice, atoms)
    share = filled[:, 1:].sum(0) / filled[:, 1:].sum()
    # (shells, n_sites, S) neighbours of each species around each site
    around = np.array([filled[lattice.neighbours(s.offsets)].sum(1)[:, 1:] for s in lattice.shells(shells)])
    local = 1 - around / (sizes[:, None, None] * share)
    weights = filled[:, 1:] / filled[:, 1:].sum(0)
    means = np.einsum("nsj,si->nij", local, weights)
    i, j = np.transpose(phi.pairs)
    alpha = means[:, i, j]
    return ShortRangeOrder(
        pairs=phi.labels[: len(phi.pairs)],
        neighbours=sizes,
        distances=np.array([s.distance for s in lattice.shells(shells)]),
        alpha=alpha,
        delta=-alpha * sizes[:, None] * share[j],
        random_alloy=crystal.occupancy is not None,
        lattice=lattice,
        atoms=None if crystal.occupancy else _with_local(atoms, crystal, lattice, local),
    )


def _with_local(atoms: Atoms | Structure, crystal: Crystal, lattice: Lattice, local: Floats) -> Atoms:
    if isinstance(atoms, Atoms):
        copy = atoms.copy()
    else:
        copy = Atoms(crystal.symbols, positions=crystal.positions, cell=crystal.cell, pbc=crystal.pbc)
    site, distance = lattice.nearest_sites(crystal.positions)
    known = distance <= 0.5 * lattice.shells(1)[0].distance
    for n, values in enumerate(local):
        for k, symbol in enumerate(lattice.species):
            name = f"alpha_{symbol}" if n == 0 else f"alpha_{symbol}_{n + 1}"
            copy.set_array(name, np.where(known, values[site, k], np.nan))
    return copy
