"""Which cells are large enough for a graph network."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.gnn.graph import N_JUMPS, PAIR_D2, bcc_graph, bcc_shell
from asemacro.lattice.sites import sites_at

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


def fits(lattice: Lattice) -> bool:
    """Whether every site that a barrier depends on is seen once where that matters.

    The environment of a vacancy must hold no image of the vacancy or of a jump target beside itself (else a jump
    would change an environment at places that are not accounted for), and no two neighbours of the largest shell of
    the lattice energy may coincide.
    """
    return _fits(lattice, np.array(lattice.shape))


def minimum_shape(lattice: Lattice) -> tuple[int, int, int]:
    """Repetitions (m1, m2, m3) of the lattice, with the fewest sites, that fit."""
    choices = sorted(itertools.product(range(1, 17), repeat=3), key=lambda m: (np.prod(m), max(m), m))
    for times in choices:
        if _fits(lattice, np.array(lattice.shape) * np.array(times)):
            return times  # type: ignore[return-value]
    raise ValueError(f"the lattice of shape {lattice.shape} would have to be repeated more than 16 times")


def _fits(lattice: Lattice, shape: NDArray[np.int64]) -> bool:
    graph = bcc_graph()
    far = bcc_shell(PAIR_D2[-1])
    for env, shell in zip(lattice.offsets(graph.positions), lattice.offsets(far), strict=True):
        sites = sites_at(shape, lattice.n_basis, env[:, :3], env[:, 3])
        if any((sites == sites[i]).sum() > 1 for i in range(1 + N_JUMPS)):
            return False
        if len(np.unique(sites_at(shape, lattice.n_basis, shell[:, :3], shell[:, 3]))) < len(far):
            return False
    return True
