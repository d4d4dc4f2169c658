"""The lattice energy of whole states, above that of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.compiled import GNN_ENERGY, CompiledEnergy
from asemacro.barriers.energy import swap_energy
from asemacro.barriers.gnn.swap import swap_change
from asemacro.lattice.states import state_of
from asemacro.micro.alloy.swap import Features, new_features

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


@njit(cache=True, nogil=True)
def rearrange(
    energy: CompiledEnergy, shape: NDArray, x: NDArray, features: Features, goal: NDArray, at: NDArray
) -> float:
    """Energy in eV that a state gains when it becomes another of the same composition; x and its features are edited.

    Site after site gets its species from a later site that has it and shall not keep it. Whatever the order of the
    swaps, their energies add up to the same, since the energy is a function of the state.

    Args:
        energy: compiled lattice energy.
        shape: (3,) cells along each axis.
        x: (n_sites,) state.
        features: of the state.
        goal: (n_sites,) the other state.
        at: (n_species + 1,) scratch.
    """
    z, touched, dz = features.z, features.touched, features.dz
    total = 0.0
    at[:] = 0  # no site before it has this species and shall not keep it
    for a in range(x.shape[0]):
        if x[a] == goal[a]:
            continue
        b = max(at[goal[a]], a + 1)
        while x[b] != goal[a] or x[b] == goal[b]:
            b += 1
        at[goal[a]] = b + 1
        at[x[a]] = min(at[x[a]], b)
        if energy.kind == GNN_ENERGY:
            change, n_touched = swap_change(energy, shape, x, z, features.reach, a, b, touched, dz)
            for i in range(n_touched):
                for c in range(z.shape[1]):
                    z[touched[i], c] += dz[i, c]
        else:
            change = swap_energy(energy, shape, x, a, b, features.work)
        x[a], x[b] = x[b], x[a]
        total += change
    return total


class StateEnergy:
    """Lattice energy of states of one composition in eV, above that of the first.

    It is summed up along swaps that lead from the state that was asked for last, so it needs nothing of a model but
    `BarrierModel.compile_energy`. Not for several threads at once.

    Args:
        lattice: where the states live.
        model: a barrier model that has an energy.
        zero: (n_sites,) or (1, n_sites) state whose energy is 0.

    Raises:
        ValueError: a model without an energy or not made for the lattice, or a state that does not fit.
    """

    def __init__(self, lattice: Lattice, model: BarrierModel, zero: NDArray[np.int8]) -> None:
        self._lattice = lattice
        self._energy = model.compile_energy(lattice)
        self._shape = np.array(lattice.shape, dtype=np.int64)
        self._x = state_of(lattice, zero)[0].copy()
        self._counts = np.bincount(self._x, minlength=len(lattice.species) + 1)
        self._features = new_features(self._energy, self._shape, self._x)
        self._at = np.zeros(len(self._counts), dtype=np.int64)
        self._above = 0.0

    def __call__(self, x: NDArray[np.int8]) -> float:
        """Energy of a state (n_sites,) or (1, n_sites) of the same composition.

        Raises:
            ValueError: a state that does not fit, or of another composition.
        """
        goal = state_of(self._lattice, x)[0]
        if (np.bincount(goal, minlength=len(self._counts)) != self._counts).any():
            raise ValueError("the energy of a state is told above that of one with the same composition, this differs")
        self._above += rearrange(self._energy, self._shape, self._x, self._features, goal, self._at)
        return self._above
