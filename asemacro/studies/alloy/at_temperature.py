"""All that is known of an alloy at one temperature. Diagram, map and table are read off it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from asemacro.studies.alloy.anneal import Anneal
from asemacro.studies.alloy.course import Course
from asemacro.studies.alloy.equilibrium import Equilibrium, equilibrium_of
from asemacro.studies.alloy.prediction import Predicted


@dataclasses.dataclass(frozen=True, kw_only=True)
class AtTemperature(Predicted):
    """What was simulated and predicted at one temperature (`Simulated`, `Predicted`), and what it comes to.

    Attributes:
        equilibrium: the best value, and how far the runs came.
        course: the order over time from random, to equilibrium.
    """

    equilibrium: Equilibrium
    course: Course


def judged(found: Sequence[Predicted], anneal: Anneal) -> list[AtTemperature]:
    """Judge what runs, SDE and swaps say, all temperatures together.

    Args:
        found: by increasing temperature.
        anneal: whose end the courses know.
    """
    timed = anneal.time_s is not None
    return [
        AtTemperature(
            **vars(at),
            equilibrium=equilibrium,
            course=Course.of(at, equilibrium, anneal.duration_s(at.runs), anneal.thermal(at.temperature_K), timed),
        )
        for at, equilibrium in zip(found, equilibrium_of(found), strict=True)
    ]
