"""What the command sro leaves in a folder: the rows, means over frames, atoms with the order round each, a figure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from asemacro.files.extxyz import append_extxyz
from asemacro.files.store import temporary_name, write_csv
from asemacro.lattice.reading.structure_file import Frame
from asemacro.observables.short_range_order import ShortRangeOrder
from asemacro.studies.alloy.sro_figure import draw_order
from asemacro.studies.alloy.sro_measured import Mean, Measured
from asemacro.tasks.publication import Files

COLUMNS = ("file", "frame", "time", "pair", "shell", "neighbours", "distance", "alpha", "delta", "alpha_atoms")


class FrameFile:
    """Frames with the order round each atom, written as they come: those of a long run would fill the memory.

    Args:
        path: where they are written.

    Attributes:
        path: the file.
        count: of frames in it.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        self._file = path.open("w", encoding="utf-8")

    def take(self, file: str, frame: Frame, order: ShortRangeOrder) -> None:
        """One more frame; of fractional occupancy there are no atoms to write."""
        if order.atoms is None:
            return
        order.atoms.info |= {"file": file, "frame": frame.number}
        append_extxyz(self._file, order.atoms)
        self.count += 1

    def close(self) -> None:
        """All frames are there."""
        self._file.close()


@contextlib.contextmanager
def streamed(folder: Path) -> Iterator[FrameFile]:
    """A file for frames under a temporary name, which goes if nobody takes it."""
    stream = FrameFile(temporary_name(folder / "frames.extxyz"))
    try:
        yield stream
    finally:
        stream.close()
        stream.path.unlink(missing_ok=True)


def results(measured: Measured, stream: FrameFile) -> Files:
    """The files of a folder, by name."""
    stream.close()
    figure = draw_order(measured)
    rows = [["" if row[name] is None else row[name] for name in COLUMNS] for row in measured.rows]
    means = measured.means()
    files: Files = {
        "sro.csv": lambda path: write_csv(path, COLUMNS, rows),
        "sro.png": lambda path: figure.savefig(path, format="png"),
    }
    if stream.count:
        files = {**files, "order.extxyz": stream.path.replace}
    if means:
        files = {**files, "average.csv": lambda path: write_csv(path, Mean._fields, means)}
    return files
