"""Trajectories of a NeuralSDE by Euler-Maruyama with a step bound to its stiffness."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from asemacro.sde import NeuralSDE

Floats = NDArray[np.float64]
_REFRESH = 16  # steps between two looks at the stiffness


@torch.no_grad()
def simulate(
    sde: NeuralSDE,
    z0: ArrayLike,
    until_s: float | None = None,
    condition: float | None = None,
    n_trajectories: int = 1,
    *,
    times_s: ArrayLike | None = None,
    n_saves: int = 200,
    n_steps: int | None = None,
    max_rate_step: float = 0.05,
    sites: int | None = None,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    r"""Trajectories from z0 at one temperature.

    Euler-Maruyama: z += mu h + Sigma^(1/2) sqrt(h) N(0, 1), the drift taken at the midpoint of its own Euler step
    (error of the mean O(h^2)). h = max_rate_step / (largest singular value of d mu/dz over the trajectories),
    looked at again every few steps and at every saved time, so a stiff beginning does not set the step of a slow end.

    Args:
        sde: a fitted model.
        z0: (d,) one start, or (n_trajectories, d).
        until_s: end, in seconds; the result is saved at n_saves + 1 even times. Or give times_s.
        condition: temperature in K; None if the SDE has none.
        n_trajectories: number of independent trajectories.
        times_s: times to save at, ascending; the first may be 0.
        n_saves: number of intervals when until_s is given.
        n_steps: this many even steps in all instead of the rule (each saved interval gets its share, at least 1).
        max_rate_step: largest rate times step.
        sites: size of the system simulated; Sigma, learned for `sde.sites` sites, is multiplied by sde.sites / sites.
        rng: random generator.

    Returns:
        times (n_times,) in seconds and z (n_trajectories, n_times, d).

    Raises:
        ValueError: times, sizes or shapes that make no sense; sites given but `sde.sites` unknown.
    """
    times = _save_times(until_s, times_s, n_saves)
    start = np.asarray(z0, dtype=float)
    if start.ndim == 1:
        start = np.broadcast_to(start, (n_trajectories, len(start)))
    if start.shape != (n_trajectories, sde.dim) or n_trajectories < 1:
        raise ValueError(f"z0 has shape {start.shape}, expected ({sde.dim},) or ({n_trajectories}, {sde.dim})")
    if not np.isfinite(start).all():
        raise ValueError("z0 is not finite")
    if not max_rate_step > 0 or (n_steps is not None and n_steps < 1):
        raise ValueError(f"max_rate_step and n_steps must be positive, got {max_rate_step} and {n_steps}")
    theta64 = sde.theta(condition, n_trajectories)
    theta, tau = theta64.float(), float(sde.time_scale(condition)[0])
    amplitude = np.sqrt(_noise_ratio(sde, sites))
    y = (torch.from_numpy(start.copy()) - sde.z_mean) / sde.z_scale
    saved, now, step, left = [], 0.0, 0.0, 0
    for time in times / tau:
        total = time - now
        fixed = total / max(1, round(n_steps * total * tau / times[-1])) if n_steps is not None and total > 0 else None
        while now < time:
            if fixed is not None:
                step = fixed
            elif left == 0:
                step, left = max_rate_step / _stiffness(sde, y, theta), _REFRESH
            # the last steps to a saved time are made equal, so none is tiny
            h = (time - now) / max(1, int(np.ceil((time - now) / step - 1e-9)))
            y = _step(sde, y, theta, h, amplitude, rng)
            now, left = (time if time - now <= h * (1 + 1e-9) else now + h), max(0, left - 1)
        left = 0
        saved.append((sde.z_mean + sde.z_scale * y).numpy())
    return times, np.stack(saved, axis=1)


def _step(
    sde: NeuralSDE, y: torch.Tensor, theta: torch.Tensor, h: float, amplitude: float, rng: np.random.Generator
) -> torch.Tensor:
    """One step of normalised variables; the state is kept in float64, the networks see float32."""
    single = y.float()
    half = single + (0.5 * h) * sde.drift_network(single, theta)
    mean = y + h * sde.drift_network(half, theta).double()
    noise = torch.from_numpy(rng.standard_normal(y.shape)).unsqueeze(2)
    spread = (sde.diffusion_network.factor(single, theta).double() @ noise).squeeze(2)
    return mean + (np.sqrt(h) * amplitude) * spread


def _stiffness(sde: NeuralSDE, y: torch.Tensor, theta: torch.Tensor) -> float:
    """Largest singular value of the drift's Jacobian over (some of) the trajectories, by finite differences."""
    sample, c = y[:16].float(), theta[:16]
    centre = sde.drift_network(sample, c)
    shift = 1e-2
    columns = [(sde.drift_network(sample + shift * e, c) - centre) / shift for e in torch.eye(sde.dim)]
    return max(1e-12, float(torch.linalg.matrix_norm(torch.stack(columns, dim=2), ord=2).max()))


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
    times = np.asarray(times_s, dtype=float).reshape(-1)
    if len(times) == 0 or not np.isfinite(times).all() or times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError("times_s must be finite, not negative and ascending")
    return times
