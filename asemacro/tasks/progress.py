"""How far a run is and how long the rest takes, from the time that its tasks were seen to need."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

from asemacro.tasks.run_log import Loudness, loudness, note
from asemacro.typing import Report

LINE_EVERY_S = 60.0  # without a terminal, and in the log of a run
LOUD_EVERY_S = 10.0  # for those who asked for more
BAR_EVERY_S = 1.0  # on a terminal, between reports
LATE = 0.25  # of what a task has taken so far is still to come at least, where it shows nothing


@dataclasses.dataclass
class _Task:
    """One task: its expected cost among the others, and what was seen of it.

    Attributes:
        weight: seconds that it is expected to take on an ordinary core.
        stage: tasks of one stage run side by side, stages one after the other.
        fraction: done, 0 to 1.
        begun: when it was first heard of; None before.
        ended: when it was done; None before.
        seen: time and fraction at its first sign of progress: compiling and waiting come before it.
    """

    weight: float
    stage: int
    fraction: float = 0.0
    begun: float | None = None
    ended: float | None = None
    seen: tuple[float, float] | None = None

    def duration(self, now: float) -> float | None:
        """Seconds that the whole task takes by what was seen of it; None if it shows nothing yet."""
        if self.begun is None:
            return None
        if self.ended is not None:
            return self.ended - self.begun
        if self.seen is None or self.fraction <= self.seen[1]:
            return None
        return (now - self.seen[0]) / (self.fraction - self.seen[1])


class Progress:
    """Share done and time left of a run that is made of tasks.

    A task that shows progress is expected to go on at its pace. One that does not, or has not begun, is expected to
    take its weight, corrected by what the tasks of its stage took for theirs so far; one that outlasts that takes a
    quarter of its time more (`LATE`). Tasks of a stage share the workers. The share done is elapsed / (elapsed +
    remaining); it never falls.

    Args:
        stages: names of the tasks that run side by side and the seconds that each is expected to take on an ordinary
            core, one mapping for each stage. A task that is reported but not named here is taken into the last stage.
        workers: tasks that run at once.
        clock: seconds.
    """

    def __init__(
        self, *stages: Mapping[str, float], workers: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tasks = {name: _Task(weight, k) for k, stage in enumerate(stages) for name, weight in stage.items()}
        self._last_stage = max(len(stages) - 1, 0)
        self._workers = max(workers, 1)
        self._clock = clock
        self._started = clock()
        self._share = 0.0
        self._lock = threading.Lock()
        self.text = ""

    def __call__(self, task: str, fraction: float, text: str) -> None:
        """Hear of a task, from any thread."""
        now = self._clock()
        with self._lock:
            here = self._tasks.setdefault(task, _Task(1.0, self._last_stage))
            if here.begun is None:
                here.begun = now
            here.fraction = max(here.fraction, min(fraction, 1.0))
            if here.fraction >= 1 and here.ended is None:
                here.ended = now
            if here.seen is None and here.fraction > 0:
                here.seen = (now, here.fraction)
            if text:
                self.text = text

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._started

    @property
    def remaining_s(self) -> float | None:
        """Seconds to the end; None as long as no task has shown how fast it is."""
        now = self._clock()
        with self._lock:
            tasks = list(self._tasks.values())
            if all(task.ended is None and task.duration(now) is None for task in tasks):
                return None
            stages = [[task for task in tasks if task.stage == k] for k in range(self._last_stage + 1)]
            return sum(self._left_of_stage(stage, now) for stage in stages)

    def _left_of_stage(self, tasks: list[_Task], now: float) -> float:
        """Seconds that tasks side by side still take."""
        lengths = [task.duration(now) for task in tasks]
        measured = [(task.weight, length) for task, length in zip(tasks, lengths, strict=True) if length]
        pace = sum(length for _, length in measured) / sum(weight for weight, _ in measured) if measured else 1.0
        left = [self._left(task, length, pace, now) for task, length in zip(tasks, lengths, strict=True)]
        return max(sum(left) / min(self._workers, len(left)), max(left)) if left else 0.0

    @staticmethod
    def _left(task: _Task, length: float | None, pace: float, now: float) -> float:
        """Seconds that one task still takes."""
        if task.ended is not None:
            return 0.0
        if length is not None:
            return length * (1 - task.fraction)
        expected = task.weight * pace
        if task.begun is None:
            return expected
        taken = now - task.begun
        return max(expected * (1 - task.fraction) - taken, LATE * taken)

    @property
    def share(self) -> float:
        """Part of the run's time that is over, 0 to 1."""
        remaining, elapsed = self.remaining_s, self.elapsed_s
        if remaining is not None:
            now = elapsed / (elapsed + remaining) if elapsed + remaining > 0 else 1.0
            self._share = max(self._share, now)
        return self._share

    def line(self) -> str:
        """Share done, elapsed, remaining, what is being done."""
        remaining = self.remaining_s
        left = "time left not known yet" if remaining is None else f"about {duration(remaining)} left"
        share = self.share
        percent = 100 if share == 1 else min(round(100 * share), 99)
        parts = [f"{percent} % done", f"{duration(self.elapsed_s)} elapsed", left, self.text]
        return ", ".join(part for part in parts if part)


