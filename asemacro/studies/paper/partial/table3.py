"""Table 3: which weight of the condition in the loss of the autoencoder? Predator-prey, p = 1/5.

Every weight has autoencoders of its own, from several random streams, as one autoencoder tells little. They start at
random, as published: from principal components, where those of all other tables start, phi' is well conditioned already
and the weight makes no difference.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.figure import Figure

from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.partial import predator_prey, published
from asemacro.studies.paper.partial.cells import NOTES, Cell, Group, run_groups, tables_of
from asemacro.studies.paper.partial.drawing import ERROR
from asemacro.studies.paper.partial.learning import Effort, Lesson
from asemacro.studies.paper.report import Result, Row, Table
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import part_of
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

NOTE = "Claimed is only that weight 0 is worst: the published values are of one autoencoder each."


@dataclasses.dataclass(frozen=True)
class Budget:
    """What the table costs: weights, autoencoders of each, their data, the fits, and what these see."""

    weights: tuple[float, ...]
    encoders: int
    world: predator_prey.Budget
    effort: Effort
    lesson: Lesson


FULL = Budget(
    tuple(published.TABLE_3),
    3,
    predator_prey.Budget(trajectories=400, tests=50, epochs=8, at_random=True),
    Effort(3000),
    Lesson(60_000, 0.2),
)
QUICK = Budget(
    (0.0, 1e-6, 1e-2),
    1,
    predator_prey.Budget(trajectories=100, tests=10, epochs=4, at_random=True),
    Effort(150, seeds=3),
    Lesson(15_000, 0.2),
)


def run(*, quick: bool, rng: np.random.Generator, progress: Report, store: Checkpoint) -> Result:
    """Run the table."""
    budget = QUICK if quick else FULL
    root = Streams.of(rng)
    errors: dict[float, Floats] = {}
    tables: dict[str, Table] = {}
    for k in range(budget.encoders):
        groups = groups_of(budget, k)
        streams = Streams((*root.root, k))
        told = part_of(progress, "figure", k / budget.encoders, 1 / budget.encoders)
        found = run_groups(groups, store=store, streams=streams, progress=told)
        tables |= {f"encoder{k}": tables_of(groups, found)[""]}
        for weight in budget.weights:
            one = found[name_of(weight, k)].errors
            errors[weight] = np.concatenate([errors.get(weight, np.zeros(0)), one])
    title = "Table 3 of Chen and Li 2024: predator-prey, p = 1/5, error over the weight of the condition"
    return Result(title, rows_of(errors), {"": tables.pop("encoder0"), **tables}, lambda: draw(errors), (*NOTES, NOTE))


def groups_of(budget: Budget, k: int) -> dict[str, Group]:
    """One world for each weight."""
    return {
        f"predator-prey/lambda={weight:g}": Group(
            predator_prey.prepare,
            dataclasses.replace(budget.world, conditioning=weight),
            budget.effort,
            [Cell(name_of(weight, k), budget.lesson)],
        )
        for weight in budget.weights
    }


def name_of(weight: float, k: int) -> str:
    """Quantity of a cell."""
    return f"predator-prey/lambda={weight:g}/encoder={k}"


def rows_of(errors: dict[float, Floats]) -> list[Row]:
    """Median of each weight over autoencoders and seeds, and by what factor weight 0 is worse than the worst other."""
    rows = [
        Row(f"predator-prey/lambda={weight:g}", float(np.median(own)), published=published.TABLE_3[weight])
        for weight, own in errors.items()
    ]
    others = max(float(np.median(own)) for weight, own in errors.items() if weight > 0)
    ratio = float(np.median(errors[0.0])) / others
    return [*rows, Row("predator-prey/lambda=0/over-the-worst-other", ratio, target=(1.0, None))]


def draw(errors: dict[float, Floats]) -> Figure:
    """Errors of all autoencoders and seeds over the weight."""
    figure, (ax,) = plot.new_figure(6.5, 4.4)
    for place, (weight, own) in enumerate(errors.items()):
        ax.plot(np.full(len(own), place), own, "o", color=plot.color_of(0), markersize=4, alpha=0.5)
        ax.plot([place], [np.median(own)], "_", color=plot.color_of(0), markersize=18, markeredgewidth=2)
        ax.plot([place], [published.TABLE_3[weight]], "x", color="black", label="" if place else "published")
    ax.set_xticks(range(len(errors)), [f"{weight:g}" for weight in errors])
    ax.set_yscale("log")
    ax.set_xlabel(r"weight $\lambda$ of the condition")
    ax.set_ylabel(ERROR)
    ax.legend(frameon=False, fontsize=8)
    return figure
