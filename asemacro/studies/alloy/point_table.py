"""Reading the rows of a diagram from its table."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from asemacro.files.reading import reading
from asemacro.files.tables import Table, read_table
from asemacro.studies.alloy.points import Point

_OF_LATER_VERSIONS = {"delta_err_barrier": ""}


def read_points(path: str | Path) -> list[Point]:
    """The rows of a diagram's sro.csv.

    Raises:
        FileNotFoundError: no such file.
        UnreadableFile: one line that names the file; it is not such a table.
    """
    table = read_table(path)
    with reading(path, "table", "is not the table of a diagram"):
        columns = {field.name: _column(table, field.name) for field in dataclasses.fields(Point)}
        kinds = {field.name: str(field.type) for field in dataclasses.fields(Point)}
        return [
            Point(**{name: _value(column[row], kinds[name]) for name, column in columns.items()})
            for row in range(len(table.rows))
        ]


def _column(table: Table, name: str) -> list[str]:
    if name in _OF_LATER_VERSIONS and name not in table.columns:
        return [_OF_LATER_VERSIONS[name]] * len(table.rows)
    return table.texts(name)


def _value(text: str, kind: str) -> Any:
    """A cell as its column means it.

    Raises:
        ValueError: it is nothing of that kind.
    """
    if kind == "bool":
        return {"true": True, "false": False}[text]
    if kind.endswith("| None") and not text:
        return None
    return {"float": float, "int": int, "str": str}[kind.split(" ")[0]](text)
