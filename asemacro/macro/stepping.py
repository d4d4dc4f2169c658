"""Trajectories of any macroscopic equation, from one saved time to the next, in steps bound to its stiffness."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from asemacro.arguments.checks import bound_of_memory
from asemacro.macro.equation import Equation
from asemacro.tasks.patience import Patience
from asemacro.typing import Floats

_REFRESH = 16  # steps between two looks at the stiffness
_BYTES_A_VALUE = 24  # of a saved value: as it is saved, joined with the others, and in their mean and deviation

Watch = Callable[[Floats, Floats], bool]


class RunsAway(ValueError):
    """Trajectories left all numbers."""


@dataclasses.dataclass(frozen=True)
class Walk:
    """Where trajectories start and when they are saved.

    Attributes:
        equation: theirs.
        y: (n, d) normalised starts.
        theta: (n, n_conditions) normalised conditions, in the precision of the networks.
        tau: (n,) unit of time of each.
        times: as they were given, (n_times,) or (n, n_times).
        ends: (n, n_times) the same of each trajectory.
    """

    equation: Equation
    y: Tensor
    theta: Tensor
    tau: Floats
    times: Floats
    ends: Floats

    @classmethod
    def of(cls, equation: Equation, z0: ArrayLike, times: Floats, condition: ArrayLike | None, n: int) -> Walk:
        """Check what a simulation of n trajectories was given.

        Args:
            equation: of dimension d.
            z0: (d,) or (n, d).
            times: (n_times,) or (n, n_times), from `save_times`.
            condition: in K, one or n of them.
            n: number of trajectories.

        Raises:
            ValueError: shapes that do not fit.
        """
        saves, d = times.shape[-1], equation.dim
        start = np.asarray(z0, dtype=float)
        if start.ndim not in (1, 2) or start.shape[-1] != d or start.shape[:-1] not in ((), (n,)):
            raise ValueError(f"z0 has shape {start.shape}, expected ({d},) or ({n}, {d})")
        try:
            ends = np.broadcast_to(times, (n, saves))
        except ValueError:
            raise ValueError(f"the times have shape {times.shape}, expected (n,) or ({n}, n)") from None
        theta = equation.theta(condition, n).to(equation.dtype)
        tau = np.broadcast_to(equation.time_scale(condition), n)
        y = (torch.from_numpy(np.broadcast_to(start, (n, d)).copy()) - equation.z_mean) / equation.z_scale
        return cls(equation, y, theta, tau, times, ends)

    def run(
        self,
        step: Callable[[Tensor, Tensor, Tensor], Tensor],
        *,
        n_steps: int | None,
        max_rate_step: float,
        watch: Watch | None = None,
    ) -> tuple[Floats, Floats]:
        """Times and z (n, n_times, d), all of them or those that were reached before `watch` ended the run.

        All trajectories take equally many steps between two saved times, each of its own length.

        Args:
            step: y, theta and the step (n, 1) in units of tau to the y after it, in float64.
            n_steps: this many steps in all (each saved interval gets its share, at least 1) instead of the rule.
            max_rate_step: the rule: largest rate times step.
            watch: told of time and state every few steps; True ends the run.

        Raises:
            RunsAway: trajectories that leave all numbers.
        """
        n, saves = self.ends.shape
        lengths = np.diff(self.ends, axis=1, prepend=0.0) / self.tau[:, None]
        share = lengths.sum(axis=0) / max(lengths.sum(), np.finfo(float).tiny)
        shares = None if n_steps is None else [max(1, round(n_steps * float(part))) for part in share]
        patience = Patience(f"the simulation of {n} trajector{'y' if n == 1 else 'ies'} to time {self.times.max():g}")
        y, saved = self.y, list[Floats]()
        for k in range(saves):
            length, left, made = torch.from_numpy(lengths[:, k].copy()).unsqueeze(1), 1.0, 0
            while left > 1e-12 and length.any():
                count = shares[k] - made if shares else self._steps(y, length, left, max_rate_step)
                part = 1.0 / shares[k] if shares else left / count
                done = min(count, _REFRESH)
                for _ in range(done):
                    y = step(y, self.theta, length * part)
                made += done
                left = 1.0 - made / shares[k] if shares else left - part * done
                now = self.ends[:, k] - max(left, 0.0) * lengths[:, k] * self.tau
                if watch is None:
                    # of times on a logarithmic axis the first intervals are a small share of the time, not of the work
                    patience.done(max(float(now.sum() / self.ends[:, -1].sum()), (k + 1 - left) / saves))
                elif watch(now, self._physical(y)):
                    reached = np.stack(saved, axis=1) if saved else np.empty((n, 0, self.equation.dim))
                    return self.times[..., :k], reached
            saved.append(self._physical(y))
        return self.times, np.stack(saved, axis=1)

    def _physical(self, y: Tensor) -> Floats:
        """(n, d) z of normalised variables y.

        Raises:
            RunsAway: y is not finite.
        """
        z: Floats = (self.equation.z_mean + self.equation.z_scale * y).numpy()
        if not np.isfinite(z).all():
            raise RunsAway(
                "trajectories run away to infinity: the model does not hold them back where they are, outside of the "
                "states that it was learned from; start nearer to those"
            )
        return z

    def _steps(self, y: Tensor, length: Tensor, left: float, max_rate_step: float) -> int:
        """Steps of the part `left` of an interval, so that no rate times a step exceeds `max_rate_step`."""
        rates = self._stiffness(y) / max_rate_step
        most = left * float((length[:, 0] * rates).max())
        return max(1, int(np.ceil(most - 1e-9))) if np.isfinite(most) else 1  # what is not finite is refused after it

    def _stiffness(self, y: Tensor) -> Tensor:
        """(n,) size of the drift's Jacobian at each trajectory, by finite differences (Frobenius, above the 2-norm).

        Of the differences to both sides the smaller: div Sigma of a reversible drift jumps at the edge of its data, and
        a difference across the jump would stop a trajectory that comes by.
        """
        drift, single, shift = self.equation.drift_network, y.to(self.equation.dtype), 1e-2
        centre = drift(single, self.theta)
        squares = []
        for e in torch.eye(self.equation.dim):
            sides = (drift(single + sign * shift * e, self.theta) - centre for sign in (1, -1))
            squares.append(torch.stack([(side / shift).square().sum(1) for side in sides]).amin(0))
        return torch.stack(squares).sum(0).sqrt().double().clamp(min=1e-12)


def bound_of_trajectories(n: int, saves: int, dim: int) -> None:
    """Refuse, before anything is made, more values than the memory holds: n trajectories at that many saved times."""
    bound_of_memory(_BYTES_A_VALUE * float(n) * (saves + 1) * dim, f"{n} trajectories at {saves} times")


def save_times(until: float | None, times: ArrayLike | None, n_saves: int, unit: str = "") -> Floats:
    """Times to save at, (n_times,) or (n, n_times): those given, or n_saves + 1 even ones.

    Args:
        until: end; or None.
        times: ascending; or None.
        n_saves: number of intervals up to the end.
        unit: ends the names of the arguments in messages, "_s" for seconds.

    Raises:
        ValueError: both or none of the two, or times that are not finite, not negative and ascending.
    """
    if (until is None) == (times is None):
        raise ValueError(f"give either until{unit} or times{unit}")
    if times is None:
        if not (np.isfinite(float(until or 0)) and float(until or 0) > 0 and n_saves >= 1):
            raise ValueError(f"until{unit} and n_saves must be positive, got {until} and {n_saves}")
        return np.linspace(0.0, float(until or 0), n_saves + 1)
    found = np.atleast_1d(np.asarray(times, dtype=float))
    if found.size == 0 or not np.isfinite(found).all() or found.min() < 0 or (np.diff(found, axis=-1) <= 0).any():
        raise ValueError(f"times{unit} must be finite, not negative and ascending")
    return found
