"""Tasks side by side: the results do not depend on what runs them, and all stop when one fails or the user says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from asemacro.arguments.door import report
from asemacro.files.store import _lives
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.interrupts import Stopped, sigterm_like_ctrl_c, stop_if_told
from asemacro.tasks.patience import Patience
from asemacro.tasks.processes import WorkersLost, worker_processes
from asemacro.tasks.progress import Report, part_of, reporting
from asemacro.tasks.running import InTurn, Kept, Task, run_tasks


def number(rng: np.random.Generator, progress: Report) -> float:
    progress("draw", 0.5, "half")
    return float(rng.random())


def draws(seed: int = 0, n: int = 7) -> list[Task[float]]:
    streams = np.random.default_rng(seed).spawn(n)
    return [Task(f"draw {k}", partial(number, rng), weight=k % 3) for k, rng in enumerate(streams)]


RIGHT = [float(rng.random()) for rng in np.random.default_rng(0).spawn(7)]


@pytest.mark.parametrize(
    "make", [InTurn, partial(ThreadPoolExecutor, 1), partial(ThreadPoolExecutor, 4), partial(ProcessPoolExecutor, 2)]
)
def test_results_are_in_order_whatever_runs_the_tasks(make) -> None:
    told: list[tuple[str, float, str]] = []
    with make() as executor:
        assert run_tasks(draws(), executor, progress=lambda *words: told.append(words)) == RIGHT
    assert {task for task, _, _ in told} == {f"draw {k}" for k in range(7)}  # not the name that the work uses
    assert sum(words[1:] == (1.0, "") for words in told) == 7
    here = not isinstance(executor, ProcessPoolExecutor)
    assert sum(words[1:] == (0.5, "half") for words in told) == (7 if here else 0)


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_threads_are_the_default(workers: int | None) -> None:
    main, seen = threading.get_ident(), []
    tasks = [Task(str(k), lambda progress: seen.append(threading.get_ident())) for k in range(9)]
    run_tasks(tasks, workers=workers)
    assert main not in seen
    assert len(set(seen)) <= (workers or 9)
    assert run_tasks(draws(), workers=workers) == RIGHT
    assert run_tasks([]) == []


def test_the_longest_begin_first() -> None:
    begun: list[str] = []

    def work(name: str, progress: Report) -> None:
        begun.append(name)

    tasks = [
        Task(name, partial(work, name), weight) for name, weight in (("a", 1.0), ("b", 3.0), ("c", 2.0), ("d", 3.0))
    ]
    run_tasks(tasks, InTurn())
    assert begun == ["b", "d", "c", "a"]


def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^2 tasks are named draw 0; give each a name of its own$"):
        run_tasks([*draws(n=1), *draws(n=2)])


# ---------------------------------------------------------------- the store


def kept_draws(made: list[str]) -> list[Task[float]]:
    def work(name: str, rng: np.random.Generator, progress: Report) -> float:
        made.append(name)
        return float(rng.random())

    def task(k: int, rng: np.random.Generator) -> Task[float]:
        kept = Kept(
            {"stream": rng}, lambda path, x: path.write_text(json.dumps(x)), lambda path: json.loads(path.read_text())
        )
        return Task(f"draw {k}", partial(work, f"draw {k}", rng), kept=kept)

    return [task(k, rng) for k, rng in enumerate(np.random.default_rng(0).spawn(7))]


@pytest.mark.parametrize("executor", [None, InTurn()])
def test_what_the_store_holds_is_not_made_again(tmp_path: Path, executor: Executor | None) -> None:
    made: list[str] = []
    told: list[tuple[str, float, str]] = []
    assert run_tasks(kept_draws(made)[2:5], executor, Checkpoint(tmp_path)) == RIGHT[2:5]
    assert sorted(made) == ["draw 2", "draw 3", "draw 4"]
    made.clear()
    tasks = kept_draws(made)
    assert run_tasks(tasks, executor, Checkpoint(tmp_path), lambda *words: told.append(words)) == RIGHT
    assert sorted(made) == ["draw 0", "draw 1", "draw 5", "draw 6"]
    assert sorted(words[0] for words in told if words[1] == 1) == [f"draw {k}" for k in range(7)]
    made.clear()
    assert run_tasks(kept_draws(made), executor, Checkpoint(tmp_path)) == RIGHT
    assert not made


# ---------------------------------------------------------------- the end before the end


def endless(ended: list[str], name: str, progress: Report) -> None:
    """Works until it is told to stop, without a word of progress: long loops look in `Patience.done`."""
    patience = Patience(name)
    try:
        for _ in range(60_000):  # a minute and more: a test that hears of no stop fails
            time.sleep(0.001)
            patience.done(0.0)
    finally:
        ended.append(name)


def failing(started: threading.Event, progress: Report) -> None:
    assert started.wait(20)
    raise ValueError("no barrier")


def test_an_error_stops_the_others_and_is_raised_once(tmp_path: Path) -> None:
    ended: list[str] = []
    started = threading.Event()

    def first(progress: Report) -> None:
        started.set()
        endless(ended, "first", progress)

    never = [Task(f"never {k}", partial(endless, ended, f"never {k}")) for k in range(3)]
    done = kept_draws([])[0]
    tasks = [done, Task("first", first), Task("second", partial(failing, started)), *never]
    with pytest.raises(ValueError, match=r"^no barrier$") as raised:
        run_tasks(tasks, store=Checkpoint(tmp_path), workers=2)
    assert raised.value.__context__ is None
    assert "first" in ended
    assert len(ended) <= 2  # the thread of the one that failed may have begun another one
    made: list[str] = []
    assert run_tasks(kept_draws(made)[:1], store=Checkpoint(tmp_path)) == RIGHT[:1]
    assert not made  # what was finished is kept


def test_an_error_in_turn_is_raised_at_once() -> None:
    ended: list[str] = []
    event = threading.Event()
    event.set()
    with pytest.raises(ValueError, match=r"^no barrier$"):
        run_tasks([Task("a", partial(failing, event)), Task("b", partial(endless, ended, "b"))], InTurn())
    assert not ended


@pytest.fixture
def listening() -> Iterator[None]:
    """To Ctrl-C: a shell that runs the tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("own", [True, False])
