"""Trajectories of a NeuralSDE by Euler-Maruyama with a step bound to its stiffness."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import ArrayLike

from asemacro.arguments.checks import bound_of_memory, generator_of
from asemacro.arguments.door import SDE, above_zero, array, checked, flag, optional, real, whole
from asemacro.macro.sde import NeuralSDE
from asemacro.tasks.patience import Patience
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

MAX_RATE_STEP = 0.05
_REFRESH = 16  # steps between two looks at the stiffness
_BYTES_A_VALUE = 24  # of a saved value: as it is saved, joined with the others, and in their mean and deviation


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
    watch: Callable[[Floats, Floats], bool] | None = None,
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
    bound_of_memory(
        _BYTES_A_VALUE * float(n_trajectories) * (saves + 1) * sde.dim,
        f"{n_trajectories} trajectories at {saves} times",
    )
    times = _save_times(until_s, times_s, n_saves)
    start = np.asarray(z0, dtype=float)
    if start.ndim not in (1, 2) or start.shape[-1] != sde.dim or start.shape[:-1] not in ((), (n_trajectories,)):
        raise ValueError(f"z0 has shape {start.shape}, expected ({sde.dim},) or ({n_trajectories}, {sde.dim})")
    try:
        ends = np.broadcast_to(times, (n_trajectories, saves))
    except ValueError:
        raise ValueError(f"times_s has shape {times.shape}, expected (n,) or ({n_trajectories}, n)") from None
    theta = sde.theta(condition, n_trajectories).to(sde.dtype)
    tau = np.broadcast_to(sde.time_scale(condition), n_trajectories)
    amplitude = np.sqrt(_noise_ratio(sde, steps.get("sites"))) if steps.get("noise", True) else 0.0
    n_steps, max_rate_step = steps.get("n_steps"), steps.get("max_rate_step", MAX_RATE_STEP)
    lengths = np.diff(ends, axis=1, prepend=0.0) / tau[:, None]
    share = lengths.sum(axis=0) / max(lengths.sum(), np.finfo(float).tiny)
    shares = None if n_steps is None else [max(1, round(n_steps * float(part))) for part in share]
    patience = Patience(f"the simulation of {n_trajectories} trajectories to time {times.max():g}")
    y = (torch.from_numpy(np.broadcast_to(start, (n_trajectories, sde.dim)).copy()) - sde.z_mean) / sde.z_scale
    saved: list[Floats] = []
    for k in range(saves):
        length, left = torch.from_numpy(lengths[:, k].copy()).unsqueeze(1), 1.0
        while left > 1e-12 and length.any():
            count = shares[k] if shares else _steps_of(sde, y, theta, length, left, max_rate_step)
            done = count if shares else min(count, _REFRESH)
            for _ in range(done):
                y = _step(sde, y, theta, length * (left / count), amplitude, rng)
            left -= left / count * done
            now = ends[:, k] - max(left, 0.0) * lengths[:, k] * tau
            if watch is None:
                # of times on a logarithmic axis the first intervals are a small share of the time, not of the work
                patience.done(max(float(now.sum() / ends[:, -1].sum()), (k + 1 - left) / saves))
            elif watch(now, _physical(sde, y)):
                return times[..., :k], np.stack(saved, axis=1) if saved else np.empty((n_trajectories, 0, sde.dim))
        saved.append(_physical(sde, y))
    return times, np.stack(saved, axis=1)


def _physical(sde: NeuralSDE, y: torch.Tensor) -> Floats:
    """(n, d) z of normalised variables y.

    Raises:
        ValueError: y is not finite.
    """
    z: Floats = (sde.z_mean + sde.z_scale * y).numpy()
    if not np.isfinite(z).all():
        raise ValueError(
            "trajectories run away to infinity: the model does not hold them back where they are, outside of the "
            "states that it was learned from; start nearer to those"
        )
    return z


def _steps_of(
    sde: NeuralSDE, y: torch.Tensor, theta: torch.Tensor, length: torch.Tensor, left: float, max_rate_step: float
) -> int:
    """Steps of the part `left` of an interval, so that no rate times a step exceeds `max_rate_step`."""
    rates = _stiffness(sde, y, theta) / max_rate_step
    most = left * float((length[:, 0] * rates).max())
    return max(1, int(np.ceil(most - 1e-9))) if np.isfinite(most) else 1  # what is not finite is refused after it


def _step(
    sde: NeuralSDE, y: torch.Tensor, theta: torch.Tensor, h: torch.Tensor, amplitude: float, rng: np.random.Generator
) -> torch.Tensor:
    """One step h (n, 1) of normalised variables; the state is kept in float64, the networks see their own precision."""
    single = y.to(sde.dtype)
    half = single + 0.5 * h.to(sde.dtype) * sde.drift_network(single, theta)
    if amplitude == 0:
        return y + h * sde.drift_network(half, theta).double()
    normal = torch.from_numpy(rng.standard_normal(y.shape)).unsqueeze(2)
    noise = amplitude * torch.sqrt(h) * (sde.diffusion_network.factor(single, theta).double() @ normal).squeeze(2)
    # with half of the noise at the midpoint the scatter too is right to the second order in h, not the first
    return y + noise + h * sde.drift_network(half + 0.5 * noise.to(sde.dtype), theta).double()


def _stiffness(sde: NeuralSDE, y: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """(n,) size of the drift's Jacobian at each trajectory, by finite differences (Frobenius, above the 2-norm).

    Of the differences to both sides the smaller: div Sigma of a reversible drift jumps at the edge of its data, and a
    difference across the jump would stop a trajectory that comes by.
    """
    single, shift = y.to(sde.dtype), 1e-2
    centre = sde.drift_network(single, theta)
    squares = []
    for e in torch.eye(sde.dim):
        sides = (sde.drift_network(single + sign * shift * e, theta) - centre for sign in (1, -1))
        squares.append(torch.stack([(side / shift).square().sum(1) for side in sides]).amin(0))
    return torch.stack(squares).sum(0).sqrt().double().clamp(min=1e-12)


def _noise_ratio(sde: NeuralSDE, sites: int | None) -> float:
    if sites is None:
        return 1.0
    if sde.sites is None:
        raise ValueError("this SDE does not know its number of sites; make it with NeuralSDE(..., sites=n)")
    if sites < 1:
        raise ValueError(f"sites must be positive, got {sites}")
    return sde.sites / sites


def _save_times(until_s: float | None, times_s: ArrayLike | None, n_saves: int) -> Floats:
    if (until_s is None) == (times_s is None):
        raise ValueError("give either until_s or times_s")
    if times_s is None:
        if not (np.isfinite(float(until_s or 0)) and float(until_s or 0) > 0 and n_saves >= 1):
            raise ValueError(f"until_s and n_saves must be positive, got {until_s} and {n_saves}")
        return np.linspace(0.0, float(until_s or 0), n_saves + 1)
    times = np.atleast_1d(np.asarray(times_s, dtype=float))
    if times.size == 0 or not np.isfinite(times).all() or times.min() < 0 or (np.diff(times, axis=-1) <= 0).any():
        raise ValueError("times_s must be finite, not negative and ascending")
    return times
