"""Tables of many wide rows, in memory or streamed from a zarr file: read by any rows, never as a whole.

A file is one zip archive that zarr (version 3) opens, `zarr.open_group(zarr.storage.ZipStore(path))`: an array a
column, cut into chunks of whole rows, and `n_rows`, how many rows it holds. Nothing in it is compressed, so a row is
read straight from its place, many times faster than by way of zarr. It gets its name when it is whole.
"""

from __future__ import annotations

import dataclasses
import math
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.files.reading import UnreadableFile, bound_of_unpacked, plain
from asemacro.files.store import CannotWrite, write_whole

CHUNK_BYTES = 1 << 18
"""Aim for the size of a chunk: one row where a row is larger."""
_LENGTHS_AT = 26  # bytes from the beginning of a member of a zip archive, where the lengths of its name and notes stand


class Rows(Protocol):
    """A column: an array, or one that lies in a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its numbers."""

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[Any]:
        """Rows by their numbers, in that order."""


@dataclasses.dataclass(frozen=True)
class Column:
    """What a row holds in one column.

    Attributes:
        dtype: of its numbers.
        shape: of them; () for one number.
    """

    dtype: DTypeLike
    shape: tuple[int, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of a row."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)

    @property
    def rows_of_a_chunk(self) -> int:
        """How many rows are read and written together."""
        return max(1, CHUNK_BYTES // max(self.nbytes, 1))


class RowSink:
    """Takes rows as they come, a block of all columns at a time, and writes whole chunks of them.

    Args:
        columns: what a row holds, by name.
        arrays: where the rows go, long enough for all; a chunk is written once.
    """

    def __init__(self, columns: Mapping[str, Column], arrays: Mapping[str, Any]) -> None:
        self._columns, self._arrays = dict(columns), arrays
        self._waiting: dict[str, list[NDArray[Any]]] = {name: [] for name in columns}
        self._written = dict.fromkeys(columns, 0)
        self.count = 0

    def append(self, **blocks: NDArray[Any]) -> None:
        """Some more rows: every column, of one length."""
        lengths = {len(block) for block in blocks.values()}
        assert set(blocks) == set(self._columns)
        assert len(lengths) == 1, f"columns of the lengths {lengths}"
        for name, block in blocks.items():
            self._waiting[name].append(np.asarray(block, dtype=self._columns[name].dtype))
            self._write(name, self._columns[name].rows_of_a_chunk)
        self.count += lengths.pop()

    def finish(self) -> None:
        """Write what has not made up a chunk."""
        for name in self._columns:
            self._write(name, 1)

    def _write(self, name: str, chunk: int) -> None:
        """Write as many whole chunks as there are."""
        waiting = sum(map(len, self._waiting[name]))
        ready = waiting - waiting % chunk
        if ready:
            rows = np.concatenate(self._waiting[name])
            first = self._written[name]
            self._arrays[name][first : first + ready] = rows[:ready]
            self._written[name] += ready
            self._waiting[name] = [rows[ready:].copy()]


def rows_in_memory(
    columns: Mapping[str, Column], most: int, fill: Callable[[RowSink], None], what: str
) -> dict[str, NDArray[Any]]:
    """The columns that `fill` gives to a sink, as arrays.

    Args:
        columns: what a row holds.
        most: rows at most.
        fill: called with the sink.
        what: the rows, the beginning of the message if they do not fit the memory.

    Raises:
        ValueError: they do not fit the memory.
    """
    bound_of_memory(float(most) * sum(column.nbytes for column in columns.values()), what)
    arrays = {name: np.empty((most, *column.shape), dtype=column.dtype) for name, column in columns.items()}
    sink = RowSink(columns, arrays)
    fill(sink)
    sink.finish()
    return {name: array[: sink.count] for name, array in arrays.items()}


def write_rows(
    path: str | Path,
    columns: Mapping[str, Column],
    most: int,
    fill: Callable[[RowSink], None],
    about: Mapping[str, Any],
) -> Path:
    """Write the columns that `fill` gives to a sink, chunk by chunk; the file appears when all are there.

    Args:
        path: the file.
        columns: what a row holds.
        most: rows at most.
        fill: called with the sink.
        about: the table in JSON, kept with it.

    Raises:
        CannotWrite: one line with the name of the file.
    """
    import zarr

    path = Path(path)
    if path.is_dir():  # or it would be known only when all is computed
        raise CannotWrite(path, "there is a folder of this name")

    def write(temporary: Path) -> None:
        temporary.touch()  # zarr has no words for a folder that is not there or not to be written in
        store = zarr.storage.ZipStore(temporary, mode="w")
        try:
            root = zarr.create_group(store=store, attributes=dict(about))
            arrays = {
                name: root.create_array(
                    name,
                    shape=(most, *column.shape),
                    chunks=(min(column.rows_of_a_chunk, max(most, 1)), *column.shape),
                    dtype=np.dtype(column.dtype).newbyteorder("<"),
                    compressors=None,
                )
                for name, column in columns.items()
            }
            sink = RowSink(columns, arrays)
            fill(sink)
            sink.finish()
            root.create_array("n_rows", data=np.array([sink.count]))
        finally:
            store.close()

    return write_whole(path, write)


class _InFile:
    """A column of a file, whose rows are read from their places in it when they are asked for.

    Args:
        path: the file.
        chunks: where the chunks begin in it, -1 for one that was not written because it is zero throughout.
        rows_of_a_chunk: number of rows of each.
        shape: of the column.
        dtype: of its numbers.
    """

    def __init__(
        self, path: Path, chunks: NDArray[np.int64], rows_of_a_chunk: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self._path, self._chunks, self._rows_of_a_chunk = path, chunks, rows_of_a_chunk
        self._opened = _mark(path.stat())

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[Any]:
        """Rows by their numbers; rows that follow each other are read at once.

        Raises:
            UnreadableFile: the file is another one than was opened, ends early, or holds nan or inf.
        """
        out = np.zeros((len(rows), *self.shape[1:]), dtype=self.dtype)
        row_bytes = self.dtype.itemsize * math.prod(self.shape[1:])
        chunk, within = np.divmod(rows, self._rows_of_a_chunk)
        starts = np.flatnonzero((np.diff(rows, prepend=-2) != 1) | (np.diff(chunk, prepend=-2) != 0))
        with self._path.open("rb", buffering=0) as file:
            if _mark(os.fstat(file.fileno())) != self._opened:
                raise UnreadableFile(
                    f"{self._path} is not the file that was opened: it was written again; open it anew"
                )
            for first, end in zip(starts, [*starts, len(rows)][1:], strict=True):
                begin = self._chunks[chunk[first]]
                if begin >= 0:
                    file.seek(int(begin + within[first] * row_bytes))
                    if not _filled(file, out[first:end]):
                        raise UnreadableFile(f"{self._path} ends early")
        if self.dtype.kind == "f" and not np.isfinite(out).all():
            raise UnreadableFile(f"{self._path} is damaged: it holds numbers that are not finite")
        return out


def _mark(found: os.stat_result) -> tuple[int, int, int]:
    """What tells a file from another one that took its place."""
    return found.st_ino, found.st_size, found.st_mtime_ns


def _filled(file: Any, out: NDArray[Any]) -> bool:
    """Read as many bytes as an array has; whether there are so many."""
    place = out.data.cast("B")
    while len(place):
        count = file.readinto(place)
        if not count:
            return False
        place = place[count:]
    return True


def read_rows(
    path: str | Path, kind: str, columns: Mapping[str, str], in_memory_bytes: float
) -> tuple[dict[str, Rows], dict[str, Any]]:
    """The columns of a file and what is said about them.

    Args:
        path: the file, of `write_rows`.
        kind: what it should be, for the error, "force data".
        columns: the columns to read and the kinds of their numbers, "f" or "i"; those that are not there are left out.
        in_memory_bytes: columns are read whole, the smallest first, as long as they take no more than this together.

    Raises:
        FileNotFoundError: no such file.
        UnreadableFile: one line that names the file: damaged, or not such a table.
    """
    import zarr

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no {kind} file {path}")
    try:
        members = _members(path)
        root = zarr.open_group(store=zarr.storage.ZipStore(path, mode="r"), mode="r")
        about = dict(root.attrs)
        n_rows = _number_of_rows(root["n_rows"])
        found = {
            name: _column(path, name, root[name], columns[name], n_rows, members) for name in columns if name in root
        }
        rows: dict[str, Rows] = {}
        for name, column in sorted(found.items(), key=lambda item: item[1].nbytes):
            small = column.nbytes <= in_memory_bytes
            rows[name] = column[np.arange(n_rows)] if small else column
            in_memory_bytes -= column.nbytes if small else 0
    except Exception as error:
        raise UnreadableFile(f"{path} is not a readable {kind} file ({plain(error)})") from None
    return rows, about


def _number_of_rows(array: Any) -> int:
    """What the array of one number says."""
    if array.shape != (1,) or array.dtype.kind not in "iu":
        raise ValueError(f"n_rows holds {array.dtype} in the shape {array.shape}, not one number")
    return int(np.asarray(array)[0])


def _column(
    path: Path, name: str, array: Any, kind: str, n_rows: int, members: Mapping[str, tuple[int, int]]
) -> _InFile:
    """A column of a file, after a look at what zarr says about it."""
    shape, chunk = tuple(map(int, array.shape)), int(array.chunks[0])
    if array.dtype.kind != kind or not 0 <= n_rows <= shape[0] or array.chunks[1:] != shape[1:] or array.compressors:
        raise ValueError(f"{name} holds {array.dtype} in the shape {shape}, {n_rows} rows of it")
    row_bytes = array.dtype.itemsize * math.prod(shape[1:])
    bound_of_unpacked(float(n_rows) * max(row_bytes, 8), path.stat().st_size)  # chunks of zeros are not in the file
    end = "/0" * (len(shape) - 1)
    begins = np.full(-(-n_rows // chunk), -1)
    for k in range(-(-n_rows // chunk)):
        begin, size = members.get(f"{name}/c/{k}{end}", (-1, chunk * row_bytes))
        if size != chunk * row_bytes:
            raise ValueError(f"a part of {name} has {size} bytes, not {chunk * row_bytes}")
        begins[k] = begin
    return _InFile(path, begins, chunk, (n_rows, *shape[1:]), array.dtype.newbyteorder("<"))


def _members(path: Path) -> dict[str, tuple[int, int]]:
    """Where each member of an archive begins and how many bytes it has; none is compressed."""
    places = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"its member {member.filename[:40]!a} is compressed")
            file.seek(member.header_offset + _LENGTHS_AT)
            lengths = np.frombuffer(file.read(4), dtype="<u2")
            begin = member.header_offset + _LENGTHS_AT + 4 + int(lengths.sum())
            places[member.filename] = begin, member.file_size
    return places
