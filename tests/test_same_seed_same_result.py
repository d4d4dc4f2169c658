"""Every fit and verb gives the same bytes whatever the thread variables, the number of workers and the load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from asemacro.tasks.threads import one_thread

EVERY_FIT = Path(__file__).parent / "every_fit.py"
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def load() -> Iterator[None]:
    """A process for each core that does nothing but keep it busy."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def checksums(folder: Path, workers: int, **variables: int) -> dict[str, str]:
    """What every fit gives in a process of its own, in the environment of the tests but for these variables."""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment = (clean if variables else dict(os.environ)) | {name: str(n) for name, n in variables.items()}
    environment["PYTHONPATH"] = str(EVERY_FIT.parent.parent)
    folder.mkdir()
    words = [sys.executable, str(EVERY_FIT), str(folder), str(workers)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def on_one_thread(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return checksums(tmp_path_factory.mktemp("one") / "fits", workers=1, **dict.fromkeys(VARIABLES, 1))


def test_as_the_user_has_it(on_one_thread: dict[str, str], tmp_path: Path) -> None:
    """The README sets no threads; .ci/run comes here once more with two threads of everything, under load."""
    assert checksums(tmp_path / "fits", workers=2) == on_one_thread


@pytest.mark.slow  # .ci/run makes the test above do the same, the whole machine being under load
def test_two_threads_of_mkl_under_load(on_one_thread: dict[str, str], tmp_path: Path) -> None:
    with load():
        found = checksums(tmp_path / "fits", workers=2, MKL_NUM_THREADS=2, OPENBLAS_NUM_THREADS=2)
    assert found == on_one_thread


# --- the limit itself ----------------------------------------------------------------------------------------------


def threads() -> list[int]:
    """Of torch, OpenMP and every BLAS, as this thread sees them."""
    return [torch.get_num_threads(), *(library["num_threads"] for library in threadpool_info())]


@pytest.fixture
def two() -> Iterator[None]:
    """Two threads of torch, wherever the test runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_one_inside_and_as_before_afterwards(two: None) -> None:
    before = threads()
    with one_thread():
        assert set(threads()) == {1}
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {1}  # the inner one does not end the outer one
    assert threads() == before


def test_an_error_ends_it_too(two: None) -> None:
    before = threads()

    @one_thread()
    def fails() -> None:
        raise ValueError(f"with {set(threads())}")

    with pytest.raises(ValueError, match=r"with \{1\}"):
        fails()
    assert threads() == before


def test_threads_of_a_pool_have_their_own(two: None) -> None:
    """And nobody's settings change for good, whoever leaves last."""
    before, seen, inside, leave = threads(), [], threading.Event(), threading.Event()

    @one_thread()
    def work() -> None:
        inside.set()
        leave.wait(60)
        seen.append(threads())

    worker = threading.Thread(target=work)
    with one_thread():
        worker.start()
        assert inside.wait(60)
    leave.set()
    worker.join(60)
    assert set(seen[0]) == {1}
    with one_thread():  # OpenBLAS does not obey a second thread: then the first gives it back at its next turn
        pass
    assert threads() == before


def test_results_do_not_depend_on_what_the_caller_set(two: None) -> None:
    """A sum that torch would share among threads."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal(300_000)).float()
    with one_thread():
        expected = float(x.sum())
    torch.set_num_threads(1)
    assert float(x.sum()) == expected
