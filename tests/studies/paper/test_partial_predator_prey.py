"""The study of predator-prey fields learned from partial forces, small."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from asemacro.macro.mlp_drift import MLPDrift
from asemacro.studies.paper.partial import Scored, trajectory_error
from asemacro.studies.paper.partial import predator_prey as study
from asemacro.tasks.streams import Streams

SMALL = study.Budget(trajectories=60, epochs=4, steps=400, seeds=2, tests=6)


def test_the_error_is_the_ratio_of_sums_of_norms() -> None:
    exact = np.zeros((2, 3, 2))
    exact[:, :, 0] = [[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]]
    z = exact.copy()
    z[0, 1] += [0.3, 0.4]
    z[1, :, 1] += 1.0
    assert trajectory_error(z, exact) == pytest.approx((0.5 / 6 + 3 / 12) / 2)


def test_median_and_spread_are_over_all_seeds() -> None:
    scored = Scored((1.0, 5.0, 2.0), 10, 0.0)
    assert scored.median == 2
    assert scored.spread == pytest.approx(np.std([1, 5, 2], ddof=1))


def test_a_fifth_of_the_forces_teaches_the_means() -> None:
    streams = Streams.of(np.random.default_rng(1))
    world = study.prepare(SMALL, streams=streams)
    assert world.exact.shape == (6, 300, 2)
    assert world.report.reconstruction < 0.02
    assert world.report.kappa < 3
    drift = MLPDrift(4, hidden=32)
    scored, fitted = study.learn(world, SMALL, 3000, 0.2, drift=drift, streams=streams)
    assert scored.force_evaluations == 3000 * 20
    assert len(scored.errors) == 2 == len(fitted.members)
    assert scored.median < 1.5e-2
    # means that stay where they start, for comparison
    still = np.repeat(world.exact[:, :1], 300, axis=1)
    assert scored.median < 0.1 * trajectory_error(still, world.exact)
    # the conventional loss from as many forces
    plain = study.learn(world, SMALL, 600, 1.0, space="macro", drift=MLPDrift(4, hidden=32), streams=streams)[0]
    assert plain.force_evaluations == scored.force_evaluations


def test_quick_is_less_than_full() -> None:
    pairs = zip(dataclasses.astuple(study.QUICK), dataclasses.astuple(study.FULL), strict=True)
    assert sum(quick < full for quick, full in pairs) >= 4
