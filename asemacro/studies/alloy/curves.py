"""What a phase diagram shows: points by temperature, the time-temperature map, and how they were made."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from asemacro.files.store import without_nan
from asemacro.studies.alloy.at_temperature import AtTemperature
from asemacro.studies.alloy.points import OTHER, Point
from asemacro.studies.alloy.rows import points_of
from asemacro.studies.alloy.swap_heat import waves_of
from asemacro.studies.alloy.time_temperature import TimeTemperatureMap, time_temperature_map

if TYPE_CHECKING:
    from ase import Atoms

    from asemacro.lattice.lattice import Lattice
    from asemacro.macro.sde import NeuralSDE


THERMODYNAMICS = (
    *("temperature_K", "sites", "energy_eV", "energy_err", "heat_capacity_kB", "heat_capacity_err"),
    *("star", "order_parameter", "order_parameter_err", "from_random_start", "from_ordered_start", "equilibrated"),
)


@dataclasses.dataclass(frozen=True)
class Curves:
    """Short-range order over temperature.

    Attributes:
        known: all that is known of each temperature, by increasing temperature: table, curves and map are read off it.
        ensemble: the learned model and the bootstrap members behind its error bars.
        about: what was run, for captions and run.json.
        small: the simulated cell.
    """

    known: list[AtTemperature]
    ensemble: list[NeuralSDE]
    about: dict[str, Any]
    small: Lattice

    @functools.cached_property
    def points(self) -> list[Point]:
        """Rows of the table."""
        return [point for at in self.known for point in points_of(at)]

    @functools.cached_property
    def thermodynamics(self) -> list[tuple[Any, ...]]:
        """Rows of thermodynamics.csv, columns THERMODYNAMICS, of the simulated cell; none without an energy."""
        waves, rows = waves_of(self.small, self.about["small_cell"]), []
        for at in self.known:
            if (swaps := at.swaps) is not None:
                star, *values = swaps.long_range
                name = waves.stars[star] if waves is not None and star >= 0 else ""
                heat, order = without_nan([*swaps.heat]), without_nan(values)
                rows.append((at.temperature_K, self.small.n_sites, *heat, name, *order, swaps.equilibrated))
        return rows

    @functools.cached_property
    def map(self) -> TimeTemperatureMap:
        """Order of the strongest pair over time and temperature."""
        return time_temperature_map([at.course for at in self.known], self.sde.labels)

    @property
    def snapshots(self) -> list[Atoms]:
        """The last state of the first simulation at each temperature, vacancies as X, to look at."""
        frames = []
        for at in self.known:
            atoms = self.small.to_atoms(at.runs.last)
            atoms.info.update(temperature_K=at.temperature_K, time_s=float(at.runs.times_s[-1]))
            frames.append(atoms)
        return frames

    @property
    def sde(self) -> NeuralSDE:
        """The learned model."""
        return self.ensemble[0]

    @property
    def temperatures_K(self) -> list[float]:
        """Increasing."""
        return [at.temperature_K for at in self.known]

    @property
    def pairs(self) -> list[str]:
        """Names, in the order of the observable."""
        return list(dict.fromkeys(point.pair for point in self.points))

    def curve(self, pair: str, state: str, source: str | None = None) -> list[Point]:
        """Points of one curve by temperature.

        Args:
            pair: its name.
            state: "equilibrium" or "annealed".
            source: the best value of any source if None; else all estimates by this one, best or not.
        """
        states = (state,) if source is None else (state, state + OTHER)
        chosen = [p for p in self.points if p.pair == pair and p.state in states and source in (None, p.source)]
        return sorted(chosen, key=lambda p: p.temperature_K)
