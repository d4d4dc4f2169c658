"""The equilibrium that a diagram's folder holds, for what else is made of its equation."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from asemacro.files.reading import reading
from asemacro.studies.alloy.equilibrium import EXTRAPOLATED, LEARNED, SWAPS
from asemacro.studies.alloy.points import EQUILIBRIUM
from asemacro.tasks.publication import check_files

TABLE = "sro.csv"
HOW = {
    LEARNED: "the learned equation",
    SWAPS: "swap Monte Carlo",
    EXTRAPOLATED: "extrapolation from hotter temperatures",
}


def known_equilibrium(folder: Path, labels: Sequence[str], temperature_K: float) -> list[str]:
    """Lines on the equilibrium that a diagram gives at a temperature, or at its nearest ones below and above.

    Args:
        folder: of results; without a diagram's table there is nothing to say.
        labels: of the pairs.
        temperature_K: temperature.

    Raises:
        ValueError: one line; the table is not the one that the folder's run.json lists, or damaged.
    """
    path = folder / TABLE
    if not path.is_file():
        return []
    check_files(folder, [TABLE])
    with reading(path, "table", "is not the table of a diagram", "; move it away or run again"):
        with path.open(newline="", encoding="utf-8") as file:
            rows = [r for r in csv.DictReader(file) if r.get("state") == EQUILIBRIUM and r.get("pair") in labels]
        return _nearest(path, rows, temperature_K)


def _nearest(path: Path, rows: Sequence[dict[str, str]], temperature_K: float) -> list[str]:
    """A line for the temperature of a table's rows, or for those next to it."""
    there = sorted({float(row["temperature_K"]) for row in rows})
    below, above = ([t for t in there if t <= temperature_K], [t for t in there if t >= temperature_K])
    lines = []
    for kelvin in sorted({*below[-1:], *above[:1]}):
        of = [row for row in rows if float(row["temperature_K"]) == kelvin]
        values = ", ".join(_value(r) for r in of)
        lines.append(f"equilibrium at {kelvin:g} K in {path}, by {HOW[of[0]['source']]}: {values}")
    return lines


def _value(row: dict[str, str]) -> str:
    """Order of a pair with its error, and with that of the barriers if it is known."""
    of_barriers = row.get("delta_err_barrier")  # tables of older versions lack it
    text = f"{row['pair']} {float(row['delta']):+.4f} +- {float(row['delta_err']):.4f}"
    return f"{text} (barriers +- {float(of_barriers):.4f})" if of_barriers else text
