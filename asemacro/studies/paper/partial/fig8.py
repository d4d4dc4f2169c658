"""Figure 8: the energy of Allen-Cahn rings over time by a learned equation with steps 10, 50 and 100 times those of the
microscopic equation; and the fields themselves, as in figure 5."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from asemacro.micro.fields.allen_cahn import AllenCahn
from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.partial import allen_cahn
from asemacro.studies.paper.partial.drawing import draw_errors, draw_fields
from asemacro.studies.paper.partial.learning import Effort, Lesson
from asemacro.studies.paper.partial.paths import Paths, paths_of, rows_of, tables_of
from asemacro.studies.paper.report import Result, Row
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import part_of
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

FIELDS_AT = (0.0, 0.005, 0.02, 0.05)
NOTES = (
    "Steps of the learned equation; the microscopic equation takes 0.1 h^2 as published, 0.25 h^2 here. steps: largest "
    "difference of the energy by these two, over its start.",
)


@dataclasses.dataclass(frozen=True)
class Budget:
    """What the figure costs; L_z sees as many forces as L_x,p of `states` states. Steps of the learned equation are
    told as their number in an interval of 100 published steps."""

    world: allen_cahn.Budget
    effort: Effort
    states: int
    steps: tuple[float, ...]


FULL = Budget(allen_cahn.Budget(trajectories=80, tests=20), allen_cahn.EFFORT, 18_000, (10.0, 2.0, 1.0))
QUICK = Budget(
    allen_cahn.Budget(n=64, trajectories=16, tests=4, every=8, encoded=1, on_disk=False),
    Effort(300, seeds=3),
    500,
    (2.0, 1.0),
)


def run(*, quick: bool, rng: np.random.Generator, progress: Report, store: Checkpoint) -> Result:
    """Run the figure; nothing is kept in the store."""
    budget, streams = QUICK if quick else FULL, Streams.of(rng)
    fraction, steps = allen_cahn.FRACTION, tuple(per * budget.world.every for per in budget.steps)
    equal = max(round(budget.states * fraction), 2 * (budget.world.closures + 1))
    lessons = {
        "p=1/25": Lesson(budget.states, fraction, spread=True, drift=allen_cahn.DRIFT),
        "L_z": Lesson(equal, space="macro", spread=True, drift=allen_cahn.DRIFT),
    }
    with tempfile.TemporaryDirectory(prefix="asemacro-") as folder:
        told = part_of(progress, "figure", 0.0, 0.5)
        world = allen_cahn.prepare(budget.world, folder=Path(folder), streams=streams, progress=told)
        paths = paths_of(world, lessons, budget.effort, steps, streams=streams, progress=progress)
    n = budget.world.n
    fields = AllenCahn(n, time_step=allen_cahn.STEP / n**2).trajectories(world.test.starts[:1], FIELDS_AT)[0]
    apart = Row("allen-cahn/steps/0.25-against-0.1", allen_cahn.error_of_steps(n, streams=streams), target=(None, 1e-4))
    title = "Fig. 8 of Chen and Li 2024: energy of Allen-Cahn rings, learned equation solved with long steps"
    rows = [*rows_of("allen-cahn", paths), apart]
    return Result(title, rows, tables_of(paths), lambda: draw(paths, fields.reshape(-1, n, n)), NOTES)


def draw(paths: Paths, fields: Floats) -> Figure:
    """Energy over time, exact in dashes; errors over the step; fields of one trajectory."""
    figure, axes = plot.new_figure(15.0, 3.6, columns=2 + len(fields), share=False)
    for k, exact in enumerate(paths.exact):
        axes[0].plot(paths.times, paths.learned["p=1/25"][k, :, 0], color=plot.color_of(k))
        axes[0].plot(paths.times, exact[:, 0], "--", color="black", linewidth=1)
    axes[0].set_xlabel("time")
    axes[0].set_title("energy, p = 1/25 (dashes: exact)", fontsize=9)
    draw_errors(axes[1], paths)
    draw_fields(list(axes[2:]), fields, np.array(FIELDS_AT))
    return figure
