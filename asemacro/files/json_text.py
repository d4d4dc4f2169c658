"""Reading JSON files and the JSON texts inside other files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asemacro.files.reading import reading

LARGEST_JSON = 2 * 10**7
"""Bytes of a JSON file; the objects that Python makes of it take up to twenty times as much memory."""
_MOST_DIGITS = 400  # a float has at most 309


def read_json(path: str | Path, kind: str) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: the file.
        kind: what it should be, for the error.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line that names the file; it is not JSON in UTF-8, too large, or holds something else than
            an object.
    """
    with reading(path, kind, "is not JSON") as file:
        if file.stat().st_size > LARGEST_JSON:
            raise ValueError(f"it is larger than {LARGEST_JSON:.0e} bytes")
        content = parse_json(file.read_text(encoding="utf-8-sig"))
    with reading(path, kind, f"is not a {kind}"):
        return object_in(content, "the file")


def parse_json(text: str) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: not JSON, or a key stands twice in an object, of which all but the last value would be lost.
        RecursionError: nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_object, parse_int=_whole)


def object_in(value: Any, what: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ValueError: something else.
    """
    if not isinstance(value, dict):
        named = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}
        raise ValueError(f"{what} must hold a JSON object {{...}}, it holds {named.get(type(value), 'a number')}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(text)} digits")
    return int(text)
