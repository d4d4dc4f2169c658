"""Table 2: errors of predator-prey means over the number of forces, for L_z, L_x and L_x,p.

A column is a loss, a row a number of full equivalents n p, so that all cells of a row saw as many forces. As published,
the states are the first n; a column of L_z on states of all trajectories is added. Two cells run side by side, and what
is finished is kept: the command goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.partial import predator_prey, published
from asemacro.studies.paper.partial.cells import NOTES, Cell, Group, rows_of, run_groups, tables_of
from asemacro.studies.paper.partial.drawing import ERROR
from asemacro.studies.paper.partial.learning import Effort, Found, Lesson
from asemacro.studies.paper.report import Result
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

EQUIVALENTS = (600, 1500, 3000, 6000, 12000, 24000)
FRACTIONS = {"L_z": 1.0, "L_x": 1.0, "p=3/4": 0.75, "p=1/2": 0.5, "p=1/4": 0.25, "p=1/5": 0.2}
SPREAD = "L_z/spread"
WORKERS = 2
NOTE = "Targets: mean of all three published seeds, also the one left out in the paper, plus their standard deviation."


def run(*, quick: bool, rng: np.random.Generator, progress: Report, store: Checkpoint) -> Result:
    """Run the table."""
    equivalents = (600, 3000) if quick else EQUIVALENTS
    groups = {"predator-prey": QUICK if quick else FULL}
    found = run_groups(groups, store=store, streams=Streams.of(rng), progress=progress, workers=WORKERS)
    title = "Table 2 of Chen and Li 2024: predator-prey, error over the number of full equivalents n p"
    rows, tables = rows_of(groups, found), tables_of(groups, found)
    return Result(title, rows, tables, lambda: draw(found, equivalents), (*NOTES, NOTE))


def cells(equivalents: tuple[int, ...]) -> list[Cell]:
    """All cells of some rows, row after row."""
    made = []
    for amount in equivalents:
        for loss, fraction in FRACTIONS.items():
            mean, sd = published.table_2(loss, amount)
            lesson = Lesson(round(amount / fraction), fraction, "macro" if loss == "L_z" else "micro")
            made.append(Cell(name_of(loss, amount), lesson, mean, mean + sd))
        made.append(Cell(name_of(SPREAD, amount), Lesson(amount, space="macro", spread=True)))
    return made


def name_of(loss: str, equivalents: int) -> str:
    """Quantity of a cell."""
    return f"predator-prey/{loss}/n={equivalents}"


def draw(found: Mapping[str, Found], equivalents: tuple[int, ...]) -> Figure:
    """Median and all seeds over n p, a panel for this work and one for the published values."""
    figure, (here, there) = plot.new_figure(11.0, 4.4, columns=2)
    for index, loss in enumerate((*FRACTIONS, SPREAD)):
        ones = [found[name_of(loss, amount)] for amount in equivalents]
        color = plot.color_of(index)
        here.plot(equivalents, [one.median for one in ones], "o-", color=color, markersize=4, label=loss)
        for amount, one in zip(equivalents, ones, strict=True):
            here.plot([amount] * len(one.errors), one.errors, ".", color=color, markersize=3, alpha=0.5)
        if loss in FRACTIONS:
            means, sds = zip(*(published.table_2(loss, amount) for amount in equivalents), strict=True)
            there.errorbar(equivalents, means, sds, fmt="o-", color=color, markersize=4, capsize=2, label=loss)
    for ax, name in ((here, "here"), (there, "published, all seeds")):
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("full equivalents $n p$")
        ax.set_title(name)
    here.set_ylabel(ERROR)
    here.legend(frameon=False, fontsize=8)
    return figure


FULL = Group(predator_prey.prepare, predator_prey.FULL, Effort(3000), cells(EQUIVALENTS))
QUICK = Group(predator_prey.prepare, predator_prey.QUICK, Effort(150, seeds=3), cells((600, 3000)))
