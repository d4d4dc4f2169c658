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


def minimum_shape(lattice: Lattice, placed: Placement | None = None) -> tuple[int, int, int]:
    """Repetitions (m1, m2, m3) of the lattice, with the fewest sites, that fit; arguments as of `fits`."""
    placed = placed or place(JumpNetwork.of(lattice), lattice)
    most = [17 if p else 2 for p in lattice.pbc]
    choices = itertools.product(*(range(1, m) for m in most))
    for times in sorted(choices, key=lambda m: (np.prod(m), max(m), m)):
        if _fits(lattice, placed, np.array(lattice.shape) * np.array(times)):
            return times[0], times[1], times[2]
    raise ValueError(f"the lattice of shape {lattice.shape} would have to be repeated more than 16 times")


def _fits(lattice: Lattice, placed: Placement, shape: NDArray[np.int64]) -> bool:
    for env, site in zip(placed.env, placed.sites, strict=True):
        sites = sites_at(shape, lattice.n_basis, env[: site.n_env, :3], env[: site.n_env, 3])
        seen = np.delete(sites, site.padding)
        if any((seen == sites[i]).sum() > 1 for i in range(1 + site.n_jumps)):
            return False
        if len(np.unique(sites[site.far])) < len(site.far):
            return False
    return True
