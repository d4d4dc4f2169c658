"""Threads, processes and workers of Dask give the same bytes; those killed are replaced; all can be stopped."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dask_cluster import dask_cluster
from sent_work import (
    Pickled,
    draws,
    endless,
    fatal,
    killed_right,
    killed_tasks,
    limits,
    right,
    talks,
    talks_within,
    wrong,
)

from asemacro.tasks import same_code
from asemacro.tasks.executors import Kind, executor_of
from asemacro.tasks.interrupts import sigterm_like_ctrl_c
from asemacro.tasks.processes import WorkersLost
from asemacro.tasks.progress import silent
from asemacro.tasks.running import InTurn, Task, run_tasks
from asemacro.tasks.where import Where, at_once, running_on, where_here

PATIENCE_S = 1200.0  # of a machine that has other things to do


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a Dask scheduler with two workers of one thread, each a process of this machine."""
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'asemacro[dask]'")
    with dask_cluster(tmp_path_factory.mktemp("dask"), 2) as file:
        until(file.exists)  # a command waits for it FILE_S
        yield file


@pytest.fixture(params=["processes", "dask"])
def elsewhere(request: pytest.FixtureRequest) -> Callable[[], contextlib.AbstractContextManager[Where]]:
    """Opens two workers that are other processes."""
    if request.param == "processes":
        return partial(executor_of, Kind.processes, 2)
    return partial(executor_of, None, None, str(request.getfixturevalue("scheduler")))


def until(found: Callable[[], bool]) -> None:
    """Wait for something that other processes do."""
    end = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("kind", [Kind.threads, Kind.processes])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_bytes_in_turn_in_threads_and_in_processes(kind: Kind, workers: int) -> None:
    with executor_of(kind, workers):
        assert at_once(7) == workers
        assert run_tasks(draws()) == right()
    assert run_tasks(draws(), InTurn()) == right()
    assert where_here() is None


def test_the_same_bytes_from_workers_of_dask(scheduler: Path) -> None:
    with executor_of(scheduler=str(scheduler)) as where:
        assert run_tasks(draws()) == right()
        assert "Dask workers on 1 machine (tcp://127.0.0.1:" in where.words or "1 threads" in where.words


def test_a_worker_that_is_killed_is_replaced_and_its_task_done_again(elsewhere, tmp_path: Path) -> None:
    with elsewhere():
        assert run_tasks(killed_tasks(tmp_path)) == killed_right()
        assert (tmp_path / "killed").exists()
        assert run_tasks(draws()) == right()  # the others, and the new one, go on


def test_a_task_that_always_ends_its_process_is_one_line(elsewhere) -> None:
    said = r"^(3 worker processes ended by themselves|several Dask workers died) "
    with pytest.raises(WorkersLost, match=said), elsewhere():
        run_tasks([Task("fatal", fatal)])


@pytest.mark.parametrize("work", [talks, talks_within])
def test_progress_comes_from_other_processes(elsewhere, work: Callable[..., str], tmp_path: Path) -> None:
    release = tmp_path / "heard"
    told: list[tuple[str, float, str]] = []

    def tell(*words: Any) -> None:
        told.append(words)
        if words[1:] == (0.5, "half of it"):
            release.touch()

    with elsewhere():
        assert run_tasks([Task("one", partial(work, release))], progress=tell) == ["done"]
    assert {name for name, _, _ in told} == {"one"}
    assert told[-1] == ("one", 1.0, "")


def test_linear_algebra_runs_on_one_thread_there(elsewhere) -> None:
    with elsewhere():
        for found in run_tasks([Task(str(k), limits) for k in range(2)]):
            assert set(found) == {1}


