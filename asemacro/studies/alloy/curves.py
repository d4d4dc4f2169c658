"""What a phase diagram shows: points by temperature, the time-temperature map, and how they were made."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from asemacro.studies.alloy.points import OTHER, Point
from asemacro.studies.alloy.time_temperature import TimeTemperatureMap

if TYPE_CHECKING:
    from asemacro.macro.sde import NeuralSDE


@dataclasses.dataclass(frozen=True)
class Curves:
    """Short-range order over temperature.

    Attributes:
        points: all of them.
        map: order of the strongest pair over time and temperature.
        ensemble: the learned model and the bootstrap members behind its error bars.
        about: what was run, for captions and run.json.
    """

    points: list[Point]
    map: TimeTemperatureMap
    ensemble: list[NeuralSDE]
    about: dict[str, Any]

    @property
    def sde(self) -> NeuralSDE:
        """The learned model."""
        return self.ensemble[0]

    @property
    def temperatures_K(self) -> list[float]:
        """Increasing."""
        return sorted({point.temperature_K for point in self.points})

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
