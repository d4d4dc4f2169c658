"""A measurement of one kernel: what is run, how long it takes, and how many bytes it holds."""

from __future__ import annotations

import dataclasses
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Run(NamedTuple):
    """One run.

    Attributes:
        events: what was counted: hops, flips, swaps, pairs, sites, steps.
        processor_s: processor time of the thread that ran it, without the time that other work took from it.
        wall_s: time on the clock of the wall.
        hits: fraction of environments found in the cache (KMC), or None.
        began: when, on the clock of the wall.
        ended: when.
    """

    events: float
    processor_s: float
    wall_s: float
    hits: float | None = None
    began: float = 0.0
    ended: float = 0.0

    @property
    def per_second(self) -> float:
        """Events per second of processor time."""
        return self.events / max(self.processor_s, 1e-9)


class Held(NamedTuple):
    """Memory of a run.

    Attributes:
        size_bytes: its start, and what the run allocates (`tracemalloc`; what compiled loops take for themselves is not
            seen).
        when: "held" in the midst of the run, or "peak" of it.
    """

    size_bytes: float
    when: str


@dataclasses.dataclass(frozen=True)
class Ready:
    """A case with its start made and its kernels compiled.

    Attributes:
        run: one run with random numbers from a seed; runs may go side by side in threads.
        held: measures the memory of a run.
        plain: one run of the plain version of the same law from the same start, or None.
        first_call_s: processor time of the first call: kernels are compiled, or read from where they were kept.
    """

    run: Callable[[int], Run]
    held: Callable[[], Held] | None
    plain: Callable[[], Run] | None
    first_call_s: float


@dataclasses.dataclass(frozen=True)
class Case:
    """One kernel on one system of one size.

    Attributes:
        kernel: a key of `KERNELS`.
        system: in a few words.
        sites: number of sites (of each state), or None.
        counted: what is counted, plural.
        prepare: makes it ready; the argument is the share of the usual number of events.
        carriers: vacancies, or None.
        temperature: in `temperature_unit`, or None.
        temperature_unit: "K" or "J".
        seconds: that it takes on an ordinary core.
        both_cores: two runs side by side are measured too.
        large: left out if not asked for.
    """

    kernel: str
    system: str
    sites: int | None
    counted: str
    prepare: Callable[[float], Ready]
    carriers: int | None = None
    temperature: float | None = None
    temperature_unit: str = ""
    seconds: float = 1.0
    both_cores: bool = False
    large: bool = False

    @property
    def label(self) -> str:
        """Kernel, system and size."""
        parts = [self.kernel, self.system]
        if self.sites is not None:
            parts.append(f"{self.sites:,} sites")
        if self.carriers is not None:
            parts.append(f"{self.carriers:,} vacanc{'y' if self.carriers == 1 else 'ies'}")
        if self.temperature is not None:
            parts.append(f"{self.temperature:g} {self.temperature_unit}")
        return ", ".join(parts)


class Stopwatch:
    """Reads the clocks at the record points of a run, as its `observe`: what is done before the first is left out."""

    def __init__(self) -> None:
        self._read: list[tuple[float, float]] = []

    def __call__(self, state: object = None) -> float:
        """Read both clocks."""
        self._read.append((time.thread_time(), time.perf_counter()))
        return 0.0

    def run(self, events: float, hits: float | None = None) -> Run:
        """The run between the first and the last reading."""
        (processor, wall), (processor_end, wall_end) = self._read[0], self._read[-1]
        return Run(events, processor_end - processor, wall_end - wall, hits, wall, wall_end)


def timed(work: Callable[[], Any], events: float) -> Run:
    """A piece of work of so many events."""
    watch = Stopwatch()
    watch()
    work()
    watch()
    return watch.run(events)


def joined(parts: Sequence[Run]) -> Run:
    """One run of several parts, one after the other; what was done between them is not in its times."""
    events, processor_s, wall_s = (sum(part[k] or 0.0 for part in parts) for k in range(3))
    return Run(events, processor_s, wall_s, None, parts[0].began, parts[-1].ended)


def together_per_second(runs: Sequence[Run]) -> float:
    """Events per second of runs side by side, from the first beginning to the last end."""
    return sum(run.events for run in runs) / max(max(run.ended for run in runs) - min(run.began for run in runs), 1e-9)


def first_call(work: Callable[[], Any]) -> float:
    """Processor time in s of a call."""
    started = time.thread_time()
    work()
    return time.thread_time() - started


def peak_of(work: Callable[[], Any], start_bytes: float) -> Held:
    """Most memory that a piece of work takes at a time, and its start."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return Held(start_bytes + tracemalloc.get_traced_memory()[1] - before, "peak")
    finally:
        tracemalloc.stop()


def held_by(work: Callable[[Callable[[object], float]], Any], start_bytes: float) -> Held:
    """Memory in the midst of a run, and its start.

    Args:
        work: is given a function that it calls there, as its `observe`.
        start_bytes: of the start.
    """
    seen: list[int] = []

    def look(state: object) -> float:
        seen.append(tracemalloc.get_traced_memory()[0])
        return 0.0

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work(look)
    finally:
        tracemalloc.stop()
    return Held(start_bytes + max(seen) - before, "held")
