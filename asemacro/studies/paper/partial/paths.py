"""Figures of trajectories: a learned equation solved with longer and longer steps, beside the exact observables."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from asemacro.macro.ode import NeuralODE, simulate_ode
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.studies.forces.errors import encode
from asemacro.studies.paper.partial.learning import Effort, Lesson, learn
from asemacro.studies.paper.partial.world import Test, World
from asemacro.studies.paper.report import Row, Table
from asemacro.tasks.progress import part_of
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

SHOWN = 3  # trajectories


@dataclasses.dataclass(frozen=True)
class Paths:
    """Test trajectories and what the median model of each loss makes of them.

    Attributes:
        times: (n_times,).
        exact: (SHOWN, n_times, s).
        learned: by loss, (SHOWN, n_times, s) with the shortest step.
        errors: by loss and step (in units of time), (seeds,) mean error of all test trajectories.
    """

    times: Floats
    exact: Floats
    learned: dict[str, Floats]
    errors: dict[str, dict[float, Floats]]


def paths_of(
    world: World, lessons: dict[str, Lesson], effort: Effort, steps: Sequence[float], *,
    streams: Streams, progress: Report,
) -> Paths:  # fmt: skip
    """Learn by each loss, and solve with each number of steps between two times of the test.

    Args:
        world: the system.
        lessons: by name of the loss.
        effort: of the fits.
        steps: between two times of the test; below 1 a step goes over several.
        streams: random streams.
        progress: told how far it is.
    """
    interval = float(world.test.times[1])
    learned: dict[str, Floats] = {}
    errors: dict[str, dict[float, Floats]] = {}
    for k, (name, lesson) in enumerate(lessons.items()):
        told = part_of(progress, "figure", 0.5 + 0.5 * k / len(lessons), 0.5 / len(lessons))
        _, models = learn(world, lesson, effort, streams=streams, progress=told)
        errors[name] = {
            interval / per: np.array([world.test.error(model, world.variables, steps=per).mean() for model in models])
            for per in steps
        }
        first = errors[name][interval / steps[0]]
        middle = models[int(np.argsort(first)[len(first) // 2])]
        learned[name] = solved(middle, world.variables, world.test, max(1, round(steps[0])))
    return Paths(world.test.times, world.test.observed[:SHOWN], learned, errors)


def solved(model: NeuralODE, encoder: DifferentiableObservable, test: Test, steps: int) -> Floats:
    """(SHOWN, n_times, s) observables along the first test trajectories; nan where they no longer count."""
    shape = test.observed[:SHOWN].shape
    out = np.full(shape, np.nan)
    for k in range(len(out)):
        n = len(test.times) if test.counted is None else int(test.counted[k])
        z0 = encode(encoder, test.starts[k : k + 1])
        _, z = simulate_ode(model, z0, times=test.times[:n], n_steps=(n - 1) * steps)
        out[k, :n] = z[0, :, : shape[2]]
    return out


def rows_of(system: str, paths: Paths) -> list[Row]:
    """Median error over seeds of each loss and step."""
    return [
        Row(f"{system}/{loss}/step={step:.3g}", float(np.median(own)))
        for loss, steps in paths.errors.items()
        for step, own in steps.items()
        if np.isfinite(np.median(own))
    ]


def tables_of(paths: Paths) -> dict[str, Table]:
    """NAME.csv: errors of all seeds; NAME-paths.csv: the trajectories that are drawn."""
    errors = [
        [loss, step, k, float(error)]
        for loss, steps in paths.errors.items()
        for step, own in steps.items()
        for k, error in enumerate(own)
    ]
    curves = {"exact": paths.exact, **paths.learned}
    lines = [
        [name, k, float(t), *map(float, z)]
        for name, values in curves.items()
        for k, one in enumerate(values)
        for t, z in zip(paths.times, one, strict=True)
    ]
    s = paths.exact.shape[2]
    return {
        "": Table(("loss", "step", "seed", "error"), errors),
        "paths": Table(("curve", "trajectory", "t", *(f"z{j + 1}" for j in range(s))), lines),
    }
