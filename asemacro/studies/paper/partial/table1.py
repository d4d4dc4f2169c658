"""Table 1: errors from a part of the forces, beside those of the loss that needs all of them.

Four systems. For each: L_x,p; the conventional loss L_z from as many forces, of the first states as published; and L_z
from as many forces on states of all trajectories, the fair comparison.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.studies.paper.partial import allen_cahn, lennard_jones, predator_prey, published
from asemacro.studies.paper.partial.cells import NOTES, Cell, Group, rows_of, run_groups, tables_of
from asemacro.studies.paper.partial.drawing import draw_cells
from asemacro.studies.paper.partial.learning import Effort, Lesson
from asemacro.studies.paper.report import Result
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

TARGETS = {"predator-prey": 1.3e-3, "allen-cahn": 4.0e-3, "lennard-jones-51200": 5.0e-3}
LENNARD_JONES_TARGETS = {"onsager": 1.2e-3, "mlp": 1.34e-3, "gfinn": 2.84e-3}
NAMES = {"onsager": "onsagernet", "mlp": "mlp", "gfinn": "gfinn"}


def run(*, quick: bool, rng: np.random.Generator, progress: Report, store: Checkpoint) -> Result:
    """Run the table."""
    groups = QUICK if quick else FULL
    found = run_groups(groups, store=store, streams=Streams.of(rng), progress=progress)
    title = "Table 1 of Chen and Li 2024: error of learned trajectories from a part p of the forces"
    rows = rows_of(groups, found)
    return Result(title, rows, tables_of(groups, found), lambda: draw_cells(groups, found), NOTES)


def three(
    name: str, n: int, fraction: float, part: str, published_errors: dict[str, float], target: float, drift: str
) -> list[Cell]:
    """L_x,p from n states, and L_z from as many forces on the first states and on states of all trajectories.

    Those of L_x,p are the first as well, but of Lennard-Jones atoms they are from all runs: the more there are, the
    closer the coldest and the hottest are to those that are not shown.
    """
    fluid = name == "lennard-jones-800"
    equal, end = round(n * fraction), f"/{NAMES[drift]}" if fluid else ""
    of_rates = published_errors.get("L_z")
    return [
        Cell(
            f"{name}/p={part}{end}", Lesson(n, fraction, spread=fluid, drift=drift), published_errors["L_x,p"], target
        ),
        Cell(f"{name}/L_z/first{end}", Lesson(equal, space="macro", drift=drift), of_rates),
        Cell(f"{name}/L_z/spread{end}", Lesson(equal, space="macro", spread=True, drift=drift)),
    ]


def lennard_jones_groups(budget: lennard_jones.Budget, effort: Effort, n: int, longer: Effort) -> dict[str, Group]:
    """800 atoms: all three losses with OnsagerNet, in `longer` fits, L_x,p with the other forms.

    Two groups, so that they run side by side; the world, which takes less time than a fit, is made for each.
    """
    onsager, others = [], []
    for drift, target in LENNARD_JONES_TARGETS.items():
        errors = published.LENNARD_JONES[drift]
        own = three("lennard-jones-800", n, budget.fraction, "1/16", errors, target, drift)
        if drift == "onsager":
            onsager += own
        else:
            others.append(own[0])
    return {
        "lennard-jones-800": Group(lennard_jones.prepare, budget, longer, onsager, weight=3),
        "lennard-jones-800/others": Group(lennard_jones.prepare, budget, effort, others),
    }


def predator_prey_group(budget: predator_prey.Budget, effort: Effort, n: int) -> Group:
    """The cell of table 1, 3000 full equivalents."""
    errors = {"L_z": published.table_2("L_z", 3000)[0], "L_x,p": published.table_2("p=1/5", 3000)[0]}
    cells = three("predator-prey", n, 1 / 5, "1/5", errors, TARGETS["predator-prey"], "onsager")
    return Group(predator_prey.prepare, budget, effort, cells)


def allen_cahn_group(budget: allen_cahn.Budget, effort: Effort, n: int) -> Group:
    """The energy of rings."""
    target = TARGETS["allen-cahn"]
    cells = three("allen-cahn", n, allen_cahn.FRACTION, "1/25", published.ALLEN_CAHN, target, allen_cahn.DRIFT)
    return Group(allen_cahn.prepare, budget, effort, cells, weight=5)


def large_group(budget: lennard_jones.Budget, effort: Effort, n: int, whole: int) -> Group:
    """51,200 atoms; L_z sees `whole` states, so that it has more states than variables: many more forces."""
    name, error = "lennard-jones-51200", published.LENNARD_JONES_51200
    cells = [
        Cell(f"{name}/p=1/1024", Lesson(n, budget.fraction, spread=True), error, TARGETS[name]),
        Cell(f"{name}/L_z/spread", Lesson(whole, space="macro", spread=True)),
    ]
    return Group(lennard_jones.prepare, budget, effort, cells, weight=4)


FULL = {
    "predator-prey": predator_prey_group(predator_prey.FULL, Effort(3000), 15_000),
    **lennard_jones_groups(
        lennard_jones.Budget(800, runs=90, tests=10), lennard_jones.EFFORT, 20_000, lennard_jones.LONGER
    ),
    "allen-cahn": allen_cahn_group(allen_cahn.Budget(), allen_cahn.EFFORT, 40_000),
    "lennard-jones-51200": large_group(
        lennard_jones.Budget(51_200, runs=20, batch_size=64, on_disk=True),
        dataclasses.replace(lennard_jones.EFFORT, steps=15_000),
        5000,
        100,
    ),
}
QUICK = {
    "predator-prey": predator_prey_group(predator_prey.QUICK, Effort(500, seeds=3), 15_000),
    **lennard_jones_groups(
        lennard_jones.Budget(800, runs=16, tests=4), Effort(300, seeds=3), 4000, Effort(300, seeds=3)
    ),
    "allen-cahn": allen_cahn_group(
        allen_cahn.Budget(n=64, trajectories=16, tests=4, every=8, encoded=1, on_disk=False),
        Effort(300, seeds=3), 500,
    ),
    "lennard-jones-51200": large_group(
        lennard_jones.Budget(51_200, runs=1, tests=1, batch_size=64, on_disk=True),
        Effort(100, seeds=3), 200, 60,
    ),
}  # fmt: skip
