"""Macroscopic observables of spins that are unit vectors: magnetisation, energy per site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asemacro.arguments.door import CRYSTAL, LATTICE, STATES, array, checked, number, one_or_many
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.neighbour_tables import bond_products, stencil_of
from asemacro.observables.base import Observable
from asemacro.observables.field_mean import FieldMean
from asemacro.typing import Floats


class VectorMagnetization(FieldMean):
    """M = sum_i s_i / n of spins that are unit vectors: M_x, M_y, M_z."""

    def __init__(self) -> None:
        super().__init__(("M_x", "M_y", "M_z"))

    @checked(x=STATES, lattice=LATTICE)
    def bounds(self, x: Floats, lattice: Any) -> Floats:
        """(3, 2) -1 and 1."""
        return np.tile([-1.0, 1.0], (3, 1))


class VectorEnergyPerSite(Observable):
    """e = -(sum_s J_s sum over bonds of shell s of s_i . s_j + k sum_i s_iz^2 + h . sum_i s_i) / n, each bond once.

    Args:
        exchange: J of the first shell, or of the first shells.
        anisotropy: k, above 0 of an easy axis along z.
        field: h, a number along z or a vector.
    """

    labels = ("energy",)

    @checked(exchange=one_or_many(number()), anisotropy=number(), field=array())
    def __init__(
        self,
        exchange: float | Sequence[float] = 1.0,
        anisotropy: float = 0.0,
        field: float | Sequence[float] = 0.0,
    ) -> None:
        self.exchange = tuple(float(j) for j in np.atleast_1d(exchange))
        self.anisotropy = anisotropy
        self.field = field_vector(field)

    @checked(x=array(), lattice=CRYSTAL)
    def __call__(self, x: Floats, lattice: Lattice) -> Floats:
        """Values of states x (batch, n_sites, 3) or (n_sites, 3): (batch, 1)."""
        x = np.ascontiguousarray(x[None] if x.ndim == 2 else x)
        if x.ndim != 3 or x.shape[1:] != (lattice.n_sites, 3):
            raise ValueError(f"vectors must have the shape (batch, {lattice.n_sites}, 3), got {x.shape}")
        bonds = bond_products(stencil_of(lattice, self.exchange), x)
        sites = x.sum(axis=1) @ self.field + self.anisotropy * np.einsum("bi,bi->b", x[..., 2], x[..., 2])
        return -((bonds + sites) / lattice.n_sites)[:, None]


def field_vector(field: float | Sequence[float] | Floats) -> Floats:
    """(3,) a field that is a vector, or a number along z.

    Raises:
        ValueError: another shape.
    """
    value = np.asarray(field, dtype=float)
    if value.shape not in ((), (3,)):
        raise ValueError(f"field must be a number along z or a vector of three, got the shape {value.shape}")
    return value if value.ndim else np.array([0.0, 0.0, float(value)])
