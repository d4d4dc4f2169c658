"""The Curie-Weiss model: spins that all couple to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from asemacro.arguments.checks import bound_of_memory, count_of
from asemacro.arguments.door import checked, number, real
from asemacro.lattice.lattice import Lattice
from asemacro.micro.spins.glauber import PATIENCE, Glauber
from asemacro.micro.spins.kernels import flip_mean_field
from asemacro.micro.spins.streams import threshold
from asemacro.typing import Floats, Spins

_BYTES_A_SPIN = 100  # tables of rates, and the states of a small batch


class CurieWeiss(Glauber):
    r"""H = -J / (2 n) sum over i != j of s_i s_j - h sum_i s_i; see `Glauber`.

    A spin does not act on itself: with S = sum_i s_i spin i flips at the rate 1 / (1 + exp(beta dH_i)),
    dH_i = 2 s_i (J (S - s_i) / n + h). Where the spins are does not matter; the lattice gives the observables and the
    blocks of `draw_active` their geometry.

    Args:
        lattice: where the spins live, or their number n (a chain).
        temperature: T in units of J, > 0; infinite for independent spins.
        coupling: J.
        field: h.

    Raises:
        ValueError: a temperature that is not positive, a coupling or field that is not finite, no spins.
    """

    @checked(temperature=real, coupling=number(), field=number())
    def __init__(self, lattice: Lattice | int, temperature: float, coupling: float = 1.0, field: float = 0.0) -> None:
        if not isinstance(lattice, Lattice):
            n = count_of(lattice, "spins", least=1)
            bound_of_memory(_BYTES_A_SPIN * n, f"a Curie-Weiss system of {n} spins")
            lattice = Lattice.chain(1.0, "X", n)
        super().__init__(lattice, temperature, field)
        self._coupling = float(coupling)
        n = lattice.n_sites
        total = 2 * np.arange(n + 1)[:, None] - n
        spin = np.array([-1, 1])
        local = self._coupling * (total - spin) / n + self._field
        self._rates = expit(-2 / self._temperature * spin * local)
        self._accept = threshold(self._rates)

    @property
    def coupling(self) -> float:
        """J."""
        return self._coupling

    def at(self, temperature: float) -> CurieWeiss:
        """The same coupling and field at another temperature."""
        return CurieWeiss(self._lattice, temperature, self._coupling, self._field)

    def on(self, lattice: Lattice) -> CurieWeiss:
        """The same coupling, temperature and field with more spins."""
        return CurieWeiss(lattice, self._temperature, self._coupling, self._field)

    def energy(self, x: Spins) -> Floats:
        """Energies H of states (batch, n_sites): (batch,)."""
        total = self.checked(x).sum(axis=1, dtype=np.int64).astype(float)
        n = self._lattice.n_sites
        return -self._coupling * (total**2 - n) / (2 * n) - self._field * total

    def _rates_at(self, x: Spins, sites: NDArray[np.int64]) -> Floats:
        up = np.count_nonzero(x > 0, axis=1)
        down_rate, up_rate = self._rates[up].T[..., None]
        return np.where(np.take_along_axis(x, sites, axis=1) > 0, up_rate, down_rate)

    def _workspace(self, x: Spins) -> NDArray[np.bool_]:
        """Which spins of a row were seen to be active."""
        return np.zeros(x.shape[1], dtype=np.bool_)

    def _run(
        self,
        x: Spins,
        active: NDArray[np.int64] | None,
        left: NDArray[np.int64],
        streams: NDArray[np.uint64],
        first: int,
        levels: tuple[int, int],
        work: NDArray[np.bool_],
    ) -> int:
        sites = np.zeros((0, 0), dtype=np.int64) if active is None else active
        return flip_mean_field(self._accept, x, sites, active is None, left, streams, first, levels, PATIENCE, work)
