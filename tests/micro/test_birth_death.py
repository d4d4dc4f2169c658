"""Exact moments of the Curie-Weiss magnetisation, by the backward equation, against the law itself."""

from __future__ import annotations

import numpy as np
import pytest
from exact_spins import ExactCurieWeiss

from asemacro.micro.spins.birth_death import count_generator, magnetisation_moments
from asemacro.micro.spins.curie_weiss import CurieWeiss


@pytest.mark.parametrize("n", [1, 2, 40])
def test_generator_is_that_of_the_counts(n: int) -> None:
    exact = ExactCurieWeiss(n, 0.9, 0.05)
    found = count_generator(CurieWeiss(n, 0.9, field=0.05))
    np.testing.assert_allclose(found.toarray(), exact.generator.toarray(), rtol=1e-12, atol=1e-14)


def test_mean_and_spread_are_those_of_the_law() -> None:
    # the backward equation in few implicit steps, the forward one by uniformisation
    n, times = 400, np.array([0.0, 0.5, 2.0, 10.0, 40.0])
    mean, sd = magnetisation_moments(CurieWeiss(n, 1.1, field=0.1), (0.5, -0.5), times)
    for k, m0 in enumerate((0.5, -0.5)):
        forward = ExactCurieWeiss(n, 1.1, 0.1).moments(m0, times)
        np.testing.assert_allclose(mean[k], forward[:, 0], atol=1e-7)
        np.testing.assert_allclose(sd[k], forward[:, 1], atol=1e-6)


def test_published_values() -> None:
    # n = 4096, of an independent solution by uniformisation
    mean, sd = magnetisation_moments(CurieWeiss(4096, 1.1, field=0.1), -0.5, [1.0, 5.0, 20.0])
    np.testing.assert_allclose(mean[0], [-0.361070, 0.055233, 0.482817], atol=1e-6)
    np.testing.assert_allclose(sd[0], [0.019164, 0.038591, 0.025082], atol=1e-6)


def test_one_start_at_time_zero() -> None:
    mean, sd = magnetisation_moments(CurieWeiss(10, 1.0), 0.2, 0.0)
    assert mean.tolist() == [[pytest.approx(0.2)]]
    assert sd.tolist() == [[0.0]]


@pytest.mark.parametrize(("starts", "times", "word"), [(1.5, [1.0], "magnetisations"), (0.0, [2.0, 1.0], "ascending")])
def test_bad_input(starts: float, times: list[float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        magnetisation_moments(CurieWeiss(10, 1.0), starts, times)
