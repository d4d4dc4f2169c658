"""The past as further variables: against integrals, and against a process whose memory is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from asemacro.closure.memory import remembered

TIMES = np.array([0.0, 0.3, 0.4, 1.7, 5.0])
MEMORY = 0.8


def test_the_past_counts_less_the_longer_ago_it_is() -> None:
    """y(t) = z(0) exp(-t / m) + integral of z(s) exp(-(t - s) / m) / m, z a line between the times."""
    z = np.random.default_rng(0).standard_normal((2, 5, 3))
    y = remembered(z, TIMES, MEMORY)
    for run in range(2):
        for k, t in enumerate(TIMES):

            def weighted(s: float, t: float = t, run: int = run) -> float:
                return float(np.interp(s, TIMES, z[run, :, 1])) * np.exp((s - t) / MEMORY) / MEMORY

            past = quad(weighted, 0, t, points=TIMES, epsabs=1e-12)[0] if k else 0.0
            assert y[run, k, 1] == pytest.approx(z[run, 0, 1] * np.exp(-t / MEMORY) + past, abs=1e-9)


def test_what_does_not_change_is_remembered_as_it_is() -> None:
    z = np.full((1, 5, 2), 0.7)
    np.testing.assert_allclose(remembered(z, TIMES, MEMORY), z, rtol=1e-15)


def test_a_short_memory_is_the_present_and_a_long_one_the_start() -> None:
    z = np.random.default_rng(1).standard_normal((5, 1))
    np.testing.assert_allclose(remembered(z, TIMES, 1e-9), z, atol=1e-7)
    np.testing.assert_allclose(remembered(z, TIMES, 1e12), np.broadcast_to(z[0], z.shape), atol=1e-9)


@pytest.mark.parametrize("times", [TIMES[:4], TIMES[::-1]])
def test_times_that_are_not_those_of_the_values(times: np.ndarray) -> None:
    with pytest.raises(ValueError, match="ascending"):
        remembered(np.zeros((5, 1)), times, MEMORY)
