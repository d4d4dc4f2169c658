"""The result: an equilibrium with its figure and files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asemacro.files.store import without_nan, write_csv
from asemacro.studies.ordering.figure import draw
from asemacro.studies.ordering.tables import ORDER, THERMODYNAMICS, EquilibriumTables
from asemacro.tasks.publication import publish

if TYPE_CHECKING:
    from asemacro.tasks.publication import Files


class AlloyEquilibrium(EquilibriumTables):
    """Equilibrium of an alloy over temperature; attributes as of `EquilibriumTables`."""

    def plot(self) -> Any:
        """Order of the shells, energy, heat capacity and long-range order over temperature; returns the first Axes."""
        return draw(self)

    def save(self, directory: str | Path) -> list[Path]:
        """Write the tables and the figure, together or not at all."""
        return publish(directory, self.files())

    def files(self) -> Files:
        """What `save` writes, by name."""
        columns = (*THERMODYNAMICS[:2], *THERMODYNAMICS[6:-1], "structures")
        pairs = [f"pair_order_{pair}" for pair in self.sampled[1].sublattices.pairs]
        figure = self.plot().figure
        return {
            "order.csv": lambda path: write_csv(path, ORDER, self.order),
            "thermodynamics.csv": lambda path: write_csv(path, THERMODYNAMICS, self.thermodynamics),
            "long_range_order.csv": lambda path: write_csv(
                path, [*columns, *pairs, "equilibrated"], self.long_range_order
            ),
            "equilibrium.png": figure.savefig,
        }

    def record(self) -> dict[str, Any]:
        """What run.json says of it."""
        curves = [None if curve is None else dataclasses.asdict(curve.heat_peak) for curve in self.curves]
        orderings = [
            {
                "star": one.star, "structures": one.structures, "ordered": one.ordered,
                "temperature_of_order_K": one.temperature_K, "temperature_of_order_err_K": one.error_K,
                "size_exponent_falls_through_K": one.crossing_K,
                "fluctuation_peaks": [c and dataclasses.asdict(c.order_peaks[s]) for c in self.curves],
            }
            for s, one in enumerate(self.orderings)
        ]  # fmt: skip
        both = {
            "heat_capacity_peaks": curves, "orderings": orderings, "said": self.said(),
            "temperatures_added_K": [
                sorted({level.temperature_K for level in box} - set(self.temperatures_K)) for box in self.levels
            ],
            "exchange_acceptance": [one.exchange_acceptance.tolist() for one in self.sampled],
        }  # fmt: skip
        return {**self.about, **without_nan(both)}
