"""The study of predator-prey fields learned from partial forces, small."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.macro.mlp_drift import MLPDrift
from asemacro.studies.paper.partial import predator_prey as study
from asemacro.tasks.streams import Streams

SMALL = study.Budget(trajectories=60, epochs=4, steps=400, seeds=2, tests=6)


def test_a_fifth_of_the_forces_teaches_the_means() -> None:
    streams = Streams.of(np.random.default_rng(1))
    world = study.prepare(SMALL, streams=streams)
    assert world.exact.shape == (6, 300, 2)
    assert world.report.reconstruction < 0.02
    assert world.report.kappa < 3
    errors, learned = study.learn(world, SMALL, 3000, 0.2, drift=MLPDrift(4, hidden=32), streams=streams)
    assert learned.report.force_evaluations == 3000 * 20
    assert errors.shape == (2,)
    assert len(learned.members) == 2
    assert np.median(errors) < 1.5e-2
    # means that stay where they start, for comparison
    still = np.linalg.norm(world.exact - world.exact[:, :1], axis=2).sum(axis=1)
    assert np.median(errors) < 0.1 * (still / np.linalg.norm(world.exact, axis=2).sum(axis=1)).mean()
    # the conventional loss from as many forces
    _, plain = study.learn(world, SMALL, 600, 1.0, space="macro", drift=MLPDrift(4, hidden=32), streams=streams)
    assert plain.report.force_evaluations == learned.report.force_evaluations


def test_quick_is_less_than_full() -> None:
    pairs = zip(dataclasses.astuple(study.QUICK), dataclasses.astuple(study.FULL), strict=True)
    assert sum(quick < full for quick, full in pairs) >= 4
