"""Speeds of the kernels: measured, and as a table."""

from __future__ import annotations

import dataclasses
import datetime
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asemacro.arguments.door import checked, flag, flag_or_report, optional, text
from asemacro.arguments.door import path as a_path
from asemacro.files.store import run_record
from asemacro.studies.speed.cases import cases_of, kernels_of
from asemacro.studies.speed.timing import Case, Ready, Run, together_per_second
from asemacro.tasks.progress import reporting
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

ROUNDS = 3
QUICK_SHARE = 0.02
"""Share of the usual number of events in a quick run."""


@dataclasses.dataclass(frozen=True)
class Speed:
    """One row of the table.

    Attributes:
        kernel: which.
        system: in a few words.
        sites: number of sites (of each state), or None.
        carriers: vacancies, or None.
        temperature: in `temperature_unit`, or None.
        temperature_unit: "K", or "J" for units of the coupling.
        cores: runs side by side.
        counted: what is counted, plural.
        per_second: of one core by processor time; of two, of both together, by the clock of the wall.
        ns_each: 1e9 over it.
        over_one_core: of two cores: how many times as many as one core alone, by the clock of the wall.
        plain_per_second: of the plain version, by processor time.
        over_plain: how many times as many as the plain version.
        bytes_per_site: memory over sites; without the cache of environments, which has one size.
        bytes_are: "held" in the midst of the run, or the "peak" of it.
        cache_hit_rate: environments known, of all that were looked up (KMC).
        first_call_s: processor time of the first call, which compiles or reads what was compiled before.
        events: of the run.
        processor_s: of the fastest run, by processor time.
        wall_s: of the same run.
        plain_events: of the plain version.
    """

    kernel: str
    system: str
    sites: int | None
    carriers: int | None
    temperature: float | None
    temperature_unit: str
    cores: int
    counted: str
    per_second: float
    ns_each: float
    over_one_core: float | None = None
    plain_per_second: float | None = None
    over_plain: float | None = None
    bytes_per_site: float | None = None
    bytes_are: str = ""
    cache_hit_rate: float | None = None
    first_call_s: float | None = None
    events: float | None = None
    processor_s: float | None = None
    wall_s: float | None = None
    plain_events: float | None = None


@dataclasses.dataclass(frozen=True)
class Speeds:
    """What `benchmark` gives.

    Attributes:
        machine: processor, cores, load, date, versions.
        rows: measurements.
    """

    machine: dict[str, Any]
    rows: list[Speed]

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [field.name for field in dataclasses.fields(Speed)]

    def table(self) -> list[list[Any]]:
        """The rows as lists."""
        return [list(dataclasses.astuple(row)) for row in self.rows]

    @property
    def busy(self) -> float:
        """Wall time over processor time of all runs on one core; 1 on a machine that does nothing else."""
        alone = [row for row in self.rows if row.cores == 1]
        return sum(row.wall_s or 0 for row in alone) / max(sum(row.processor_s or 0 for row in alone), 1e-9)


@checked(only=optional(text), barriers=optional(a_path), quick=flag, large=flag, progress=flag_or_report)
def benchmark(
    only: str | None = None,
    barriers: str | Path | None = None,
    *,
    quick: bool = False,
    large: bool = False,
    progress: bool | Report = False,
) -> Speeds:
    """Speed of each kernel on this machine, beside a plain NumPy version of the same law.

    Every run has the same random numbers, whenever it is made, so that rates differ by the machine alone. Of three runs
    the fastest counts, by processor time; what makes a run ready (its start, tables, compilation) is not part of it.

    Args:
        only: kernels, comma-separated, of kmc, kmc-sizes, kmc-vacancies, swap, ising, kac, order, pairs, sde.
        barriers: name or file of one more barrier model, as in `load_barriers`.
        quick: small systems, few events, one run of each: whether it works, not how fast it is.
        large: systems of 10^8 sites too.
        progress: True for a bar, or a function progress(task, fraction, text).

    Raises:
        ValueError: an unknown kernel, a barrier model that cannot be measured, quick and large.
    """
    if quick and large:
        raise ValueError("a quick run measures small systems only: give either --quick or --large")
    cases = cases_of(kernels_of(only), barriers, quick=quick, large=large)
    share, rounds = (QUICK_SHARE, 1) if quick else (1.0, ROUNDS)
    machine = _machine()
    rows: list[Speed] = []
    with reporting(progress, {case.label: case.seconds for case in cases}) as report, one_thread():
        for case in cases:
            report(case.label, 0.0, case.label)
            rows += _measure(case, case.prepare(share), rounds, machine["cores"], report)
            report(case.label, 1.0, case.label)
    return Speeds(machine, rows)


def _measure(case: Case, ready: Ready, rounds: int, cores: int, report: Report) -> list[Speed]:
    """The rows of a case: of one core, and of two."""
    best = _fastest(lambda: ready.run(1), rounds)
    report(case.label, 0.5, case.label)
    plain = None if ready.plain is None else _fastest(ready.plain, min(rounds, 2))
    held = None if ready.held is None else ready.held()
    row = Speed(
        case.kernel, case.system, case.sites, case.carriers, case.temperature, case.temperature_unit, 1, case.counted,
        best.per_second, 1e9 / best.per_second,
        plain_per_second=None if plain is None else plain.per_second,
        over_plain=None if plain is None else best.per_second / plain.per_second,
        bytes_per_site=None if held is None else held.size_bytes / (case.sites or 1),
        bytes_are="" if held is None else held.when,
        cache_hit_rate=best.hits, first_call_s=ready.first_call_s,
        events=best.events, processor_s=best.processor_s, wall_s=best.wall_s,
        plain_events=None if plain is None else plain.events,
    )  # fmt: skip
    if not case.both_cores or cores < 2:
        return [row]
    together = max((_side_by_side(ready) for _ in range(rounds)), key=together_per_second)
    per_second = together_per_second(together)
    two = dataclasses.replace(
        row, cores=2, per_second=per_second, ns_each=1e9 / per_second,
        over_one_core=per_second / together_per_second([best]),
        plain_per_second=None, over_plain=None, bytes_per_site=None, bytes_are="", first_call_s=None,
        events=sum(run.events for run in together), processor_s=sum(run.processor_s for run in together),
        wall_s=max(run.wall_s for run in together), plain_events=None,
    )  # fmt: skip
    return [row, two]


def _fastest(run: Callable[[], Run], rounds: int) -> Run:
    """Of several runs the one of least processor time."""
    return min((run() for _ in range(rounds)), key=lambda made: made.processor_s)


def _side_by_side(ready: Ready) -> Sequence[Run]:
    """Two runs at the same time, in threads."""

    def task(seed: int) -> Task[Run]:
        return Task(f"run {seed}", lambda _: ready.run(seed))

    return run_tasks([task(1), task(2)], workers=2)


def _machine() -> dict[str, Any]:
    """What the rates were measured on."""
    record = run_record({}, 0, 0.0)
    cores = len(os.sched_getaffinity(0)) if os.name == "posix" and platform.system() == "Linux" else os.cpu_count() or 1
    return {
        "processor": _processor(),
        "cores": cores,
        "load": round(os.getloadavg()[0], 2) if os.name == "posix" else None,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "asemacro": record["asemacro"],
        "python": platform.python_version(),
        **{name: record["packages"][name] for name in ("numpy", "numba", "torch", "scipy")},
    }


def _processor() -> str:
    """Name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
