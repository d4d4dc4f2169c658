"""The simulations of a study: runs from random in one box at one temperature each, side by side on threads."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.files.arrays import read_arrays
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.inputs import listed
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.record import IN_FILE, Record
from asemacro.studies.alloy.rounds import collect
from asemacro.tasks.checkpoint import Checkpoint, write_arrays
from asemacro.tasks.progress import silent
from asemacro.tasks.running import Kept, Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice

COMPILING = "compiling the kernels, once on each machine"
say = logging.getLogger("asemacro")


def task_name(box: str, temperature_K: float) -> str:
    """Name of the runs of one box at one temperature, the same for no two temperatures."""
    return f"{box}-{float(temperature_K)!r}K"


@dataclasses.dataclass(frozen=True)
class Job:
    """The runs of one box at one temperature.

    Each run draws from a stream of its own, named by the box, the temperature and its number: it is the same whatever
    other temperatures and stages a study has.

    Attributes:
        lattice: the box.
        model: barriers.
        temperature_K: temperature.
        counts: of each species and of vacancies ("X") in the box.
        runs: how many, a multiple of copies.
        copies: K.
        budget: when to end.
        streams: of the study.
        box: what the box is among those of one study.
    """

    lattice: Lattice
    model: BarrierModel
    temperature_K: float
    counts: Mapping[str, int]
    runs: int
    copies: int
    budget: Budget
    streams: Streams
    box: str = "small"

    @property
    def name(self) -> str:
        """Key of the job among those of one study."""
        return task_name(self.box, self.temperature_K)

    @functools.cached_property
    def sro(self) -> WarrenCowley:
        """Measures all pairs."""
        return WarrenCowley(self.lattice.species, pairs="all")

    @functools.cached_property
    def table(self) -> PairTable:
        """Names of all pairs, and how the like ones follow from the unlike ones."""
        return PairTable.of(self.sro, self.counts, self.lattice)

    def inputs(self) -> dict[str, Any]:
        """All that the record depends on, for a checkpoint: contents, not names."""
        return {
            "barriers": [one.compile(self.lattice) for one in (self.model, *self.model.members())],
            # nothing is said of 1e13 Hz: runs of before there were others are still taken up
            **({"attempt frequencies": dict(own)} if (own := self.model.attempt_frequency_Hz) else {}),
            "lattice": self.lattice,
            "composition": self.counts,
            "temperature": float(self.temperature_K),
            "number of runs": [self.runs, self.copies],
            "hops": self.budget,
            "seed": self.streams,
        }

    def read(self, path: Path) -> Record:
        """The record in a checkpoint.

        Raises:
            ValueError: it is none, or not of these runs.
        """
        record = Record.from_arrays(read_arrays(path, "checkpoint", IN_FILE))
        if record.temperature_K != self.temperature_K:
            raise ValueError(f"its runs are those of {record.temperature_K!r} K")
        if (record.copies, len(record.order), record.order.shape[2]) != (self.copies, self.runs, len(self.sro.labels)):
            raise ValueError("its runs are not as many, or of other pairs")
        return record

    def task(self) -> Task[Record]:
        """The job for `run_tasks`; the slowest (most evaluations, at high temperature) come first."""
        kept = Kept(self.inputs(), lambda path, record: write_arrays(path, record.to_arrays()), self.read, lasting=True)
        return Task(self.name, self.run, self.temperature_K, kept)

    def run(self, progress: Report) -> Record:
        """Start all runs from random and follow them."""
        progress(self.name, 0.0, COMPILING)
        kmc = VacancyKMC(self.lattice, self.model, self.temperature_K)
        streams = [self.streams(self.box, self.temperature_K, number) for number in range(self.runs)]
        starts = np.concatenate([self.lattice.random_state(self.counts, rng=stream) for stream in streams])
        clock = self.streams(self.box, self.temperature_K, "clock")
        return collect(
            kmc, starts, self.sro, self.table.unlike, self.copies, self.budget,
            streams=streams, clock=clock, progress=lambda share, text: progress(self.name, share, text),
        )  # fmt: skip


def run_jobs(
    jobs: Sequence[Job], workers: int | None = None, checkpoint: Checkpoint | None = None, progress: Report = silent
) -> list[Record]:
    """Run jobs side by side, the finished ones kept in a checkpoint, see `run_tasks`.

    Every job has its own streams and barrier cache, so the records do not depend on the workers. Those that an earlier
    study left in the checkpoint are taken from there, which is said.
    """
    checkpoint = checkpoint or Checkpoint(None)
    tasks = [job.task() for job in jobs]
    there = {task.name for task in tasks if task.kept and checkpoint.entry(task.name, task.kept.inputs).there}
    _say_what_is_reused([job for job in jobs if job.name in there], checkpoint)
    return run_tasks(tasks, store=checkpoint, progress=progress, workers=workers)


def _say_what_is_reused(jobs: Sequence[Job], checkpoint: Checkpoint) -> None:
    """One line on the runs that are not made again."""
    parts = []
    for box in dict.fromkeys(job.box for job in jobs):
        parts.append(f"the {box} runs at {listed([job.temperature_K for job in jobs if job.box == box])} K")
    if parts and checkpoint.directory is not None:
        say.info("taken from %s: %s", checkpoint.directory.parent, ", ".join(parts))