def cancelled_together(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tasks each message to a Dask scheduler cancels, from now on."""
    from distributed import Client

    found: list[int] = []
    cancel = Client.cancel

    def counted(self: Client, futures: list[Any], **more: Any) -> Any:
        found.append(len(futures))
        return cancel(self, futures, **more)

    monkeypatch.setattr(Client, "cancel", counted)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_user_stops_tasks_in_other_processes(
    elsewhere, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is finished is told; those that run end, those that wait never begin."""
    on_dask = Kind.processes not in elsewhere.args
    together = cancelled_together(monkeypatch) if on_dask else []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    came: list[Any] = []

    def stop() -> None:
        until(lambda: len(came) == 1 and len(list(tmp_path.glob("*.begun"))) == 2)
        os.kill(os.getpid(), number)

    # a second draw might be moved from one Dask worker to the other, behind a task that does not end
    tasks: list[Task[Any]] = [*draws(1), *(Task(name, partial(endless, tmp_path, name)) for name in "abc")]
    threading.Thread(target=stop).start()
    try:
        with sigterm_like_ctrl_c(), pytest.raises(KeyboardInterrupt), elsewhere():
            run_tasks(tasks, finished=came.append)
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == right(1)
    begun = {path.stem for path in tmp_path.glob("*.begun")}
    assert len(begun) == 2
    if on_dask:  # processes are ended, whatever they do
        assert together == [3]  # Dask may run the first and the last: in its place the second would begin
        until(lambda: {path.stem for path in tmp_path.glob("*.ended")} == begun)
        assert {path.stem for path in tmp_path.glob("*.begun")} == begun


def test_dask_begins_tasks_in_their_order(scheduler: Path, tmp_path: Path) -> None:
    """The longest come first."""
    pytest.importorskip("distributed")
    from asemacro.tasks.dask_scheduler import connected

    with executor_of(scheduler=str(scheduler)) as where, connected(str(scheduler)) as client:
        assert where.executor is not None
        futures = [where.executor.submit(partial(endless, tmp_path, name), silent) for name in "abcdef"]

        def priorities() -> dict[int, tuple[float, ...]]:
            """Of all tasks by their number; lower ones first."""
            return client.run_on_scheduler(
                lambda dask_scheduler: {
                    int(key.rpartition("-")[2]): task.priority for key, task in dask_scheduler.tasks.items()
                }
            )

        until(lambda: set(priorities()) == set(range(1, 7)))
        order = [priority for _, priority in sorted(priorities().items())]
    assert order == sorted(set(order))
    assert all(future.cancelled() for future in futures)


def test_an_error_is_raised_as_it_is(elsewhere) -> None:
    with pytest.raises(ValueError, match=r"^no barrier$"), elsewhere():
        run_tasks([*draws(2), Task("wrong", wrong)])


# ---------------------------------------------------------------- one line, and what to do


def test_a_scheduler_that_is_not_there(command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'asemacro[dask]'")
    monkeypatch.setattr("asemacro.tasks.dask_scheduler.CONNECT_S", 1.0)
    monkeypatch.setattr("asemacro.tasks.dask_scheduler.FILE_S", 0.5)
    (tmp_path / "old.json").write_text('{"address": "tcp://127.0.0.1:9"}')
    (tmp_path / "other.json").write_text('{"addresses": 1}')
    for given, said in (
        ("tcp://127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9; start one with `dask scheduler`, "),
        ("127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9; "),
        (tmp_path / "old.json", "no Dask scheduler answers at tcp://127.0.0.1:9; "),
        (tmp_path / "other.json", f"{tmp_path / 'other.json'} is no file of a Dask scheduler; "),
        (tmp_path / "none.json", f"{tmp_path / 'none.json'} does not come; `dask scheduler --scheduler-file "),
        ("carrier://pigeon", "--scheduler carrier://pigeon is no address such as tcp://HOST:8786 and no FILE.json"),
    ):
        code, out, err = command("equilibrium", tmp_path / "x.cif", "--executor", "dask", "--scheduler", given)
        assert code == 2, err
        assert not out
        last = err.strip().splitlines()[-1]
        assert last.startswith(f"asemacro: {said}"), err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--executor", "dask"), "--executor dask needs --scheduler ADDRESS or FILE.json"),
        (("--executor", "threads", "--scheduler", "a:1"), "--scheduler a:1 is one of Dask; leave --executor threads"),
        (("--scheduler", "a:1", "--workers", "2"), "--workers 2 is for threads and processes"),
        (("--executor", "slurm"), "Invalid value for '--executor': 'slurm' is not one of 'threads', 'processes', 'da"),
    ],
)
def test_options_that_do_not_go_together(command, words: tuple[str, ...], said: str) -> None:
    code, out, err = command("diffusion", "x.cif", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"asemacro: {said}")
    assert err.count("\n") == 1


