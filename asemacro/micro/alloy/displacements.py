"""How far every atom and vacancy of a run has come, across the periodic boundaries of the box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.arguments.door import CRYSTAL, array, checked
from asemacro.lattice.gather import neighbour
from asemacro.lattice.states import state_of
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

TRAIL = 1 << 14
"""Hops that the compiled loop notes before they are followed."""
_BYTES_A_SITE = 40.0


class Displacements:
    r"""Unwrapped displacements of all atoms and vacancies of a state, kept while a `VacancyKMC` runs.

        moved = Displacements(kmc.lattice, x, kmc.jumps)
        run = kmc.following(moved).run(x, hops=1000, rng=rng)
        moved.vectors()  # (n_sites, 3) angstrom

    A particle (atom or vacancy) is named by the site that it was on in `x`. A hop carries a vacancy along an offset of
    whole cells and the atom back along it, so displacements are whole numbers of cells and the sum over all particles
    is exactly zero. Several runs one after the other, each from the state where the last one ended, add up.

    Args:
        lattice: where the state lives.
        x: (n_sites,) or (1, n_sites) state from which displacements count.
        jumps: (n_basis, Z, 4) of `VacancyKMC.jumps`.

    Attributes:
        species: (n_sites,) species of each particle, 0 of a vacancy.
        cells: (n_sites, 3) int32 unit cells that each particle has moved along the vectors of the cell.
        particle: (n_sites,) int64 which particle is on each site now.
        jumped: (n_basis, Z, S + 1) int64 hops so far, by place of the vacancy in the unit cell, jump, and species of
            the atom.

    Raises:
        ValueError: a state or jumps that do not fit the lattice.
    """

    @checked(lattice=CRYSTAL, jumps=array(None, None, 4, kind="i"))
    def __init__(self, lattice: Lattice, x: NDArray[np.int8], jumps: NDArray[np.int64]) -> None:
        if len(jumps) != lattice.n_basis:
            raise ValueError(f"jumps of {len(jumps)} sites of a unit cell, the lattice has {lattice.n_basis}")
        bound_of_memory(_BYTES_A_SITE * lattice.n_sites, f"the displacements on {lattice.n_sites} sites")
        self._lattice = lattice
        self._jumps = jumps.astype(np.int64)
        self._shape = np.array(lattice.shape, dtype=np.int64)
        self.species = state_of(lattice, x)[0].copy()
        self.cells = np.zeros((lattice.n_sites, 3), dtype=np.int32)
        self.particle = np.arange(lattice.n_sites)
        self.jumped = np.zeros((*jumps.shape[:2], len(lattice.species) + 1), dtype=np.int64)

    def check(self, lattice: Lattice, jumps: NDArray[np.int64]) -> None:
        """Refuse a system whose hops are not along these jumps on this lattice.

        Raises:
            ValueError: one line.
        """
        if lattice.shape != self._lattice.shape or not np.array_equal(jumps, self._jumps):
            raise ValueError("the displacements are those of another lattice or of other jumps; make them of this one")

    def follow(self, trail: NDArray[np.int64]) -> None:
        """Add hops, as `Walk.trail` has them."""
        _follow(trail, self._jumps, self._shape, self.species, self.particle, self.cells, self.jumped)

    def vectors(self) -> Floats:
        """(n_sites, 3) displacement of each particle in angstrom, Cartesian."""
        basis = self._lattice.basis
        ends = np.empty_like(self.particle)
        ends[self.particle] = np.arange(len(ends))
        within = basis[ends % len(basis)] - basis[np.arange(len(ends)) % len(basis)]
        vectors: Floats = (self.cells + within) @ self._lattice.cell
        return vectors

    def random_walk(self) -> Floats:
        """(S + 1, 3, 3) sum over all hops so far of d d^T of each species, angstrom^2; of the vacancies first.

        What the squared displacements of all particles of a species would add up to if no hop knew of those before.
        """
        basis = self._lattice.basis
        steps = (self._jumps[..., :3] + basis[self._jumps[..., 3]] - basis[:, None]) @ self._lattice.cell
        sums: Floats = np.einsum("bjs,bja,bjc->sac", self.jumped, steps, steps)
        sums[0] = sums.sum(axis=0)
        return sums


@njit(cache=True, nogil=True)
def _follow(
    trail: NDArray,
    jumps: NDArray,
    shape: NDArray,
    species: NDArray,
    particle: NDArray,
    cells: NDArray,
    jumped: NDArray,
) -> None:
    """Let the particles make these hops, of which each is a vacant site times Z plus the number of a jump."""
    n_basis, n_targets = jumps.shape[0], jumps.shape[1]
    for k in range(trail.shape[0]):
        old, jump = trail[k] // n_targets, trail[k] % n_targets
        basis = old % n_basis
        new = neighbour(shape, n_basis, old, jumps[basis, jump])
        vacancy, atom = particle[old], particle[new]
        for axis in range(3):
            cells[vacancy, axis] += jumps[basis, jump, axis]
            cells[atom, axis] -= jumps[basis, jump, axis]
        particle[old], particle[new] = atom, vacancy
        jumped[basis, jump, species[atom]] += 1
