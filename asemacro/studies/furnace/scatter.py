"""How far specimens of finite size differ in their order along a programme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solve_continuous_lyapunov

from asemacro.studies.furnace.at_temperature import Local
from asemacro.studies.furnace.kinetics import Kinetics
from asemacro.studies.furnace.walk import Interval, Step, mover
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.macro.sde import NeuralSDE

TRAJECTORIES = 64  # specimens behind a standard deviation


@one_thread()
def scatter(
    model: NeuralSDE, intervals: Sequence[Interval], steps: Sequence[Step], kinetics: Kinetics, rng: np.random.Generator
) -> Floats:
    """(n + 1, d, d) covariance between specimens of the predicted size, along the first row of a walk.

    TRAJECTORIES specimens follow the equation with its noise from random alloys. Where nothing is left of the past they
    are drawn from the equation's linear law at equilibrium, J S + S J^T + D = 0 (J its Jacobian, D its noise).

    Args:
        model: the equation.
        intervals: of the programme.
        steps: of the walk.
        kinetics: gives the scatter of random alloys.
        rng: source of randomness.
    """
    move = mover(model, rng, noise=True)

    def drawn(mean: Floats, covariance: Floats) -> Floats:
        # with exactly this mean and covariance, so that the sd does not jump where specimens are drawn
        normal = rng.standard_normal((TRAJECTORIES, len(mean)))
        normal -= normal.mean(axis=0)
        white = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(normal.T))), normal.T).T
        return mean + white @ _root(covariance).T

    z = drawn(intervals[0].at.start, kinetics.start_covariance)
    found = [kinetics.start_covariance]
    at_rest: dict[float, Floats] = {}
    for interval, step in zip(intervals, steps, strict=True):
        if step.rests[0]:
            last = interval.last
            if last.temperature_K not in at_rest:
                at_rest[last.temperature_K] = last.covariance(resting_covariance(model, last))
            z = drawn(last.goal, at_rest[last.temperature_K])
            found.append(at_rest[last.temperature_K])
            continue
        z = move(interval.at, z, np.full(len(z), step.moved_s[0])) + step.shift[0]
        found.append(np.atleast_2d(np.cov(z.T)))
    return np.array(found)


def resting_covariance(model: NeuralSDE, at: Local) -> Floats:
    """(d, d) of the equation linearised at its equilibrium.

    Raises:
        ValueError: the equation does not return to it.
    """
    condition = at.temperature_K if model.n_conditions else None
    jacobian, noise = model.jacobian(at.learned, condition)[0], model.diffusion(at.learned, condition)[0]
    if np.linalg.eigvals(jacobian).real.max() >= 0:
        raise ValueError(
            f"at {at.temperature_K:g} K the learned equation does not return to its equilibrium; learn it from more or "
            "longer simulations (--seeds, --hops)"
        )
    scale = np.abs(jacobian).max()  # seconds are an ill-chosen unit
    return np.asarray(solve_continuous_lyapunov(jacobian / scale, -noise / scale))


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(values.clip(0))
