"""The result of a furnace programme: its numbers, its figure and its files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asemacro.files.store import write_csv
from asemacro.studies.furnace.figures import draw_annealed
from asemacro.studies.furnace.order import AnnealedOrder, AnnealRow
from asemacro.tasks.publication import publish

if TYPE_CHECKING:
    from asemacro.tasks.publication import Files


class Annealed(AnnealedOrder):
    """Short-range order over a furnace programme, from the random alloy; the fields are those of `AnnealedOrder`."""

    def plot(self) -> Any:
        """Temperature, vacancies and order over the programme; returns the Axes of the order."""
        return draw_annealed(self)

    def files(self) -> Files:
        """What `save` writes, by name."""
        figure, cooling = self.plot().figure, self.cooling
        columns = [field.name for field in dataclasses.fields(AnnealRow)]
        files: dict[str, Any] = {
            "anneal.csv": lambda path: write_csv(path, columns, (dataclasses.astuple(row) for row in self.rows())),
            "anneal.png": figure.savefig,
        }
        if cooling is not None:
            rows = zip(cooling.temperatures_K, cooling.rates_K_per_s, cooling.simulated, strict=True)
            head = ("temperature_K", "fastest_cooling_K_per_s", "equilibrium_simulated")
            files["cooling.csv"] = lambda path: write_csv(path, head, rows)
        return files

    def save(self, directory: str | Path) -> list[Path]:
        """Write anneal.csv, anneal.png and, of a programme that cools, cooling.csv, together or not at all."""
        return publish(directory, self.files())
