"""Linear interpolation of fields: exact on lines, and what it does to noise."""

from __future__ import annotations

import numpy as np
import pytest
from small_fields import OPEN_CHAIN, OPEN_NET, some_fields

from asemacro.lattice.lattice import Lattice
from asemacro.micro.fields.predator_prey import PredatorPrey
from asemacro.upsampling.interpolation import finer, interpolate, interpolated_noise, refine


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_interpolation_is_linear_and_keeps_the_mean(factor: int) -> None:
    for lattice in (OPEN_CHAIN, OPEN_NET, Lattice.chain(1.0, (), 8)):
        x = some_fields(lattice)
        fine = refine(lattice, x, factor)
        larger = finer(lattice, factor)
        assert fine.shape == (1, larger.n_sites, 2)
        np.testing.assert_allclose(fine.mean(axis=1), x.mean(axis=1), rtol=1e-13)
        assert larger.shells(1)[0].distance == pytest.approx(lattice.shells(1)[0].distance / factor)
    # a straight line stays one up to the ends, where it is continued by the last value
    line = np.repeat(np.arange(12.0)[None, :, None], 2, axis=2)
    exact = np.clip((np.arange(12 * factor) + 0.5) / factor - 0.5, 0, 11)
    np.testing.assert_allclose(refine(OPEN_CHAIN, line, factor)[0, :, 0], exact, atol=1e-13)


def test_interpolation_takes_noise_away_as_reported() -> None:
    assert interpolated_noise(1) == 1
    assert interpolated_noise(2) == pytest.approx(5 / 8)
    assert interpolated_noise(2, 2) == pytest.approx(25 / 64)
    noise = np.random.default_rng(2).standard_normal((4000, 12, 2))
    for factor in (2, 3):
        found = refine(Lattice.chain(1.0, (), 12), noise, factor).var()
        assert found == pytest.approx(interpolated_noise(factor), rel=0.02)


def test_interpolation_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="one site"):
        refine(Lattice.bcc(1.0, (), 3), np.zeros((1, 54, 2)), 2)
    with pytest.raises(ValueError, match="whole multiple"):
        interpolate(PredatorPrey(OPEN_NET, D=(0, 0.5)), some_fields(OPEN_NET), 6, 1, rng=np.random.default_rng(0))
