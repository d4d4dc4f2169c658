"""Figure 4: how many forces on single atoms does an error of 3e-3 take, from 800 to 21,600 Lennard-Jones atoms?

For each size and loss, fits from more and more states; taken is the smallest number from which on the median over seeds
stays below the threshold. States are taken evenly from all runs. The published study measured the distance from another
network of the same ensemble instead of the error; here it is the error of fresh trajectories. The equation is an MLP,
which takes a third of the time of the published OnsagerNet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.partial import lennard_jones, published
from asemacro.studies.paper.partial.cells import NOTES, Cell, Group, run_groups, tables_of
from asemacro.studies.paper.partial.learning import Effort, Found, Lesson, Space
from asemacro.studies.paper.report import Result, Row
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

THRESHOLD = 3e-3
NOTE = (
    f"force-evaluations: of one atom each, from which on the median error stays below {THRESHOLD:g}; no row where none "
    "of the numbers tried is enough. Published: by the distance from another network."
)


@dataclasses.dataclass(frozen=True)
class Budget:
    """What the figure costs: budgets by number of atoms, states tried by loss, the fits."""

    sizes: Mapping[int, lennard_jones.Budget]
    states: Mapping[str, Sequence[int]]
    effort: Effort


FULL = Budget(
    {n: lennard_jones.Budget(n, on_disk=n > 6000, batch_size=256 if n < 6000 else 64) for n in published.ATOM_FORCES},
    {"L_z": (100, 200, 400, 800), "L_x,p": (500, 1000, 2000, 4000, 8000)},
    dataclasses.replace(lennard_jones.EFFORT, steps=6000),
)
QUICK = Budget(
    {n: lennard_jones.Budget(n, runs=8, tests=2) for n in (800,)},
    {"L_z": (50, 400), "L_x,p": (500, 2000)},
    Effort(150, seeds=3),
)


def run(*, quick: bool, rng: np.random.Generator, progress: Report, store: Checkpoint) -> Result:
    """Run the figure."""
    budget = QUICK if quick else FULL
    groups = groups_of(budget)
    found = run_groups(groups, store=store, streams=Streams.of(rng), progress=progress)
    title = f"Fig. 4 of Chen and Li 2024: forces on atoms for an error of {THRESHOLD:g} over the number of atoms"
    rows = rows_of(budget, found)
    return Result(title, rows, tables_of(groups, found), lambda: draw(budget, found), (*NOTES, NOTE))


def groups_of(budget: Budget) -> dict[str, Group]:
    """One world a size."""
    groups = {}
    for n, own in budget.sizes.items():
        lessons: dict[str, tuple[float, Space]] = {"L_z": (1.0, "macro"), "L_x,p": (own.fraction, "micro")}
        cells = [
            Cell(name_of(n, loss, states), Lesson(states, *lessons[loss], spread=True, drift="mlp"))
            for loss, tried in budget.states.items()
            for states in tried
        ]
        groups[f"lennard-jones-{n}"] = Group(lennard_jones.prepare, own, budget.effort, cells, weight=n)
    return groups


def name_of(n: int, loss: str, states: int) -> str:
    """Quantity of a cell."""
    return f"lennard-jones-{n}/{loss}/states={states}"


def rows_of(budget: Budget, found: Mapping[str, Found]) -> list[Row]:
    """Errors of all cells, and the numbers of forces that are enough."""
    rows = []
    for n in budget.sizes:
        enough: dict[str, int] = {}
        for loss, tried in budget.states.items():
            ones = [found[name_of(n, loss, states)] for states in tried]
            rows += [
                Row(name_of(n, loss, states), one.median) for states, one in zip(tried, ones, strict=True)
                if np.isfinite(one.median)
            ]  # fmt: skip
            needed = first_enough(ones)
            if needed is not None:
                enough[loss] = needed
                paper = published.ATOM_FORCES.get(n, {}).get(loss)
                rows.append(Row(f"lennard-jones-{n}/{loss}/force-evaluations", needed, published=paper))
        if len(enough) == len(budget.states):
            ratio = enough["L_z"] / enough["L_x,p"]
            rows.append(Row(f"lennard-jones-{n}/force-evaluations/L_z-over-L_x,p", ratio))
    return rows


def first_enough(ones: Sequence[Found]) -> int | None:
    """Forces of the first fit from which on all medians are below the threshold; None if the last is not."""
    enough = None
    for one in reversed(ones):
        if not one.median <= THRESHOLD:
            break
        enough = one.force_evaluations
    return enough


def draw(budget: Budget, found: Mapping[str, Found]) -> Figure:
    """Error over the number of forces for each size; the numbers that are enough over the size."""
    figure, axes = plot.new_figure(3.2 * (len(budget.sizes) + 1), 4.0, columns=len(budget.sizes) + 1, share=False)
    for place, loss in enumerate(budget.states):
        color = plot.color_of(place)
        needed = {}
        for ax, n in zip(axes, budget.sizes, strict=False):
            ones = [found[name_of(n, loss, states)] for states in budget.states[loss]]
            ax.plot([one.force_evaluations for one in ones], [one.median for one in ones], "o-", color=color)
            ax.set_title(f"{n:,} atoms")
            enough = first_enough(ones)
            if enough is not None:
                needed[n] = enough
        axes[-1].plot(
            list(needed), list(needed.values()), "o-", color=color, label="$L_z$" if loss == "L_z" else "$L_{x,p}$"
        )
        paper = {n: published.ATOM_FORCES[n][loss] for n in budget.sizes}
        axes[-1].plot(list(paper), list(paper.values()), "x", color=color)
    for ax in axes:
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())  # on less than a decade they would lie on each other
    for ax in axes[:-1]:
        ax.axhline(THRESHOLD, color="black", linestyle=":", linewidth=1)
        ax.set_xlabel("forces on an atom")
    axes[0].set_ylabel("error")
    axes[-1].set_xlabel("atoms")
    axes[-1].set_title("forces for the threshold (x: published)", fontsize=9)
    axes[-1].legend(frameon=False, fontsize=8)
    return figure
