"""Files that are whole or absent: atomic writes, the run record, checkpoints of finished tasks."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.array_file import read_arrays

RECORDED_PACKAGES = ("ase", "numba", "numpy", "pymatgen", "scipy", "spglib", "torch", "torch-geometric")


def output_directory(path: str | Path) -> Path:
    """Create a folder for results and check that files can be written there.

    Raises:
        OSError: with one line saying what is in the way.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OSError(f"cannot write to the output folder {path}: {error.strerror}") from None
    return path


def write_whole(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Call `write(temporary path)`, then rename, so that `path` never holds half a file.

    The temporary name keeps the suffix of `path`: writers that choose a format by it still do.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_csv(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write rows under a header; floats with ten significant digits, booleans as true/false."""

    def cell(value: Any) -> Any:
        if isinstance(value, (bool, np.bool_)):
            return "true" if value else "false"
        if isinstance(value, (float, np.floating)):
            return f"{value:.10g}"
        return value

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows([cell(value) for value in row] for row in rows)

    return write_whole(path, write)


def write_json(path: str | Path, content: Mapping[str, Any]) -> Path:
    """Write a JSON object, indented."""
    text = json.dumps(content, indent=2, default=_plain) + "\n"
    return write_whole(path, lambda temporary: _write_text(temporary, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    """JSON form of what json does not know: numpy scalars and arrays, paths."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    return str(value)


def run_record(arguments: Mapping[str, Any], seed: int, wall_time_s: float, **results: Any) -> dict[str, Any]:
    """Content of run.json: version, seed, arguments, package versions, wall time, and what the run adds."""
    from asemacro import __version__

    versions = {}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "absent"
    return {
        "asemacro": __version__,
        "packages": versions,
        "seed": seed,
        "arguments": dict(arguments),
        "wall_time_s": round(wall_time_s, 3),
        **results,
    }


class Checkpoint:
    """Finished tasks of a long run, one npz file a task, tied to the arguments that made them.

    A run that is started again with the same arguments finds its finished tasks; with other arguments it
    finds nothing and the old files are left alone.

    Args:
        directory: the run's output folder; files go to its sub-folder `.checkpoint`.
        arguments: everything that the tasks' results depend on.
    """

    def __init__(self, directory: str | Path, arguments: Mapping[str, Any]) -> None:
        text = json.dumps(arguments, sort_keys=True, default=_plain)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.directory = Path(directory) / ".checkpoint" / key

    def load(self, task: str) -> dict[str, NDArray[Any]] | None:
        """Arrays of a finished task; None if it has not finished or its file is not whole."""
        path = self.directory / f"{task}.npz"
        try:
            return read_arrays(path, "checkpoint")
        except (OSError, ValueError):
            return None

    def save(self, task: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep the arrays of a finished task."""
        self.directory.mkdir(parents=True, exist_ok=True)
        named: dict[str, Any] = dict(arrays)
        write_whole(self.directory / f"{task}.npz", lambda path: np.savez_compressed(path, **named))

    def clear(self) -> None:
        """Remove this run's files once its results are written."""
        if not self.directory.is_dir():
            return
        for path in self.directory.glob("*.npz"):
            path.unlink()
        self.directory.rmdir()
        if not any(self.directory.parent.iterdir()):
            self.directory.parent.rmdir()
