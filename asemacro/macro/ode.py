"""NeuralODE: dz/dt = g(z), its scales, its trajectories. Arrays only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from asemacro.arguments.checks import callable_of
from asemacro.arguments.door import FORCE_LABELS, ODE, above_zero, array, checked, instance, many, optional, text, whole
from asemacro.macro.base import Drift
from asemacro.macro.equation import Equation
from asemacro.macro.linear_drift import restoring
from asemacro.macro.linear_rates import linear_rates
from asemacro.macro.stepping import Walk, Watch, bound_of_trajectories, save_times
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.data import ForceLabels

MAX_RATE_STEP = 0.2
_SLOWEST = 0.1  # of the rate 1: the start of a fit leads back at least so fast


class NeuralODE(Equation):
    r"""A macroscopic ODE in physical units around a normalised drift: dz/dt = scale f((z - mean) / scale) / tau.

    The scales only stretch the axes: with y = (z - mean) / scale, grad_y = scale grad_z, so a drift -(M + W) grad V
    is -(M' + W') grad V in z with M' = scale M scale / tau and W' alike, and GENERIC brackets L, M stay brackets that
    annihilate grad S and grad E. What an OnsagerNet dissipates and a GFINN conserves it does so in z.

    Args:
        drift: of dimension d and without conditions: OnsagerNet, GFINN, MLPDrift or a `Drift` of your own.
        labels: names of the d variables.

    Raises:
        ValueError: a drift with a condition, or labels that are not one for each variable.
    """

    word = "ODE"

    @checked(drift=instance("Drift"), labels=many(text))
    def __init__(self, drift: Drift, *, labels: tuple[str, ...] = ()) -> None:
        if drift.n_conditions:
            raise ValueError("forces are those of one temperature; make the drift of an ODE with n_conditions=0")
        super().__init__(drift, labels)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The untrained model of `settings`."""
        drift = Drift.named(settings.get("drift_type"), "drift_type")
        return cls(drift.from_settings(settings["drift"]), labels=tuple(settings["labels"]))

    @checked(labels=FORCE_LABELS)
    @one_thread()
    def measure_scales(self, labels: ForceLabels) -> None:
        """Set mean and scale of z from the states, and tau from the part of the forces that the labels hold.

        1 / tau is the root mean square, over states and variables, of the linear least-squares rate dz/dt over the
        scale. No force that was not computed enters.

        Raises:
            ValueError: a variable that does not vary, labels of another number of variables, or nothing that moves.
        """
        if labels.dim != self.dim:
            raise ValueError(f"labels of {labels.dim} variables for an ODE of {self.dim}")
        mean, scale = self.normalise(labels.z, np.zeros((len(labels), 0)), np.ones(len(labels)))
        constant, slope = linear_rates(labels, mean, scale)
        rates = constant + (labels.z - mean) / scale @ slope.T
        speed = float(np.sqrt((rates**2).mean()))
        if not (np.isfinite(speed) and speed > 0):
            raise ValueError("nothing moves: the forces of all labels are zero")
        self.set_time_scale(np.zeros((1, 0)), np.array([-np.log(speed)]), np.ones(1))

    def reset(self, generator: torch.Generator, labels: ForceLabels | None = None) -> None:
        """Draw new parameters; the scales stay.

        With labels the drift starts as their linear least-squares fit, its modes made to lead back.
        """
        self.drift_network.reset(generator)
        if labels is None:
            return
        mean, scale = self.z_mean.numpy(), self.z_scale.numpy()
        constant, slope = (part * float(self.time_scale()[0]) for part in linear_rates(labels, mean, scale))
        back = restoring(-slope, _SLOWEST)
        centre = torch.from_numpy(np.linalg.solve(back, constant))
        none = torch.zeros(1, 0, dtype=torch.float64)
        unit = torch.eye(self.dim, dtype=torch.float64)
        self.drift_network.set_linear(torch.from_numpy(back)[None], unit, centre[None], none)


@torch.no_grad()
@checked(
    ode=ODE,
    z0=array(),
    until=optional(above_zero),
    times=array(),
    n_saves=whole(1),
    n_steps=optional(whole(1)),
    max_rate_step=above_zero,
    watch=optional(callable_of),
)
@one_thread()
def simulate_ode(
    ode: NeuralODE,
    z0: ArrayLike,
    until: float | None = None,
    *,
    times: ArrayLike | None = None,
    n_saves: int = 200,
    n_steps: int | None = None,
    max_rate_step: float = MAX_RATE_STEP,
    watch: Watch | None = None,
) -> tuple[Floats, Floats]:
    r"""Trajectories from z0 by the classical Runge-Kutta rule of fourth order.

    The step h is at most 0.2 / (largest singular value of dg/dz) of every trajectory, looked at again every few steps
    and at every saved time; a linear rate r is then followed with a relative error of (r h)^4 / 120 = 1.3e-5.

    Args:
        ode: a fitted model.
        z0: (d,) one start, or (n, d).
        until: end; the result is saved at n_saves + 1 even times. Or give times.
        times: times to save at, ascending; the first may be 0; (n_times,) or (n, n_times).
        n_saves: number of intervals when until is given.
        n_steps: this many even steps in all instead of the rule (each saved interval gets its share, at least 1).
        max_rate_step: largest rate times step.
        watch: called every few steps with the times (n,) and states (n, d) of all trajectories, see `simulate`; True
            ends the run.

    Returns:
        times as given, in the unit of the microscopic system, and z (n, n_times, d); those that were reached if `watch`
        ended the run.

    Raises:
        ValueError: times or shapes that make no sense, more values than the memory holds, or trajectories that leave
            all numbers, far outside of what the model was learned from.
    """
    n = 1 if np.ndim(z0) < 2 else len(np.asarray(z0))
    bound_of_trajectories(n, n_saves + 1 if times is None else np.shape(times)[-1] if np.ndim(times) else 1, ode.dim)
    walk = Walk.of(ode, z0, save_times(until, times, n_saves), None, n)

    def rate(y: Tensor, theta: Tensor) -> Tensor:
        return ode.drift_network(y.to(ode.dtype), theta).double()

    def step(y: Tensor, theta: Tensor, h: Tensor) -> Tensor:
        first = rate(y, theta)
        second = rate(y + 0.5 * h * first, theta)
        third = rate(y + 0.5 * h * second, theta)
        fourth = rate(y + h * third, theta)
        return y + h / 6 * (first + 2 * second + 2 * third + fourth)

    return walk.run(step, n_steps=n_steps, max_rate_step=max_rate_step, watch=watch)
