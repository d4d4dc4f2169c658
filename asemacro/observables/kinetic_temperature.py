"""The kinetic temperature of particles: an observable of their velocities."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from asemacro.arguments.checks import array_of
from asemacro.arguments.door import above_zero, array, checked, whole
from asemacro.observables.differentiable import DifferentiableObservable


class KineticTemperature(DifferentiableObservable):
    """T = sum m v^2 / (3 (n_atoms - 1) k_B) of particles whose total momentum is zero.

    A state is (batch, 6 n_atoms): all positions, then all velocities. In reduced units m = k_B = 1. With masses in amu
    and velocities in ASE's unit (angstrom per angstrom sqrt(amu / eV)) m v^2 is in eV and k_B = `ase.units.kB`
    gives kelvin.

    Args:
        n_atoms: at least 2.
        masses: (n_atoms,) or one for all.
        k_B: Boltzmann's constant in the unit of m v^2 over that of T.
        factor: the variable is factor times T. Published runs of Lennard-Jones fluids learn 20 T, which is nearer to
            the size of the other variables (Chen and Li 2024).
    """

    @checked(n_atoms=whole(2, 2**30), masses=array(), k_B=above_zero, factor=above_zero)
    def __init__(self, n_atoms: int, masses: ArrayLike = 1.0, k_B: float = 1.0, factor: float = 1.0) -> None:
        mass = array_of(masses, "masses")
        if mass.shape not in ((), (n_atoms,)) or not (mass > 0).all():
            raise ValueError(f"masses must be one or {n_atoms} numbers above 0, got the shape {mass.shape}")
        self.labels = ("T" if factor == 1 else f"{factor:g}T",)
        self.n_atoms, self.factor = n_atoms, factor
        self._weight = torch.as_tensor(mass).reshape(-1, 1) * factor / (3 * (n_atoms - 1) * k_B)

    def __call__(self, x: Tensor) -> Tensor:
        """Temperatures (batch, 1)."""
        v = self._velocities(x)
        return (self._weight.to(v) * v**2).sum(dim=(1, 2))[:, None]

    def gradient(self, x: Tensor) -> Tensor:
        """2 m v factor / (3 (n_atoms - 1) k_B) on velocities, 0 on positions."""
        v = self._velocities(x)
        own = (2 * self._weight.to(v) * v).reshape(len(x), 1, -1)
        return torch.cat([torch.zeros_like(own), own], dim=2)

    def _velocities(self, x: Tensor) -> Tensor:
        if x.shape[1] != 6 * self.n_atoms:
            raise ValueError(f"a state of {self.n_atoms} atoms holds {6 * self.n_atoms} numbers, got {x.shape[1]}")
        return x[:, 3 * self.n_atoms :].reshape(len(x), self.n_atoms, 3)
