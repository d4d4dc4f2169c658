"""What a kernel is taken for before data are seen: the evidence, and what it does to kernels that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asemacro.macro.spde.block_kernel import orbits
from asemacro.macro.spde.kernel_prior import best_prior, roughness
from asemacro.typing import Floats

REACH, NOISE = 6, 0.5
LAGS, ORBIT = orbits(REACH, 2, "square")
LENGTH = np.sqrt(np.bincount(ORBIT, weights=(LAGS**2).sum(axis=1)) / np.bincount(ORBIT))
KERNELS = {
    "gaussian": np.exp(-(LENGTH**2) / 8) / 25,
    "top hat": np.where(LENGTH < 2.5, 1 / 21, 0.0),
    "long": np.exp(-(LENGTH**2) / 32) / 100,
}


def observed(kernel: Floats, rows: int, seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """A linear problem y = A J + noise of the unknown orbits: A, y, its normal equations and their solution."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(rows, len(kernel))) * np.sqrt(np.bincount(ORBIT)) / NOISE
    y = a @ kernel + rng.normal(size=rows)
    normal = a.T @ a
    return a, y, normal, np.asarray(np.linalg.solve(normal, a.T @ y), dtype=float)


def with_prior(normal: Floats, solution: Floats) -> Floats:
    """J with the prior that is found."""
    prior = best_prior(normal, solution, REACH, 2, "square")
    return np.asarray(np.linalg.solve(normal + prior.precision, normal @ solution), dtype=float)


def test_evidence_is_the_probability_of_the_data() -> None:
    # over all kernels that the prior allows y is normal with the covariance 1 + A Q^-1 A^T
    a, y, normal, solution = observed(KERNELS["gaussian"], 60, 0)
    found = [best_prior(normal, solution, REACH, 2, "square", range(r, r + 1)) for r in (1, 3, REACH)]
    exact = []
    for prior in found:
        inside = np.unique(ORBIT[np.abs(LAGS).max(axis=1) <= prior.reach])
        part = a[:, inside]
        covariance = np.eye(len(y)) + part @ np.linalg.solve(prior.precision, part.T)
        exact.append(stats.multivariate_normal(cov=covariance).logpdf(y))
    evidence = np.array([prior.evidence for prior in found])
    np.testing.assert_allclose(evidence - evidence[0], np.array(exact) - exact[0], atol=1e-6)


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_are_nearer_to_the_truth_than_without_a_prior(name: str) -> None:
    size, better = np.bincount(ORBIT), []
    for seed in range(8):
        _, _, normal, solution = observed(KERNELS[name], 3000, seed)
        each = (with_prior(normal, solution), solution)
        with_it, without = (np.sum(size * (one - KERNELS[name]) ** 2) for one in each)
        better.append(np.sqrt(with_it / without))
    assert np.median(better) < {"gaussian": 0.6, "top hat": 0.9, "long": 0.6}[name], better


def test_many_data_leave_the_kernel_as_it_is() -> None:
    rough = np.random.default_rng(3).normal(size=len(LENGTH))
    _, _, normal, solution = observed(rough, 200_000, 0)
    np.testing.assert_allclose(with_prior(normal, solution), solution, atol=2e-3)


def test_roughness_is_the_sum_of_squared_differences() -> None:
    j = np.random.default_rng(0).normal(size=len(LENGTH))
    square = np.zeros((2 * REACH + 1,) * 2)
    square[tuple((LAGS + REACH).T)] = j[ORBIT]
    for order in (1, 2):
        wide = np.pad(square, order)
        expected = sum(np.sum(np.diff(wide, order, axis=axis) ** 2) for axis in (0, 1))
        assert j @ roughness(REACH, 2, "square", order) @ j == pytest.approx(expected)
