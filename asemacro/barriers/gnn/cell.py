"""Which cells are large enough for a graph network."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.placement import Placement, place
from asemacro.lattice.sites import sites_at

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


def fits(lattice: Lattice, placed: Placement | None = None) -> bool:
    """Whether every site that a barrier depends on is seen once where that matters.

    The environment of a vacancy must hold no image of the vacancy or of a jump target beside itself (else a jump
    would change an environment at places that are not accounted for), and no two neighbours of the largest shell of
    the lattice energy may coincide.

    Args:
        lattice: the box.
        placed: a graph on it, default that of the jumps to the first shell.
    """
    return _fits(lattice, placed or place(JumpNetwork.of(lattice), lattice), np.array(lattice.shape))


def fits_energy(lattice: Lattice, placed: Placement) -> bool:
    """Whether the lattice energy of every state is right: the sites that the features of a site count differ.

    Smaller cells than those of `fits` will do, for there is no jump. Pair energies may reach the same site twice.
    """
    return _fits_energy(lattice, placed, np.array(lattice.shape))


def minimum_shape(lattice: Lattice, placed: Placement | None = None, *, energy: bool = False) -> tuple[int, int, int]:
    """Repetitions (m1, m2, m3) of the lattice, with the fewest sites, that fit.

    Args:
        lattice: as of `fits`.
        placed: as of `fits`.
        energy: that are enough for the lattice energy.
    """
    placed = placed or place(JumpNetwork.of(lattice), lattice)
    enough = _fits_energy if energy else _fits
    most = [17 if p else 2 for p in lattice.pbc]
    choices = itertools.product(*(range(1, m) for m in most))
    for times in sorted(choices, key=lambda m: (np.prod(m), max(m), m)):
        if enough(lattice, placed, np.array(lattice.shape) * np.array(times)):
            return times[0], times[1], times[2]
    raise ValueError(f"the lattice of shape {lattice.shape} would have to be repeated more than 16 times")


def _fits_energy(lattice: Lattice, placed: Placement, shape: NDArray[np.int64]) -> bool:
    for env, site in zip(placed.env, placed.sites, strict=True):
        n_classes = (len(site.link_start) - 1) // site.n_round1
        near = env[[0, *site.links[: site.link_start[n_classes]]]]
        if len(np.unique(sites_at(shape, lattice.n_basis, near[:, :3], near[:, 3]))) < len(near):
            return False
    return True


def _fits(lattice: Lattice, placed: Placement, shape: NDArray[np.int64]) -> bool:
    for env, site in zip(placed.env, placed.sites, strict=True):
        sites = sites_at(shape, lattice.n_basis, env[: site.n_env, :3], env[: site.n_env, 3])
        seen = np.delete(sites, site.padding)
        if any((seen == sites[i]).sum() > 1 for i in range(1 + site.n_jumps)):
            return False
        if len(np.unique(sites[site.far])) < len(site.far):
            return False
    return True
