"""What a finished diagram knows of the kinetics of order, between its temperatures too."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.files.json_text import read_json
from asemacro.macro.file import load_sde
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.alloy.kept_course import COURSES, KeptCourse, read_courses
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.furnace.at_temperature import Local
from asemacro.studies.furnace.led_course import LedCourse
from asemacro.tasks.publication import RECORD, check_files
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.macro.sde import NeuralSDE

MODEL = "sde.safetensors"
VERB = "phase-diagram"
ANGSTROM = 1e-10  # m
NOT_SIMULATED = "equilibrium_not_simulated_K"  # temperatures, in the diagram's own words


@dataclasses.dataclass(frozen=True)
class Kinetics:
    """The learned equation, its courses at the simulated temperatures, and the alloy that they are of.

    Attributes:
        ensemble: the equation and the bootstrap members behind its error bars.
        courses: of the simulated temperatures, increasing, at least two.
        table: names of all pairs, and how the like ones follow from the unlike ones.
        neighbour_distance_A: of nearest neighbours.
        concentration: of vacancies in the simulations, per site.
        about: the diagram's own words: alloy, barriers, sizes.
    """

    ensemble: list[NeuralSDE]
    courses: list[KeptCourse]
    table: PairTable
    neighbour_distance_A: float
    concentration: float
    about: dict[str, Any]

    @classmethod
    def of(cls, known: PhaseDiagram | str | Path) -> Kinetics:
        """From a diagram, or from the folder of a finished one.

        Raises:
            FileNotFoundError: no such folder.
            ValueError: one line; not the folder of a diagram, one of an older version, or of one temperature.
        """
        if isinstance(known, PhaseDiagram):
            return cls._joined(known.ensemble, [KeptCourse.of(at) for at in known.known], known.about)
        folder = Path(known)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder")
        record = read_json(folder / RECORD, "run record") if (folder / RECORD).is_file() else {}
        if record.get("verb") != VERB:
            what = f"the results of `asemacro {record['verb']}`" if record.get("verb") else "no finished run"
            raise ValueError(f"{folder} holds {what}; give a structure file, or the folder of `asemacro {VERB}`")
        if not (folder / COURSES).is_file() or "small_cell" not in record:
            raise ValueError(
                f"{folder} comes from an older version, without {COURSES}; give its `asemacro {VERB}` command again, "
                "finished simulations are taken up"
            )
        check_files(folder, [MODEL, COURSES])
        return cls._joined(load_sde(folder / MODEL), read_courses(folder / COURSES), record)

    @classmethod
    def _joined(cls, ensemble: list[NeuralSDE], courses: list[KeptCourse], about: dict[str, Any]) -> Kinetics:
        if len(courses) < 2:
            raise ValueError(
                "the diagram has one temperature; a furnace programme needs the equation of at least two, give more "
                "with --temperatures"
            )
        sro = WarrenCowley(about["species"], shells=1, pairs="all")
        cell = about["small_cell"]
        counts = np.array([cell[symbol] for symbol in sro.species], dtype=float)
        table = PairTable(sro.species, sro.labels, np.array(sro.pairs), counts, about["neighbours"], cell["X"])
        sites = about["small_sites"]
        keys = ("barriers", "species", "composition", "lattice", "sites", "small_sites", "vacancies", NOT_SIMULATED)
        return cls(
            ensemble, courses, table, about["neighbour_distance_A"], cell["X"] / sites, {k: about[k] for k in keys}
        )

    @property
    def lowest_K(self) -> float:
        """Lowest simulated temperature."""
        return self.courses[0].temperature_K

    @property
    def highest_K(self) -> float:
        """Highest simulated temperature."""
        return self.courses[-1].temperature_K

    def inside(self, temperature_K: Floats | float) -> Floats:
        """Temperatures, moved to the nearest simulated one where they lie outside."""
        return np.clip(np.asarray(temperature_K, dtype=float), self.lowest_K, self.highest_K)

    @property
    def start_covariance(self) -> Floats:
        """(d, d) of the order between random specimens; it does not depend on temperature."""
        return np.asarray(np.mean([c.start_covariance for c in self.courses], axis=0))

    def hop_s(self, temperature_K: Floats | float) -> Floats:
        """Mean time between hops of a vacancy, Arrhenius between and beyond the simulated temperatures."""
        inverse = np.array([1 / c.temperature_K for c in self.courses])[::-1]
        logs = np.log([c.hop_s for c in self.courses])[::-1]
        at = 1 / np.asarray(temperature_K, dtype=float)
        found = np.interp(at, inverse, logs)
        slopes = np.diff(logs) / np.diff(inverse)
        found += np.minimum(at - inverse[0], 0) * slopes[0] + np.maximum(at - inverse[-1], 0) * slopes[-1]
        return np.exp(np.minimum(found, 690.0))

    def vacancy_diffusion(self, temperature_K: Floats | float) -> Floats:
        """D_V in m^2/s, d^2 / (6 t) with the neighbour distance d and the mean time t of a hop.

        A walk without memory. Vacancies that hop to and fro between two sites are slower, so it is an upper bound.
        """
        return (self.neighbour_distance_A * ANGSTROM) ** 2 / 6 / self.hop_s(temperature_K)

    def rate(self, model: NeuralSDE, temperature_K: Floats) -> Floats:
        """1 / tau(T) of a model, its unit of rate, continued by Arrhenius beyond the learned temperatures."""
        return np.asarray(1 / model.time_scale(np.asarray(temperature_K, dtype=float).reshape(-1)))

    @cached_property
    def led(self) -> list[LedCourse]:
        """The courses, led to equilibrium where they arrive there."""
        unknown = self.about.get(NOT_SIMULATED, ())
        return [LedCourse(c, c.reached or (c.goal_known and c.temperature_K not in unknown)) for c in self.courses]

    def at(self, temperature_K: float) -> Local:
        """What is known at a temperature; outside of the simulated ones that of the nearest.

        There equilibrium is another one: by how much it may be is told by its trend in 1/T between the two nearest
        simulated temperatures, continued (`Local.unlearned`).
        """
        kelvin = float(self.inside(temperature_K))
        simulated = np.array([c.temperature_K for c in self.courses])
        above = int(np.clip(np.searchsorted(simulated, kelvin), 1, len(simulated) - 1))
        cold, hot = self.courses[above - 1], self.courses[above]
        inverse = 1 / cold.temperature_K - 1 / hot.temperature_K
        share = float(np.clip((1 / cold.temperature_K - 1 / kelvin) / inverse, 0, 1))
        local = Local.between(self.led[above - 1], self.led[above], share, kelvin)
        trend = (cold.goal - hot.goal) / inverse
        return dataclasses.replace(local, unlearned=trend * (1 / float(temperature_K) - 1 / kelvin))
