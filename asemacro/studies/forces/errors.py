"""How far a learned ODE is from trajectories of the system that it was learned from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.door import ODE, array, checked, instance, optional, whole
from asemacro.macro.ode import NeuralODE, simulate_ode
from asemacro.macro.stepping import RunsAway
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.typing import Floats

_STATES = 64  # encoded at a time


@checked(
    ode=ODE,
    phi=instance("DifferentiableObservable"),
    starts=array(None, None, kind="n"),
    times=array(None),
    observed=array(None, None, None),
    n_steps=optional(whole(1)),
    counted=optional(array(None, kind="w")),
)
def trajectory_error(
    ode: NeuralODE,
    phi: DifferentiableObservable,
    starts: NDArray[Any],
    times: ArrayLike,
    observed: Floats,
    *,
    n_steps: int | None = None,
    counted: NDArray[np.integer] | None = None,
) -> Floats:
    r"""Relative error of each trajectory: encode its start, integrate the ODE, compare the observables z*.

    error = sum_n |z*(t_n) - z*_true(t_n)| / sum_n |z*_true(t_n)|, Euclidean norms over the observables, in their own
    units: the metric of the published tables (Chen and Li 2024: first powers, although their text squares them).

    Args:
        ode: the learned equation.
        phi: all of its variables, observables z* first: `LearnedForces.encoder`.
        starts: (n, N) microscopic states at time 0.
        times: (n_times,) times to compare at, ascending.
        observed: (n, n_times, s) true values of the s observables.
        n_steps: of the integration, see `simulate_ode`.
        counted: (n,) how many times of each trajectory enter the sums, from the first on; default all.

    Returns:
        (n,) errors; inf where the model runs away.

    Raises:
        ValueError: shapes that do not fit together.
    """
    times = np.asarray(times, dtype=float)
    s = observed.shape[2]
    if phi.dim != ode.dim:
        raise ValueError(f"phi gives {phi.dim} variables, the ODE has {ode.dim}")
    if observed.shape[:2] != (len(starts), len(times)) or not 1 <= s <= ode.dim:
        raise ValueError(
            f"observed must have the shape ({len(starts)}, {len(times)}, 1 to {ode.dim}), got {observed.shape}"
        )
    if counted is not None and counted.shape != (len(starts),):
        raise ValueError(f"counted must be one number for each of {len(starts)} trajectories, got {counted.shape}")
    weight = np.ones(observed.shape[:2])
    if counted is not None:
        weight = (np.arange(len(times)) < counted[:, None]).astype(float)
    size = (weight * np.linalg.norm(observed, axis=2)).sum(axis=1)
    if not (size > 0).all():
        raise ValueError("the observables are zero along a whole trajectory: its relative error means nothing")
    z = follow(ode, encode(phi, starts), times, n_steps)
    apart = np.linalg.norm(z[..., :s] - observed, axis=2)
    return np.where(weight > 0, apart, 0.0).sum(axis=1) / size


def follow(ode: NeuralODE, z0: Floats, times: Floats, n_steps: int | None = None) -> Floats:
    """(n, n_times, d) trajectories from z0 (n, d); inf all along where one runs away."""
    try:
        return simulate_ode(ode, z0, times=times, n_steps=n_steps)[1]
    except RunsAway:
        if len(z0) == 1:
            return np.full((1, len(times), ode.dim), np.inf)
    return np.concatenate([follow(ode, one[None], times, n_steps) for one in z0])


@torch.no_grad()
def encode(phi: DifferentiableObservable, states: NDArray[Any]) -> Floats:
    """(n, dim) variables of states (n, N), in float64."""
    parts = [
        phi(torch.from_numpy(np.asarray(states[first : first + _STATES], dtype=float)))
        for first in range(0, len(states), _STATES)
    ]
    return torch.cat(parts).numpy()


def encode_along(phi: DifferentiableObservable, states: Iterable[NDArray[Any]]) -> Floats:
    """(n, n_times, dim) variables of states (n, N) that come time after time."""
    return np.stack([encode(phi, now) for now in states], axis=1)
