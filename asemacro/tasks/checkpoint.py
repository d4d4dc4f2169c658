"""Finished tasks of a long run, kept under the content of all that they were made from."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asemacro.files.content import digest, file_digest
from asemacro.files.json_text import read_json
from asemacro.files.reading import plain
from asemacro.files.store import CannotWrite, write_json, write_whole
from asemacro.version import __version__

Arrays = dict[str, NDArray[Any]]
T = TypeVar("T")
FORMAT = 5  # goes up when the same inputs give other results, or results of another form
_OTHER = "~"  # ends the name of a file that is written beside the one that it replaces
say = logging.getLogger("asemacro")


def arrays_of(items: Sequence[Any]) -> Arrays:
    """Fields of equal dataclasses as arrays, one row for each item."""
    return {
        field.name: np.array([getattr(item, field.name) for item in items]) for field in dataclasses.fields(items[0])
    }


def items_of(kind: type[T], arrays: Mapping[str, NDArray[Any]]) -> list[T]:
    """Inverse of `arrays_of`.

    Raises:
        ValueError: other fields, or columns of different length.
    """
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if set(arrays) != names or len({len(column) for column in arrays.values()}) != 1:
        raise ValueError(f"not rows of {', '.join(sorted(names))}")
    plain = {name: column.tolist() if column.ndim == 1 else list(column) for name, column in arrays.items()}
    return [kind(**dict(zip(plain, row, strict=True))) for row in zip(*plain.values(), strict=True)]


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an npz file."""
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(path, **named)


class Entry:
    """Place of one task's result.

    Args:
        checkpoint: where it belongs.
        task: its name.
        inputs: all that the result depends on, in named parts, see `content.digest`. Taken in at once: a random
            generator may go on afterwards.
        suffix: of the file.
        lasting: see `Checkpoint.entry`.
    """

    def __init__(
        self, checkpoint: Checkpoint, task: str, inputs: Mapping[str, Any], suffix: str, lasting: bool
    ) -> None:
        self._checkpoint = checkpoint
        self._task = task
        parts = {**inputs, "version of asemacro": [__version__, FORMAT]}
        self._parts = {name: digest(part) for name, part in parts.items()}
        self._stem = f"{task}-{digest(self._parts)[:16]}"
        assert suffix != ".json", "the record of a result has this one"
        self._suffix = suffix
        if lasting:
            checkpoint.lasting.add(self._stem)

    @property
    def there(self) -> bool:
        """Whether a result of these inputs was kept."""
        directory = self._checkpoint.directory
        return directory is not None and (directory / f"{self._stem}.json").is_file()

    def load(self, read: Callable[[Path], T]) -> T | None:
        """The result as `read` gives it; None if it is not there, damaged or of other inputs, which is said."""
        directory = self._checkpoint.directory
        if directory is None or not directory.is_dir():
            return None
        if not self.there:
            self._say_what_differs(directory)
            return None
        record = directory / f"{self._stem}.json"
        try:
            kept = read_json(record, "record of a checkpoint")
            path = directory / self._file_of(kept)
            if kept["sha256"] != file_digest(path):
                raise ValueError("its checksum differs")
            return read(path)
        except Exception as error:  # whatever is wrong with it: it counts as absent
            say.warning("the checkpoint of %s is damaged (%s), it is made anew", self._task, plain(error))
            return None

    def save(self, write: Callable[[Path], Any]) -> None:
        """Keep a result in place of an earlier one; a disk that cannot take it is no reason to stop the run.

        The record names the file, so that at any moment either the old or the new result is whole.
        """
        directory = self._checkpoint.directory
        if directory is None:
            return
        try:
            directory.mkdir(parents=True, exist_ok=True)
            record = directory / f"{self._stem}.json"
            new, old = (directory / f"{self._stem}{end}{self._suffix}" for end in ("", _OTHER))
            with contextlib.suppress(OSError, ValueError):  # none, or a damaged one: any place is free
                if new.name == self._file_of(read_json(record, "record of a checkpoint")):
                    new, old = old, new
            write_whole(new, write)
            content = {"task": self._task, "inputs": self._parts, "file": new.name, "sha256": file_digest(new)}
            write_json(record, content)
            old.unlink(missing_ok=True)
        except OSError as error:
            reason = CannotWrite.of(directory, error).reason
            self._checkpoint.say_once(f"finished tasks are not kept in {directory}: {reason}")

    def _file_of(self, kept: Mapping[str, Any]) -> str:
        """Name of the file that a record belongs to, which those of before did not say."""
        return Path(str(kept.get("file", f"{self._stem}{self._suffix}"))).name

    def _say_what_differs(self, directory: Path) -> None:
        """Name the inputs in which the kept result of this task that comes nearest differs."""
        different: list[list[str]] = []
        for path in directory.glob("*.json"):
            try:
                kept = read_json(path, "record of a checkpoint")
                if kept["task"] == self._task:
                    others = kept["inputs"]
                    names = [*self._parts, *(name for name in others if name not in self._parts)]
                    different.append([name for name in names if self._parts.get(name) != others.get(name)])
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
        if different:
            nearest = min(different, key=len)
            differ = "differs" if len(nearest) == 1 else "differ"
            self._checkpoint.say_once(f"checkpoint of other inputs ignored: {', '.join(nearest)} {differ}")


