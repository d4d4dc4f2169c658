"""An equation that is learned on a line leads back to it from beside it."""

from __future__ import annotations

import numpy as np
import pytest

import asemacro as am
from asemacro.labels import Attraction, with_attraction
from asemacro.macro import OdeFitOptions
from asemacro.macro.ode import simulate_ode


def some_labels(n: int = 500) -> am.ForceLabels:
    rng = np.random.default_rng(0)
    z, root = rng.normal(size=(n, 2)) * [1.0, 20.0], rng.normal(size=(n, 3, 2))
    return am.ForceLabels(z, root, rng.normal(size=(n, 3)), rng.random(n), 0.25, np.arange(n) // 10)


def test_losses_of_copies_are_those_of_rates_that_lead_back() -> None:
    """loss(g - rate displacement) of a copy is loss(g) of its state, whatever g is; states come first, unchanged."""
    labels, attraction = some_labels(), Attraction(rate=7.0, nearest=0.01, farthest=0.1, copies=3)
    more = with_attraction(labels, attraction, rng=np.random.default_rng(1))
    n = len(labels)
    assert len(more) == 4 * n
    assert more.fraction == 0.25
    np.testing.assert_array_equal(more.z[:n], labels.z)
    np.testing.assert_array_equal(more.group, np.tile(labels.group, 4))
    rates = np.random.default_rng(2).normal(size=(n, 2))
    away = more.z - np.tile(labels.z, (4, 1))
    np.testing.assert_allclose(more.losses(np.tile(rates, (4, 1)) - 7.0 * away), np.tile(labels.losses(rates), 4))
    scaled = away[n:] / labels.z.std(axis=0)
    # a normal number times exp(u), u uniform: mean 0, and mean square (b^2 - a^2) / (2 ln(b / a))
    square = (0.1**2 - 0.01**2) / (2 * np.log(10))
    assert abs(scaled.mean()) < 4.5 * np.sqrt(square / scaled.size)
    assert (scaled**2).mean() == pytest.approx(square, rel=0.15)


def test_an_equation_of_a_circle_leads_back_to_it() -> None:
    """States go round the unit circle at speed 1. Labels alone say nothing of radii: an error of one stays."""
    angle = np.random.default_rng(3).uniform(0, 2 * np.pi, 2000)
    z = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rate = z[:, ::-1] * [-1.0, 1.0]
    labels = am.ForceLabels(z, np.broadcast_to(np.eye(2), (2000, 2, 2)), rate, np.zeros(2000))
    led = with_attraction(labels, Attraction(rate=3.0, nearest=0.05, farthest=0.2), rng=np.random.default_rng(4))
    once_round = np.array([0.2, 2 * np.pi])
    for taught, leads_back in ((labels, False), (led, True)):
        ode, options = am.NeuralODE(am.MLPDrift(2, hidden=32)), OdeFitOptions(steps=2000, batch_size=256)
        fitted = am.fit_ode(ode, taught, seeds=2, rng=np.random.default_rng(5), options=options)
        for member in fitted.members:
            _, path = simulate_ode(member, [[1.03, 0.0]], times=once_round, n_steps=500)
            early, late = np.hypot(*np.asarray(path)[0].T) - 1
            if leads_back:
                assert 2 < -np.log(early / 0.03) / 0.2 < 6, "the rate that was asked for is 3"
                assert abs(late) < 0.005
            else:
                assert late > 0.015


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rate": 0.0}, "rate must"),
        ({"rate": 1.0, "nearest": 0.1, "farthest": 0.01}, "nearest 0.1 must not exceed farthest 0.01"),
        ({"rate": 1.0, "copies": 0}, "copies must"),
        ({"rate": float("nan")}, "rate must"),
        (
            {"rate": 1e300},
            "rate must be at most 1e\\+30 and farthest at most 100 standard deviations, got 1e\\+300 and",
        ),
        ({"rate": 1.0, "farthest": 1e300}, "rate must be at most .* got 1 and 1e\\+300"),
    ],
)
def test_numbers_out_of_range_are_refused_in_one_line(wrong: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message) as refused:
        Attraction(**wrong)
    assert "\n" not in str(refused.value)
