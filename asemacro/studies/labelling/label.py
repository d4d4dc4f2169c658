"""label_barriers: jumps of an alloy into a database, each as soon as it is computed; killed and started, it goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import checked, flag_or_report, whole
from asemacro.arguments.door import path as path_check
from asemacro.barriers.labelling.bands import Band, BandSettings, Jump, lattice_fields, lattice_of
from asemacro.barriers.labelling.database import LabelDatabase
from asemacro.barriers.labelling.neb import compute_band
from asemacro.barriers.labelling.parameter import ideal_cell, relaxed_lattice
from asemacro.calculators.named import Source, calculator_of, identity_of
from asemacro.lattice.lattice import Lattice
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.labelling.cells import Cells, box_of, draw_jumps, random_cell
from asemacro.tasks.processes import worker_processes
from asemacro.tasks.progress import reporting
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.tasks.where import Where, at_once, running_at, where_here
from asemacro.typing import Report

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

MOST_WORKERS = 4096


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a database holds of the jumps that were asked for.

    Attributes:
        path: the database.
        lattice: the unit cell, at the lattice parameter of the calculation.
        jumps: how many were asked for and exist.
        new: bands that this call computed.
        failed: reasons of the bands that failed, with their number.
    """

    path: Path
    lattice: Lattice
    jumps: int
    new: int
    failed: dict[str, int]

    @property
    def labelled(self) -> int:
        """Jumps with barriers of both directions."""
        return self.jumps - sum(self.failed.values())


@checked(path=path_check, workers=whole(1, MOST_WORKERS), progress=flag_or_report, rng=generator_of)
def label_barriers(
    structure: Atoms | Structure | Lattice,
    calculator: Source,
    path: str | Path,
    *,
    cells: Cells | None = None,
    settings: BandSettings | None = None,
    workers: int = 1,
    progress: bool | Report = False,
    rng: np.random.Generator,
) -> Outcome:
    """Label jumps of an alloy by a calculator of ASE; what a database already holds is not computed again.

    The lattice parameter of the random alloy is found first (once for a database); all cells have it.

    Args:
        structure: lattice and composition of the alloy.
        calculator: a word of `calculator_named`, or a function without arguments that makes a calculator, once in each
            worker.
        path: the database, by convention labels.db.
        cells: which cells and how many jumps; default `Cells()`.
        settings: how bands are computed; default `BandSettings()`.
        workers: processes.
        progress: True for a bar, or a function called as progress(task, fraction, text).
        rng: source of randomness; the same seed gives the same jumps.

    Raises:
        ValueError: one line; the structure, the calculator or what it gives makes no sense, or the database holds
            labels of another alloy or calculator. What was labelled stays.
        OSError: the database cannot be written, or another process writes to it.
    """
    cells, settings = cells or Cells(), settings or BandSettings()
    streams = Streams.of(rng)
    with LabelDatabase(path) as database, reporting(progress, {"lattice": 10.0}, {"label": 1000.0}) as report:
        labeller = Labeller.of(structure, calculator, database, cells, settings, workers, streams, report)
        jumps = draw_jumps(cells, box_of(cells, labeller.lattice), streams)
        return labeller.label(jumps, report)


