"""Barriers to train on, from either kind of file: arrays (.npz) or labels (labels.db)."""

from __future__ import annotations

from pathlib import Path

from asemacro.barriers.data.labels import labelled_data
from asemacro.barriers.data.table import BarrierData, load_barrier_data
from asemacro.barriers.gnn.crystal import JumpNetwork

_SQLITE = b"SQLite format 3\0"


def read_barriers(path: str | Path, jumps: JumpNetwork | None = None) -> BarrierData:
    """Barriers of a file; its first bytes say of which kind it is.

    Args:
        path: npz in the layout of `table`, or a database of `asemacro barriers label`.
        jumps: the crystal and the jumps of a model that the data are for; default those of the data.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line that names the file.
    """
    path = Path(path)
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_SQLITE)) == _SQLITE:
                return labelled_data(path, jumps)
    return load_barrier_data(path, jumps)
