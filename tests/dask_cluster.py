"""A Dask cluster on this machine, as a user starts it: a scheduler and so many workers of one thread."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
"""As docs/scaling.md says: Dask looks at its workers a hundred times a second, which takes a few per cent of a core."""


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: int) -> Iterator[Path]:
    """The file of the scheduler, which may still be on its way; all processes end with the block."""
    file = folder / "scheduler.json"
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    commands = (
        ("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)),
        ("worker", "--scheduler-file", str(file), "--nworkers", str(workers), "--nthreads", "1"),
    )
    with contextlib.ExitStack() as stack:
        for words in commands:
            log = stack.enter_context((folder / f"{words[0]}.log").open("w"))
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *words, "--no-dashboard", "--dashboard-address", ":0"],
                cwd=folder, env={**os.environ, **SETTINGS, "PYTHONPATH": path}, stdout=log, stderr=log,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield file