def duration(seconds: float) -> str:
    """A time as people write it: 45 s, 3 min 20 s, 2 h 05 min, 3 d 4 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def silent(task: str, fraction: float, text: str) -> None:
    """The progress of those who want to see none."""


def part_of(progress: Report, task: str, begin: float = 0.0, share: float = 1.0, tasks: int = 1) -> Report:
    """The progress for work that is a part of a task: it moves the fraction of `task` from `begin` on by `share`.

    Args:
        progress: told of the task.
        task: its name.
        begin: where the part begins.
        share: length of the part.
        tasks: number of tasks that the part itself reports, one after the other or side by side; each counts the same.
    """
    fractions: dict[str, float] = {}
    total = 0.0
    lock = threading.Lock()

    def tell(name: str, fraction: float, text: str) -> None:
        nonlocal total
        with lock:
            before = fractions.get(name, 0.0)
            fractions[name] = max(before, fraction)
            total += fractions[name] - before
            # told inside, or the shares of two threads could come in the wrong order
            progress(task, begin + share * min(total / tasks, 1.0), text)

    return tell


@contextlib.contextmanager
def reporting(progress: bool | Report | None, *stages: Mapping[str, float]) -> Iterator[Report]:
    """What the argument `progress` of a function stands for.

    Args:
        progress: True for a bar of one's own (`progress_bar`), a function progress(task, fraction, text), or nothing.
        stages: of the bar, see `Progress`.
    """
    if callable(progress):
        yield progress
    elif progress:
        with progress_bar(*stages) as shown:
            yield shown
    else:
        yield silent


@contextlib.contextmanager
def progress_bar(*stages: Mapping[str, float], workers: int = 1) -> Iterator[Progress]:
    """Progress shown to the user: a bar on a terminal, a line a minute on standard error elsewhere; see `Loudness`.

    The line a minute goes to the log of the run too.

    Args:
        stages: see `Progress`.
        workers: tasks that run at once.
    """
    progress = Progress(*stages, workers=workers)
    with _shown_on(sys.stderr, progress):
        yield progress


@contextlib.contextmanager
def _shown_on(stream: TextIO, progress: Progress) -> Iterator[None]:
    """Show progress until the block ends, whether the work reports or not."""
    quiet, loud = (loudness() is level for level in (Loudness.QUIET, Loudness.LOUD))
    if stream.isatty() and not quiet and not loud:
        from tqdm import tqdm

        bar = tqdm(total=1.0, file=stream, bar_format="|{bar}| {desc}", leave=False)

        def show() -> None:
            bar.n = progress.share
            bar.set_description_str(progress.line())
    else:
        bar = None

        def show() -> None:
            if not quiet:
                print(progress.line(), file=stream, flush=True)

    every_s = BAR_EVERY_S if bar is not None else LOUD_EVERY_S if loud else LINE_EVERY_S
    over = threading.Event()

    def tell() -> None:
        noted = time.monotonic()
        while not over.wait(every_s):
            show()
            if bar is None or time.monotonic() - noted >= LINE_EVERY_S:
                note(progress.line())
                noted = time.monotonic()

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        if bar is not None:
            bar.close()
