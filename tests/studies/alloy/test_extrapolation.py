"""Equilibrium beyond the data: exact where the form is exact, and honest about what it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.studies.alloy.equilibrium import without_outliers
from asemacro.studies.alloy.extrapolation import quasi_chemical

T = np.array([600.0, 800, 1000, 1400, 2000, 2600, 3000])


def test_exact_pair_energies_are_continued() -> None:
    random = np.array([8 / 3, 4.0])
    energy = np.array([350.0, -120.0])  # K
    p = random * np.exp(energy / T[:, None])
    error = np.full_like(p, 0.01)
    delta, sigma = quasi_chemical(T, p - random, error, T >= 1000, random, 8)
    np.testing.assert_allclose(delta, (p - random), rtol=1e-6)
    assert (sigma[0] > sigma[2]).all()


def test_errors_cover_noise() -> None:
    rng = np.random.default_rng(0)
    random = np.full(400, 8 / 3)
    p = random * np.exp(330 / T[:, None] + 4e4 / T[:, None] ** 2)
    error = np.full_like(p, 0.01)
    noisy = p - random + 0.01 * rng.standard_normal(p.shape)
    delta, sigma = quasi_chemical(T, noisy, error, T >= 1000, random, 8)
    pulls = (delta - (p - random))[1] / sigma[1]
    # the share of the model error in sigma makes it cautious, never bold
    assert pulls.std() < 1.1
    assert abs(pulls.mean()) < 1.5


def test_a_pair_cannot_have_more_neighbours_than_sites() -> None:
    random = np.array([8 / 3])
    delta = random * (np.exp(1500 / T[:, None]) - 1)
    values, _ = quasi_chemical(T, delta, np.full_like(delta, 0.01), T >= 2000, random, 8)
    assert (values + random <= 8).all()


def test_a_cold_run_that_only_seems_to_stand_still() -> None:
    found = without_outliers([False, True, False, False, True, False, True, True])
    np.testing.assert_array_equal(found, [False, False, False, False, True, False, True, True])


def test_too_few_temperatures() -> None:
    with pytest.raises(ValueError, match="too few"):
        quasi_chemical(T, np.zeros((7, 1)), np.ones((7, 1)), T > 2500, np.ones(1), 8)
