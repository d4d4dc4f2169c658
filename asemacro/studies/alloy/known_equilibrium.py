"""The equilibrium that a diagram's folder holds, for what else is made of its equation."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

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
        ValueError: the table is not the one that the folder's run.json lists.
    """
    if not (folder / TABLE).is_file():
        return []
    check_files(folder, [TABLE])
    with (folder / TABLE).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("state") == EQUILIBRIUM and row.get("pair") in labels]
    there = sorted({float(row["temperature_K"]) for row in rows})
    below, above = ([t for t in there if t <= temperature_K], [t for t in there if t >= temperature_K])
    lines = []
    for kelvin in sorted({*below[-1:], *above[:1]}):
        of = [row for row in rows if float(row["temperature_K"]) == kelvin]
        values = ", ".join(f"{r['pair']} {float(r['delta']):+.4f} +- {float(r['delta_err']):.4f}" for r in of)
        lines.append(f"equilibrium at {kelvin:g} K in {folder / TABLE}, by {HOW[of[0]['source']]}: {values}")
    return lines
