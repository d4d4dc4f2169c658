"""Maximum mean discrepancy: are two sets of trajectories draws of one law, and how far apart would noise put them?"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import (
    MOST_DRAWS,
    above_zero,
    array,
    checked,
    many,
    whole,
)
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

SIGMAS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Widths of the kernels of arXiv 2511.12842."""


@dataclasses.dataclass(frozen=True)
class Discrepancy:
    """A discrepancy and what it would be if both sets had one law.

    Attributes:
        value: time-averaged squared MMD, biased estimate.
        floor: its mean over all ways to deal the pooled trajectories into two sets of these sizes (exact).
        floor_sd: standard deviation over random ways.
        p_value: share of random ways that give at least `value`, counting this one.
    """

    value: float
    floor: float
    floor_sd: float
    p_value: float


@checked(x=array(), y=array(), sigmas=many(above_zero, least=1))
def mmd(x: ArrayLike, y: ArrayLike, sigmas: tuple[float, ...] = SIGMAS) -> float:
    r"""Squared maximum mean discrepancy of two samples, biased estimate, mean over kernels.

    MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y), all pairs, i = j too, k = exp(-|x - y|^2 / (2 sigma^2)).
    The published curves show this square. Source: Gretton et al., J. Mach. Learn. Res. 13, 723 (2012), Eq. 5.

    Args:
        x: (n, d) or (n,) sample.
        y: (m, d) or (m,) sample.
        sigmas: widths of the kernels, in units of z.
    """
    a, b = (np.asarray(z, dtype=float) for z in (x, y))
    if a.ndim not in (1, 2) or b.shape[1:] != a.shape[1:] or not (a.size and b.size):
        raise ValueError(f"samples must be (n, d) or (n,) with values of the same kind, got {a.shape} and {b.shape}")
    return time_averaged_mmd(a.reshape(len(a), 1, -1), b.reshape(len(b), 1, -1), sigmas)


@checked(model=array(), reference=array(), sigmas=many(above_zero, least=1))
@one_thread()
def time_averaged_mmd(model: ArrayLike, reference: ArrayLike, sigmas: tuple[float, ...] = SIGMAS) -> float:
    """Mean over the times of `mmd` between trajectories (n, n_times, d) and (m, n_times, d)."""
    a, b = _trajectories(model, reference)
    return _square(_gram(np.concatenate([a, b]), sigmas), _weights(len(a), len(b)))


@checked(
    model=array(),
    reference=array(),
    sigmas=many(above_zero, least=1),
    permutations=whole(1, MOST_DRAWS),
    rng=generator_of,
)
@one_thread()
def compare_by_mmd(
    model: ArrayLike,
    reference: ArrayLike,
    *,
    sigmas: tuple[float, ...] = SIGMAS,
    permutations: int = 500,
    rng: np.random.Generator,
) -> Discrepancy:
    """Time-averaged MMD of two sets of trajectories beside its sampling floor.

    Whole trajectories change sides, so correlations in time do not matter.

    Args:
        model: (n, n_times, d).
        reference: (m, n_times, d) at the same times.
        sigmas: widths of the kernels.
        permutations: random ways to deal the trajectories for `floor_sd` and `p_value`.
        rng: random generator.
    """
    a, b = _trajectories(model, reference)
    if permutations < 1:
        raise ValueError(f"the number of permutations must be at least 1, got {permutations}")
    gram = _gram(np.concatenate([a, b]), sigmas)
    weights = _weights(len(a), len(b))
    value = _square(gram, weights)
    dealt = np.array([_square(gram, rng.permutation(weights)) for _ in range(permutations)])
    n = len(gram)
    others = (gram.sum() - np.trace(gram)) / (n * (n - 1))
    floor = (1 / len(a) + 1 / len(b)) * (np.trace(gram) / n - others)
    reached = int(np.sum(dealt >= value * (1 - 1e-12)))
    return Discrepancy(value, float(floor), float(dealt.std()), (1 + reached) / (1 + permutations))


@checked(reference=array(), sigmas=many(above_zero, least=1), splits=whole(1, MOST_DRAWS), rng=generator_of)
@one_thread()
def halves_floor(
    reference: ArrayLike, *, sigmas: tuple[float, ...] = SIGMAS, splits: int = 20, rng: np.random.Generator
) -> tuple[float, float]:
    """Mean and standard deviation of the time-averaged MMD of random halves of one set (n, n_times, d).

    The two halves are independent and of one law: no model can be expected to come closer with as few trajectories
    (n / 2 on each side; the floor goes as 1/n + 1/m).
    """
    z, _ = _trajectories(reference, reference)
    if len(z) < 4 or splits < 1:
        raise ValueError(f"two halves need at least 4 trajectories and 1 split, got {len(z)} and {splits}")
    half = len(z) // 2
    gram = _gram(z, sigmas)[: 2 * half, : 2 * half]
    weights = _weights(half, half)
    values = [_square(gram, rng.permutation(weights)) for _ in range(splits)]
    return float(np.mean(values)), float(np.std(values))


@checked(model=array(), reference=array())
@one_thread()
def whiten(model: ArrayLike, reference: ArrayLike) -> tuple[Floats, Floats]:
    r"""Both sets with the reference's mean removed and its covariance made 1, at each time.

    Kernels of width .25 to 8 on raw variables see little of fluctuations of .01: their MMD compares means. On
    whitened ones it compares shapes and spreads. Directions in which the reference spreads by less than 1e-6 of its
    largest spread over the times are left at that scale (all trajectories start at one point).

    Args:
        model: (n, n_times, d).
        reference: (m, n_times, d).

    Returns:
        Both, transformed.
    """
    a, b = _trajectories(model, reference)
    if len(b) <= b.shape[2]:
        raise ValueError(f"{len(b)} trajectories do not determine a covariance of {b.shape[2]} variables; give more")
    centre = b.mean(axis=0)
    spread = b - centre
    values, vectors = np.linalg.eigh(np.einsum("ntd,nte->tde", spread, spread) / (len(b) - 1))
    largest = values.max()
    if not largest > 0:
        raise ValueError("the reference trajectories are all the same; there is no spread to measure with")
    transform = vectors / np.sqrt(np.maximum(values, 1e-12 * largest))[:, None, :]
    return np.einsum("ntd,tde->nte", a - centre, transform), np.einsum("ntd,tde->nte", spread, transform)


def _trajectories(model: ArrayLike, reference: ArrayLike) -> tuple[Floats, Floats]:
    a, b = (np.asarray(z, dtype=float) for z in (model, reference))
    if a.ndim != 3 or b.ndim != 3 or a.shape[1:] != b.shape[1:] or not (len(a) and len(b)):
        raise ValueError(f"trajectories must be (n, n_times, d) at the same times, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a trajectory holds a value that is not finite")
    return a, b


def _gram(z: Floats, sigmas: tuple[float, ...]) -> Floats:
    """(n, n) kernels of all pairs of trajectories, averaged over times and widths."""
    if not sigmas or not min(sigmas) > 0:
        raise ValueError(f"the widths of the kernels must be positive, got {sigmas}")
    total = np.zeros((len(z), len(z)))
    for t in range(z.shape[1]):
        here = z[:, t]
        square = np.zeros_like(total)
        for column in here.T:
            square += (column[:, None] - column[None, :]) ** 2
        for sigma in sigmas:
            total += np.exp(square * (-0.5 / sigma**2))
    return total / (z.shape[1] * len(sigmas))


def _weights(n: int, m: int) -> Floats:
    return np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])


def _square(gram: Floats, weights: Floats) -> float:
    return float(weights @ gram @ weights)
