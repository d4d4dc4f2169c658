"""Tables of fits: which cells there are, running and resuming them, and the rows and files that they give."""

from __future__ import annotations

import dataclasses
import math
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from asemacro.studies.paper.partial.learning import Effort, Found, Lesson, learn
from asemacro.studies.paper.partial.world import World
from asemacro.studies.paper.report import Row, Table
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.processes import worker_processes
from asemacro.tasks.progress import part_of
from asemacro.tasks.running import Kept, Task, kept_item, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

PROCESSES = 2
"""Worlds that run side by side."""


class Prepare(Protocol):
    """How a world is made."""

    def __call__(self, budget: Any, *, folder: Path, streams: Streams, progress: Report) -> World: ...


@dataclasses.dataclass(frozen=True)
class Cell:
    """One fit of a table.

    Attributes:
        quantity: name of its row, "predator-prey/p=1/5".
        lesson: what the fit sees.
        published: error.
        target: largest error that is accepted.
    """

    quantity: str
    lesson: Lesson
    published: float | None = None
    target: float | None = None


@dataclasses.dataclass(frozen=True)
class Group:
    """Cells of one world.

    Attributes:
        prepare: how it is made.
        budget: what it costs.
        effort: of each fit.
        cells: the fits.
        weight: how long it takes, compared with the others.
    """

    prepare: Prepare
    budget: Any
    effort: Effort
    cells: Sequence[Cell]
    weight: float = 1.0


def run_groups(
    groups: Mapping[str, Group],
    *,
    store: Checkpoint,
    streams: Streams,
    progress: Report,
    workers: int = 1,
    processes: int = PROCESSES,
) -> dict[str, Found]:
    """All cells; those that the store holds are not run again.

    Args:
        groups: by the name of the world.
        store: where finished cells are kept.
        streams: random streams.
        progress: told as progress("figure", fraction, text).
        workers: cells of a world that run side by side; one, where time and memory of each are told.
        processes: worlds that run side by side, each in a process of its own, so that each has its own memory; one
            world runs in this process.

    Returns:
        What was found, by quantity.
    """
    found = {name: _found_before(name, group, store, streams) for name, group in groups.items()}
    left = [name for name, group in groups.items() if len(found[name]) < len(group.cells)]
    told = part_of(progress, "figure", tasks=max(len(left), 1))
    tasks = [
        Task(name, partial(run_group, name, groups[name], store, streams, workers), groups[name].weight)
        for name in left
    ]
    with worker_processes(min(processes, max(len(left), 1))) as executor:
        results = run_tasks(tasks, executor, progress=told)
    found |= dict(zip(left, results, strict=True))
    return {quantity: one for name in groups for quantity, one in found[name].items()}


def run_group(
    name: str, group: Group, store: Checkpoint, streams: Streams, workers: int, progress: Report
) -> dict[str, Found]:
    """The cells of one world, see `run_groups`."""
    told = part_of(progress, name, tasks=len(group.cells))
    with tempfile.TemporaryDirectory(prefix="asemacro-") as folder:
        world = _Once(group, Path(folder), streams)
        tasks = [task_of(name, group, cell, world, streams) for cell in group.cells]
        results = run_tasks(tasks, store=store, progress=told, workers=workers)
    return {cell.quantity: one for cell, one in zip(group.cells, results, strict=True)}


def _found_before(name: str, group: Group, store: Checkpoint, streams: Streams) -> dict[str, Found]:
    """Cells that the store holds; what it holds of other inputs is said."""
    found = {}
    for cell in group.cells:
        item = kept(name, group, cell, streams)
        one = store.entry(task_name(cell), item.inputs, item.suffix).load(item.read)
        if one is not None:
            found[cell.quantity] = one
    return found


def task_name(cell: Cell) -> str:
    """Of the task that runs a cell."""
    return cell.quantity.replace("/", "_")


def task_of(name: str, group: Group, cell: Cell, world: _Once, streams: Streams) -> Task[Found]:
    """What runs a cell."""

    def work(report: Report) -> Found:
        return learn(world(report), cell.lesson, group.effort, streams=streams, progress=report)[0]

    return Task(task_name(cell), work, float(cell.lesson.n), kept(name, group, cell, streams))


def kept(name: str, group: Group, cell: Cell, streams: Streams) -> Kept[Found]:
    """How a cell is kept: under all that it depends on."""
    inputs = {
        "system": name,
        "world": dataclasses.asdict(group.budget),
        "fit": dataclasses.asdict(group.effort),
        "forces": dataclasses.asdict(cell.lesson),
        "seed": streams.root,
    }
    return kept_item(Found, inputs, "cell")


class _Once:
    """A world, made when the first cell asks for it."""

    def __init__(self, group: Group, folder: Path, streams: Streams) -> None:
        self._group, self._folder, self._streams = group, folder, streams
        self._lock = threading.Lock()
        self._world: World | None = None

    def __call__(self, progress: Report) -> World:
        with self._lock:
            if self._world is None:
                told = part_of(progress, "prepare")
                self._world = self._group.prepare(
                    self._group.budget, folder=self._folder, streams=self._streams, progress=told
                )
            return self._world


def rows_of(groups: Mapping[str, Group], found: Mapping[str, Found]) -> list[Row]:
    """A row a cell: the median over seeds, with their standard deviation."""
    return [row_of(cell, found[cell.quantity]) for group in groups.values() for cell in group.cells]


def row_of(cell: Cell, one: Found) -> Row:
    """The row of a cell.

    Raises:
        ValueError: more than half of the seeds run away: their median is no number.
    """
    spread = one.spread if math.isfinite(one.spread) else None
    target = None if cell.target is None else (None, cell.target)
    return Row(cell.quantity, one.median, spread, published=cell.published, target=target)


COLUMNS = (
    "quantity", "loss", "p", "drift", "states", "trajectories", "force_evaluations", "forces_of_all_carriers",
    "gradient_steps", "seeds", "error_median", "error_sd", "error_min", "error_max", "loss_held_out", "kappa",
    "forces_s", "fit_s", "states_s", "encoder_s", "peak_GB",
)  # fmt: skip


def tables_of(groups: Mapping[str, Group], found: Mapping[str, Found]) -> dict[str, Table]:
    """NAME.csv: errors and costs; NAME-seeds.csv: the error of each seed."""
    lines: list[list[object]] = []
    seeds: list[list[object]] = []
    for group in groups.values():
        for cell in group.cells:
            one, lesson = found[cell.quantity], cell.lesson
            loss = "L_z" if lesson.space == "macro" else "L_x" if lesson.fraction == 1 else "L_x,p"
            errors = [one.median, one.spread, float(one.errors.min()), float(one.errors.max())]
            lines.append([
                cell.quantity, loss, lesson.fraction, lesson.drift, one.states, one.trajectories,
                one.force_evaluations, one.all_forces, one.steps, len(one.errors), *errors, one.loss, one.kappa,
                one.forces_s, one.fit_s, one.states_s, one.encoder_s, one.peak_gb,
            ])  # fmt: skip
            seeds += [[cell.quantity, k, float(error)] for k, error in enumerate(one.errors)]
    return {"": Table(COLUMNS, lines), "seeds": Table(("quantity", "seed", "error"), seeds)}


NOTES = (
    "here: median over seeds +- their standard deviation, none left out; error: mean over fresh trajectories of "
    "sum_t |z* - z*_true| / sum_t |z*_true|.",
    "L_z or L_z/first: as published, all forces on the first states, as many as parts on more; "
    "L_z/spread: as many, on states from all trajectories. All fits of one form of the equation take the same "
    "number of gradient steps.",
)