class Checkpoint:
    """Finished tasks of a long run, each in a file that is found again only if nothing that it depends on has changed.

    Beside each file lies a JSON record of its checksum and of the fingerprints of the inputs, so that a damaged file
    counts as absent and what has changed can be named.

    Args:
        directory: the run's folder; files go to a sub-folder of it. None keeps nothing.
        name: of the sub-folder.
    """

    def __init__(self, directory: str | Path | None, name: str = ".checkpoint") -> None:
        self.directory = None if directory is None else Path(directory) / name
        self.lasting: set[str] = set()
        self._said: set[str] = set()

    def entry(self, task: str, inputs: Mapping[str, Any], suffix: str = ".npz", *, lasting: bool = False) -> Entry:
        """Place of a task's result, see `Entry`.

        Args:
            task: its name.
            inputs: all that the result depends on.
            suffix: of the file.
            lasting: whether it stays when the run is finished (`settle`), for a later run that needs it again.
        """
        return Entry(self, task, inputs, suffix, lasting)

    def keep(
        self,
        task: str,
        inputs: Mapping[str, Any],
        make: Callable[[], T],
        *,
        write: Callable[[Path, T], Any],
        read: Callable[[Path], T],
        suffix: str = ".npz",
    ) -> T:
        """Result of a task: the kept one, or else what `make` gives, which is kept."""
        entry = self.entry(task, inputs, suffix)
        found = entry.load(read)
        if found is not None:
            return found
        made = make()
        entry.save(lambda path: write(path, made))
        return made

    @property
    def holds_results(self) -> bool:
        """Whether a later run could go on from something."""
        return self.directory is not None and any(self.directory.glob("*.json"))

    def say_once(self, line: str) -> None:
        """Tell the user, once for all tasks."""
        if line not in self._said:
            self._said.add(line)
            say.warning("%s", line)

    def settle(self) -> None:
        """The results are published: keep the lasting entries that this run asked for, remove all others."""
        if self.directory is None or not self.directory.is_dir():
            return
        leaving = [path for path in self.directory.iterdir() if path.stem.removesuffix(_OTHER) not in self.lasting]
        # records first: one without its file, as a kill in between would leave it, counts as damage
        for path in sorted(leaving, key=lambda path: path.suffix != ".json"):
            path.unlink(missing_ok=True)
        if not any(self.directory.iterdir()):
            self.directory.rmdir()

    def clear(self) -> None:
        """Remove all kept results."""
        if self.directory is not None:
            for record in self.directory.glob("*.json"):
                with contextlib.suppress(OSError):
                    record.unlink()
            shutil.rmtree(self.directory, ignore_errors=True)
