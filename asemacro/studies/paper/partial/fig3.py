"""Figure 3: Lennard-Jones fluid of 800 atoms, three forms of the learned equation, L_x,p with p = 1/16 against L_z."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.partial import lennard_jones, published, table1
from asemacro.studies.paper.partial.cells import NOTES, Group, rows_of, run_groups, tables_of
from asemacro.studies.paper.partial.drawing import ERROR
from asemacro.studies.paper.partial.learning import Effort, Found
from asemacro.studies.paper.report import Result
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

TITLES = {"onsager": "OnsagerNet", "mlp": "MLP", "gfinn": "GFINN"}


def run(*, quick: bool, rng: np.random.Generator, progress: Report, store: Checkpoint) -> Result:
    """Run the figure."""
    groups = QUICK if quick else FULL
    found = run_groups(groups, store=store, streams=Streams.of(rng), progress=progress)
    title = "Fig. 3 of Chen and Li 2024: 800 Lennard-Jones atoms, error of three forms of the equation"
    return Result(title, rows_of(groups, found), tables_of(groups, found), lambda: draw(found), NOTES)


def groups_of(budget: lennard_jones.Budget, efforts: Mapping[str, Effort], n: int) -> dict[str, Group]:
    """All three losses, a world for each form, so that forms run side by side.

    Args:
        budget: of the world.
        efforts: of the fits, by the drift.
        n: states.
    """
    groups = {}
    for drift, effort in efforts.items():
        target, errors = table1.LENNARD_JONES_TARGETS[drift], published.LENNARD_JONES[drift]
        cells = table1.three("lennard-jones-800", n, budget.fraction, "1/16", errors, target, drift)
        groups[f"lennard-jones-800/{drift}"] = Group(lennard_jones.prepare, budget, effort, cells)
    return groups


def draw(found: Mapping[str, Found]) -> Figure:
    """A panel a form; all seeds of each loss, published means as crosses."""
    figure, axes = plot.new_figure(10.0, 4.2, columns=len(TITLES))
    losses = {"p=1/16": "L_x,p", "L_z/first": "L_z", "L_z/spread": None}
    for ax, (drift, title) in zip(axes, TITLES.items(), strict=True):
        for place, (loss, paper) in enumerate(losses.items()):
            one = found[f"lennard-jones-800/{loss}/{table1.NAMES[drift]}"]
            finite = one.errors[np.isfinite(one.errors)]
            color = plot.color_of(place)
            ax.plot(np.full(len(finite), place), finite, "o", color=color, markersize=4, alpha=0.6)
            ax.plot([place], [one.median], "_", color=color, markersize=20, markeredgewidth=2)
            if paper is not None:
                ax.plot([place], [published.LENNARD_JONES[drift][paper]], "x", color="black", markersize=7)
        ax.set_xticks(range(len(losses)), ["$L_{x,p}$", "$L_z$\nfirst", "$L_z$\nspread"])
        ax.set_xlim(-0.6, len(losses) - 0.4)
        ax.set_yscale("log")
        ax.set_title(title)
    axes[0].set_ylabel(ERROR)
    return figure


FULL = groups_of(
    lennard_jones.Budget(800, runs=90, tests=10),
    {"onsager": lennard_jones.LONGER, "gfinn": lennard_jones.EFFORT, "mlp": lennard_jones.EFFORT},
    20_000,
)
QUICK = groups_of(
    lennard_jones.Budget(800, runs=16, tests=4), dict.fromkeys(table1.LENNARD_JONES_TARGETS, Effort(150, seeds=3)), 4000
)
