"""The result of a diffusion study: its figure and its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from asemacro.files.store import write_csv
from asemacro.studies.transport.figures import draw
from asemacro.studies.transport.tables import ARRHENIUS_COLUMNS, COLUMNS, ONSAGER_COLUMNS, Tables
from asemacro.tasks.publication import publish

if TYPE_CHECKING:
    from asemacro.tasks.publication import Files


class Diffusion(Tables):
    """Diffusion coefficients over temperature; what `Tables` says holds."""

    def plot(self) -> Any:
        """Arrhenius plot, and correlation factors; returns the left Axes, `.figure` is the figure."""
        return draw(self)

    def save(self, directory: str | Path) -> list[Path]:
        """Write diffusion.csv, onsager.csv, arrhenius.csv and diffusion.png, together or not at all."""
        return publish(directory, self.files())

    def files(self) -> Files:
        """What `save` writes, by name."""
        return {
            "diffusion.csv": lambda path: write_csv(path, COLUMNS, self.rows()),
            "onsager.csv": lambda path: write_csv(path, ONSAGER_COLUMNS, self.onsager_rows()),
            "arrhenius.csv": lambda path: write_csv(path, ARRHENIUS_COLUMNS, self.arrhenius_rows()),
            "diffusion.png": self.plot().figure.savefig,
        }
