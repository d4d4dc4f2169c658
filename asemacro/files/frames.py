"""Trajectories as one file: frames of equally many atoms, where what never changes is kept once.

A file is one zip archive that zarr (version 3) opens, `zarr.open_group(zarr.storage.ZipStore(path))`: an array for each
thing that atoms have ("numbers", "positions", "cell", "pbc", ...), with one row a frame, or a single row where all
frames have the same; whole numbers in as few bytes as they need, all compressed with zstd. A row is read without the
others of the file. Nothing that is in a file is run.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.files.format_of_ase import CONTENT
from asemacro.files.reading import UnreadableFile, bound_of_unpacked, plain

"""What the attributes of a file call it; among its first bytes, so that it is known by them."""
VERSION = 1
_CHUNK_BYTES = 1 << 22  # aim for what is packed together: zstd sees how little changes from frame to frame
_LEVEL = 3
_SMALL: tuple[Any, ...] = (np.int8, np.int16, np.int32)
_KINDS = "iufb"
_INFO = "info"
_ROOT = "zarr.json"  # first, so that the first bytes say what the file is
_DATE = (1980, 1, 1, 0, 0, 0)


def write_frames(path: str | Path, columns: Mapping[str, NDArray[Any]], info: Sequence[Mapping[str, Any]]) -> None:
    """Write frames.

    Args:
        path: the file.
        columns: by name (n_frames, ...), or (1, ...) of what is the same in all frames.
        info: of each frame, what JSON can hold.

    Raises:
        ValueError: a column of something else than numbers and truth values.
    """
    import zarr

    text = np.frombuffer(json.dumps(list(info)).encode(), dtype=np.uint8)
    held = {name: _once(np.asarray(column)) for name, column in columns.items()}
    for name, column in held.items():
        if column.dtype.kind not in _KINDS:
            raise ValueError(f"the array {name} holds {column.dtype}; a file of frames keeps numbers only")
    about = {
        "format": CONTENT,
        "version": VERSION,
        "frames": len(info),
        "columns": {name: {"dtype": c.dtype.str, "place": f"c{k}"} for k, (name, c) in enumerate(held.items())},
    }
    parts: dict[str, Any] = {}
    root = zarr.create_group(store=zarr.storage.MemoryStore(parts), attributes=about)
    for k, column in enumerate(held.values()):
        _add(root, f"c{k}", _packed(column))
    _add(root, _INFO, text)
    with zipfile.ZipFile(path, "w") as archive:  # zarr's own way would put the time of day in
        for name in sorted(parts, key=lambda name: (name != _ROOT, name)):
            archive.writestr(zipfile.ZipInfo(name, _DATE), parts[name].to_bytes())


def _add(root: Any, name: str, array: NDArray[Any]) -> None:
    """An array in chunks of whole rows."""
    from zarr.codecs import ZstdCodec

    row = max(array.dtype.itemsize * math.prod(array.shape[1:]), 1)
    rows = min(max(1, _CHUNK_BYTES // row), max(len(array), 1))
    sized = tuple(max(n, 1) for n in array.shape[1:])
    place = root.create_array(
        name, shape=array.shape, chunks=(rows, *sized), dtype=array.dtype, compressors=ZstdCodec(level=_LEVEL)
    )
    place[...] = array


def _once(column: NDArray[Any]) -> NDArray[Any]:
    """One row, if all are the same to the bit: nan is nan, and -0.0 is not 0.0."""
    first = column[0].tobytes()
    return column[:1] if all(row.tobytes() == first for row in column[1:]) else column


def _packed(column: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the smallest type of whole numbers that holds them, else as they are, little-endian."""
    if column.dtype.kind in "iuf" and column.size and column.dtype.itemsize > 1:
        low, high = column.min(), column.max()
        for kind in _SMALL:
            if np.dtype(kind).itemsize >= column.dtype.itemsize or not np.isfinite([low, high]).all():
                break
            limits = np.iinfo(kind)
            if limits.min <= low and high <= limits.max:
                whole = column.astype(kind)
                same = np.array_equal(whole, column) and not np.signbit(column[column == 0]).any()  # -0.0 stays
                return whole if same else column
    return column.astype(column.dtype.newbyteorder("<"), copy=False)


