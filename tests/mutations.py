"""Damage to files, from lost bits to headers made to harm: the same for the same random generator."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes]
ODD_JSON = (
    *("null", "true", '"x"', '"1.5"', "[]", "{}", "-1", "0", "0.5", "1e999", "NaN", "-Infinity", "1e300", '"\\ud800"'),
    *("9" * 20, "9" * 5000, "[" * 100_000, "[" * 2000 + "]" * 2000, '{"a":' * 1000 + "1" + "}" * 1000, "{", ""),
)
ODD_TYPES = ("'<i8'", "'<f4'", "'>f8'", "'|b1'", "'|O'", "'<U3'", "'<c16'", "'<m8[s]'", "[('a', '<f8')]", "'<f3'", "1")
ODD_SHAPES = (
    "()",
    "(1,)",
    "(0,)",
    "(-1,)",
    f"({3 * 10**9},)",
    f"({10**30},)",
    "(1.5,)",
    "'x'",
    "(2, 2, 2, 2)",
    "(" * 90,
)
TOKEN = re.compile(rb'-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|"[^"\\]*"|true|false|null')


def flipped_bits(content: bytes, rng: np.random.Generator) -> bytes:
    """One to eight bits, anywhere or in the header."""
    array = np.frombuffer(content, dtype=np.uint8).copy()
    end = len(array) if rng.random() < 0.5 else min(len(array), 400)
    at = rng.integers(end, size=rng.integers(1, 9))
    array[at] ^= np.uint8(1) << rng.integers(8, size=len(at)).astype(np.uint8)
    return array.tobytes()


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    """The beginning, or the end, or all but a piece."""
    first, last = np.sort(rng.integers(len(content) + 1, size=2))
    return (content[:first], content[last:], content[:first] + content[last:])[rng.integers(3)]


def spliced(content: bytes, rng: np.random.Generator) -> bytes:
    """A piece of the file, or random bytes, written over or put in somewhere else."""
    first, last = np.sort(rng.integers(len(content) + 1, size=2))
    piece = content[first : min(last, first + 200)] if rng.random() < 0.5 else rng.bytes(int(rng.integers(1, 40)))
    at = int(rng.integers(len(content) + 1))
    return content[:at] + piece + content[at + (len(piece) if rng.random() < 0.5 else 0) :]


def changed_json(content: bytes, rng: np.random.Generator) -> bytes:
    """A number or text of JSON replaced by something else, of the right or the wrong type."""
    tokens = list(TOKEN.finditer(content))
    if not tokens:
        return content
    token = tokens[rng.integers(len(tokens))]
    odd = ODD_JSON[rng.integers(len(ODD_JSON))].encode()
    return content[: token.start()] + odd + content[token.end() :]


def changed_header(content: bytes, rng: np.random.Generator) -> bytes:
    """The header of a safetensors file changed as JSON, or the JSON text of one of its metadata, lengths made right."""
    (length,) = struct.unpack("<Q", content[:8])
    header = content[8 : 8 + length]
    if rng.random() < 0.3:
        header = changed_json(header, rng)
    else:
        fields = json.loads(header)
        metadata = fields["__metadata__"]
        name = sorted(metadata)[rng.integers(len(metadata))]
        metadata[name] = changed_json(metadata[name].encode(), rng).decode()
        if rng.random() < 0.1:
            del metadata[name]
        header = json.dumps(fields).encode()
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def changed_value(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes of a safetensors file's data that make a number absurd: its sign and exponent."""
    (length,) = struct.unpack("<Q", content[:8])
    array = bytearray(content)
    start = 8 + length
    at = start + 4 * int(rng.integers((len(content) - start) // 4))
    array[at : at + 4] = struct.pack("<f", [np.nan, np.inf, 1e30, -1e12, 2e6, 3.0][rng.integers(6)])
    return bytes(array)


def rezipped(content: bytes, rng: np.random.Generator) -> bytes:
    """An npz file whose archive is whole, with one member changed, dropped, renamed, encrypted or packed otherwise."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = sorted(members)[rng.integers(len(members))]
    data, method = members[name], zipfile.ZIP_DEFLATED
    what = rng.integers(7)
    if what == 0:
        members.pop(name)
        if rng.random() < 0.5:
            members["../" + name] = data
    elif what == 1:
        method = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED)[rng.integers(3)]
    elif what == 2:
        members[name] = (flipped_bits, cut, spliced)[rng.integers(3)](data, rng)
    elif what in (3, 4):
        length = int.from_bytes(data[8:10], "little")
        header, odd = data[10 : 10 + length], ODD_TYPES if what == 3 else ODD_SHAPES
        pattern = rb"(?<='descr': )'[^']*'" if what == 3 else rb"(?<='shape': )\([^)]*\)"
        header = re.sub(pattern, odd[rng.integers(len(odd))].encode(), header)
        members[name] = data[:8] + len(header).to_bytes(2, "little") + header + data[10 + length :]
    elif what == 5:
        numbers = np.frombuffer(data[-64:], dtype=np.uint8)
        members[name] = data[:-64] + rng.permutation(numbers).tobytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for member, part in members.items():
            archive.writestr(member, part)
    whole = bytearray(buffer.getvalue())
    if what == 6:  # the flag of encryption, in the directory and in the member
        at = whole.rindex(b"PK\x01\x02")
        whole[at + 8] |= 1
        start = struct.unpack("<I", whole[at + 42 : at + 46])[0]
        whole[start + 6] |= 1
    return bytes(whole)


ANY: tuple[Mutation, ...] = (flipped_bits, cut, spliced)
MUTATIONS: dict[str, tuple[Mutation, ...]] = {
    ".json": (*ANY, changed_json, changed_json, changed_json),
    ".npz": (*ANY, rezipped, rezipped, rezipped),
    ".safetensors": (*ANY, changed_header, changed_header, changed_header, changed_value),
}


def mutated(suffix: str, content: bytes, rng: np.random.Generator) -> bytes:
    """A file of this suffix, damaged in one way."""
    ways: Any = MUTATIONS[suffix]
    return ways[rng.integers(len(ways))](content, rng)
