"""A fingerprint of what a value holds, whatever it is called."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def digest(value: Any) -> str:
    """64 hexadecimal digits (SHA-256) of the content of a value: equal for equal content, in any process.

    Numbers (floats to the last bit), text, bytes, arrays with their type and shape, mappings in any order, sequences,
    dataclasses (without fields whose name begins with an underscore), and random generators with their state.

    Raises:
        TypeError: a value of another kind: its content is not known.
    """
    return hashlib.sha256(_encoded(value)).hexdigest()


def file_digest(path: str | Path) -> str:
    """64 hexadecimal digits (SHA-256) of a file.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_of(*paths: str | Path) -> list[str]:
    """`file_digest` of files; of those that are not there their names."""
    return [file_digest(path) if Path(path).is_file() else str(path) for path in paths]


def _encoded(value: Any) -> bytes:
    """Bytes that differ for different content: every part is led by its kind and length."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | complex):
        return _part(type(value).__name__, repr(value).encode())
    if isinstance(value, str):
        return _part("str", value.encode())
    if isinstance(value, bytes):
        return _part("bytes", value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        head = f"{value.dtype.str} {value.shape}".encode()
        return _part("array", _part("head", head) + np.ascontiguousarray(value).tobytes())
    if isinstance(value, Mapping):
        items = sorted(_encoded(key) + _encoded(item) for key, item in value.items())
        return _part("mapping", b"".join(items))
    if isinstance(value, list | tuple):
        return _part("sequence", b"".join(_encoded(item) for item in value))
    if isinstance(value, np.random.Generator):
        source = value.bit_generator
        sequence = source.seed_seq
        children = sequence.state if isinstance(sequence, np.random.SeedSequence) else None
        return _part("generator", _encoded([source.state, children]))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [f.name for f in dataclasses.fields(value) if not f.name.startswith("_")]
        return _part(type(value).__name__, _encoded({name: getattr(value, name) for name in fields}))
    raise TypeError(f"the content of a {type(value).__name__} is not known")


def _part(kind: str, content: bytes) -> bytes:
    return f"{kind} {len(content)}:".encode() + content