@dataclasses.dataclass(frozen=True)
class Labeller:
    """Who labels jumps of one alloy into a database that is open.

    Attributes:
        database: where the labels go.
        lattice: the unit cell, at the lattice parameter of the calculation.
        source: the calculator, or a factory.
        settings: how bands are computed.
        workers: processes.
    """

    database: LabelDatabase
    lattice: Lattice
    source: Source
    settings: BandSettings
    workers: int

    @classmethod
    def of(
        cls,
        structure: Atoms | Structure | Lattice,
        source: Source,
        database: LabelDatabase,
        cells: Cells,
        settings: BandSettings,
        workers: int,
        streams: Streams,
        report: Report,
    ) -> Labeller:
        """Check what is asked for against what the database holds, and find the lattice parameter if it is new.

        Raises:
            ValueError: see `label_barriers`.
        """
        alloy = ideal_cell(random_alloy(structure))
        about = {**identity_of(source), **dataclasses.asdict(settings)}
        asked = {**about, "prototype": alloy.prototype, "composition": alloy.composition}
        box_of(cells, alloy)
        held = database.asked
        _check_same(database.path, held, asked)
        calculator_of(source, alloy.species)  # fails here if it does, not in a worker
        if held is None:
            alloy = _at_least_energy(alloy, cells, source, settings, streams, report)
            database.asked = {**asked, "lattice": lattice_fields(alloy)}
        else:
            alloy = lattice_of(held["lattice"])
        report("lattice", 1.0, "")
        return cls(database, alloy, source, settings, workers)

    def label(self, jumps: Sequence[Jump], report: Report) -> Outcome:
        """Compute the bands of those jumps that the database does not hold, and write each as soon as it is there.

        Args:
            jumps: all different.
            report: told of "label", how many there are, how fast, how long still.
        """
        about = {**identity_of(self.source), **dataclasses.asdict(self.settings)}
        names = self.database.names()
        left = [jump for jump in jumps if jump.name not in names]
        band = partial(_band, self.source, self.settings, about)
        _compute(left, len(jumps), self.database, band, self.workers, report)
        names = self.database.names()
        failed = Counter(names[jump.name].split(":")[0] for jump in jumps if names[jump.name])
        return Outcome(self.database.path, self.lattice, len(jumps), len(left), dict(failed))


def _at_least_energy(
    alloy: Lattice, cells: Cells, calculator: Source, settings: BandSettings, streams: Streams, report: Report
) -> Lattice:
    """The unit cell of the alloy at the lattice parameter of a random cell."""
    box = box_of(cells, alloy)
    x: NDArray[np.int8] = random_cell(box, streams("lattice parameter"))
    inner = calculator_of(calculator, alloy.species)
    found = relaxed_lattice(box, x, inner, identity_of(calculator)["calculator"], settings.relax, report)
    return dataclasses.replace(found, shape=alloy.shape) if np.allclose(box.cell, alloy.cell) else found


def _check_same(path: Path, held: dict[str, Any] | None, asked: dict[str, Any]) -> None:
    """Refuse to mix labels of different alloys or calculations in one database."""
    if held is None:
        return
    held = {"paths": 1, **held}  # of databases that were begun when there was one path alone
    differ = [name for name in asked if _plain(asked[name]) != _plain(held.get(name))]
    if differ:
        said = ", ".join(f"{name} {_plain(held.get(name))} (now {_plain(asked[name])})" for name in differ)
        raise ValueError(f"{path} holds labels made with {said}; give another file with -o")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}{number:.4g}" for key, number in value.items())
    return f"{value}"


def _band(source: Source, settings: BandSettings, about: dict[str, Any], jump: Jump, progress: Report) -> Band:
    """One band, in a worker."""
    calculator = calculator_of(source, jump.lattice.species)
    return compute_band(jump, calculator, str(about["calculator"]), settings, about)


def _compute(
    jumps: list[Jump],
    total: int,
    database: LabelDatabase,
    band: Callable[[Jump, Report], Band],
    workers: int,
    report: Report,
) -> None:
    """Compute bands and write each as soon as it is there; tell how many, how fast, how long still."""
    if not jumps:
        report("label", 1.0, f"all {total} jumps are there")
        return
    started = time.monotonic()
    failures = done = 0

    def finished(result: Band) -> None:
        nonlocal failures, done
        database.write(result)
        done += 1
        failures += bool(result.reason)
        pace = 60 * done / max(time.monotonic() - started, 1e-3)
        report(
            "label",
            done / len(jumps),
            f"{total - len(jumps) + done} of {total} jumps, {failures} failed, {pace:.3g} a minute",
        )

    tasks = [Task(jump.name, partial(band, jump)) for jump in jumps]
    report("label", 0.0, f"{total - len(jumps)} of {total} jumps")
    here = where_here()
    with contextlib.ExitStack() as stack:
        if here is None or here.executor is None:  # calculators are Python, and not made for threads
            count = min(at_once(workers), len(jumps))
            words = f"{count} processes" if count > 1 else ""
            stack.enter_context(running_at(Where(stack.enter_context(worker_processes(count)), count, words)))
        run_tasks(tasks, finished=finished)
