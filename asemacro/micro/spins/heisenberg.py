"""Atomistic spin dynamics: unit vectors on any lattice that precess, lose energy and are shaken by a heat bath."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import array_of, generator_of, times_of
from asemacro.arguments.door import CRYSTAL, above_zero, array, batch, checked, number, one_or_many, whole
from asemacro.lattice.neighbour_tables import refuse_own_neighbours, stencil_of
from asemacro.lattice.patches import random_windows
from asemacro.lattice.vector_spins import inverse_langevin, random_vectors, vectors_to_atoms
from asemacro.micro.protocol import MicroSystem, active_sites
from asemacro.micro.spins.llg_kernel import Law, advance
from asemacro.micro.time_steps import ROUNDING, steps_and_rest, take_steps
from asemacro.observables.vector_spins import VectorEnergyPerSite, field_vector
from asemacro.typing import Floats

if TYPE_CHECKING:
    from ase import Atoms

    from asemacro.lattice.lattice import Lattice

_STEP = 0.1  # default, over the time in which the fastest motion goes once through a radian
_SLOWEST = 1e-12  # rates below it are none
_UNIT = 1e-6  # lengths this near to 1 are 1, as those that were read from a file with 8 digits


class Heisenberg(MicroSystem):
    r"""Unit vectors s_i with the stochastic Landau-Lifshitz-Gilbert equation; a state is (batch, n_sites, 3) float64.

    H = -1/2 sum_ij J_ij s_i . s_j - k sum_i s_iz^2 - h . sum_i s_i,    b_i = -dH/ds_i,

    ds_i/dt = -1 / (1 + a^2) [s_i x (b_i + xi_i) + a s_i x (s_i x (b_i + xi_i))],    <xi xi> = 2 a T delta(t - t'),

    the noise in the sense of Stratonovich: then exp(-H/T) is stationary. Units: mu = gamma = k_B = 1, so a spin
    precesses in a field h at the frequency h / (1 + a^2). Bonds are counted as in `Ising`, each once.

    A step moves the spins one after the other in the frozen field of the others, first in one order and then in
    reverse (Suzuki-Trotter; Krech, Bunker, Landau 1998). Each single motion is exact: precession and fall in the field,
    the same along the easy axis, and between the two sweeps the noise, which is Brownian motion on the sphere to second
    order in the step and exact in its mean. So lengths stay 1 to rounding, the step is of second order, and without
    damping and anisotropy the energy stays to rounding (with anisotropy, and the sum of spins that exchange keeps, to
    second order). Measured on a chain at T = J, the longest step that is taken moves the mean energy by 2.0 % with
    damping 1 and by less than 0.6 % with damping 0.1; half of it by a quarter, the default step by a hundredth.

    Evolution takes whole steps and, for what is left of a duration, one shorter step: whole multiples of the step
    compose exactly, others up to the error of the scheme. Carriers are all spins; those not active are frozen and act
    on the active ones. Without heat bath (T = 0 or a = 0) nothing is random.

    Args:
        lattice: where the spins live; its species do not matter, `Lattice.cubic(1.0, "X", 10)` has none.
        temperature: T >= 0.
        exchange: J of the first shell, or of the first shells; positive is ferromagnetic.
        anisotropy: k, above 0 for an easy axis along z, below 0 for an easy plane.
        field: h, a number along z or a vector.
        damping: a >= 0.
        time_step: longest step; default 0.1 over the largest rate, sum |J| + 2 |k| + |h| + 2 a T / (1 + a^2) over the
            neighbours of a spin.

    Attributes:
        longest_step: one over the largest rate.

    Raises:
        ValueError: numbers out of range, a step longer than that, or a box so small that a site is its own
            neighbour.
    """

    n_fields = 3
    block_component = 2
    immobile = draws_blocks = True

    @checked(
        lattice=CRYSTAL,
        temperature=number(0),
        exchange=one_or_many(number()),
        anisotropy=number(),
        field=array(),
        damping=number(0),
        time_step=above_zero,
    )
    def __init__(
        self,
        lattice: Lattice,
        temperature: float,
        exchange: float | Sequence[float] = 1.0,
        anisotropy: float = 0.0,
        field: float | Sequence[float] = 0.0,
        damping: float = 0.1,
        time_step: float | None = None,
    ) -> None:
        self.lattice, self.temperature, self.damping = lattice, temperature, damping
        self.exchange = tuple(float(j) for j in np.atleast_1d(exchange))
        self.anisotropy, self.field = anisotropy, tuple(field_vector(field).tolist())
        self._stencil = stencil_of(lattice, self.exchange)
        refuse_own_neighbours(lattice, self._stencil)
        turning = 1 / (1 + damping * damping)
        self._noise = temperature * damping * turning
        bonds = sum(map(abs, self._stencil.weights.tolist()))
        fastest = bonds + 2 * abs(anisotropy) + math.hypot(*self.field) + 2 * self._noise
        if not fastest < np.inf:
            raise ValueError(f"a spin cannot move at the rate {fastest:g}; take smaller numbers")
        self.longest_step = 1 / max(fastest, _SLOWEST)
        self.time_step: float = _STEP * self.longest_step if time_step is None else time_step
        if self.time_step > self.longest_step * (1 + ROUNDING):
            raise ValueError(
                f"steps of {self.time_step:g} are too long for these spins; take at most {self.longest_step:.3g}"
            )
        self._law = Law(self.field, anisotropy, turning, damping * turning, self.time_step)

    @checked(temperature=number(0))
    def at(self, temperature: float) -> Heisenberg:
        """The same magnet at another temperature, with the default time step there."""
        return Heisenberg(self.lattice, temperature, self.exchange, self.anisotropy, self.field, self.damping)

    def on(self, lattice: Lattice) -> Heisenberg:
        """The same magnet on another lattice (a larger box)."""
        mine = (self.temperature, self.exchange, self.anisotropy, self.field, self.damping, self.time_step)
        return Heisenberg(lattice, *mine)

    def energy(self, x: Floats) -> Floats:
        """Energies H of states (batch, n_sites, 3): (batch,)."""
        x = self.checked(x)
        phi = VectorEnergyPerSite(self.exchange, self.anisotropy, self.field)
        return phi(x, self.lattice)[:, 0] * self.lattice.n_sites

    def atoms_of(self, x: Floats) -> Atoms:
        """A state as pseudo-atoms with magnetic moments, see `vectors_to_atoms`."""
        return vectors_to_atoms(x, self.lattice)

    @checked(x=batch)
    def carriers(self, x: Floats) -> NDArray[np.int64]:
        """All sites, (batch, n_sites): a read-only view without memory of its own."""
        return np.broadcast_to(np.arange(self.lattice.n_sites), (len(x), self.lattice.n_sites))

    @checked(x=batch, m=whole(), rng=generator_of)
    def draw_active(self, x: Floats, m: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
        """Sites (batch, m) of a block of exactly m neighbouring spins at a random place, each spin equally often.

        Raises:
            ValueError: no block of the lattice has m sites; the message names numbers that there are.
        """
        return random_windows(self.lattice, m, len(x), rng=rng)

    @checked(rng=generator_of)
    def evolve(
        self,
        x: Floats,
        duration: ArrayLike,
        active: NDArray[np.integer] | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Advance states by a time, the spins at the sites `active` (batch, m) moving; see `MicroSystem.evolve`.

        Raises:
            ValueError: a negative or infinite duration, states that are not unit vectors, active sites that do not
                exist or occur twice.
        """
        new = np.array(self.checked(x), order="C")
        every = active is None
        sites = self.carriers(new) if active is None else active_sites(active, len(new), self.lattice.n_sites)
        if sites.shape[1] == self.lattice.n_sites and (sites == np.arange(self.lattice.n_sites)).all():
            every = True
        moving = np.zeros((1, 0), dtype=np.int64) if every else np.ascontiguousarray(sites)
        steps, rest = steps_and_rest(times_of(duration, len(new)), self.time_step)

        def call(rows: slice, now: NDArray[np.int64], last: Floats) -> None:
            sharpness = self._sharpness(np.concatenate([[self.time_step], last]))
            part = moving if every else moving[rows]
            advance(rng, new[rows], self._stencil, part, every, now, last, sharpness, self._law)

        take_steps(call, steps, rest, sites.shape[1], f"the evolution of {len(new)} states of {sites.shape[1]} spins")
        return new, sites

    @property
    def block_field(self) -> float:
        """The field along z, the easy axis."""
        return self.field[2]

    def independent(self, m: NDArray[np.floating[Any]], *, rng: np.random.Generator) -> Floats:
        """States of independent vectors with given local means of s_z (batch, n_sites); see `random_vectors`."""
        return random_vectors(self.lattice, m, len(m), rng=rng)

    def evolve_counting(
        self, x: Floats, duration: ArrayLike, block: int, *, window: float | None = None, rng: np.random.Generator
    ) -> tuple[Floats, None]:
        """As `evolve`, for `make_field_data`: vectors turn and do not flip, so there is nothing to count.

        Raises:
            ValueError: a window, or as for `evolve`.
        """
        if window is not None:
            raise ValueError("vector spins move in steps of their own (time_step of the system); leave window out")
        return self.evolve(x, duration, rng=rng)[0], None

    def _sharpness(self, times: Floats) -> Floats:
        """kappa of the noise of these times: the mean of the cosine falls as that of Brownian motion, exactly."""
        return inverse_langevin(np.exp(-2 * self._noise * times))

    def checked(self, x: Floats) -> Floats:
        """Check that `x` holds unit vectors (batch, n_sites, 3) of the lattice, float64."""
        x = array_of(x, "x", kind="n")
        if x.ndim != 3 or x.shape[1:] != (self.lattice.n_sites, 3) or len(x) == 0:
            raise ValueError(f"states must have the shape (batch, {self.lattice.n_sites}, 3), got {x.shape}")
        if x.dtype != np.float64:
            raise ValueError(f"states must be float64 vectors, got {x.dtype}")
        square = np.einsum("bik,bik->bi", x, x)
        if np.abs(square - 1).max() > 2 * _UNIT:
            low, high = np.sqrt([square.min(), square.max()])
            raise ValueError(f"spins must be vectors of length 1, got lengths from {low:g} to {high:g}")
        return x
