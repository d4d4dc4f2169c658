"""A barrier model and its energy compiled onto a lattice: the flat tables that the numba kernels read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PAIR, NNK, GNN_DIRECT, GNN_CONSISTENT, PYTHON, CLUSTER = range(6)
PAIR_ENERGY, GNN_ENERGY, CLUSTER_ENERGY = range(3)
FLOOR_EV = 0.01
MOST_EV = 100.0
"""No barrier is higher: what is has another unit."""
UNCERTAIN_EV = 0.1
"""Barriers in which the members of a model have a larger standard deviation are beyond what its data cover."""


class CompiledBarriers(NamedTuple):
    """What the numba kernels read; every field has the same type for every model.

    Attributes:
        kind: which evaluator of `barriers.kernels` (PAIR, NNK, GNN_DIRECT, GNN_CONSISTENT, CLUSTER); of kind PYTHON
            the model itself is asked, `BarrierModel.evaluate`.
        n_targets: number Z of jumps of a vacancy.
        env: (n_basis, n_env, 4) int64, cell offset and target basis of each site that the barriers depend
            on, for a vacancy on each basis site; entry 0 is the vacancy, entries 1..Z the jump targets (the vacancy
            itself for jumps that this site does not have).
        species: (S + 1,) int8, model species index of each lattice species index (0, the vacancy, -> 0).
        integers: int64 tables of the evaluator, flat.
        single: float32 tables of the evaluator, flat.
        double: float64 tables of the evaluator, flat.
        workspace: number of float32 words of scratch memory that the evaluator needs.
    """

    kind: int
    n_targets: int
    env: NDArray[np.int64]
    species: NDArray[np.int8]
    integers: NDArray[np.int64]
    single: NDArray[np.float32]
    double: NDArray[np.float64]
    workspace: int


class CompiledEnergy(NamedTuple):
    """Flat arrays of a lattice energy; every field has the same type for every model.

    Attributes:
        kind: PAIR_ENERGY, GNN_ENERGY or CLUSTER_ENERGY.
        offsets: (n_basis, n, 4) int64 neighbour offsets that the energy reads; meaning by kind.
        species: (S + 1,) int8, model species index of each lattice species index (0, the vacancy, -> 0).
        integers: int64 tables, flat.
        single: float32 tables, flat.
        double: float64 tables, flat.
        workspace: number of float32 words of scratch memory that `swap_energy` needs.
    """

    kind: int
    offsets: NDArray[np.int64]
    species: NDArray[np.int8]
    integers: NDArray[np.int64]
    single: NDArray[np.float32]
    double: NDArray[np.float64]
    workspace: int
