"""Reading npz files: the headers of the arrays first, then only what was asked for, and nothing is unpickled."""

from __future__ import annotations

import ast
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.files.reading import LARGEST_BYTES, reading

_KINDS = {"number": "iuf", "whole number": "iu", "truth value": "b", "text": "U"}
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what numpy writes
_LARGEST_HEADER = 10_000  # bytes; also of numpy
_LARGEST_DIRECTORY = 10_000  # members of a file
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Expected:
    """What an array of a file must be.

    Attributes:
        kind: "number", "whole number", "truth value" or "text".
        shape: the length of each axis: a number, or a name that stands for one length throughout the file.
        finite: whether nan and inf are refused.
    """

    kind: str
    shape: tuple[int | str, ...] = ()
    finite: bool = True


@dataclass(frozen=True)
class _Header:
    """Type and shape of one array, as its member of the archive declares them."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int  # bytes before the data

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


def read_arrays(
    path: str | Path,
    kind: str,
    expected: Mapping[str, Expected] | None = None,
    optional: Mapping[str, Expected] | None = None,
) -> dict[str, NDArray[Any]]:
    """Arrays of an npz file by name; types, shapes and sizes are checked before anything is unpacked.

    Args:
        path: the file.
        kind: what it should be, for the error, "barrier data".
        expected: the arrays to read and what they must be; others in the file are left alone. By default all arrays
            are read, of any kind but objects.
        optional: more arrays to read if they are there.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line that names the file; it is no npz file, damaged, would unpack to more than 1 GB, or does
            not hold what is expected.
    """
    with reading(path, kind, "is not a readable npz file") as file, zipfile.ZipFile(file) as archive:
        members = _members(archive)
        headers = {name: _header(archive, member, name) for name, member in members.items()}
        with reading(path, kind, f"is not a {kind} file"):
            if expected is not None:
                expected = {**expected, **{k: e for k, e in (optional or {}).items() if k in headers}}
            wanted = list(members) if expected is None else _fitting(headers, expected)
        arrays = {name: _unpacked(archive, members[name], headers[name], name) for name in wanted}
    with reading(path, kind, f"is not a {kind} file"):
        for name, what in (expected or {}).items():
            if what.finite and arrays[name].dtype.kind == "f" and not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} holds values that are not finite numbers")
    return arrays


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Members by the name of their array, none of them to be feared."""
    found: dict[str, zipfile.ZipInfo] = {}
    if len(archive.infolist()) > _LARGEST_DIRECTORY:
        raise ValueError(f"it has {len(archive.infolist())} members, more than {_LARGEST_DIRECTORY}")
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name == member.filename or not name.isprintable():
            raise ValueError(f"its member {member.filename[:40]!a} is not an array")
        if name in found:
            raise ValueError(f"it holds the array {name} twice")
        if member.flag_bits & 0x1:
            raise ValueError(f"its array {name} is encrypted")
        if member.compress_type not in _METHODS:
            raise ValueError(f"its array {name} is compressed in a way that numpy does not write")
        found[name] = member
    total = sum(member.file_size for member in found.values())
    if total > LARGEST_BYTES:
        raise ValueError(f"it would unpack to {total:.3g} bytes, at most {LARGEST_BYTES:.0e} are read")
    return found


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> _Header:
    """Read the header of an array (format 1 to 3 of npy) without its data."""
    with archive.open(member) as stream:
        magic = stream.read(8)
        if magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
            raise ValueError(f"its member {name} is not an array of numpy")
        width = 2 if magic[6] == 1 else 4
        length = int.from_bytes(stream.read(width), "little")
        if length > _LARGEST_HEADER:
            raise ValueError(f"the header of its array {name} is too long")
        text = stream.read(length).decode("utf-8" if magic[6] == 3 else "latin1")
    try:
        fields = ast.literal_eval(text)
        dtype, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
        plain = isinstance(dtype, str) and re.fullmatch(r"[<>=|][biufU][1-9]\d{0,8}", dtype)
        counts = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        sound = set(fields) == {"descr", "fortran_order", "shape"} and type(fortran) is bool and counts
        header = _Header(np.dtype(dtype), shape, fortran, 8 + width + length) if plain and sound else None
    except (ValueError, TypeError, KeyError, SyntaxError):
        raise ValueError(f"the header of its array {name} is damaged") from None
    if header is None:
        raise ValueError(f"its array {name} is not of plain numbers, truth values or texts; nothing is unpickled")
    if len(header.shape) > 32 or header.start + header.nbytes != member.file_size:
        raise ValueError(f"its array {name} declares {header.nbytes} bytes, the archive another number")
    return header


def _fitting(headers: Mapping[str, _Header], expected: Mapping[str, Expected]) -> list[str]:
    """Names of the expected arrays, all of which are there and are what they must be."""
    missing = [name for name in expected if name not in headers]
    if missing:
        raise ValueError(f"array {', '.join(missing)} is missing; needed are {', '.join(expected)}")
    lengths: dict[str, int] = {}
    for name, what in expected.items():
        header = headers[name]
        if header.dtype.kind not in _KINDS[what.kind]:
            raise ValueError(f"{name} must hold a {what.kind} in each place, not {header.dtype}")
        if len(header.shape) == len(what.shape):
            for axis, length in zip(what.shape, header.shape, strict=True):
                if isinstance(axis, str):
                    lengths.setdefault(axis, length)
    for name, what in expected.items():
        shape = tuple(lengths.get(axis, axis) if isinstance(axis, str) else axis for axis in what.shape)
        if headers[name].shape != shape:
            needed = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
            raise ValueError(f"{name} has shape {headers[name].shape}, not ({needed})")
    return list(expected)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, header: _Header, name: str) -> NDArray[Any]:
    """One array in native byte order; memory is taken only as data arrive."""
    flat = np.empty(math.prod(header.shape), dtype=header.dtype)
    raw = flat.view(np.uint8).data if flat.nbytes else memoryview(b"")
    with archive.open(member) as stream:
        stream.read(header.start)
        done = 0
        while done < len(raw):
            part = stream.read(min(_CHUNK, len(raw) - done))
            if not part:
                raise ValueError(f"the data of its array {name} end early")
            raw[done : done + len(part)] = part
            done += len(part)
        stream.read(1)  # at its end the checksum is compared
    flat = flat.astype(header.dtype.newbyteorder("="), copy=False)
    if flat.dtype.kind == "U" and not _printable(flat):
        raise ValueError(f"its array {name} holds texts that cannot be printed")
    if flat.dtype.kind == "b" and flat.view(np.uint8).max(initial=0) > 1:
        raise ValueError(f"its array {name} holds truth values that are neither true nor false")
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _printable(texts: NDArray[np.str_]) -> bool:
    """Whether all characters can be printed, from their codes: a list of the texts would take far more memory."""
    codes = texts.view(np.uint32) if texts.size else np.zeros(0, dtype=np.uint32)
    if codes.max(initial=0) > 0x10FFFF:
        return False
    seen: set[int] = set()
    for first in range(0, len(codes), _CHUNK):
        seen.update(np.unique(codes[first : first + _CHUNK]).tolist())
    return all(chr(code).isprintable() for code in seen - {0})
