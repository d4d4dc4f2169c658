"""Results that belong together: put in place as a set, listed with their checksums, and checked when they are read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from asemacro.files.content import file_digest
from asemacro.files.json_text import read_json
from asemacro.files.store import CannotWrite, output_directory, temporary_name, write_json
from asemacro.tasks.interrupts import uninterrupted

RECORD = "run.json"
Files = Mapping[str, Callable[[Path], Any]]
"""Names, and what writes each to a path that it is given."""


def publish(
    directory: str | Path,
    files: Files,
    record: Mapping[str, Any] | None = None,
    *,
    record_name: str = RECORD,
    stale: Collection[str] = (),
) -> list[Path]:
    """Write files under temporary names, then put all of them in place; the run record comes last.

    The record of older results is removed first, so that a folder with a record holds what the record lists: its
    `files` gives the SHA-256 of each. A file that cannot be written, as on a full disk, is left out; the others are
    kept.

    Args:
        directory: the folder, made if it is missing.
        files: what to write.
        record: content of the run record; None for files without one. A record of asemacro that lists one of
            the files is then removed.
        record_name: its file.
        stale: names of older results that do not belong to the new ones.

    Returns:
        Paths of all files written, the record last.

    Raises:
        CannotWrite: one line that names a file that could not be written and those that were.
    """
    folder = output_directory(directory)
    ready: dict[str, Path] = {}
    failed: list[CannotWrite] = []
    try:
        for name, write in files.items():
            temporary = ready[name] = temporary_name(folder / name)
            try:
                write(temporary)
            except OSError as error:
                ready.pop(name).unlink(missing_ok=True)
                failed.append(CannotWrite.of(folder / name, error))
        written = list(ready)
        if ready or not failed:
            with uninterrupted():
                _put_in_place(folder, ready, record is not None, record_name, stale)
                if record is not None:
                    listed = {name: file_digest(folder / name) for name in ready}
                    try:
                        write_json(folder / record_name, {**record, "files": listed})
                        written.append(record_name)
                    except CannotWrite as error:
                        failed.append(error)
    finally:
        for temporary in ready.values():
            temporary.unlink(missing_ok=True)
    if failed:
        kept = f"; written: {', '.join(written)}" if written else "; nothing was written"
        raise CannotWrite(failed[0].path, failed[0].reason, kept, *(error.path.name for error in failed[1:]))
    return [folder / name for name in written]


def _put_in_place(
    folder: Path, ready: Mapping[str, Path], recorded: bool, record_name: str, stale: Collection[str]
) -> None:
    """Rename finished files, between the removal of the old record and the writing of the new one."""
    if recorded or set(ready) & set(_listed(folder / record_name)):
        (folder / record_name).unlink(missing_ok=True)
    for name in set(stale) - set(ready):
        (folder / name).unlink(missing_ok=True)
    for name, temporary in ready.items():
        temporary.replace(folder / name)


def check_files(directory: str | Path, names: Sequence[str], record_name: str = RECORD) -> None:
    """Check that files are the ones that the folder's run record lists. Version 0.1 listed none: those pass.

    Args:
        directory: the folder.
        names: files that are about to be read, those of them that are there or should be.
        record_name: file of the record.

    Raises:
        ValueError: one line; a file is missing, another one than listed, or of another run.
    """
    folder = Path(directory)
    listed = _listed(folder / record_name)
    if not listed:
        return
    for name in names:
        path = folder / name
        if not path.is_file():
            if name in listed:
                raise ValueError(f"{path} is missing, though {record_name} lists it; run the command again")
        elif name not in listed:
            raise ValueError(f"{path} is not of the run that {record_name} describes; move it away or run again")
        elif file_digest(path) != listed[name]:
            raise ValueError(
                f"{path} is not the file that {record_name} lists: it was changed, or comes from another run; run again"
            )


def listed_files(path: str | Path) -> dict[str, str]:
    """Names and checksums in a run record of asemacro; none if it has no list.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; it is damaged.
    """
    record = read_json(path, "run record")
    files = record.get("files", {}) if "asemacro" in record else {}
    if not isinstance(files, dict) or not all(isinstance(value, str) for value in files.values()):
        raise ValueError(f"{path} is damaged: files must give a checksum for each name")
    return {name: value for name, value in files.items() if name == Path(name).name}


def _listed(path: Path) -> dict[str, str]:
    with contextlib.suppress(FileNotFoundError):
        return listed_files(path)
    return {}
