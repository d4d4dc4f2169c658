"""Tasks that do not need each other: run side by side, their results in order, all of them stopped within a moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from asemacro.files.arrays import read_arrays
from asemacro.tasks.checkpoint import Checkpoint, Entry, arrays_of, items_of, write_arrays
from asemacro.tasks.elsewhere import Home, home_here, marked
from asemacro.tasks.interrupts import Stops, stop_if_told, stoppable, stops_here
from asemacro.tasks.parts import Place, at_place, place_here, store_here
from asemacro.tasks.progress import silent
from asemacro.tasks.where import CancelsAtOnce, at_once, where_here
from asemacro.typing import Report

T = TypeVar("T")
LAST_MOMENT_S = 2.0
"""How long tasks of an executor that belongs to the caller are waited for after they were told to stop."""


@dataclass(frozen=True)
class Kept(Generic[T]):
    """How the result of a task is kept in a store.

    Attributes:
        inputs: all that the result depends on, in named parts, see `content.digest`.
        write: writes a result to a file.
        read: reads it; an error counts as a damaged file.
        suffix: of the file.
        lasting: see `Checkpoint.entry`.
    """

    inputs: Mapping[str, Any]
    write: Callable[[Path, T], Any]
    read: Callable[[Path], T]
    suffix: str = ".npz"
    lasting: bool = False


def kept_item(kind: type[T], inputs: Mapping[str, Any], what: str) -> Kept[T]:
    """How a result is kept that is a dataclass of arrays and numbers.

    Args:
        kind: the dataclass.
        inputs: all that the result depends on.
        what: the result is, for messages about damaged files.
    """
    return Kept(
        inputs,
        lambda path, found: write_arrays(path, arrays_of([found])),
        lambda path: items_of(kind, read_arrays(path, what))[0],
    )


@dataclass(frozen=True)
class Task(Generic[T]):
    """A piece of work that needs no other.

    Attributes:
        name: in the progress and in the store; no two tasks of one call share it.
        work: makes the result. It gets a function progress(task, fraction, text) to call now and then; whatever task
            it names, what is shown is the name of this one. Random numbers come from a stream of its own.
        weight: how long it takes, compared with the others; the longest begin first, so that none is left over.
        kept: how its result is kept; None: it is not.
        part: its result is kept with the parts of the run, as that of `parts.part`: it is all that the work does, of
            plain values and dataclasses of these kinds. None: it is not.
    """

    name: str
    work: Callable[[Report], T]
    weight: float = 1.0
    kept: Kept[T] | None = None
    part: Sequence[type] | None = None


class InTurn(Executor):
    """Runs what is submitted at once, in the calling thread."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """The result of fn(*args, **kwargs) in a future that is done; an error is raised here."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def run_tasks(
    tasks: Sequence[Task[T]],
    executor: Executor | None = None,
    store: Checkpoint | None = None,
    progress: Report | None = None,
    *,
    workers: int | None = None,
    finished: Callable[[T], Any] | None = None,
) -> list[T]:
    """Results of tasks, in their order, whatever runs them and however many at once.

    An error of one task, or Ctrl-C or SIGTERM (`sigterm_like_ctrl_c`), stops the others and is raised once. Tasks that
    run stop where they next report progress or call `Patience.done`; those in other processes stop there too if their
    executor tells them (`dask_workers`), end with them (`worker_processes`), or run to their end. Results that are
    finished by then are in the store.

    Args:
        tasks: what to run.
        executor: any `concurrent.futures.Executor`; with one of processes the work must be picklable, and progress is
            told only when a task ends, but for those of asemacro. Default: that of the block (`running_on`, and the
            option --executor), else threads, as the compiled kernels release the interpreter lock.
        store: where results are kept. Those in it, of the same inputs, are not made again. Default: with the parts of
            the run (`RunFolder.keep_parts`), if it keeps them.
        progress: called as progress(task, fraction, text), from any thread.
        workers: threads, where no block says how many; default one for each core.
        finished: called with each result as soon as it is there, in the calling thread, one after the other; also with
            those that are finished when another task fails. Not with those that the store held.

    Raises:
        ValueError: several tasks of one name.
    """
    (name, count), *_ = Counter(task.name for task in tasks).most_common(1) or [("", 1)]
    if count > 1:
        raise ValueError(f"{count} tasks are named {name}; give each a name of its own")
    run = _Run(tasks, store or store_here(), progress or silent, finished)
    left = run.left()
    if not left:
        return run.results()
    if executor is None and (where := where_here()) is not None:
        where.say()
        executor = where.executor
    if executor is not None:
        run.on(executor, left, LAST_MOMENT_S)
    else:
        with ThreadPoolExecutor(min(at_once(workers), len(left))) as threads:
            run.on(threads, left, None)
    return run.results()


