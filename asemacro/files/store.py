"""Files that are whole or absent: atomic writes and the run record."""

from __future__ import annotations

import csv
import glob
import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.version import __version__

RECORDED_PACKAGES = ("ase", "numba", "numpy", "pymatgen", "scipy", "spglib", "torch", "torch-geometric", "zarr")


class CannotWrite(OSError):
    """One line that names a file that could not be written, and why.

    Attributes:
        path: the file.
        reason: what the system says.
        rest: what else there is to know.
        others: names of further files that could not be written.
    """

    def __init__(self, path: Path, reason: str, rest: str = "", *others: str) -> None:
        super().__init__(f"cannot write {', '.join([str(path), *others])}: {reason}{rest}")
        self.others = others
        self.path = path
        self.reason = reason
        self.rest = rest

    @classmethod
    def of(cls, path: Path, error: OSError) -> CannotWrite:
        """The same error for the file that was meant, not the temporary one."""
        return cls(path, error.reason if isinstance(error, CannotWrite) else error.strerror or str(error))

    def with_advice(self, advice: str) -> CannotWrite:
        """The same error with one more sentence."""
        return CannotWrite(self.path, self.reason, f"{self.rest}; {advice}", *self.others)


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
    except FileExistsError:
        raise OSError(f"cannot write to the output folder {path}: there is a file of this name; give another") from None
    except OSError as error:
        raise OSError(f"cannot write to the output folder {path}: {error.strerror}") from None
    return path


def output_file(path: str | Path) -> Path:
    """Check that a file can be written under this name, before any work is done for it; its folder is made.

    Raises:
        ValueError: the name is that of a folder.
        OSError: with one line saying what is in the way.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; -o names the file to write")
    output_directory(path.parent)
    return path


def temporary_name(path: Path) -> Path:
    """Where this process writes a file before it is whole: the suffix stays, writers that choose a format by it do."""
    return path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")


_TEMPORARY = re.compile(r"\..+\.(\d+)\.(csv|json|png|gif|extxyz|safetensors|npz|zip|md|html|db|db-journal)")


def remove_leftovers(directory: Path, stem: str = "", suffix: str = "") -> None:
    """Remove the temporary files of processes that died while they wrote.

    Args:
        directory: where.
        stem: only those of files of this name, with `suffix`; by default all.
        suffix: see `stem`.
    """
    for path in directory.glob(f".{glob.escape(stem)}*.*{glob.escape(suffix)}"):
        found = _TEMPORARY.fullmatch(path.name)
        if found and (not stem or path.name == f".{stem}.{found[1]}{suffix}") and not _lives(int(found[1])):
            path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    """Whether another process of this number is running here."""
    if process == os.getpid():
        return False
    if os.name != "posix":
        return True  # there is no harmless question to ask
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def write_whole(path: str | Path, write: Callable[[Path], Any]) -> Path:
    """Call `write(temporary path)`, then rename, so that `path` never holds half a file.

    Raises:
        CannotWrite: one line with the name of the file, as on a full disk.
    """
    path = Path(path)
    temporary = temporary_name(path)
    remove_leftovers(path.parent, path.stem, path.suffix)
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise CannotWrite.of(path, error) from None
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


def without_nan(value: Any) -> Any:
    """The same with None for every float that is not a finite number, in mappings and lists too: JSON has no nan."""
    if isinstance(value, Mapping):
        return {name: without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run_record(arguments: Mapping[str, Any], seed: int, wall_time_s: float, **results: Any) -> dict[str, Any]:
    """Content of run.json: version, seed, arguments, package versions, wall time, and what the run adds."""
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