def test_the_user_stops_all(number: signal.Signals, own: bool, listening: None) -> None:
    ended: list[str] = []
    started = threading.Barrier(3)

    def begun(name: str, progress: Report) -> None:
        started.wait(20)
        endless(ended, name, progress)

    def work(name: str, progress: Report) -> None:
        run_tasks([Task("inner", partial(begun, name))])  # tasks within tasks stop with them

    def stop() -> None:
        started.wait(20)
        os.kill(os.getpid(), number)

    threading.Thread(target=stop).start()
    tasks = [Task(name, partial(work, name)) for name in "ab"]
    with sigterm_like_ctrl_c(), ThreadPoolExecutor(2) as executor, pytest.raises(KeyboardInterrupt):
        run_tasks(tasks, None if own else executor, workers=2)
    assert sorted(ended) == ["a", "b"]
    stop_if_told()  # this thread was not


def test_a_task_that_reports_stops_there() -> None:
    ended: list[str] = []

    def reports(progress: Report) -> None:
        try:
            while True:
                progress("anything", 0.5, "")
        except Stopped:
            ended.append("told")
            raise

    def heard(task: str, fraction: float, text: str) -> None:
        if task == "a":
            raise KeyboardInterrupt

    def ends(progress: Report) -> None:
        progress("a", 0.1, "")

    with pytest.raises(KeyboardInterrupt):
        run_tasks([Task("b", reports), Task("a", ends)], progress=heard, workers=2)
    assert ended == ["told"]


# ---------------------------------------------------------------- one signature


