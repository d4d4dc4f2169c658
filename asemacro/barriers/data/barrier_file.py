"""Barriers to train on, from either kind of file: arrays (.npz) or labels (labels.db)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from asemacro.barriers.data.labels import data_of_labels, labelled_data
from asemacro.barriers.data.table import BarrierData, load_barrier_data
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.labelling.database import read_labels
from asemacro.files.reading import UnreadableFile

_SQLITE = b"SQLite format 3\0"


BarrierSource = str | Path | Sequence[str | Path]


def read_barriers(source: BarrierSource, jumps: JumpNetwork | None = None) -> BarrierData:
    """Barriers of a file; its first bytes say of which kind it is. Or of several databases of labels together.

    Args:
        source: npz in the layout of `table`, a database of `asemacro barriers label`, or several such databases, for
            instance of an alloy and of another with one element more.
        jumps: the crystal and the jumps of a model that the data are for; default those of the data.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line that names the file.
    """
    paths = paths_of(source)
    if len(paths) == 1:
        return labelled_data(paths[0], jumps) if _is_database(paths[0]) else load_barrier_data(paths[0], jumps)
    for path in paths:
        if path.is_file() and not _is_database(path):
            raise UnreadableFile(f"{path} is no database of labels; several files together must be (labels.db)")
    if len({path.resolve() for path in paths}) < len(paths):
        raise ValueError(f"a file is given twice: {source_name(source)}")
    labels = [
        dataclasses.replace(label, cell=f"{path.stem}/{label.cell}")  # cells of two files have the same names
        for path in paths
        for label in read_labels(path, failed=True)
    ]
    return data_of_labels(labels, source_name(source), jumps)


def paths_of(source: BarrierSource) -> list[Path]:
    """The files of a source, at least one.

    Raises:
        ValueError: there is none.
    """
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(path) for path in source]
    if not paths:
        raise ValueError("no file of barriers is given")
    return paths


def source_name(source: BarrierSource) -> str:
    """The names of the files, as models and messages tell them."""
    return ", ".join(path.name for path in paths_of(source))


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE
