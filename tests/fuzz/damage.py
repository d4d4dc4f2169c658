"""Damage to a file of any kind, the same for the same random generator: `damaged` chooses by what the file is.

Beside the ways of `mutations`, lines, words and numbers of texts, parts of trees of JSON, members of archives, and rows
of databases are changed, and what would run code is put where a careless reader might run it.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import sqlite3
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fuzz.hostile import JSON, NUMBERS, WORDS, calls, object_array, pickled
from mutations import ANY, Mutation, changed_header, changed_json, changed_value, rezipped

_NUMBER = re.compile(rb"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_ZARR = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
_DEPTHS = (20, 900, 100_000)
_DAMAGES = (0.0, 0.65, 0.2, 0.15)  # how often 0, 1, 2, 3 of them


class Damage:
    """Ways to damage files.

    Args:
        canary: a file that is made by whoever runs what is in a damaged file.
    """

    def __init__(self, canary: Path) -> None:
        self._canary = canary
        self._calls = calls(canary)
        lines = (self._line_lost, self._lines_swapped, self._line_repeated)
        values = (*(3 * (self._digit,)), *(3 * (self._number,)), self._word, self._word)
        tree = (self._tree, self._tree, self._tree, changed_json)
        tensors = (changed_header, changed_header, changed_value, self._header_tree, self._header_tree)
        self._ways: dict[str, tuple[Mutation, ...]] = {
            "text": (*ANY, *lines, *values, self._nested),
            "json": (*ANY, *tree, self._number, self._digit, self._nested),
            "npz": (*ANY, rezipped, rezipped, rezipped, self._objects),
            "safetensors": (*ANY, *tensors),
            "zip": (*ANY, *(5 * (self._member,))),
            "sqlite": (*ANY, *(6 * (self._row,))),
            "gz": (*ANY, self._packed, self._packed, self._packed),
            "binary": (*ANY, self._number, self._digit, self._word),
        }

    def damaged(self, name: str, content: bytes, rng: np.random.Generator) -> bytes:
        """A file of this name with one to three damages; now and then something else altogether."""
        if rng.random() < 0.01:
            return (b"", pickled(self._canary), object_array(self._canary), b"\0" * 100)[rng.integers(4)]
        for _ in range(rng.choice(len(_DAMAGES), p=_DAMAGES)):
            ways = self._ways[kind_of(name, content)]
            with contextlib.suppress(Exception):  # a damage before has made this one impossible
                content = ways[rng.integers(len(ways))](content, rng) if content else content
        return content

    def _odd_word(self, rng: np.random.Generator) -> bytes:
        words = self._calls if rng.random() < 0.1 else NUMBERS if rng.random() < 0.3 else WORDS
        return words[rng.integers(len(words))].encode("utf-8", "surrogatepass")

    def _line_lost(self, content: bytes, rng: np.random.Generator) -> bytes:
        lines = content.splitlines(keepends=True)
        del lines[rng.integers(len(lines))]
        return b"".join(lines)

    def _lines_swapped(self, content: bytes, rng: np.random.Generator) -> bytes:
        lines = content.splitlines(keepends=True)
        a, b = rng.integers(len(lines), size=2)
        lines[a], lines[b] = lines[b], lines[a]
        return b"".join(lines)

    def _line_repeated(self, content: bytes, rng: np.random.Generator) -> bytes:
        lines = content.splitlines(keepends=True)
        at, times = rng.integers(len(lines)), (1, 1, 2, 1000)[rng.integers(4)]
        return b"".join([*lines[:at], *((1 + times) * [lines[at]]), *lines[at + 1 :]])

    def _word(self, content: bytes, rng: np.random.Generator) -> bytes:
        """A word replaced by an odd one or by another word of the file, or one put in."""
        words = list(re.finditer(rb"\S+", content))
        if not words:
            return content
        word, other = (words[k] for k in rng.integers(len(words), size=2))
        new = other.group() if rng.random() < 0.3 else self._odd_word(rng)
        end = word.start() if rng.random() < 0.2 else word.end()
        return content[: word.start()] + new + content[end:]

    def _number(self, content: bytes, rng: np.random.Generator) -> bytes:
        """One number, or all in one place of their lines, replaced."""
        numbers = list(_NUMBER.finditer(content))
        if not numbers:
            return content
        number, odd = numbers[rng.integers(len(numbers))], NUMBERS[rng.integers(len(NUMBERS))].encode()
        if rng.random() < 0.1:
            return content.replace(number.group(), odd)
        return content[: number.start()] + odd + content[number.end() :]

    def _digit(self, content: bytes, rng: np.random.Generator) -> bytes:
        """A digit replaced by another: a file that most readers take."""
        digits = [match.start() for match in re.finditer(rb"\d", content)]
        at = digits[rng.integers(len(digits))]
        return content[:at] + b"%d" % rng.integers(10) + content[at + 1 :]

    def _nested(self, content: bytes, rng: np.random.Generator) -> bytes:
        depth, at = _DEPTHS[rng.integers(len(_DEPTHS))], int(rng.integers(len(content) + 1))
        return content[:at] + (b"[", b"(", b"{")[rng.integers(3)] * depth + content[at:]

    def _tree(self, content: bytes, rng: np.random.Generator) -> bytes:
        """JSON with a value replaced, moved, lost or nested, or a key renamed."""
        try:
            tree = json.loads(content)
        except (ValueError, RecursionError):
            return changed_json(content, rng)
        return json.dumps(self._changed(tree, rng)).encode("utf-8", "surrogatepass")

    def _changed(self, tree: Any, rng: np.random.Generator) -> Any:
        places = [(None, None), *_places(tree)]
        holder, key = places[rng.integers(len(places))]
        way = rng.integers(6)
        if holder is None or way < 2:
            value = self._odd_value(tree if holder is None else holder[key], rng)
            if holder is None:
                return value if way == 0 else tree
            holder[key] = value
        elif way == 2:
            del holder[key]
        elif way == 3 and isinstance(holder, dict):
            holder[self._odd_word(rng).decode("utf-8", "replace")] = holder.pop(key)
        elif way == 4:
            other, name = places[rng.integers(1, len(places))]
            holder[key] = json.loads(json.dumps(other[name]))
        elif isinstance(holder, list):
            holder.append(self._odd_value(holder[key], rng))
        else:
            holder[self._odd_word(rng).decode("utf-8", "replace")] = 1
        return tree

    def _odd_value(self, value: Any, rng: np.random.Generator) -> Any:
        """Something else in place of a value."""
        if rng.random() < 0.1:
            depth = _DEPTHS[rng.integers(2)]
            for _ in range(depth):
                value = [value]
            return value
        if rng.random() < 0.1:
            return self._calls[rng.integers(len(self._calls))]
        if isinstance(value, str) and rng.random() < 0.5:
            return self._odd_word(rng).decode("utf-8", "replace")
        return JSON[rng.integers(len(JSON))]

    def _header_tree(self, content: bytes, rng: np.random.Generator) -> bytes:
        """A safetensors file with its header, or the JSON of one of its metadata, changed as a tree."""
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        metadata = header["__metadata__"]
        if rng.random() < 0.6:
            name = sorted(metadata)[rng.integers(len(metadata))]
            metadata[name] = self._tree(metadata[name].encode(), rng).decode()
        else:
            header = self._changed(header, rng)
        text = json.dumps(header).encode("utf-8", "surrogatepass")
        return struct.pack("<Q", len(text)) + text + content[8 + length :]

    def _objects(self, content: bytes, rng: np.random.Generator) -> bytes:
        """An npz file one of whose arrays is of objects."""
        return _rezipped_with(content, rng, lambda name, data: object_array(self._canary))

    def _member(self, content: bytes, rng: np.random.Generator) -> bytes:
        """An archive with a member damaged, lost, replaced by another one or by a pickle, or all packed otherwise."""
        way = rng.integers(5)
        if way == 0:
            return _rezipped_with(content, rng, lambda name, data: None)
        if way == 1:
            return _rezipped_with(
                content, rng, lambda name, data: (pickled, object_array)[rng.integers(2)](self._canary)
            )
        return _rezipped_with(content, rng, lambda name, data: self.damaged(name, data, rng) if data else data)

    def _packed(self, content: bytes, rng: np.random.Generator) -> bytes:
        return gzip.compress(self.damaged("text", gzip.decompress(content), rng), 1)

    def _row(self, content: bytes, rng: np.random.Generator) -> bytes:
        """An SQLite file with a value replaced, its JSON damaged, or a row or table lost."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.db"
            path.write_bytes(content)
            with contextlib.closing(sqlite3.connect(path)) as base:
                self._edit(base, rng)
                base.commit()
            return path.read_bytes()

    def _edit(self, base: sqlite3.Connection, rng: np.random.Generator) -> None:
        names = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        filled = [name for name in names if base.execute(f"SELECT count(*) FROM '{name}'").fetchone()[0]]
        table = filled[rng.integers(len(filled))] if rng.random() < 0.4 or "systems" not in filled else "systems"
        columns = [row[1] for row in base.execute(f"PRAGMA table_info('{table}')")]
        column = columns[rng.integers(len(columns))]
        rows = [number for (number,) in base.execute(f"SELECT rowid FROM '{table}'")]
        row = rows[rng.integers(len(rows))]
        way = rng.random()
        if way < 0.02:
            base.execute(f"DROP TABLE '{table}'")
        elif way < 0.1:
            base.execute(f"DELETE FROM '{table}' WHERE rowid=?", (row,))
        else:
            (value,) = base.execute(f"SELECT \"{column}\" FROM '{table}' WHERE rowid=?", (row,)).fetchone()
            base.execute(f"UPDATE '{table}' SET \"{column}\"=? WHERE rowid=?", (self._cell(value, rng), row))

    def _cell(self, value: Any, rng: np.random.Generator) -> Any:
        """In place of a value of a database."""
        if isinstance(value, str) and value and rng.random() < 0.7:
            return self.damaged("a.json" if value[0] in "{[" else "text", value.encode(), rng).decode(
                "utf-8", "replace"
            )
        if isinstance(value, bytes) and value and rng.random() < 0.7:
            return self.damaged("a.bin", value, rng)
        odd = (None, -1, 0, 2**40, 1e308, float("inf"), "", "x", b"", b"\0" * 7, pickled(self._canary), "[]", "{}")
        return odd[rng.integers(len(odd))]


def kind_of(name: str, content: bytes) -> str:
    """Which ways of damage fit a file."""
    suffix = Path(name).suffix.lower()
    if suffix in (".npz", ".safetensors"):
        return suffix[1:]
    for magic, kind in ((b"PK\x03\x04", "zip"), (b"SQLite format 3", "sqlite"), (b"\x1f\x8b", "gz")):
        if content.startswith(magic):
            return kind
    if b"\0" in content[:200]:
        return "binary"
    return "json" if suffix == ".json" or Path(name).name in _ZARR else "text"


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key) of all values in a tree."""
    found, waiting = [], [tree]
    while waiting:
        holder = waiting.pop()
        keys: Any = holder if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    return found


def _rezipped_with(content: bytes, rng: np.random.Generator, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """An archive with one member changed (None: lost)."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        members = {name: archive.read(name) for name in names}
    metadata = [name for name in names if name.endswith(".json")]
    name = metadata[rng.integers(len(metadata))] if metadata and rng.random() < 0.5 else names[rng.integers(len(names))]
    new = change(name, members.pop(name))
    if new is not None:
        members[name] = new
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.1 else zipfile.ZIP_STORED) as archive:
        for name in filter(members.__contains__, names):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name], archive.compression)
    return buffer.getvalue()
