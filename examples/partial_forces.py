"""An equation of your own: its mean is learned from the rates of a tenth of its cells.

Cells along a line have two stable values, -1 and 1, and exchange with their neighbours:
du_i/dt = u_i - u_i^3 + 0.5 (u_{i-1} - 2 u_i + u_{i+1}), without flux through the ends.
The mean alone does not know its future: two learned variables do.
"""

import numpy as np
import torch

import asemacro as am
from asemacro.closure import EncoderOptions
from asemacro.macro import OdeFitOptions
from asemacro.testing import check_force_system

N = 100


def rates(x, places):
    """du/dt at some places (batch, q) of states (batch, N): only these are computed."""
    rows = np.arange(len(x))[:, None]
    own, left, right = (x[rows, np.clip(places + step, 0, N - 1)] for step in (0, -1, 1))
    return own - own**3 + 0.5 * (left - 2 * own + right)


def starts(n, rng):
    """A mean, and a wave that the mean does not know."""
    wave = np.cos(2 * np.pi * (np.arange(N) + 0.5) / N)
    return rng.uniform(0.0, 0.5, (n, 1)) + rng.uniform(0.2, 0.8, (n, 1)) * wave


def main() -> None:
    rng = np.random.default_rng(0)
    system = am.CallableForces(rates, N, time_step=0.1)
    check_force_system(system, starts(4, rng), rng=rng)
    mean = am.TorchObservable(lambda x: x.mean(dim=1, keepdim=True), ("mean",))

    times = np.linspace(0, 4, 21)
    data = am.make_force_data(system, starts(60, rng), times, fraction=0.1, rng=rng)
    learned = am.learn_from_forces(
        data, mean, 2, seeds=3, rng=rng,
        encoder_options=EncoderOptions(hidden=(16,), epochs=10, batch_size=64), fit_options=OdeFitOptions(steps=500),
    )  # fmt: skip
    print(f"{learned.report.force_evaluations} rates of {learned.report.full_force_evaluations} were computed")

    fresh = starts(10, rng)
    true = mean(torch.from_numpy(system.trajectories(fresh, times).reshape(-1, N))).numpy().reshape(10, -1, 1)
    for ode in learned.members:
        error = am.trajectory_error(ode, learned.encoder, fresh, times, true)
        print(f"10 fresh runs, relative error of the mean: {error.mean():.4f}, the largest {error.max():.4f}")


if __name__ == "__main__":
    main()
