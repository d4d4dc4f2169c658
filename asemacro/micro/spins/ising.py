"""The Ising model with continuous-time Glauber dynamics on any lattice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from asemacro.arguments.checks import shown
from asemacro.arguments.door import CRYSTAL, array, checked, number, real
from asemacro.lattice.neighbour_tables import refuse_own_neighbours, stencil_of
from asemacro.micro.spins.glauber import PATIENCE, Glauber
from asemacro.micro.spins.kernels import LocalTable, codes_of, flip_local
from asemacro.micro.spins.streams import WHOLE, threshold
from asemacro.observables.spins import EnergyPerSite
from asemacro.typing import Floats, Spins

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

MOST_CODES = 1 << 24


class Ising(Glauber):
    r"""H = -sum_s J_s sum over bonds of shell s of s_i s_j - h sum_i s_i, each bond counted once; see `Glauber`.

    Spin i flips at the rate 1 / (1 + exp(beta dH_i)), dH_i = 2 s_i (sum_s J_s sum_j s_j + h), j over its neighbours in
    shell s. Bonds are those of the lattice's offset tables: in a box so small that a neighbour is met along several
    ways, each way counts (the 2 x 2 square has doubled bonds; boxes to be compared with others need L >= 3).

    Args:
        lattice: where the spins live; its species do not matter, `Lattice.square(1.0, "X", 64)` has none.
        temperature: T in units of the coupling, > 0; infinite for independent spins.
        coupling: J of the first shell, or of the first shells; positive is ferromagnetic.
        field: h.

    Raises:
        ValueError: a temperature that is not positive, couplings or a field that are not finite, a box so small that a
            site is its own neighbour, or so many different couplings that rates cannot be tabulated.
    """

    @checked(lattice=CRYSTAL, temperature=real, coupling=array(finite=False), field=number())
    def __init__(
        self,
        lattice: Lattice,
        temperature: float,
        coupling: float | Sequence[float] = 1.0,
        field: float = 0.0,
    ) -> None:
        super().__init__(lattice, temperature, field)
        found = np.atleast_1d(coupling)
        if found.ndim != 1 or not len(found):
            raise ValueError(f"coupling must be one number, or one for each of the first shells, got {shown(coupling)}")
        self._coupling = tuple(float(j) for j in found)
        if not np.isfinite(self._coupling).all():
            raise ValueError(f"couplings must be finite, got {self._coupling}")
        self._rates, self._table = _tabulate(lattice, self._temperature, self._coupling, self._field)
        self._code_type = np.min_scalar_type(len(self._table.accept) - 1)

    @property
    def coupling(self) -> tuple[float, ...]:
        """J of each shell."""
        return self._coupling

    @checked(temperature=real)
    def at(self, temperature: float) -> Ising:
        """The same couplings and field at another temperature."""
        return Ising(self._lattice, temperature, self._coupling, self._field)

    def on(self, lattice: Lattice) -> Ising:
        """The same couplings, temperature and field on another lattice (a larger box)."""
        return Ising(lattice, self._temperature, self._coupling, self._field)

    def energy(self, x: Spins) -> Floats:
        """Energies H of states (batch, n_sites): (batch,)."""
        x = self.checked(x)
        return EnergyPerSite(self._coupling, self._field)(x, self._lattice)[:, 0] * self._lattice.n_sites

    def _rates_at(self, x: Spins, sites: NDArray[np.int64]) -> Floats:
        return self._rates[codes_of(self._table, x, sites)]

    def _workspace(self, x: Spins) -> NDArray[np.unsignedinteger]:
        """Codes of the spins of a row."""
        return np.full(x.shape[1], len(self._table.accept) - 1, dtype=self._code_type)

    def _run(
        self,
        x: Spins,
        active: NDArray[np.int64] | None,
        left: NDArray[np.int64],
        streams: NDArray[np.uint64],
        first: int,
        levels: tuple[int, int],
        work: NDArray[np.unsignedinteger],
    ) -> int:
        sites = np.zeros((0, 0), dtype=np.int64) if active is None else active
        return flip_local(self._table, x, sites, active is None, left, streams, first, levels, PATIENCE, work)


def _tabulate(
    lattice: Lattice, temperature: float, coupling: tuple[float, ...], field: float
) -> tuple[Floats, LocalTable]:
    """Rates by code, and the same as thresholds with what is needed to find codes.

    Neighbours with the same coupling form a class; a code is the mixed-radix number of up neighbours in each class.
    """
    stencil = stencil_of(lattice, coupling)
    refuse_own_neighbours(lattice, stencil)
    kinds, of_kind, sizes = np.unique(stencil.weights, return_inverse=True, return_counts=True)
    half = int(np.prod(sizes + 1))
    if half > MOST_CODES:
        raise ValueError(f"{len(kinds)} different couplings make {half} local environments, more than {MOST_CODES}")
    radix = np.cumprod([1, *(sizes + 1)])[:-1].astype(np.int64)
    up = np.arange(half)[:, None] // radix % (sizes + 1)
    local = (2 * up - sizes) @ kinds + field
    rates = expit(-2 / temperature * np.concatenate([-local, local]))
    accept = np.concatenate([threshold(rates), [WHOLE, WHOLE]])
    return rates, LocalTable(stencil, radix[of_kind], half, accept)
