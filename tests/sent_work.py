"""Work that is sent to other processes, which import it from here."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from asemacro.tasks.elsewhere import VARIABLES
from asemacro.tasks.patience import Patience
from asemacro.tasks.progress import Report
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.tasks.threads import one_thread


@one_thread()
def drawn(rng: np.random.Generator, tell: Report) -> bytes:
    """Bytes that depend on the stream alone: draws, sums, eigenvalues."""
    x = rng.normal(size=(60, 60))
    return np.concatenate([[rng.random(), x.sum()], np.linalg.eigvalsh(x + x.T)]).tobytes()


def draws(n: int = 6) -> list[Task[bytes]]:
    """Tasks that draw, each from its own stream."""
    streams = Streams((17,))
    return [Task(f"draw {k}", partial(drawn, streams("draw", k))) for k in range(n)]


def right(n: int = 6) -> list[bytes]:
    """What they give in turn."""
    return [task.work(lambda *words: None) for task in draws(n)]


def killed_once(folder: Path, rng: np.random.Generator, tell: Report) -> bytes:
    """Draws; in the middle its process is killed, the first time."""
    begun = rng.random(1000)
    mark = folder / "killed"
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    return np.concatenate([begun, rng.random(1000)]).tobytes()


def killed_tasks(folder: Path) -> list[Task[bytes]]:
    """Draws, one of which loses its process."""
    tasks = draws()
    tasks[2] = Task("draw 2", partial(killed_once, folder, Streams((17,))("draw", 2)))
    return tasks


def killed_right() -> list[bytes]:
    """What they give without an accident."""
    found, rng = right(), Streams((17,))("draw", 2)
    return [*found[:2], np.concatenate([rng.random(1000), rng.random(1000)]).tobytes(), *found[3:]]


def fatal(tell: Report) -> None:
    """Always ends its process."""
    os.kill(os.getpid(), signal.SIGKILL)


def talks(release: Path, tell: Report) -> str:
    """Tells how far it is until a file is there."""
    for _ in range(6000):
        if release.exists():
            return "done"
        tell("talk", 0.5, "half of it")
        time.sleep(0.02)
    raise TimeoutError("nobody heard")


def talks_within(release: Path, tell: Report) -> str:
    """The same in a task of its own."""
    return run_tasks([Task("within", partial(talks, release))], progress=tell)[0]


def endless(folder: Path, name: str, tell: Report) -> None:
    """Works until it is told to stop."""
    patience = Patience(name)
    (folder / f"{name}.begun").touch()
    try:
        for _ in range(1_000_000):  # over half an hour: on a busy machine others may take minutes to begin
            time.sleep(0.002)
            patience.done(0.0)
    finally:
        (folder / f"{name}.ended").touch()


def limits(tell: Report) -> list[int]:
    """Threads of the libraries that this process has loaded, and of those that it may load."""
    import numba

    np.linalg.eigvalsh(np.eye(3))
    found = [numba.get_num_threads(), *(one["num_threads"] for one in threadpool_info())]
    return [*found, *(int(os.environ[name]) for name in VARIABLES)]


def wrong(tell: Report) -> None:
    """Fails as work does on bad input."""
    raise ValueError("no barrier")


def walked(hops: int, rng: np.random.Generator, tell: Report) -> tuple[bytes, float, float]:
    """One vacancy KMC run of an alloy, from random; seconds that it took by the clock, and of the processor."""
    from asemacro.barriers import PairBarrier
    from asemacro.lattice import Lattice
    from asemacro.micro import VacancyKMC

    begun = time.perf_counter(), time.thread_time()
    species = ("Nb", "Mo", "Ta")
    lattice = Lattice.bcc(3.24, species, 8)
    model = PairBarrier(species, {"Nb": 0.9, "Mo": 1.3, "Ta": 1.0}, [{"Nb-Mo": -0.05}])
    kmc = VacancyKMC(lattice, model, 1200.0)
    run = kmc.run(lattice.random_state(vacancies=1, rng=rng)[0], hops=hops, rng=rng, progress=tell)
    found = run.x.tobytes() + np.float64(run.time_s).tobytes()
    return found, time.perf_counter() - begun[0], time.thread_time() - begun[1]


class Pickled(Executor):
    """Runs what comes back from bytes, in turn: what cannot be sent to another process fails here."""

    count = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Done at once."""
        self.count += 1
        fn, args, kwargs = pickle.loads(pickle.dumps((fn, args, kwargs)))
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
