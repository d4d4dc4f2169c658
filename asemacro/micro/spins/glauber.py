"""Spins +-1 that flip one at a time at rates below 1: what Ising and Curie-Weiss share."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import MOST_COUNT, array_of, generator_of, shown, times_of
from asemacro.arguments.door import batch, checked, number, whole
from asemacro.lattice.patches import random_windows
from asemacro.lattice.spins import spins_to_atoms
from asemacro.micro.protocol import Events, MicroSystem
from asemacro.micro.spins.streams import new_streams
from asemacro.tasks.patience import Patience
from asemacro.typing import Floats, Spins

if TYPE_CHECKING:
    from ase import Atoms

    from asemacro.lattice.lattice import Lattice

PATIENCE = 1 << 24
"""Most attempts inside one call of a compiled loop, so that Ctrl-C answers."""


class Glauber(MicroSystem):
    r"""Continuous-time Glauber dynamics: spin i flips at the rate r_i = 1 / (1 + exp(beta dH_i)).

    No rate exceeds 1, so the dynamics is run by uniformisation, which is exact and needs no list of rates: each active
    spin is attempted at the times of a Poisson process of rate 1, and an attempt flips it with probability r_i. In
    the time t there are Poisson(m t) attempts on m active spins, each on one of them at random.

    States are (batch, n_sites) int8 of -1 and 1; time has no unit. The carriers of the MicroSystem protocol are all
    sites; they do not move.

    Args:
        lattice: where the spins live.
        temperature: in units of the coupling over Boltzmann's constant, > 0; infinite for independent spins.
        field: h, energy -h s_i of every spin.

    Raises:
        ValueError: a temperature that is not positive, a field that is not finite.
    """

    immobile = draws_blocks = True

    def __init__(self, lattice: Lattice, temperature: float, field: float) -> None:
        if not temperature > 0:
            raise ValueError(f"the temperature must be above 0, got {temperature}")
        if not np.isfinite(field):
            raise ValueError(f"the field must be finite, got {field}")
        self._lattice = lattice
        self._temperature = float(temperature)
        self._field = float(field)

    @abstractmethod
    def _rates_at(self, x: Spins, sites: NDArray[np.int64]) -> Floats:
        """Flip rates r_i of the spins at `sites` (batch, m), as `_run` uses them."""

    @abstractmethod
    def energy(self, x: Spins) -> Floats:
        """Energies H of states (batch, n_sites): (batch,)."""

    @abstractmethod
    def at(self, temperature: float) -> Self:
        """The same system at another temperature."""

    @abstractmethod
    def on(self, lattice: Lattice) -> Self:
        """The same couplings, temperature and field on another lattice (a larger box)."""

    @abstractmethod
    def _workspace(self, x: Spins) -> Any:
        """What a run that starts from these states keeps from one call of `_run` to the next."""

    @abstractmethod
    def _run(
        self,
        x: Spins,
        active: NDArray[np.int64] | None,
        left: NDArray[np.int64],
        streams: NDArray[np.uint64],
        first: int,
        levels: tuple[int, int],
        work: Any,
    ) -> int:
        """Attempt flips in rows `first` and later of `x`, which is edited, until none is left or PATIENCE is used up.

        Args:
            x: states, edited.
            active: (batch, m) sites, or None for all.
            left: (batch,) attempts still to be made, counted down.
            streams: (batch, 4) random streams, moved on.
            first: row to begin with.
            levels: a row stops, with attempts left, once the sum of its spins is not above the first or not below
                the second.
            work: the workspace of this run.

        Returns:
            The row to continue with, or len(x); -1 if a site is active twice.
        """

    @property
    def lattice(self) -> Lattice:  # type: ignore[override]
        """Where the spins live."""
        return self._lattice

    @property
    def temperature(self) -> float:
        """Temperature."""
        return self._temperature

    @property
    def field(self) -> float:
        """Field h."""
        return self._field

    def atoms_of(self, x: Spins) -> Atoms:
        """A state as pseudo-atoms with magnetic moments, see `spins_to_atoms`."""
        return spins_to_atoms(x, self._lattice)

    @checked(x=batch)
    def carriers(self, x: Spins) -> NDArray[np.int64]:
        """All sites, (batch, n_sites): a read-only view without memory of its own."""
        return np.broadcast_to(np.arange(self._lattice.n_sites), (len(x), self._lattice.n_sites))

    @checked(x=batch, m=whole(), rng=generator_of)
    def draw_active(self, x: Spins, m: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
        """Sites (batch, m) of a block of exactly m neighbouring spins at a random place, each spin equally often.

        Raises:
            ValueError: no block of the lattice has m sites; the message names numbers that there are.
        """
        return random_windows(self._lattice, m, len(x), rng=rng)

    @checked(rng=generator_of)
    def evolve(
        self,
        x: Spins,
        duration: ArrayLike,
        active: NDArray[np.integer] | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[Spins, NDArray[np.int64]]:
        """Advance states by a time, the spins at the sites `active` (batch, m) flipping; see `MicroSystem.evolve`.

        Raises:
            ValueError: a negative or infinite duration, states that are not -1 and 1, active sites that do not exist
                or occur twice.
        """
        x = self.checked(x)
        sites = self._sites(x, active)
        n_active = self._lattice.n_sites if sites is None else sites.shape[1]
        times = times_of(duration, len(x))
        left = self._attempts(times, n_active, rng)
        new = x.copy()
        levels = (-self._lattice.n_sites - 1, self._lattice.n_sites + 1)
        self._advance(new, sites, left, levels, self._workspace(new), rng)
        return new, self.carriers(x) if sites is None else sites

    @checked(below=number(-1, 1), above=number(-1, 1), rng=generator_of)
    def first_passage(
        self,
        x: Spins,
        duration: ArrayLike,
        *,
        below: float | None = None,
        above: float | None = None,
        rng: np.random.Generator,
    ) -> tuple[Floats, Spins]:
        """When the magnetisation per site first falls to `below` or rises to `above`, every event being looked at.

        Of N attempts made at random times in [0, t] the k-th is at t times a Beta(k, N + 1 - k) number: exact.

        Args:
            x: (batch, n_sites) initial states.
            duration: time after which a row is given up, a scalar or (batch,).
            below: lower level, or None.
            above: upper level, or None.
            rng: source of randomness.

        Returns:
            (batch,) times, 0 for states already there and infinite for those given up, and the states at these times
            (after `duration` for those given up).

        Raises:
            ValueError: no level, or as for `evolve`.
        """
        if below is None and above is None:
            raise ValueError("a first passage needs a level of the magnetisation: below or above")
        x = self.checked(x)
        n = self._lattice.n_sites
        times = times_of(duration, len(x))
        attempts = self._attempts(times, n, rng)
        left = attempts.copy()
        # the sum of n spins has the parity of n, so levels in between are the same as the next one
        levels = (
            -n - 1 if below is None else int(np.floor(below * n + 1e-9)),
            n + 1 if above is None else int(np.ceil(above * n - 1e-9)),
        )
        new = x.copy()
        self._advance(new, None, left, levels, self._workspace(new), rng)
        total = new.sum(axis=1, dtype=np.int64)
        made = attempts - left
        reached = (total <= levels[0]) | (total >= levels[1])
        share = rng.beta(np.maximum(made, 1), left + 1.0)
        return np.where(reached, np.where(made > 0, times * share, 0.0), np.inf), new

    def rates(self, x: Spins, active: NDArray[np.integer] | None = None) -> Floats:
        """Flip rates r_i of the active spins of states (batch, n_sites), as `evolve` uses them: (batch, m)."""
        return self.events(x, active).rates

    def events(self, x: Spins, active: NDArray[np.integer] | None = None) -> Events:
        """All flips of the active spins with their rates."""
        x = self.checked(x)
        sites = self._sites(x, active)
        if sites is None:
            sites = self.carriers(x)
        flipped = -np.take_along_axis(x, sites, axis=1)
        return Events(self._rates_at(x, sites), sites[..., None], flipped[..., None])

    def _advance(
        self,
        x: Spins,
        sites: NDArray[np.int64] | None,
        left: NDArray[np.int64],
        levels: tuple[int, int],
        work: Any,
        rng: np.random.Generator,
    ) -> None:
        """Run all attempts that are left; arguments as in `_run`."""
        streams = new_streams(len(x), rng=rng)
        row, attempts = 0, float(left.sum(dtype=float))
        patience = Patience(f"the evolution of {len(x)} states of {x.shape[1]} spins")
        while row < len(x):
            row = self._run(x, sites, left, streams, row, levels, work)
            if row < 0:
                raise ValueError("active sites must be different from each other")
            patience.done(1 - float(left[row:].sum(dtype=float)) / max(attempts, 1.0))

    def _attempts(self, times: Floats, active: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """(batch,) numbers of attempts on this many spins in these times."""
        longest = MOST_COUNT / max(active, 1)
        if len(times) and times.max() > longest:
            raise ValueError(
                f"a duration of {shown(float(times.max()))} makes more attempts than can be counted; the longest is "
                f"{longest:.3g} for {active} spins"
            )
        return rng.poisson(times * active)

    def checked(self, x: Spins) -> Spins:
        """Check that `x` holds spins (batch, n_sites) of the lattice, int8; give it as a contiguous array."""
        x = array_of(x, "x", kind="n")
        if x.ndim != 2 or x.shape[1] != self._lattice.n_sites:
            raise ValueError(f"states must have the shape (batch, {self._lattice.n_sites}), got {x.shape}")
        if x.dtype != np.int8:
            raise ValueError(f"states must be int8 spins, got {x.dtype}")
        if x.size and (x.min() < -1 or x.max() > 1 or not x.all()):
            raise ValueError(
                f"spins must be -1 or 1, got values from {x.min()} to {x.max()} with {(x == 0).sum()} zeros"
            )
        return np.ascontiguousarray(x)

    def _sites(self, x: Spins, active: NDArray[np.integer] | None) -> NDArray[np.int64] | None:
        """The active sites as a contiguous array, None if they are all sites in order."""
        if active is None:
            return None
        sites = array_of(active, "active", kind="w")
        if sites.ndim != 2 or len(sites) != len(x) or not np.issubdtype(sites.dtype, np.integer):
            raise ValueError(f"active must be site indices ({len(x)}, m), got {sites.dtype} of shape {sites.shape}")
        n = self._lattice.n_sites
        if sites.size and (sites.min() < 0 or sites.max() >= n):
            raise ValueError(f"active sites must be 0..{n - 1}, got {sites.min()}..{sites.max()}")
        if sites.shape[1] == n and (sites == np.arange(n)).all():
            return None
        return np.ascontiguousarray(sites, dtype=np.int64)
