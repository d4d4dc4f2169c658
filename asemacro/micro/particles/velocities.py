"""Random velocities of particles, at several temperatures."""

from __future__ import annotations

import numpy as np

from asemacro.typing import Floats


def moving(r: Floats, masses: Floats, temperatures: Floats, k_B: float, *, rng: np.random.Generator) -> Floats:
    """States (batch, 6 N): one set of positions with one set of directions of velocities, at each temperature.

    Velocities are Maxwell's, without total momentum, scaled to exactly T = sum m v^2 / (3 (N - 1) k_B).

    Args:
        r: (N, 3) positions.
        masses: (N, 1).
        temperatures: (batch,) T of each state.
        k_B: Boltzmann's constant in the unit of m v^2 over that of T.
        rng: source of randomness.
    """
    v = rng.standard_normal((len(r), 3)) / np.sqrt(masses)
    v -= (masses * v).sum(axis=0) / masses.sum()
    v /= np.sqrt((masses * v**2).sum() / (3 * (len(r) - 1) * k_B))
    velocities = np.sqrt(temperatures)[:, None] * v.reshape(-1)
    return np.concatenate([np.broadcast_to(r.reshape(-1), velocities.shape), velocities], axis=1)
