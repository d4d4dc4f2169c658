"""The results of one run as its folder holds them, checked against its run record."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asemacro.files.json_text import read_json
from asemacro.files.reading import reading
from asemacro.files.tables import Table, read_table
from asemacro.tasks.publication import RECORD, check_files, listed_files
from asemacro.tasks.run_folder import RESULTS, verb_of

if TYPE_CHECKING:
    from ase import Atoms

LARGEST_PICTURE = 10**7
"""Bytes of a picture that is put into a page."""


@dataclasses.dataclass(frozen=True)
class Results:
    """A folder of results.

    Attributes:
        folder: where they are.
        record: what run.json says.
    """

    folder: Path
    record: dict[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> Results:
        """The results in a folder.

        Raises:
            FileNotFoundError: no such folder.
            ValueError: one line; it holds no finished run, or other files than its record lists.
        """
        path = Path(folder)
        if not path.is_dir():
            raise FileNotFoundError(f"no folder {path}; give the folder of a finished run")
        if not (path / RECORD).is_file():
            raise ValueError(
                f"{path} holds no {RECORD}: give the folder of a finished run of asemacro {', '.join(RESULTS)}"
            )
        record = read_json(path / RECORD, "run record")
        if "asemacro" not in record:
            raise ValueError(f"{path / RECORD} is not a run record of asemacro")
        found = cls(path, record)
        check_files(path, found.names)
        return found

    @property
    def verb(self) -> str:
        """Which command made them."""
        return verb_of(self.record)

    @functools.cached_property
    def names(self) -> list[str]:
        """The files of the run that are there or should be; version 0.1 did not list them."""
        listed = list(listed_files(self.folder / RECORD))
        return listed or [name for name in RESULTS.get(self.verb, ()) if (self.folder / name).is_file()]

    @property
    def arguments(self) -> dict[str, Any]:
        """What the run was asked for."""
        found = self.record.get("arguments")
        return found if isinstance(found, dict) else {}

    def has(self, name: str) -> bool:
        """Whether the run has such a file."""
        return name in self.names and (self.folder / name).is_file()

    def table(self, name: str) -> Table:
        """A CSV file of the run."""
        return read_table(self.folder / name)

    def picture(self, name: str) -> bytes:
        """A PNG file of the run.

        Raises:
            UnreadableFile: it is none, or larger than LARGEST_PICTURE.
        """
        with reading(self.folder / name, "picture", "is not a PNG picture for a page") as file:
            if file.stat().st_size > LARGEST_PICTURE:
                raise ValueError(f"it is larger than {LARGEST_PICTURE:.0e} bytes")
            content = file.read_bytes()
            if not content.startswith(b"\x89PNG"):
                raise ValueError("it does not begin as one")
            return content

    def frames(self, name: str) -> list[Atoms]:
        """All frames of a structure file of the run."""
        import ase.io

        with reading(self.folder / name, "structure", "is not a file of atoms") as file:
            return list(ase.io.iread(file, index=":", format="extxyz"))
