"""Warren-Cowley parameters of a structure as users have it: `warren_cowley(atoms)`."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from asemacro.arguments.checks import count_of
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.reading.elements import VACANCY
from asemacro.lattice.recognition.atoms_to_grid import recognise
from asemacro.lattice.recognition.crystal import Crystal, read_crystal
from asemacro.lattice.recognition.placement import Places
from asemacro.lattice.shells import MOST_SHELLS, first_beyond
from asemacro.lattice.site_fractions import site_fractions
from asemacro.observables.alloy import WarrenCowley
from asemacro.typing import Floats

if TYPE_CHECKING:
    from pymatgen.core import Structure

ALL = "all"
log = logging.getLogger("asemacro")


@dataclasses.dataclass(frozen=True, eq=False)
class ShortRangeOrder:
    """Short-range order of one structure; definitions as in `observables`.

    Attributes:
        pairs: names, "Mo-Ta", the lower atomic number first, like pairs included.
        neighbours: (shells,) sites Z in each shell.
        distances: (shells,) of the undistorted lattice, angstrom.
        alpha: (shells, pairs) alpha_ij = 1 - p_ij / (Z c_j). A vacancy is a neighbour of no species, so in a random
            alloy alpha is the fraction of vacant sites for every pair.
        delta: (shells, pairs) delta_ij = -Z c_j alpha_ij.
        alpha_atoms: (shells, pairs) alpha_ij among atoms: Z is replaced by the mean number of atoms around an atom,
            so that it is 0 in a random alloy with any number of vacancies; alpha itself if there are none.
            nan if no atom has an atom next to it.
        vacant: fraction of the sites that is vacant.
        random_alloy: the structure has fractional occupancy: these are the values of the random alloy, in which each
            site is occupied independently of all others.
        lattice: the lattice that the atoms are on.
        state: (n_sites,) what its sites hold, as `Lattice.state` has it; None for fractional occupancy.
        atoms: a copy of the atoms with what is around each of them, in arrays of the first shell and, with "_2" and so
            on at the end of their names, of the others. "neighbours_Ta": how many Ta neighbours n_Ta this atom has
            ("neighbours_X": vacancies, if there are any). "alpha_Ta": 1 - n_Ta / (Z c_Ta); its mean over the Mo atoms
            is alpha of Mo-Ta. "alpha_unlike", of the first shell only: 1 - n / (Z (1 - c)), with n the neighbours of
            other species than the atom's own and c the fraction of its own; one number to colour by, negative where
            an atom has more unlike neighbours than in a random alloy. Of two species it is their alpha.
            Atoms far from any site, or beside the sublattice that is meant, have -1 neighbours and nan. None for
            fractional occupancy.
    """

    pairs: tuple[str, ...]
    neighbours: NDArray[np.int64]
    distances: Floats
    alpha: Floats
    delta: Floats
    alpha_atoms: Floats
    vacant: float
    random_alloy: bool
    lattice: Lattice
    state: NDArray[np.int8] | None
    atoms: Atoms | None

    def rows(self) -> list[dict[str, Any]]:
        """One record {pair, shell, neighbours, distance, alpha, delta, alpha_atoms} for each pair and shell."""
        return [
            {
                "pair": pair,
                "shell": s + 1,
                "neighbours": int(self.neighbours[s]),
                "distance": float(self.distances[s]),
                "alpha": float(self.alpha[s, p]),
                "delta": float(self.delta[s, p]),
                "alpha_atoms": float(self.alpha_atoms[s, p]),
            }
            for s in range(len(self.neighbours))
            for p, pair in enumerate(self.pairs)
        ]


def warren_cowley(
    atoms: Atoms | Structure, shells: int | str = 2, *, shell_tolerance: float | None = None
) -> ShortRangeOrder:
    """Warren-Cowley parameters of a structure in its first neighbour shells.

    Periodic images count: in a small cell an atom meets images of itself, as in the infinite crystal.

    Args:
        atoms: any cell of a crystal, see `Lattice.from_atoms`; of a sublattice alone with `sublattice_of`.
        shells: number of neighbour shells, up to 100; "all" for those within half the cell, beyond which shells hold
            images of nearer neighbours.
        shell_tolerance: distortion up to which neighbours are those of the undistorted crystal, see
            `Lattice.from_atoms`.

    Raises:
        ValueError: no lattice, atoms off it, or a single species ("no unlike pairs").
        TypeError: shells is no whole number.
    """
    if shells != ALL:
        shells = count_of(shells, "neighbour shells", least=1, most=MOST_SHELLS)
    crystal = read_crystal(atoms)
    grid, places = recognise(crystal, shell_tolerance=shell_tolerance)
    lattice = Lattice.on(grid)
    species = lattice.species
    if len(species) < 2:
        raise ValueError(f"no unlike pairs: the lattice holds {', '.join(species) or 'no atoms'} only")
    shells = shells_within(lattice) if isinstance(shells, str) else shells
    phi = WarrenCowley(species, shells, pairs="all")
    sizes = phi.neighbours(lattice)
    filled = site_fractions(lattice, crystal, places)
    share = filled[:, 1:].sum(0) / filled[:, 1:].sum()
    met_by_site = np.array([_around(filled, lattice, s.offsets) for s in lattice.shells(shells)])
    around = met_by_site[..., 1:]
    local = 1 - around / (sizes[:, None, None] * share)
    weights = filled[:, 1:] / filled[:, 1:].sum(0)
    means = np.einsum("nsj,si->nij", local, weights)
    i, j = np.transpose(phi.pairs)
    alpha = means[:, i, j]
    met = np.einsum("n,snj->s", filled[:, 1:].sum(1), around) / filled[:, 1:].sum()  # atoms around an atom
    if crystal.occupancy is None:
        _say_what_the_cell_holds(lattice, shells)
    return ShortRangeOrder(
        pairs=phi.labels[: len(phi.pairs)],
        neighbours=sizes,
        distances=np.array([s.distance for s in lattice.shells(shells)]),
        alpha=alpha,
        delta=-alpha * sizes[:, None] * share[j],
        alpha_atoms=_among_atoms(alpha, sizes, met),
        vacant=float(filled[:, 0].mean()),
        random_alloy=crystal.occupancy is not None,
        lattice=lattice,
        state=None if crystal.occupancy else filled.argmax(axis=1).astype(np.int8),
        atoms=None if crystal.occupancy else _with_local(atoms, crystal, lattice, met_by_site, share, places),
    )


def shells_within(lattice: Lattice) -> int:
    """How many shells lie within half the box, at least one."""
    n = 8
    while (far := first_beyond(lattice, lattice.shells(n))[0]) == 0 and n < MOST_SHELLS:
        n = min(2 * n, MOST_SHELLS)
    return far - 1 if far else n


def _around(filled: Floats, lattice: Lattice, offsets: NDArray[np.int64]) -> Floats:
    """(n_sites, S + 1) how many neighbours of each site hold a vacancy or each species."""
    total = np.zeros_like(filled)
    for k in range(offsets.shape[1]):
        total += filled[lattice.neighbours(offsets[:, k : k + 1])[:, 0]]
    return total


def _among_atoms(alpha: Floats, sizes: NDArray[np.int64], met: Floats) -> Floats:
    """alpha with Z replaced by the mean number of atoms around an atom, (shells,) each."""
    if np.array_equal(met, sizes):
        return alpha
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(met > 0, sizes / met, np.nan)
    return 1 - (1 - alpha) * ratio[:, None]


def _say_what_the_cell_holds(lattice: Lattice, shells: int) -> None:
    """One line if shells after the first reach so far that they meet atoms of nearer ones again."""
    far, half = first_beyond(lattice, lattice.shells(shells))
    if far:
        log.info(
            "from shell %d on neighbours lie beyond half the cell (%.3g angstrom): they are images of atoms that "
            "nearer shells hold, as in a crystal that repeats the cell",
            far,
            half,
        )


def _with_local(
    atoms: Atoms | Structure, crystal: Crystal, lattice: Lattice, around: Floats, share: Floats, places: Places
) -> Atoms:
    """A copy of the atoms with the arrays that `ShortRangeOrder.atoms` describes.

    Args:
        atoms: the structure.
        crystal: the same, as it was read.
        lattice: that it is on.
        around: (shells, n_sites, S + 1) neighbours of each site that are vacant or of a species.
        share: (S,) of each species among the atoms.
        places: of the atoms on the lattice.
    """
    if isinstance(atoms, Atoms):
        copy = atoms.copy()
    else:
        whole = crystal if crystal.whole is None else crystal.whole
        copy = Atoms(whole.symbols, positions=whole.positions, cell=whole.cell, pbc=whole.pbc)
    rows = np.arange(len(places.site)) if crystal.rows is None else crystal.rows
    site, known = np.zeros(len(copy), dtype=np.int64), np.zeros(len(copy), dtype=bool)
    site[rows], known[rows] = places.site, places.distance <= 0.5 * lattice.shells(1)[0].distance
    sizes = around.sum(-1).mean(-1)
    for n, counts in enumerate(around):
        end = f"_{n + 1}" if n else ""
        for k, symbol in enumerate((VACANCY, *lattice.species)):
            met = counts[site, k]
            if k or counts[:, 0].any():
                copy.set_array(f"neighbours_{symbol}{end}", np.where(known, np.rint(met), -1).astype(np.int32))
            if k:
                copy.set_array(f"alpha_{symbol}{end}", np.where(known, 1 - met / (sizes[n] * share[k - 1]), np.nan))
    own = np.array([(copy.numbers == atomic_numbers[symbol]) for symbol in lattice.species])
    unlike = (around[0, site, 1:] * ~own.T).sum(1)
    copy.set_array("alpha_unlike", np.where(known, 1 - unlike / (sizes[0] * (1 - share @ own)), np.nan))
    return copy