class _Run(Generic[T]):
    """One call of `run_tasks`: its tasks, what they gave so far, and where it is kept."""

    def __init__(
        self, tasks: Sequence[Task[T]], store: Checkpoint, progress: Report, finished: Callable[[T], Any] | None
    ) -> None:
        self._tasks, self._progress, self._finished = tasks, progress, finished
        # before anything runs, as the inputs hold random streams
        self._entries: dict[int, Entry] = {
            k: store.entry(task.name, task.kept.inputs, task.kept.suffix, lasting=task.kept.lasting)
            for k, task in enumerate(tasks)
            if task.kept is not None
        }
        self._done: dict[int, T] = {}
        place = place_here()
        call = "" if place is None else place.key("tasks")
        self._places = [None if place is None else place.inside(f"{call}/{task.name}") for task in tasks]

    def left(self) -> list[int]:
        """Take what the store and the parts of the run hold; the tasks that remain, the longest first."""
        for k, task in enumerate(self._tasks):
            found = self._held(k, task)
            if found is not None:
                self._done[k] = found[0]
                self._progress(task.name, 1.0, "")
        remain = [k for k in range(len(self._tasks)) if k not in self._done]
        return sorted(remain, key=lambda k: -self._tasks[k].weight)

    def _held(self, k: int, task: Task[T]) -> tuple[T] | None:
        """The result of a task, if it was kept."""
        place = self._places[k]
        if task.kept is not None:
            found = self._entries[k].load(task.kept.read)
            return None if found is None else (found,)
        if task.part is None or place is None:
            return None
        held: tuple[T] | None = place.parts.get(place.result, task.part)
        return held

    def on(self, executor: Executor, places: Sequence[int], last_moment_s: float | None) -> None:
        """Run tasks on an executor; an error stops all, and is raised when they have stopped or after a moment."""
        stop = threading.Event()
        stops = (*stops_here(), stop)
        running: dict[Future[T], int] = {}
        told = {k: _Told(self._tasks[k].name, self._progress, stops, self._places[k]) for k in places}
        try:
            for k in places:
                future = executor.submit(_work, self._tasks[k].work, told[k])
                running[future] = k
                if future.done():
                    self._finish(future, k)
            for future in as_completed([f for f, k in running.items() if k not in self._done]):
                self._finish(future, running[future])
                del running[future]  # or it would be kept where it was made, and made again if that worker dies
        except BaseException:
            stop.set()
            if isinstance(executor, CancelsAtOnce):
                executor.cancel(list(running))
            for future in reversed(running):  # those that wait before those whose place they would take
                future.cancel()
            wait(running, timeout=last_moment_s)
            for future, k in running.items():
                if k not in self._done and future.done() and not future.cancelled() and future.exception() is None:
                    self._keep(k, future.result())
            raise

    def results(self) -> list[T]:
        """All, in the order of the tasks."""
        return [self._done[k] for k in range(len(self._tasks))]

    def _finish(self, future: Future[T], k: int) -> None:
        """Take the result of a task that has ended.

        Raises:
            BaseException: its error.
        """
        result = future.result()
        self._keep(k, result)
        self._done[k] = result
        self._progress(self._tasks[k].name, 1.0, "")

    def _keep(self, k: int, result: T) -> None:
        if self._finished is not None:
            self._finished(result)
        kept, kinds, place = self._tasks[k].kept, self._tasks[k].part, self._places[k]
        if kept is not None:
            self._entries[k].save(lambda path: kept.write(path, result))
        elif kinds is not None and place is not None:
            place.parts.put(place.result, (result,), kinds)


class _Told:
    """The progress that a task is given: shows its name, and stops it when it shall stop."""

    stops: Stops
    place: Place | None

    def __init__(self, name: str, progress: Report, stops: Stops, place: Place | None) -> None:
        self.name, self.progress, self.stops, self.place = name, progress, stops, place
        self._mark = marked(self)

    def __call__(self, task: str, fraction: float, text: str) -> None:
        stop_if_told()
        self.progress(self.name, fraction, text)

    def heard(self, fraction: float, text: str) -> None:
        """A word of the task from another process; the last one is told when its result is there."""
        if fraction < 1 and not any(event.is_set() for event in self.stops):
            self.progress(self.name, fraction, text)

    def __reduce__(self) -> tuple[Any, ...]:
        return _ToldElsewhere, (self._mark,)


class _ToldElsewhere:
    """The same in another process: words go home, if the executor carries them."""

    stops: Stops = ()
    place: Place | None = None

    def __init__(self, mark: int) -> None:
        self._mark = mark
        self.home: Home | None = None

    def __call__(self, task: str, fraction: float, text: str) -> None:
        stop_if_told()
        if self.home is not None:
            self.home.tell(self._mark, fraction, text)


def _work(work: Callable[[Report], T], told: _Told | _ToldElsewhere) -> T:
    """What the executor runs."""
    if isinstance(told, _ToldElsewhere):
        told.home = home_here()  # now, as tasks within this one tell it from threads of their own
    with stoppable((*stops_here(), *told.stops)), at_place(told.place):
        stop_if_told()
        return work(told)
