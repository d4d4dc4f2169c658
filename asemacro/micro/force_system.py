"""What every deterministic system gives: dx/dt = f(x), and f on a few carriers only."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import MOST_COUNT, array_of, fraction_of, generator_of, shown
from asemacro.arguments.door import checked, whole
from asemacro.force_data import Layout
from asemacro.tasks.patience import Patience
from asemacro.typing import Floats

_WHOLE = 1e-9  # a pause this near to a whole number of steps, in steps, is one


class ForceSystem(abc.ABC):
    """dx/dt = f(x); x is N numbers, those of its carriers (grid points, cells, atoms).

    A system has `layout`, `time_step` and `forces`; all else has a default. `asemacro.testing.check_force_system`
    tests that an object does what is asked here.

    Attributes:
        layout: where the numbers of each carrier stand in x.
        time_step: longest step of `states_at`.
    """

    layout: Layout
    time_step: float

    def __repr__(self) -> str:
        """One line; the attributes hold the rest."""
        about = f"{self.n_carriers:,} carriers, {self.n_components:,} numbers, time step {self.time_step:.4g}"
        return f"<{type(self).__name__}: {about}>"

    @property
    def n_carriers(self) -> int:
        """Number of carriers."""
        return self.layout.n_carriers

    @property
    def n_components(self) -> int:
        """N, numbers of a state."""
        return self.layout.n_components

    def components(self, active: NDArray[np.integer]) -> NDArray[np.int64]:
        """Places in x (batch, m k) of the k numbers of each of some carriers (batch, m), carrier after carrier."""
        return self.layout.components(active)

    @abc.abstractmethod
    def forces(self, x: NDArray[Any], active: NDArray[np.integer] | None = None) -> Floats:
        """f(x), or a part of it at a cost that grows with the part and not with the system.

        Args:
            x: (batch, N) states, not edited.
            active: (batch, m) carriers, different ones in a row; None for all.

        Returns:
            (batch, m k), in the order of `components(active)`; of all carriers (batch, N), in the order of x.
        """

    def states_at(
        self, x: NDArray[Any], times: ArrayLike, *, rng: np.random.Generator | None = None
    ) -> Iterator[Floats]:
        """States (batch, N) at times since the start, one after the other; by default by Runge-Kutta steps (RK4).

        Between two times the steps are of one length, `time_step` or somewhat less.

        Args:
            x: (batch, N) starts, not edited.
            times: increasing times >= 0.
            rng: for systems in contact with a heat bath; others draw nothing.

        Raises:
            ValueError: times that decrease or are not finite, or a state that runs away to infinity.
        """
        now = self.checked_states(x).copy()
        for pause in pauses_of(times):
            n_steps, step = steps_of(pause, self.time_step)
            patience = Patience(f"a time of {pause:g} in steps of {step:g}")
            with np.errstate(over="ignore", invalid="ignore"):  # it is said below
                for k in range(n_steps):
                    now = finite_states(self.advanced(now, step), self.time_step)
                    patience.done((k + 1) / n_steps)
            yield now

    def advanced(self, x: Floats, step: float) -> Floats:
        """States after one step, by default of RK4."""
        first = self.forces(x)
        second = self.forces(x + 0.5 * step * first)
        third = self.forces(x + 0.5 * step * second)
        fourth = self.forces(x + step * third)
        return x + step / 6 * (first + 2 * second + 2 * third + fourth)

    def trajectories(self, x: NDArray[Any], times: ArrayLike, *, rng: np.random.Generator | None = None) -> Floats:
        """The states of `states_at` in one array (batch, n_times, N)."""
        return np.stack(list(self.states_at(x, times, rng=rng)), axis=1)

    def checked_states(self, x: Any) -> Floats:
        """States (batch, N) of this system, in float64.

        Raises:
            ValueError: another shape, or nan or inf.
        """
        x = array_of(x, "x")
        if x.ndim != 2 or x.shape[1] != self.n_components or len(x) == 0:
            raise ValueError(f"x must be states of the shape (batch, {self.n_components}), got {x.shape}")
        return x

    def checked_active(self, active: Any, batch: int) -> NDArray[np.int64]:
        """Carriers (batch, m) of this system.

        Raises:
            ValueError: another shape, or carriers that there are not.
        """
        active = array_of(active, "active", (batch, None), kind="i")
        if active.size and not (active.min() >= 0 and active.max() < self.n_carriers):
            raise ValueError(f"active carriers must be 0..{self.n_carriers - 1}, got {active.min()}..{active.max()}")
        return active


def force_system(value: Any, name: str = "system") -> ForceSystem:
    """The check of arguments that are deterministic systems."""
    if not isinstance(value, ForceSystem):
        raise TypeError(
            f"{name} must be a ForceSystem, got {shown(value)}; for an equation of your own take CallableForces"
        )
    return value


@checked(n_configurations=whole(1), n_carriers=whole(1), fraction=fraction_of, rng=generator_of)
def draw_active(
    n_configurations: int, n_carriers: int, fraction: float, *, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Random carriers (n_configurations, m) of each configuration, m = round(fraction n_carriers), without replacement.

    Args:
        n_configurations: number of rows.
        n_carriers: to draw from; each with the same probability.
        fraction: p, in (0, 1].
        rng: source of randomness.

    Raises:
        ValueError: a fraction out of range, or so small that no carrier is left.
    """
    m = active_of(n_carriers, fraction)
    if m == n_carriers:
        return np.broadcast_to(np.arange(m), (n_configurations, m))
    return np.stack([rng.choice(n_carriers, m, replace=False, shuffle=False) for _ in range(n_configurations)])


def active_of(n_carriers: int, fraction: float) -> int:
    """Number of active carriers, m = round(fraction n_carriers).

    Raises:
        ValueError: none.
    """
    m = round(fraction * n_carriers)
    if m == 0:
        raise ValueError(
            f"a fraction of {fraction:g} of {n_carriers} carriers is none of them; take {1 / n_carriers:.3g} or more"
        )
    return m


def pauses_of(times: ArrayLike) -> Floats:
    """Lengths of the intervals that end at times >= 0.

    Raises:
        ValueError: times that decrease, are negative or not finite.
    """
    times = np.atleast_1d(array_of(times, "times"))
    if times.ndim != 1 or len(times) == 0 or times[0] < 0 or np.any(np.diff(times) < 0):
        raise ValueError(f"times must be numbers >= 0 that do not decrease, got {shown(times)}")
    return np.diff(times, prepend=0.0)


def steps_of(pause: float, longest: float) -> tuple[int, float]:
    """Number and length of equal steps that make up a pause, none longer than `longest`.

    Raises:
        ValueError: more steps than can be counted.
    """
    if pause > MOST_COUNT * longest:
        raise ValueError(f"a time of {pause:g} makes more steps of {longest:g} than can be counted")
    n = int(np.ceil(pause / longest - _WHOLE))
    return n, pause / max(n, 1)


def finite_states(x: Floats, time_step: float) -> Floats:
    """The states, if they are finite.

    Raises:
        ValueError: they ran away.
    """
    if not np.isfinite(x).all():
        raise ValueError(f"the states ran away to infinity: steps of {time_step:g} are too long for these forces")
    return x
