"""Noise of interpolated fields and how it comes back, the rates behind it: the numbers of docs/notes/fields.md.

python docs/fields.py
"""

from __future__ import annotations

import sys

import numpy as np

from asemacro.labels.moments import infinitesimal_moments
from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.micro.blocks import observe
from asemacro.micro.fields.predator_prey import random_cosines
from asemacro.micro.sampling import sample
from asemacro.observables.field_covariance import FieldCovariance
from asemacro.studies.paper.fig2 import TESTED, TIMES, measure
from asemacro.studies.paper.predator_prey import (
    AGES,
    CLOSED,
    LARGE,
    MEANS,
    RELAX,
    SMALL,
    K,
    chain,
    direct,
    learn,
    predict,
    snapshots,
)
from asemacro.upsampling.interpolation import interpolate, interpolated_noise

RUNS = 100
TIMES_OF_RELAXATION = (0.5, 1.0, 2.0, 4.0, 8.0)
LEARNED_FROM, TRAJECTORIES = 300, 200


def noise() -> None:
    """Covariances of fields, rates, covariance rates of pairs."""
    rng = np.random.default_rng(0)
    phi, small, large = FieldCovariance(), chain(SMALL), chain(LARGE)

    def line(name: str, states: np.ndarray, lattice: Lattice) -> None:
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
    for time in TIMES_OF_RELAXATION:
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


def kinds_of_snapshots() -> None:
    """What is learned from snapshots of three kinds, with and without closure, at lambda = K."""
    rng = np.random.default_rng(1)
    true = [direct(*start, TIMES, TRAJECTORIES, rng=rng) for start in TESTED]
    system, relaxed = snapshots(LEARNED_FROM, rng=rng)
    starts = random_cosines(system.lattice, LEARNED_FROM, rng=rng)
    ages = np.unique(np.add.outer(AGES, RELAX)[:-1])
    states = sample(system, starts, ages, rng=rng).x.swapaxes(0, 1).reshape(-1, LARGE, 2)
    kinds = {
        "interpolated": relaxed[: len(relaxed) // len(RELAX)],
        "interpolated, then 0 to 4 units": relaxed,
        "direct, 200 points": states[rng.permutation(len(states))[: len(relaxed)]],
    }
    print(
        "| snapshots | z | sd over true sd, u, v | rms error of mean u, v (1e-3) | in true sd |\n|---|---|---|---|---|"
    )
    for name, x in kinds.items():
        for phi in (CLOSED, MEANS):
            sde = learn(system, x, phi, 4, rng=rng).with_noise(K, rng=rng)
            found = measure(predict(sde, phi, TESTED, [TRAJECTORIES] * len(TESTED), TIMES, rng=rng), true, len(TESTED))
            cells = [f"{a:.2f}, {b:.2f}" for a, b in (found.noise, 1e3 * found.rms, found.pull)]
            print(f"| {name} | {'means, covariances' if phi is CLOSED else 'means'} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    kinds_of_snapshots() if "snapshots" in sys.argv[1:] else noise()
