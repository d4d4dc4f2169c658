"""Reading the CSV tables that `write_csv` wrote."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asemacro.files.reading import reading


@dataclasses.dataclass(frozen=True)
class Table:
    """A CSV file as text.

    Attributes:
        columns: names.
        rows: a text for each column.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """(n_rows,) a column as numbers, nan where it is empty.

        Raises:
            KeyError: no such column.
            ValueError: something that is no number.
        """
        return np.array([float(text) if text else np.nan for text in self.texts(column)])

    def truths(self, column: str) -> NDArray[np.bool_]:
        """(n_rows,) where a column says true."""
        return np.array([text == "true" for text in self.texts(column)], dtype=bool)

    def texts(self, column: str) -> list[str]:
        """(n_rows,) a column.

        Raises:
            KeyError: no such column.
        """
        if column not in self.columns:
            raise KeyError(f"the column {column}")
        place = self.columns.index(column)
        return [row[place] for row in self.rows]


def read_table(path: str | Path) -> Table:
    """The table in a CSV file with a header.

    Raises:
        FileNotFoundError: no such file.
        UnreadableFile: one line that names the file; it is no table, or a row has too few or too many columns.
    """
    with reading(path, "table", "is not a table with a header") as file:
        with file.open(newline="", encoding="utf-8") as lines:
            columns, *rows = (tuple(row) for row in csv.reader(lines))
        for number, row in enumerate(rows, start=2):
            if len(row) != len(columns):
                raise ValueError(f"line {number} has {len(row)} columns, the header {len(columns)}")
    return Table(columns, tuple(rows))
