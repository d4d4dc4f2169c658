"""Macroscopic observables of spins +-1: magnetisation, density of domain walls, energy per site."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.door import CRYSTAL, SITES, checked, number, one_or_many, whole
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.neighbour_tables import Stencil, bond_sums, stencil_of, sum_changes
from asemacro.lattice.shells import MOST_SHELLS
from asemacro.observables.base import Observable
from asemacro.observables.state_change import events_of
from asemacro.typing import Floats


class SpinObservable(Observable):
    """phi = constant + (a sum_i s_i + sum over bonds of w_ij s_i s_j) / n, `phi(x, lattice) -> (batch, 1)`.

    Attributes:
        labels: its name, one.
    """

    @abstractmethod
    def terms(self, lattice: Lattice) -> tuple[float, float, Stencil]:
        """The constant, a, and the bonds with their weights w."""

    @checked(x=SITES, lattice=CRYSTAL)
    def __call__(self, x: NDArray[np.int8], lattice: Lattice) -> Floats:
        """Values of states x (batch, n_sites) or (n_sites,) of -1 and 1; (batch, 1)."""
        x = _spins(x, lattice)
        constant, a, stencil = self.terms(lattice)
        total = bond_sums(stencil, x)
        if a != 0:
            total = total + a * x.sum(axis=1, dtype=np.int64)
        return (constant + total / lattice.n_sites)[:, None]

    @checked(x=SITES, lattice=CRYSTAL)
    def bounds(self, x: NDArray[np.int8], lattice: Lattice) -> Floats:
        """(1, 2) least and largest value, constant -+ (|a| + sum over bonds of |w| / n), for any x."""
        _spins(x, lattice)
        constant, a, stencil = self.terms(lattice)
        bonds = float(np.abs(stencil.bond_weights).sum()) * np.prod(lattice.shape) / lattice.n_sites
        return constant + (abs(a) + bonds) * np.array([[-1.0, 1.0]])

    @checked(x0=SITES, lattice=CRYSTAL, sites=SITES, values=SITES)
    def changes(
        self, x0: NDArray[np.int8], lattice: Lattice, sites: NDArray[np.integer], values: NDArray[np.int8]
    ) -> Floats:
        """The change by each of several events, (batch, n_events, 1); see `Observable.changes`."""
        x0 = _spins(x0, lattice)
        sites, values = events_of(x0, lattice.n_sites, sites, values)
        values = np.ascontiguousarray(values, dtype=np.int8)
        _, a, stencil = self.terms(lattice)
        spins, bonds = sum_changes(stencil, x0, sites, values)
        if np.isnan(bonds).any():
            raise ValueError("a site is given two values in one change of state")
        return ((a * spins + bonds) / lattice.n_sites)[..., None]


class Magnetization(SpinObservable):
    """M = sum_i s_i / n."""

    labels = ("M",)

    @checked(lattice=CRYSTAL)
    def terms(self, lattice: Lattice) -> tuple[float, float, Stencil]:
        """a = 1, no bonds."""
        return 0.0, 1.0, stencil_of(lattice, ())


class DomainWallDensity(SpinObservable):
    """rho_DW = mean over the bonds of one shell of (1 - s s') / 2: the fraction of unlike neighbours.

    Args:
        shell: counted from 1.

    Raises:
        ValueError: a shell below 1.
    """

    @checked(shell=whole(1, MOST_SHELLS))
    def __init__(self, shell: int = 1) -> None:
        if shell < 1:
            raise ValueError(f"shells are counted from 1, got {shell}")
        self.shell = shell
        self.labels = ("rho_DW" if shell == 1 else f"rho_DW:{shell}",)

    @checked(lattice=CRYSTAL)
    def terms(self, lattice: Lattice) -> tuple[float, float, Stencil]:
        """1/2 and w = -1/Z: there are n Z / 2 bonds."""
        neighbours = lattice.shells(self.shell)[self.shell - 1].offsets.shape[1]
        return 0.5, 0.0, stencil_of(lattice, (*(0.0,) * (self.shell - 1), -1 / neighbours))


class EnergyPerSite(SpinObservable):
    """e = -(sum_s J_s sum over bonds of shell s of s_i s_j + h sum_i s_i) / n, each bond once.

    Args:
        coupling: J of the first shell, or of the first shells.
        field: h.
    """

    labels = ("energy",)

    @checked(coupling=one_or_many(number()), field=number())
    def __init__(self, coupling: float | Sequence[float] = 1.0, field: float = 0.0) -> None:
        self.coupling = tuple(float(j) for j in np.atleast_1d(coupling))
        self.field = float(field)

    @checked(lattice=CRYSTAL)
    def terms(self, lattice: Lattice) -> tuple[float, float, Stencil]:
        """a = -h and w = -J."""
        return 0.0, -self.field, stencil_of(lattice, tuple(-j for j in self.coupling))


def _spins(x: NDArray[np.int8], lattice: Lattice) -> NDArray[np.int8]:
    """States as a contiguous (batch, n_sites) array of int8."""
    x = np.atleast_2d(x)
    if x.ndim != 2 or x.shape[1] != lattice.n_sites:
        raise ValueError(f"spins have shape {x.shape}, expected (batch, {lattice.n_sites})")
    if x.size and (x.min() < -1 or x.max() > 1):
        raise ValueError(f"spins must be -1 or 1, got values from {x.min()} to {x.max()}")
    return np.ascontiguousarray(x, dtype=np.int8)
