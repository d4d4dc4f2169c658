"""Noise of interpolated fields and how it comes back, the rates behind it: the numbers of docs/fields.md.

python docs/fields.py
"""

from __future__ import annotations

import numpy as np

from asemacro.block_system import observe
from asemacro.field_covariance import FieldCovariance
from asemacro.field_upsampling import interpolate, interpolated_noise
from asemacro.micro.field import random_cosines
from asemacro.moments import infinitesimal_moments
from asemacro.patches import partial_evolution
from asemacro.reproduce.predator_prey import CLOSED, LARGE, SMALL, K, chain

RUNS = 100
RELAX = (0.5, 1.0, 2.0, 4.0, 8.0)


def main() -> None:
    """Print the tables."""
    rng = np.random.default_rng(0)
    phi, small, large = FieldCovariance(), chain(SMALL), chain(LARGE)

    def line(name: str, states: np.ndarray, lattice: object) -> None:
        values = observe(phi, states, lattice)
        parts = zip(values.mean(axis=0), values.std(axis=0) / np.sqrt(len(values)), strict=True)
        print(f"| {name} | " + " | ".join(f"{1e4 * mean:.2f} +- {1e4 * error:.2f}" for mean, error in parts) + " |")

    print("spatial covariances at t = 30, in 1e-4\n| fields | var u | cov uv | var v |\n|---|---|---|---|")
    x, _ = small.evolve(random_cosines(small.lattice, RUNS, rng=rng), 30.0, rng=rng)
    line("direct, 100 points", x, small.lattice)
    y, _ = large.evolve(random_cosines(large.lattice, RUNS, rng=rng), 30.0, rng=rng)
    line("direct, 200 points", y, large.lattice)
    system, z = interpolate(small, x, LARGE // SMALL, RUNS, rng=rng)
    line("100 interpolated to 200", z, system.lattice)
    now = 0.0
    for time in RELAX:
        z, _ = system.evolve(z, time - now, rng=rng)
        now = time
        line(f"and relaxed for {time:g}", z, system.lattice)
    print(f"independent noise keeps {interpolated_noise(2):.3f} of its variance on average")

    jacobian = np.array([[-0.4, -0.4], [3 * 0.6, 0.0]])
    print("\nrates of the means about (b, 1 - b):", np.linalg.eigvals(jacobian))
    for points in (SMALL, LARGE):
        wave = 2 - 2 * np.cos(2 * np.pi * 5 / points)
        print(f"rate at which diffusion alone damps v of the starting wave, {points} points: {wave:.4f}")

    print("\ncovariance rate of mean v at t = 30 from pairs of one patch, over the exact one")
    exact = infinitesimal_moments(large, y[:1], CLOSED)[1][0, 1, 1]
    many = np.repeat(y, 200, axis=0)
    for dt in (0.01, 0.05, 0.2):
        pairs = partial_evolution(large, many, [dt], 1 / K, rng=rng).pairs(CLOSED)
        step = (pairs.z1 - pairs.z0)[:, 1].reshape(RUNS, -1)
        rate = ((step - step.mean(axis=1, keepdims=True)) ** 2).sum() / (step.size - RUNS) / (K * dt)
        print(f"dt = {dt:g}: {rate / exact:.3f} +- {np.sqrt(2 / step.size):.3f}")


if __name__ == "__main__":
    main()
