"""The simulations behind a diagram: runs from random at one temperature, in rounds, until enough is known."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.files.arrays import read_arrays
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.alloy.approach import relaxation
from asemacro.studies.alloy.record import IN_FILE, Record
from asemacro.tasks.checkpoint import Checkpoint, Entry, write_arrays
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice
    from asemacro.observables.alloy import WarrenCowley

FIRST_STEP_HOPS = 64  # below it increments are vacancy flicker
LAST_STEP_HOPS = 256  # finest step late in a run; pairs join several
GROWTH = 0.05  # step over age in between
FIRST_ROUND = 64  # steps in the first round
RELAXED = 5.0  # runs that stand still and are that many relaxation times long have reached equilibrium
STRAY = 64.0  # a run may take this many times the budget's hops before the record is cut


@dataclasses.dataclass(frozen=True)
class Budget:
    """When the runs of one temperature end, whichever comes first.

    Where equilibrium is out of reach, barrier evaluations are better spent at other temperatures; what a run goes on
    with there are hops among environments that it knows.

    Attributes:
        hops: per run and vacancy.
        evaluations: barrier evaluations (cache misses) per run and vacancy.
        relaxations: length in units of the slowest relaxation time seen.
        near_hops: runs that have not reached equilibrium after so many hops are not expected to.
        far_evaluations: barrier evaluations that are enough for those.
    """

    hops: float
    evaluations: float = np.inf
    relaxations: float = 30.0
    near_hops: float = np.inf
    far_evaluations: float = np.inf

    def evaluations_after(self, hops: float) -> float:
        """Barrier evaluations that a run of this many hops may have made."""
        return self.evaluations if hops < 0.95 * self.near_hops else min(self.evaluations, self.far_evaluations)

    def share(self, hops: float, evaluations: float, relaxations: float) -> float:
        """Part of a run that is over: it ends by whichever limit it meets first."""
        far = min(hops / max(0.95 * self.near_hops, 1.0), evaluations / self.far_evaluations)
        spent = (hops / (0.95 * self.hops), evaluations / self.evaluations, relaxations / self.relaxations, far)
        return min(max(spent), 1.0)


def collect(
    kmc: VacancyKMC,
    starts: NDArray[np.int8],
    sro: WarrenCowley,
    columns: Sequence[int] | NDArray[np.intp],
    copies: int,
    budget: Budget,
    *,
    rng: np.random.Generator,
    progress: Callable[[float, str], Any] | None = None,
) -> Record:
    """Run small cells from random until the budget is spent or equilibrium is well sampled.

    All runs are seen at the same times. The grid begins with steps of 64 hops, they grow with age, to at most 256
    hops of the clock as it goes then; it is laid in rounds, each of which doubles the time, and between two rounds
    the budget and the relaxation are looked at.

    Args:
        kmc: the small cell at one temperature.
        starts: (runs, n_sites) random states, a multiple of `copies` of them.
        sro: measures all pairs.
        columns: of `sro`, the ones whose equilibrium is watched.
        copies: K.
        budget: when to end.
        rng: source of randomness; one stream a run is spawned from it.
        progress: called with the fraction done (0 to 1) and a short text.
    """
    streams = rng.spawn(len(starts) + 1)
    vacancies = kmc.carriers(starts[:1]).shape[1]
    states = list(starts)
    order = [[value] for value in sro(starts, kmc.lattice)]
    hops = [[0.0] for _ in states]
    times = [0.0]
    clock = kmc.run(states[0], hops=10 * FIRST_STEP_HOPS * vacancies, rng=streams[-1])
    first = clock.time_s / (clock.hops / vacancies) * FIRST_STEP_HOPS
    per_hop = first / FIRST_STEP_HOPS
    totals = np.zeros(4)  # hops, misses, clamped x hops, adjacent time
    goal = FIRST_ROUND * first
    most = STRAY * budget.hops
    length_in_times = 0.0

    def typical() -> float:
        """Hops per vacancy of the middle run: a run caught between two sites makes hops, but no way."""
        return float(np.median([series[-1] for series in hops]))

    def advance(index: int, grid: Floats) -> bool:
        """Run one cell along the grid; whether it came to the end of it."""
        base = hops[index][-1]

        def tell(task: str, fraction: float, text: str) -> None:
            if progress is not None:
                # all runs go through the round one after the other: this is how far they are on average
                age = (index + fraction) / len(states) * (grid[-1] / max(times[-1], first) - 1) + 1
                made, evaluated = at_begin / len(states) / vacancies * age
                progress(budget.share(made, evaluated, length_in_times * age), f"{kmc.temperature_K:g} K, {text}")

        done = kmc.run(
            states[index],
            record_times_s=grid - times[len(hops[index]) - 1],
            hops=max(int((most - base) * vacancies), 1),
            observe=lambda x: sro(np.atleast_2d(x), kmc.lattice)[0],
            progress=tell,
            rng=streams[index],
        )
        order[index].extend(done.record)
        hops[index].extend(base + done.record_hops / vacancies)
        states[index] = done.x
        misses = done.hops * (1 - done.cache_hit_rate)
        totals[:] += (done.hops, misses, done.clamped_fraction * done.hops, done.adjacent_fraction * done.time_s)
        return len(done.record_times_s) == len(grid)

    while True:
        grid: list[float] = []
        while not grid or grid[-1] < goal:
            now = grid[-1] if grid else times[-1]
            grid.append(now + max(first, min(GROWTH * now, LAST_STEP_HOPS * per_hop)))
        before, at_begin = typical(), totals[:2].copy()
        reached = [advance(index, np.array(grid)) for index in range(len(states))]
        cut = not all(reached)
        times.extend(grid)
        length = min(len(series) for series in hops)
        seen = np.array(times[:length])
        watched = np.array([series[:length] for series in order])[:, :, columns]
        length_in_times, relaxation_time = relaxation(seen, watched)
        made, evaluated = typical(), totals[1] / len(states) / vacancies
        allowed = budget.evaluations_after(made)
        spent = made >= 0.95 * budget.hops or evaluated >= allowed
        if length_in_times >= budget.relaxations or spent or cut:
            break
        per_hop = (times[-1] - times[-1 - len(grid)]) / max(made - before, 1.0)
        spare = max(allowed / max(evaluated, 1.0), 1.05)
        most_hops = budget.near_hops if made < 0.95 * budget.near_hops else budget.hops
        goal = min(2 * times[-1], times[-1] + (min(most_hops, budget.hops) - made) * per_hop, spare * times[-1])
    return Record(
        temperature_K=kmc.temperature_K,
        copies=copies,
        times_s=np.array(times[:length]),
        order=np.array([series[:length] for series in order]),
        hops=np.array([series[:length] for series in hops]),
        relaxed=length_in_times >= RELAXED,
        relaxation_time_s=relaxation_time,
        hit_rate=1 - totals[1] / max(totals[0], 1),
        clamped=totals[2] / max(totals[0], 1),
        adjacent=totals[3] / (times[length - 1] * len(states)),
    )


def pairs_of(sro: WarrenCowley) -> list[Any]:
    """What is measured, for a checkpoint."""
    return [sro.labels, sro.shells]


def task_name(box: str, temperature_K: float) -> str:
    """Name of the runs of one box at one temperature, the same for no two temperatures."""
    return f"{box}-{float(temperature_K)!r}K"


@dataclasses.dataclass(frozen=True)
class Job:
    """The runs of one box at one temperature.

    Attributes:
        lattice: the box.
        model: barriers.
        temperature_K: temperature.
        counts: of each species and of vacancies ("X") in the box.
        runs: how many, a multiple of copies.
        copies: K.
        sro: measures all pairs.
        budget: when to end.
        rng: the job's own stream.
        box: what the box is among those of one study.
    """

    lattice: Lattice
    model: BarrierModel
    temperature_K: float
    counts: Mapping[str, int]
    runs: int
    copies: int
    sro: WarrenCowley
    budget: Budget
    rng: np.random.Generator
    box: str = "small"

    @property
    def name(self) -> str:
        """Key of the job among those of one study."""
        return task_name(self.box, self.temperature_K)

    def inputs(self) -> dict[str, Any]:
        """All that the record depends on, for a checkpoint: contents, not names."""
        return {
            "barriers": self.model.compile(self.lattice),
            "lattice": self.lattice,
            "composition": self.counts,
            "temperature": float(self.temperature_K),
            "number of runs": [self.runs, self.copies],
            "pairs": pairs_of(self.sro),
            "hops": self.budget,
            "seed or list of temperatures": self.rng,
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

    def run(self, progress: Callable[[float, str], Any]) -> Record:
        """Start all runs from random and follow them."""
        kmc = VacancyKMC(self.lattice, self.model, self.temperature_K)
        starts = self.lattice.random_state(self.counts, batch=self.runs, rng=self.rng)
        unlike = [k for k, (i, j) in enumerate(self.sro.pairs) if i != j]
        return collect(kmc, starts, self.sro, unlike, self.copies, self.budget, rng=self.rng, progress=progress)


def run_jobs(jobs: Sequence[Job], workers: int | None, checkpoint: Checkpoint | None, report: Report) -> list[Record]:
    """Run jobs on threads (the kernels release the interpreter lock), the finished ones kept in a checkpoint.

    Every job has its own stream and its own barrier cache, so the records do not depend on the workers.
    Ctrl-C stops all of them within a moment; finished jobs stay in the checkpoint.
    """
    stop = threading.Event()
    workers = workers or os.cpu_count() or 1
    checkpoint = checkpoint or Checkpoint(None)
    entries = [checkpoint.entry(job.name, job.inputs()) for job in jobs]

    def work(job: Job, entry: Entry) -> Record:
        def progress(fraction: float, text: str) -> None:
            if stop.is_set():
                raise KeyboardInterrupt
            report(job.name, fraction, text)

        progress(0.0, "compiling the kernels, once on each machine")
        record = job.run(progress)
        entry.save(lambda path: write_arrays(path, record.to_arrays()))
        report(job.name, 1.0, "")
        return record

    found = [entry.load(job.read) for job, entry in zip(jobs, entries, strict=True)]
    for job, record in zip(jobs, found, strict=True):
        if record is not None:
            report(job.name, 1.0, "")
    with ThreadPoolExecutor(workers) as pool:
        # the slowest jobs (most evaluations, at high temperature) first, so that none is left over at the end
        order = sorted(range(len(jobs)), key=lambda k: -jobs[k].temperature_K)
        futures = {k: pool.submit(work, jobs[k], entries[k]) for k in order if found[k] is None}
        try:
            records = [futures[k].result() if record is None else record for k, record in enumerate(found)]
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return records