class FramesFile:
    """Frames of a file, read one by one.

    Args:
        path: the file.

    Attributes:
        info: of each frame.

    Raises:
        UnreadableFile: one line that names the file: not such a file, or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        import zarr

        self._path = Path(path)
        if not self._path.is_file():
            raise FileNotFoundError(f"no file of frames {path}")
        size = self._path.stat().st_size
        try:
            self._store = zarr.storage.ZipStore(self._path, mode="r")
            root = zarr.open_group(store=self._store, mode="r")
            about: dict[str, Any] = dict(root.attrs)
            if about.get("format") != CONTENT:
                raise ValueError("it is another zarr archive")
            if about["version"] != VERSION:
                raise ValueError(f"it has version {about['version']}, this one of asemacro reads {VERSION}")
            listed = {str(name): (root[str(of["place"])], np.dtype(of["dtype"])) for name, of in
                      dict(about["columns"]).items()}  # fmt: skip
            frames = int(about["frames"])
            self._columns = {name: _Column(array, dtype, frames, size) for name, (array, dtype) in listed.items()}
            self.info: list[dict[str, Any]] = json.loads(bytes(_Column(root[_INFO], np.dtype("u1"), None, size).all()))
            if len(self.info) != frames or not all(isinstance(row, dict) for row in self.info):
                raise ValueError("its times are not those of its frames")
        except Exception as error:
            raise UnreadableFile(f"{path} is not a readable file of frames ({plain(error)})") from None

    def __len__(self) -> int:
        return len(self.info)

    def read(self, numbers: Sequence[int]) -> Iterator[dict[str, NDArray[Any]]]:
        """Columns of the frames of these numbers, one after the other.

        Raises:
            UnreadableFile: the file is damaged there.
        """
        for number in numbers:
            try:
                yield {name: column.row(number) for name, column in self._columns.items()}
            except Exception as error:
                raise UnreadableFile(f"{self._path} is damaged at frame {number} ({plain(error)})") from None


class _Column:
    """One array of a file; the chunk that was read last is kept.

    Args:
        array: of zarr.
        dtype: that its numbers had.
        frames: how many rows it may have, if not one; None for any number.
        file_bytes: of the file.
    """

    def __init__(self, array: Any, dtype: np.dtype[Any], frames: int | None, file_bytes: int) -> None:
        if array.dtype.kind not in _KINDS or dtype.kind not in _KINDS or array.ndim < 1:
            raise ValueError(f"it holds {array.dtype}")
        if frames is not None and array.shape[0] not in (1, frames):
            raise ValueError(f"a column has {array.shape[0]} rows for {frames} frames")
        part = float(array.dtype.itemsize) * math.prod(array.chunks)
        bound_of_memory(part, "a part of the file")
        bound_of_unpacked(part, file_bytes)
        self._array, self._dtype, self._rows = array, dtype, int(array.chunks[0])
        self._first, self._part = -1, np.empty(0)
        self._file_bytes = file_bytes

    def row(self, number: int) -> NDArray[Any]:
        """A row, in a memory of its own."""
        k = number if self._array.shape[0] > 1 else 0
        first = k - k % self._rows
        if first != self._first:
            self._first, self._part = first, np.asarray(self._array[first : first + self._rows])
        return self._part[k - first].astype(self._dtype.newbyteorder("="))

    def all(self) -> NDArray[Any]:
        """All rows."""
        bound_of_memory(float(self._array.nbytes), "a part of the file")
        bound_of_unpacked(float(self._array.nbytes), self._file_bytes)
        return np.asarray(self._array[:])
