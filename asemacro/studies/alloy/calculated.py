"""The result of a phase diagram: its curves, its figures and its files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asemacro.files.store import write_csv
from asemacro.studies.alloy.curves import THERMODYNAMICS, Curves
from asemacro.studies.alloy.figures import draw_diagram, draw_map
from asemacro.studies.alloy.kept_course import COURSES, KeptCourse, write_courses
from asemacro.studies.alloy.points import Point
from asemacro.tasks.publication import publish

if TYPE_CHECKING:
    from asemacro.tasks.publication import Files


class PhaseDiagram(Curves):
    """Short-range order over temperature.

    Attributes:
        known: all that is known of each temperature, by increasing temperature: table, curves and map are read off it.
        ensemble: the learned model and the bootstrap members behind its error bars.
        about: what was run, for captions and run.json.
        small: the simulated cell.
    """

    def plot(self) -> Any:
        """SRO over temperature in two panels; returns the Axes of the first, `.figure` is the figure."""
        return draw_diagram(self)

    def plot_map(self) -> Any:
        """Time-temperature map of the strongest pair; returns its Axes."""
        return draw_map(self)

    def save(self, directory: str | Path) -> list[Path]:
        """Write the tables, figures, final.extxyz, courses.npz and sde.safetensors, together or not at all."""
        return publish(directory, self.files())

    def files(self) -> Files:
        """What `save` writes, by name."""
        import ase.io

        from asemacro.macro.file import save_sde

        columns = [field.name for field in dataclasses.fields(Point)]
        order, times, rows = self.plot().figure, self.plot_map().figure, self.thermodynamics
        with_energy: Files = {"thermodynamics.csv": lambda path: write_csv(path, THERMODYNAMICS, rows)} if rows else {}
        return {
            "sro.csv": lambda path: write_csv(path, columns, (dataclasses.astuple(point) for point in self.points)),
            "sro.png": order.savefig,
            "ttt.csv": lambda path: write_csv(path, self.map.columns, self.map.rows()),
            "ttt.png": times.savefig,
            **with_energy,
            "final.extxyz": lambda path: ase.io.write(path, self.snapshots, format="extxyz"),
            COURSES: lambda path: write_courses(path, [KeptCourse.of(at) for at in self.known]),
            "sde.safetensors": lambda path: save_sde(path, self.ensemble, barriers=self.about["barriers"]),
        }
