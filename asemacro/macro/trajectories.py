"""Trajectories of a NeuralSDE by Euler-Maruyama with a step bound to its stiffness."""

from __future__ import annotations

from typing import TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import SDE, above_zero, array, checked, flag, optional, real, whole
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.stepping import Walk, Watch, bound_of_trajectories, save_times
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

MAX_RATE_STEP = 0.05


class Steps(TypedDict, total=False):
    """The steps of `simulate`.

    Attributes:
        n_steps: this many even steps in all instead of the rule (each saved interval gets its share, at least 1).
        max_rate_step: largest rate times step; default 0.05.
        sites: size of the system simulated; Sigma, learned for `sde.sites` sites, is multiplied by sde.sites / sites.
        noise: False leaves the noise out: the path dz/dt = mu.
    """

    n_steps: int | None
    max_rate_step: float
    sites: int | None
    noise: bool


@torch.no_grad()
@checked(
    sde=SDE,
    z0=array(),
    until_s=real,
    condition=array(),
    n_trajectories=whole(1),
    times_s=array(),
    n_saves=whole(1),
    n_steps=optional(whole(1)),
    max_rate_step=above_zero,
    sites=optional(whole(1)),
    noise=flag,
    rng=generator_of,
)
@one_thread()
def simulate(
    sde: NeuralSDE,
    z0: ArrayLike,
    until_s: float | None = None,
    condition: ArrayLike | None = None,
    n_trajectories: int = 1,
    *,
    times_s: ArrayLike | None = None,
    n_saves: int = 200,
    watch: Watch | None = None,
    rng: np.random.Generator,
    **steps: Unpack[Steps],
) -> tuple[Floats, Floats]:
    r"""Trajectories from z0, at one temperature or at one each.

    Euler-Maruyama with the drift at the midpoint: z += mu(z + mu h/2 + n/2) h + n, n = Sigma(z)^(1/2) sqrt(h) N(0, 1).
    Mean and scatter have errors O(h^2) where Sigma is constant: for a linear drift of rate r and q = r h the stationary
    variance is (1 - q/2)^2 / (1 - q + q^2/2 - q^3/8) of the exact one, .9994 at q = 0.05.
    h is at most 0.05 / (largest singular value of d mu/dz) of every trajectory, looked at again every few
    steps and at every saved time, so a stiff beginning does not set the step of a slow end.
    All trajectories take equally many steps between two saved times, each of its own length.

    Args:
        sde: a fitted model.
        z0: (d,) one start, or (n_trajectories, d).
        until_s: end, in seconds; the result is saved at n_saves + 1 even times. Or give times_s.
        condition: temperature in K, scalar or (n_trajectories,); None if the SDE has none.
        n_trajectories: number of independent trajectories.
        times_s: times to save at, ascending; the first may be 0; (n_times,) or (n_trajectories, n_times).
        n_saves: number of intervals when until_s is given.
        watch: called every 16 steps or fewer with the time (n_trajectories,) that each trajectory has come to and z
            (n_trajectories, d); True ends the run there. Without it, a run of more than an hour says so.
        rng: random generator.
        **steps: how long the steps are and how large the noise is, see `Steps`.

    Returns:
        times in seconds as given, (n_times,) or (n_trajectories, n_times), and z (n_trajectories, n_times, d). If
        `watch` ended the run, those that were reached.

    Raises:
        ValueError: times, sizes or shapes that make no sense; sites given but `sde.sites` unknown; more values than
            the memory holds; trajectories that leave all numbers, far outside of what the model was learned from.
    """
    saves = n_saves + 1 if times_s is None else np.shape(times_s)[-1] if np.ndim(times_s) else 1
    bound_of_trajectories(n_trajectories, saves, sde.dim)
    walk = Walk.of(sde, z0, save_times(until_s, times_s, n_saves, "_s"), condition, n_trajectories)
    amplitude = np.sqrt(_noise_ratio(sde, steps.get("sites"))) if steps.get("noise", True) else 0.0

    def step(y: Tensor, theta: Tensor, h: Tensor) -> Tensor:
        return _step(sde, y, theta, h, amplitude, rng)

    max_rate_step = steps.get("max_rate_step", MAX_RATE_STEP)
    return walk.run(step, n_steps=steps.get("n_steps"), max_rate_step=max_rate_step, watch=watch)


def _step(sde: NeuralSDE, y: Tensor, theta: Tensor, h: Tensor, amplitude: float, rng: np.random.Generator) -> Tensor:
    """One step h (n, 1) of normalised variables; the state is kept in float64, the networks see their own precision."""
    single = y.to(sde.dtype)
    half = single + 0.5 * h.to(sde.dtype) * sde.drift_network(single, theta)
    if amplitude == 0:
        return y + h * sde.drift_network(half, theta).double()
    normal = torch.from_numpy(rng.standard_normal(y.shape)).unsqueeze(2)
    noise = amplitude * torch.sqrt(h) * (sde.diffusion_network.factor(single, theta).double() @ normal).squeeze(2)
    # with half of the noise at the midpoint the scatter too is right to the second order in h, not the first
    return y + noise + h * sde.drift_network(half + 0.5 * noise.to(sde.dtype), theta).double()


def _noise_ratio(sde: NeuralSDE, sites: int | None) -> float:
    if sites is None:
        return 1.0
    if sde.sites is None:
        raise ValueError("this SDE does not know its number of sites; make it with NeuralSDE(..., sites=n)")
    if sites < 1:
        raise ValueError(f"sites must be positive, got {sites}")
    return sde.sites / sites
