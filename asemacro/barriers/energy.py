"""Lattice energies for swap Monte Carlo: what a model compiles to, and the energy change of a swap."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.gnn.energy import gnn_swap_energy
from asemacro.lattice.gather import cell_of, site_at

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

PAIR_ENERGY, GNN_ENERGY = range(2)


class CompiledEnergy(NamedTuple):
    """Flat arrays of a lattice energy; every field has the same type for every model.

    Attributes:
        kind: PAIR_ENERGY or GNN_ENERGY.
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


@runtime_checkable
class EnergyModel(Protocol):
    """A barrier model that has a lattice energy: its barriers obey detailed balance for it.

    Attributes:
        name: shown on screen and on figures.
        has_energy: False if this one has none after all (a network of the direct form).
    """

    name: str
    has_energy: bool

    def compile_energy(self, lattice: Lattice) -> CompiledEnergy:
        """Tables of the energy on `lattice`."""
        ...


def energy_of(model: BarrierModel, lattice: Lattice) -> CompiledEnergy:
    """The model's energy, compiled.

    Raises:
        ValueError: the model has none.
    """
    if not has_energy(model):
        raise ValueError(
            f"barrier model {model.name} has no energy, so it has no equilibrium to sample by swaps; "
            "use a model that has one (refractory, or pair energies)"
        )
    return model.compile_energy(lattice)  # type: ignore[attr-defined]


def has_energy(model: BarrierModel) -> bool:
    """Whether `SwapMC` can sample the model's equilibrium."""
    return isinstance(model, EnergyModel) and model.has_energy


@njit(cache=True, nogil=True)
def pair_swap_energy(energy: CompiledEnergy, shape: NDArray, x: NDArray, a: int, b: int) -> float:
    """Change of E = 1/2 sum_i sum_o eps_shell(o)(x_i, x_{i+o}) when sites a and b exchange their species.

    Bonds between a and b, and of a site with its own periodic image, leave E as it is: the first because
    eps is symmetric, the second because a and b have equally many. So cells smaller than the range are exact.
    """
    n_basis, n, _ = energy.offsets.shape
    size = energy.integers[0]
    sa = np.int64(energy.species[x[a]])
    sb = np.int64(energy.species[x[b]])
    a1, a2, a3 = cell_of(shape, n_basis, a)
    b1, b2, b3 = cell_of(shape, n_basis, b)
    change = 0.0
    for o in range(n):
        table = energy.integers[1 + o] * size
        ka = site_at(shape, n_basis, a1, a2, a3, energy.offsets[a % n_basis, o])
        if ka != a and ka != b:
            s = np.int64(energy.species[x[ka]])
            change += energy.double[(table + sb) * size + s] - energy.double[(table + sa) * size + s]
        kb = site_at(shape, n_basis, b1, b2, b3, energy.offsets[b % n_basis, o])
        if kb != a and kb != b:
            s = np.int64(energy.species[x[kb]])
            change += energy.double[(table + sa) * size + s] - energy.double[(table + sb) * size + s]
    return change


@njit(cache=True, nogil=True)
def swap_energy(energy: CompiledEnergy, shape: NDArray, x: NDArray, a: int, b: int, work: NDArray) -> float:
    """Energy change in eV if sites a and b exchanged their species; x is left as it was.

    Args:
        energy: compiled model.
        shape: (3,) int64 cells along each axis.
        x: (n_sites,) int8 lattice species indices.
        a: a site.
        b: another site.
        work: (energy.workspace,) float32 scratch memory.
    """
    if energy.kind == GNN_ENERGY:
        return gnn_swap_energy(energy, shape, x, a, b)
    return pair_swap_energy(energy, shape, x, a, b)
