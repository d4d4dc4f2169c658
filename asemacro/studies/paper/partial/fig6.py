"""Figures 6 and 7: predator-prey means over time by a learned equation with steps of 0.1 and 0.5, ten and fifty times
those of the microscopic equations; and the fields themselves, as in figure 5."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE
from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.partial import predator_prey
from asemacro.studies.paper.partial.drawing import draw_errors
from asemacro.studies.paper.partial.learning import Effort, Lesson
from asemacro.studies.paper.partial.paths import Paths, paths_of, rows_of, tables_of
from asemacro.studies.paper.report import Result
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import part_of
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

STEPS = (10.0, 1.0, 0.2)  # between two snapshots: steps of 0.01, 0.1, 0.5
LESSONS = {"p=1/5": Lesson(15_000, 0.2), "L_z": Lesson(3_000, space="macro")}
FIELDS_AT = (0.0, 2.0, 10.0, 29.9)
NOTES = ("Steps of the learned equation; the microscopic equations take 0.01. Medians over seeds.",)


@dataclasses.dataclass(frozen=True)
class Budget:
    """What the figure costs."""

    world: predator_prey.Budget
    effort: Effort


FULL = Budget(predator_prey.FULL, Effort(3000))
QUICK = Budget(predator_prey.QUICK, Effort(300, seeds=3))


def run(*, quick: bool, rng: np.random.Generator, progress: Report, store: Checkpoint) -> Result:
    """Run the figure; it is short: nothing is kept in the store."""
    budget, streams = QUICK if quick else FULL, Streams.of(rng)
    with tempfile.TemporaryDirectory(prefix="asemacro-") as folder:
        told = part_of(progress, "figure", 0.0, 0.5)
        world = predator_prey.prepare(budget.world, folder=Path(folder), streams=streams, progress=told)
        paths = paths_of(world, LESSONS, budget.effort, STEPS, streams=streams, progress=progress)
    fields = PredatorPreyODE(scheme="rk4").trajectories(world.test.starts[:1], FIELDS_AT)[0]
    title = "Figs. 6 and 7 of Chen and Li 2024: predator-prey, learned equation solved with long steps"
    return Result(title, rows_of("predator-prey", paths), tables_of(paths), lambda: draw(paths, fields), NOTES)


def draw(paths: Paths, fields: Floats) -> Figure:
    """Means over time, a colour for each start, exact in dashes; errors over the step; fields of one trajectory."""
    figure, axes = plot.new_figure(17.0, 4.0, columns=4, share=False)
    for column, name in enumerate(("mean of prey u", "mean of predators v")):
        for k, exact in enumerate(paths.exact):
            axes[column].plot(paths.times, paths.learned["p=1/5"][k, :, column], color=plot.color_of(k))
            axes[column].plot(paths.times, exact[:, column], "--", color="black", linewidth=1)
        axes[column].set_xlabel("time")
        axes[column].set_title(f"{name}, p = 1/5 (a colour a start; dashes: exact)", fontsize=8)
    draw_errors(axes[2], paths)
    cells = np.arange(fields.shape[1] // 2) + 0.5
    for k, (time, state) in enumerate(zip(FIELDS_AT, fields, strict=True)):
        axes[3].plot(cells, state[: len(cells)], color=plot.shade_of(k, len(fields)), label=f"u, t = {time:g}")
        axes[3].plot(cells, state[len(cells) :], ":", color=plot.shade_of(k, len(fields)))
    axes[3].set_xlabel("cell")
    axes[3].set_title("a state: u, and v in dots", fontsize=9)
    axes[3].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))  # beside the curves
    return figure
