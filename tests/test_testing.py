"""check_microsystem must let a correct system pass and catch each kind of wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asemacro.lattice.lattice import Lattice
from asemacro.testing import ALPHA, check_microsystem, chi_square, same_law, same_mean


class Decay:
    """Independent spins 1 -> 0 at rate 1: the simplest system with carriers (all sites) and an exact law."""

    def __init__(self) -> None:
        self.lattice = Lattice.chain(1.0, "Nb", 12)

    def carriers(self, x: np.ndarray) -> np.ndarray:
        return np.tile(np.arange(x.shape[1]), (len(x), 1))

    def evolve(self, x: Any, duration: Any, active: Any = None, *, rng: np.random.Generator) -> Any:
        sites = self.carriers(x) if active is None else np.array(active)
        falls = rng.random(x.shape) < self.probability(np.broadcast_to(duration, len(x))[:, None])
        may = np.zeros(x.shape, dtype=bool)
        np.put_along_axis(may, sites, True, axis=1)
        return np.where(falls & may, 0, x).astype(x.dtype), sites

    def probability(self, duration: Any) -> Any:
        return 1 - np.exp(-duration)


class EditsInput(Decay):
    def evolve(self, x: Any, duration: Any, active: Any = None, *, rng: np.random.Generator) -> Any:
        new, sites = super().evolve(x, duration, active, rng=rng)
        x[:] = new
        return new, sites


class IgnoresActive(Decay):
    def evolve(self, x: Any, duration: Any, active: Any = None, *, rng: np.random.Generator) -> Any:
        return super().evolve(x, duration, None, rng=rng)[0], self.carriers(x) if active is None else active


class HasMemory(Decay):
    def probability(self, duration: Any) -> Any:
        return 1 - np.exp(-(duration**2))


class UnseededNoise(Decay):
    def evolve(self, x: Any, duration: Any, active: Any = None, *, rng: np.random.Generator) -> Any:
        return super().evolve(x, duration, active, rng=np.random.default_rng())


class SlowWhenPartial(Decay):
    def evolve(self, x: Any, duration: Any, active: Any = None, *, rng: np.random.Generator) -> Any:
        slow = active is not None and active.shape[1] < x.shape[1]
        return super().evolve(x, np.asarray(duration) * (0.5 if slow else 1.0), active, rng=rng)


class FastWhenListed(Decay):
    def evolve(self, x: Any, duration: Any, active: Any = None, *, rng: np.random.Generator) -> Any:
        return super().evolve(x, np.asarray(duration) * (1.0 if active is None else 1.5), active, rng=rng)


def _density(x: np.ndarray, lattice: Lattice) -> np.ndarray:
    return x.mean(axis=1, keepdims=True)


def _check(system: Decay, **more: Any) -> dict[str, float]:
    x = np.ones((1, 12), dtype=np.int8)
    return check_microsystem(system, x, (0.1, 1.0), observable=_density, replicas=3000, **more)


def test_correct_system_passes() -> None:
    p = _check(Decay())
    assert len(p) == 5
    assert min(p.values()) > ALPHA


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (EditsInput, "edits its input"),
        (IgnoresActive, "not active has changed"),
        (HasMemory, "evolve"),
        (UnseededNoise, "same seed"),
        (SlowWhenPartial, "K-scaled drift"),
        (FastWhenListed, "all active = None"),
    ],
)
def test_wrong_system_is_caught(system: type[Decay], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        _check(system())


def test_a_quantity_that_is_not_conserved_is_caught() -> None:
    with pytest.raises(AssertionError, match="conserved"):
        _check(Decay(), conserved=lambda x: x.sum(axis=1))


def test_chi_square_knows_right_from_wrong() -> None:
    p = np.array([0.5, 0.3, 0.15, 0.05, 0.0])
    counts = np.random.default_rng(0).multinomial(5000, p)
    assert chi_square(counts, p) > 1e-3
    assert chi_square(counts, [0.45, 0.35, 0.15, 0.05, 0.0]) < 1e-6
    assert chi_square(counts + np.eye(5, dtype=int)[4], p) == 0.0
    with pytest.raises(ValueError, match="not 1"):
        chi_square(counts, p / 2)


def test_two_sample_tests_know_right_from_wrong() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 4000, 2))
    assert same_law(a, b) > 1e-3
    assert same_mean(a, b) > 1e-3
    assert same_law(a, 1.5 * b) < 1e-6
    assert same_mean(a, b + np.array([0.0, 0.2])) < 1e-6
