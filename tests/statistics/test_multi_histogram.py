"""Several temperatures joined: exact free energies and averages of oscillators, any zero of the energy."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.statistics.multi_histogram import MultiHistogram

FREEDOM = 40  # E of so many quadratic terms: density E^(FREEDOM / 2 - 1), Z = beta^(-FREEDOM / 2)
KELVIN = np.linspace(0.8, 1.6, 9)


def samples(n: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.gamma(FREEDOM / 2, t, size=n) for t in KELVIN]


def test_free_energies_and_fluctuations_are_the_exact_ones() -> None:
    energy = samples(4000, 0)
    joined = MultiHistogram(energy, 1 / KELVIN)
    assert joined.free_energy == pytest.approx(-FREEDOM / 2 * np.log(KELVIN / KELVIN[0]), abs=0.06)
    e = np.concatenate(energy)
    for t in (0.85, 1.0, 1.23, 1.55):
        weight = joined.weights(1 / t)
        mean = weight @ e
        assert weight.sum() == pytest.approx(1)
        assert mean == pytest.approx(FREEDOM / 2 * t, rel=0.006)
        assert weight @ (e - mean) ** 2 / t**2 == pytest.approx(FREEDOM / 2, rel=0.06)


def test_it_is_the_self_consistent_solution_whatever_the_start_and_the_zero() -> None:
    energy, beta = samples(300, 1), 1 / KELVIN
    joined = MultiHistogram(energy, beta)
    e = np.concatenate(energy)
    below = 300 * np.exp(joined.free_energy - np.outer(e, beta)).sum(axis=1)
    again = -np.log((np.exp(-np.outer(e, beta)) / below[:, None]).sum(axis=0))
    assert again - again[0] == pytest.approx(joined.free_energy, abs=1e-6)
    elsewhere = MultiHistogram(energy, beta, np.zeros(len(beta)))
    assert elsewhere.free_energy == pytest.approx(joined.free_energy, abs=1e-5)
    shifted = MultiHistogram([part - 1000 for part in energy], beta)
    assert shifted.weights(1 / 1.1) == pytest.approx(joined.weights(1 / 1.1), rel=1e-4)


def test_one_temperature_is_plain_reweighting() -> None:
    energy = [samples(1000, 2)[3]]
    weight = MultiHistogram(energy, 1 / KELVIN[3:4]).weights(1 / 1.15)
    plain = np.exp(-(1 / 1.15 - 1 / KELVIN[3]) * (energy[0] - energy[0].mean()))
    assert weight == pytest.approx(plain / plain.sum())
