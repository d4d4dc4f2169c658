"""How good a learned ODE is: predicted against true trajectories, every seed counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from asemacro.macro.ode import NeuralODE, simulate_ode
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.typing import Floats


def trajectory_error(z: Floats, exact: Floats) -> float:
    """Mean over trajectories of sum_t |z - exact| / sum_t |exact|, of trajectories (n, n_times, s).

    The norms are not squared: so the published numbers were made, whatever the paper prints.
    """
    apart = np.linalg.norm(z - exact, axis=2).sum(axis=1)
    return float((apart / np.linalg.norm(exact, axis=2).sum(axis=1)).mean())


@dataclasses.dataclass(frozen=True)
class Scored:
    """Errors of all seeds.

    Attributes:
        errors: of each seed, none left out.
        force_evaluations: forces on one carrier that the labels are made of.
        fit_s: CPU time of the fit of all seeds.
    """

    errors: tuple[float, ...]
    force_evaluations: int
    fit_s: float

    @property
    def median(self) -> float:
        """Over the seeds."""
        return float(np.median(self.errors))

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds."""
        return float(np.std(self.errors, ddof=1)) if len(self.errors) > 1 else 0.0


@torch.no_grad()
def score(
    models: Sequence[NeuralODE],
    phi: DifferentiableObservable,
    starts: Floats,
    times: Floats,
    exact: Floats,
    n_steps: int,
) -> tuple[float, ...]:
    """`trajectory_error` of the given observables of each model.

    Args:
        models: one a seed.
        phi: all variables of the models; those of `exact` come first.
        starts: (n, N) microscopic states at time 0.
        times: (n_times,) ascending, from 0.
        exact: (n, n_times, s) true observables.
        n_steps: steps of the Runge-Kutta rule in all.
    """
    z0 = phi(torch.from_numpy(starts)).numpy()
    paths = (simulate_ode(model, z0, times=times, n_steps=n_steps)[1] for model in models)
    return tuple(trajectory_error(z[:, :, : exact.shape[2]], exact) for z in paths)