def test_a_part_fills_its_share_of_the_task() -> None:
    told: list[tuple[str, float, str]] = []
    tell = part_of(lambda *words: told.append(words), "figure", 0.5, 0.25, tasks=2)
    tell("a", 0.5, "first")
    tell("a", 1.0, "first")
    tell("a", 0.2, "late word")
    tell("b", 0.5, "second")
    tell("b", 2.0, "")
    assert told == [
        ("figure", 0.5625, "first"),
        ("figure", 0.625, "first"),
        ("figure", 0.625, "late word"),
        ("figure", 0.6875, "second"),
        ("figure", 0.75, ""),
    ]


def test_what_progress_stands_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float, str]] = []
    with reporting(lambda *words: told.append(words)) as tell:
        tell("fit", 0.5, "half")
    assert told == [("fit", 0.5, "half")]
    for nothing in (None, False):
        with reporting(nothing) as tell:
            tell("fit", 0.5, "half")
    monkeypatch.setattr("asemacro.tasks.progress.LINE_EVERY_S", 0.01)
    said = ""
    with reporting(True, {"fit": 1.0}) as tell:
        tell("fit", 0.5, "half")
        while "half" not in said:  # a thread shows it now and then
            time.sleep(0.01)
            said += capsys.readouterr().err


@pytest.mark.parametrize("old", [lambda n: None, lambda hops, time_s: None, lambda: None])
def test_a_function_of_another_signature_is_refused(old) -> None:
    message = r"^progress is called as progress\(task, fraction, text\), which .* does not take$"
    with pytest.raises(TypeError, match=message):
        report(old, "progress")
    assert report(print, "progress") is print


# ---------------------------------------------------------------- results as they come


def pair_or_fail(k: int, progress: Report) -> tuple[int, int]:
    if k == 3:
        raise ValueError("task 3 fails")
    return k, os.getpid()


def numbered(n: int) -> list[Task[tuple[int, int]]]:
    return [Task(str(k), partial(pair_or_fail, k)) for k in range(n)]


@pytest.mark.parametrize("executor", [None, InTurn()])
def test_results_are_told_as_they_come_also_when_another_task_fails(executor: Executor | None) -> None:
    came: list[tuple[int, int]] = []
    assert run_tasks(numbered(3), executor, finished=came.append) == sorted(came)
    came.clear()
    with pytest.raises(ValueError, match="task 3 fails"):
        run_tasks(numbered(9), executor, workers=1, finished=came.append)
    assert {0, 1, 2} <= {k for k, _ in came}
    assert len(came) == len(set(came))


def test_worker_processes_end_with_the_block() -> None:
    with worker_processes(1) as executor:
        assert {pid for _, pid in run_tasks(numbered(3), executor)} == {os.getpid()}
    with worker_processes(2) as executor:
        pids = {pid for _, pid in run_tasks(numbered(3), executor)}
    assert os.getpid() not in pids
    with pytest.raises(ValueError, match="task 3 fails"), worker_processes(2) as executor:
        run_tasks(numbered(9), executor)
    assert not any(_lives(pid) for pid in pids)


def crashing(progress: Report) -> int:
    os._exit(3)


def test_a_worker_process_that_crashes_is_one_line() -> None:
    with pytest.raises(WorkersLost, match=r"^3 worker processes ended by themselves"), worker_processes(2) as executor:
        run_tasks([Task("crash", crashing)], executor)


def test_worker_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Whatever they are doing: nobody is left to tell them."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from asemacro.tasks.processes import WorkersLost, worker_processes\n"
        "from asemacro.tasks.running import Task, run_tasks\n"
        "def work(progress):\n"
        "    Path(sys.argv[0]).with_suffix('.pid').write_text(str(os.getpid()))\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    with worker_processes(2) as executor:\n"
        "        run_tasks([Task('sleep', work)], executor)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    place = script.with_suffix(".pid")
    until = time.monotonic() + 60
    while not (place.exists() and place.read_text()):
        assert time.monotonic() < until
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    worker = int(place.read_text())
    while _lives(worker):
        assert time.monotonic() < until
        time.sleep(0.05)