def test_without_dask(command, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dask_workers", "dask_task", "dask_scheduler"):  # tests before may have imported them
        monkeypatch.delitem(sys.modules, f"asemacro.tasks.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = command("diffusion", "x.cif", "--scheduler", "a:1")
    assert code == 2
    assert err.startswith("asemacro: --executor dask needs the package distributed: pip install 'asemacro[dask]'; ")


class OtherCode:
    """Gives other code than that of this process; sent to a worker, it is what gives the code there."""

    def __call__(self) -> same_code.Code:
        return {**same_code.code_here(), "numpy": "1.0", "asemacro": "9.9"}

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (same_code, "code_here")


def test_workers_of_other_code_are_refused(scheduler: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from asemacro.tasks import dask_workers

    with executor_of(scheduler=str(scheduler)):  # so that workers are there
        monkeypatch.setattr(dask_workers, "code_here", OtherCode())
        said = r"^the Dask worker tcp://\S+ has asemacro \S+ \(here 9.9\), numpy \S+ \(here 1.0\); start it in an env"
        with pytest.raises(ValueError, match=said), executor_of(scheduler=str(scheduler)):
            pass


def test_a_scheduler_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'asemacro[dask]'")
    from asemacro.tasks import dask_workers

    monkeypatch.setattr(dask_workers, "WAIT_S", 0.5)
    monkeypatch.setattr(dask_workers, "LOOK_S", 0.1)
    said = r"^no worker came to \S+ in .* min; start some: dask worker \S+$"
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster:
        opened = executor_of(scheduler=cluster.scheduler_address)
        with pytest.raises(WorkersLost, match=said):
            opened.__enter__()


def test_a_scheduler_that_is_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'asemacro[dask]'")
    from asemacro.tasks import dask_workers

    monkeypatch.setattr(dask_workers, "LOOK_S", 0.1)
    monkeypatch.setattr("asemacro.tasks.dask_scheduler.CONNECT_S", 10.0)
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0")

    def close() -> None:
        until((tmp_path / "one.begun").exists)
        cluster.close()

    closing = threading.Thread(target=close)
    closing.start()
    said = r"^the Dask scheduler \S+ is no longer there; what is finished is kept, "
    with pytest.raises(WorkersLost, match=said), executor_of(scheduler=cluster.scheduler_address):
        run_tasks([Task("one", partial(endless, tmp_path, "one"))])
    closing.join(PATIENCE_S)
    until((tmp_path / "one.ended").exists)


@pytest.mark.filterwarnings(r"ignore:Port \d+ is already in use")  # it takes the usual one, or another
def test_the_recipe_for_a_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it goes without one: its job runs a worker, and asemacro finds the scheduler by the file."""
    jobqueue = pytest.importorskip("dask_jobqueue", reason="not installed: pip install 'asemacro[hpc]'")
    page = (Path(__file__).resolve().parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")
    lines = page.split("from dask_jobqueue import SLURMCluster\n")[1].split("```")[0].splitlines()
    made, wrote = lines[1], lines[3]
    assert made.startswith("cluster = SLURMCluster(")
    monkeypatch.chdir(tmp_path)
    distributed = pytest.importorskip("distributed")
    names = {"SLURMCluster": jobqueue.SLURMCluster, "Client": distributed.Client}
    exec(made, names)
    with names["cluster"] as cluster:
        script = cluster.job_script()
        assert "distributed.cli.dask_worker tcp://" in script
        assert "--nthreads 1" in script
        exec(wrote, names)
        from asemacro.tasks import dask_scheduler

        with dask_scheduler.connected(str(tmp_path / "scheduler.json")) as client:
            assert client.scheduler.address == cluster.scheduler_address


# ---------------------------------------------------------------- executors of the user


def test_an_executor_of_the_user_runs_the_tasks_of_a_block() -> None:
    with running_on(Pickled()):
        assert run_tasks(draws()) == right()
        with pytest.raises((AttributeError, pickle.PicklingError)):
            run_tasks([Task("closure", lambda tell: None)])
    assert run_tasks([Task("closure", lambda tell: 1)]) == [1]
