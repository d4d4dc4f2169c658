"""A state that moves step by step, which is what a `Driver` drives."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from asemacro.arguments.checks import positive
from asemacro.tasks.patience import Patience
from asemacro.typing import State

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


class Steps(abc.ABC):
    """A state and how it moves by whole steps: hops, sweeps, or a time.

    Attributes:
        step: what a step is, in a word or two.
        x: (n_sites[, n_fields]) the state now; replaced by each `advance`, never edited.
    """

    step: str
    x: State

    @abc.abstractmethod
    def advance(self, n: int) -> int:
        """Make n steps; how many were made, fewer only if nothing can move any more."""

    @property
    @abc.abstractmethod
    def time(self) -> dict[str, float]:
        """The time as atoms carry it in `info`: {"time_s": seconds}, {"time": of the system}, or nothing."""


class TimeSteps(Steps):
    """Steps of one duration.

    The trajectory is that of as many calls of `evolve`, one after the other: where a run is looked at changes nothing.

    Args:
        evolve: of the system, see `MicroSystem.evolve`.
        x: (n_sites[, n_fields]) first state.
        sites: (n_carriers,) of its carriers.
        duration: of a step, in the system's time.
        unit: name of that time in `info`.
        rng: source of randomness.
    """

    def __init__(
        self,
        evolve: Callable[..., tuple[State, NDArray[np.int64]]],
        x: State,
        sites: NDArray[np.int64],
        duration: float,
        unit: str,
        rng: np.random.Generator,
    ) -> None:
        self.step, self.x = f"step of {duration:g}", x
        self._evolve, self._sites, self._duration, self._unit, self._rng = evolve, sites, duration, unit, rng
        self._count = 0

    def advance(self, n: int) -> int:
        """Evolve n times."""
        patience = Patience(f"the run of {n} times {self._duration:g}")
        for k in range(n):
            x, sites = self._evolve(self.x[None], self._duration, self._sites[None], rng=self._rng)
            self.x, self._sites = x[0], sites[0]
            self._count += 1
            patience.done((k + 1) / n)
        return n

    @property
    def time(self) -> dict[str, float]:
        """Steps times duration."""
        return {self._unit: self._count * self._duration}


class Driven(abc.ABC):
    """What a `Driver` can drive.

    Attributes:
        lattice: where the states live.
    """

    lattice: Lattice

    @abc.abstractmethod
    def steps(self, x: State, step: float | None, *, rng: np.random.Generator) -> Steps:
        """A state (n_sites[, n_fields]) or (1, n_sites[, n_fields]) that moves by steps of this duration.

        Without a duration by the steps that the system has of its own, if it has any.

        Raises:
            ValueError: a duration where there is no time, none where there are no steps, or more states than one.
        """

    def atoms_of(self, x: State) -> Atoms:
        """A state as ASE atoms, (n_sites[, n_fields]): by default of an alloy."""
        return self.lattice.to_atoms(x)

    @property
    def kind(self) -> str:
        """What messages call it."""
        return type(self).__name__


def one_state(x: State, n_sites: int) -> State:
    """A state (n_sites[, n_fields]) of its own, from one or from (1, n_sites[, n_fields]).

    Raises:
        ValueError: several of them, or of another number of sites.
    """
    state = np.array(x)
    if state.shape[:1] != (n_sites,) and state.shape[:2] != (1, n_sites):
        raise ValueError(f"a driver moves one state of {n_sites} sites, got the shape {state.shape}")
    return state if state.shape[0] == n_sites else state[0]


def duration_of(step: float | None, kind: str) -> float:
    """The duration of a step, which a system without steps of its own needs."""
    if step is None:
        raise ValueError(f"{kind} moves in time: give the duration of a step (step=)")
    return positive(step, "duration of a step")
