"""What every microscopic system gives, with defaults for all that not every system has."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import array_of
from asemacro.arguments.door import members_of, offers
from asemacro.micro.steps import Driven, Steps, TimeSteps, duration_of, one_state

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

_needed = offers("a micro system, with lattice, carriers and evolve", "lattice", "carriers", "evolve")


class Events(NamedTuple):
    """The jumps that can happen next in each state of a batch.

    Attributes:
        rates: (batch, n_events) in one over the system's unit of time; 0 for an event that cannot happen.
        sites: (batch, n_events, m) sites that an event changes.
        values: (batch, n_events, m) what they hold afterwards.
    """

    rates: NDArray[np.float64]
    sites: NDArray[np.int64]
    values: NDArray[Any]


class Motion(NamedTuple):
    """How the values of each state of a batch move continuously: dx = drift dt + sqrt(variance) dW, independent W, Ito.

    Attributes:
        sites: (batch, m) sites that move.
        drift: (batch, m, n_fields) per unit of the system's time.
        variance: (batch, m, n_fields) of the noise, per unit of time.
    """

    sites: NDArray[np.int64]
    drift: NDArray[np.float64]
    variance: NDArray[np.float64]


class MicroSystem(Driven):
    """A system whose generator is a sum over carriers (vacancies, spins, grid cells).

    A system has `lattice`, `carriers` and `evolve`; all else has a default. `asemacro.testing.check_microsystem` tests
    that an object does what is asked here.

    Attributes:
        lattice: where the states live.
        immobile: the carriers never move, so snapshots need not say where they are.
        time_step: of a system that moves in steps the shortest duration that makes sense (`choose_dt` starts there).
        draws_blocks: `draw_active` gives a block of neighbours; of cells side by side whole ones are then taken.
    """

    lattice: Lattice
    immobile: bool = False
    time_step: float | None = None
    draws_blocks: bool = False

    @abc.abstractmethod
    def carriers(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Sites of the carriers of states (batch, n_sites): (batch, n_carriers)."""

    @abc.abstractmethod
    def evolve(
        self,
        x: NDArray[Any],
        duration: ArrayLike,
        active: NDArray[np.integer] | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Advance states by a time, letting only some carriers move, everything else frozen.

        Args:
            x: (batch, n_sites) states, not edited.
            duration: time, a scalar or (batch,).
            active: (batch, m) sites of the carriers that may move; None for all.
            rng: source of randomness.

        Returns:
            The new states and (batch, m) where the same carriers now are. evolve(a) then evolve(b) equals
            evolve(a + b) in law.
        """

    def draw_active(self, x: NDArray[Any], m: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
        """Sites (batch, m) of m carriers of each state that are to move, each carrier with the same probability.

        By default they are drawn one by one, without replacement. For carriers that fill the lattice a block of
        neighbours at a random place is better, its surface is small.

        Raises:
            ValueError: no carriers, or the system has no blocks of m.
        """
        return draw_from(np.asarray(self.carriers(x), dtype=np.int64), m, rng=rng)

    def events(self, x: NDArray[Any], active: NDArray[np.integer] | None = None) -> Events | Motion:
        """All that the active carriers (batch, m) can do next, from which exact infinitesimal moments follow.

        Raises:
            ValueError: the system knows no rates, as by default.
        """
        raise ValueError(f"{self.kind} gives no rates (no `events`); sample pairs with partial_evolution")

    def steps(self, x: NDArray[Any], step: float | None, *, rng: np.random.Generator) -> Steps:
        """A state that a `Driver` moves, by default in steps of a duration; see `Driven.steps`."""
        state, duration = one_state(x, self.lattice.n_sites), duration_of(step, self.kind)
        return TimeSteps(self.evolve, state, self.carriers(state[None])[0], duration, "time", rng)

    def on(self, lattice: Lattice) -> MicroSystem:
        """The same system on another lattice (a larger box).

        Raises:
            ValueError: it cannot be made on another one, as by default.
        """
        raise ValueError(f"{self.kind} cannot be made on a larger lattice (no `on`); use blocks")


class _Adapted(MicroSystem):
    """A system of another class: what it offers is its own, what it lacks has the defaults."""

    def __init__(self, system: Any) -> None:
        self.system = system
        self.lattice = system.lattice
        own = members_of(system, "immobile", "time_step", "draws_blocks", "draw_active", "events", "on", "atoms_of")
        self.__dict__.update({"draws_blocks": "draw_active" in own} | own)

    @property
    def kind(self) -> str:
        """The class that was given."""
        return type(self.system).__name__

    def carriers(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Sites of the carriers."""
        return np.asarray(self.system.carriers(x), dtype=np.int64)

    def evolve(
        self,
        x: NDArray[Any],
        duration: ArrayLike,
        active: NDArray[np.integer] | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Advance states by a time."""
        return self.system.evolve(x, duration, active, rng=rng)


def as_system(system: Any, name: str = "system") -> MicroSystem:
    """A `MicroSystem`: what is one stays as it is, a class with lattice, carriers and evolve gets the defaults of one.

    Raises:
        TypeError: anything else.
    """
    return system if isinstance(system, MicroSystem) else _Adapted(_needed(system, name))


SYSTEM = as_system
"""The check of arguments that are microscopic systems."""


def draw_from(carriers: NDArray[np.int64], m: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """m of the carriers (batch, n) of each row, without replacement."""
    if carriers.shape[1] == 0:
        raise ValueError("the snapshots have no carriers; nothing can move")
    return rng.permuted(carriers, axis=1)[:, :m]


def active_sites(active: Any, batch: int, n_sites: int) -> NDArray[np.int64]:
    """Sites (batch, m) that are active, different ones in each row.

    Raises:
        ValueError: another shape, sites that there are not, or one site twice.
    """
    sites = array_of(active, "active", (batch, None), kind="i")
    if sites.size and not (sites.min() >= 0 and sites.max() < n_sites):
        raise ValueError(f"active sites must be 0..{n_sites - 1}, got {sites.min()}..{sites.max()}")
    if np.any(np.diff(np.sort(sites, axis=1), axis=1) == 0):
        raise ValueError("active sites must be different from each other")
    return sites
