"""Linear algebra on one thread: the matrices here are small, and the same seed shall give the same bytes everywhere."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.RLock()
_own = threading.local()  # of each thread: how deep it is inside, and what to restore of its own
_process: dict[str, Any] = {"inside": 0, "modules": 0, "controller": None, "threads": {}}


@contextmanager
def one_thread() -> Iterator[None]:
    """What is called inside runs torch, BLAS and OpenMP on one thread; the settings are put back at the end.

    Sums that several threads share are added in an order that depends on their number, so the last digits would change
    with OMP_NUM_THREADS, MKL_NUM_THREADS and the machine, and small matrices only make threads wait for each other.
    Use it as `with one_thread():` or as a decorator, `@one_thread()`. It costs microseconds inside another one, so
    every fit and every evaluation of a network has its own. Threads of a pool need their own, too: OpenMP and torch
    keep one setting a thread.
    """
    depth = getattr(_own, "depth", 0)
    if depth == 0:
        _own.restore, _own.modules = {}, 0
        with _lock:
            _process["inside"] += 1
    _own.depth = depth + 1
    try:
        if _own.modules != len(sys.modules):  # what was imported since then may have brought a library along
            _limit()
        yield
    finally:
        _own.depth = depth
        if depth == 0:
            _release()


def _limit() -> None:
    """Set every library that is loaded to one thread, and remember what it had."""
    if "numba" in sys.modules:  # np.dot in a kernel loads this BLAS at its first call, too late to be limited
        importlib.import_module("scipy.linalg.cython_blas")
    with _lock:
        _own.modules = len(sys.modules)
        if _process["modules"] != _own.modules:
            _process["controller"], _process["modules"] = ThreadpoolController(), _own.modules
        torch: Any = sys.modules.get("torch")
        if hasattr(torch, "set_num_threads") and "torch" not in _own.restore:  # else another thread still imports it
            # first of all, as it asks OpenMP. Its MKL is linked statically, which threadpoolctl does not see
            _own.restore["torch"] = _process["threads"].setdefault("torch", torch.get_num_threads())
            torch.set_num_threads(1)
        for library in _process["controller"].lib_controllers:
            kept = _own.restore if library.user_api == "openmp" else _process["threads"]
            kept.setdefault(library.filepath, library.num_threads)
            library.set_num_threads(1)


def _release() -> None:
    """Give this thread its own settings back, and the process its, if no other thread is inside."""
    with _lock:
        _process["inside"] -= 1
        kept: dict[str, int] = _process["threads"]
        for library in _process["controller"].lib_controllers if _process["controller"] else ():
            if library.user_api == "openmp":
                library.set_num_threads(_own.restore.get(library.filepath, library.num_threads))
            elif _process["inside"] == 0 and library.filepath in kept:
                library.set_num_threads(kept[library.filepath])
                if library.num_threads == kept[library.filepath]:
                    del kept[library.filepath]  # else OpenBLAS obeys another thread only: the next to leave tries again
        if "torch" in _own.restore:
            sys.modules["torch"].set_num_threads(_own.restore["torch"])
        if _process["inside"] == 0:
            kept.pop("torch", None)
