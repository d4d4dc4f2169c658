"""What is known of the order over time at one temperature, as arrays: what a furnace programme is computed from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asemacro.files.arrays import Expected, read_arrays
from asemacro.studies.alloy.at_temperature import AtTemperature
from asemacro.tasks.checkpoint import arrays_of, items_of, write_arrays
from asemacro.typing import Floats

COURSES = "courses.npz"
IN_FILE = {
    "temperature_K": Expected("number", ("temperatures",)),
    "hop_s": Expected("number", ("temperatures",)),
    "runs_s": Expected("number", ("temperatures",)),
    "reached": Expected("truth value", ("temperatures",)),
    "goal_known": Expected("truth value", ("temperatures",)),
    "relaxation_s": Expected("number", ("temperatures",)),
    "growth": Expected("number", ("temperatures",)),
    "most_growth": Expected("number", ("temperatures",)),
    "start": Expected("number", ("temperatures", "pairs")),
    "start_covariance": Expected("number", ("temperatures", "pairs", "pairs")),
    "goal": Expected("number", ("temperatures", "pairs")),
    "goal_error": Expected("number", ("temperatures", "pairs")),
    "learned": Expected("number", ("temperatures", "pairs")),
    "contacts": Expected("number", ("temperatures", "all pairs")),
    "times_s": Expected("number", ("temperatures", "times")),
    "path": Expected("number", ("temperatures", "times", "pairs")),
    "path_error": Expected("number", ("temperatures", "times", "pairs")),
}
"""What `write_courses` writes, for readers of files."""


@dataclasses.dataclass(frozen=True)
class KeptCourse:
    """The course of the unlike pairs at one temperature, from random, in the clock of the simulations (`Course`).

    Attributes:
        temperature_K: temperature.
        hop_s: mean time between two hops of a vacancy.
        runs_s: length of the simulations.
        reached: whether they reached equilibrium.
        goal_known: whether the equilibrium is simulated or extrapolated over temperature.
        relaxation_s: the slowest relaxation time, of the equation or of the runs.
        growth: of the order in the last doubling of the runs, relative to it.
        most_growth: the most that it can have been.
        start: (d,) mean order of the random alloy.
        start_covariance: (d, d) of the order between random specimens of the predicted size.
        goal: (d,) equilibrium.
        goal_error: (d,) its standard error.
        learned: (d,) stationary mean of the equation.
        contacts: (n_pairs,) with vacancies, see `PairTable.contacts`.
        times_s: (n,) logarithmic.
        path: (n, d) mean order as the equation gives it.
        path_error: (n, d) its standard error.
    """

    temperature_K: float
    hop_s: float
    runs_s: float
    reached: bool
    goal_known: bool
    relaxation_s: float
    growth: float
    most_growth: float
    start: Floats
    start_covariance: Floats
    goal: Floats
    goal_error: Floats
    learned: Floats
    contacts: Floats
    times_s: Floats
    path: Floats
    path_error: Floats

    @classmethod
    def of(cls, at: AtTemperature) -> KeptCourse:
        """From all that is known of a temperature."""
        course, prediction, runs = at.course, at.prediction, at.runs
        seen = runs.relaxation_time_s
        return cls(
            temperature_K=float(at.temperature_K),
            hop_s=float(runs.times_s[-1] / runs.hops[:, -1].mean()),
            runs_s=course.runs_s,
            reached=course.reached,
            goal_known=course.goal_known,
            relaxation_s=max(prediction.relaxation_time_s, seen if math.isfinite(seen) else 0.0),
            growth=course.growth,
            most_growth=course.most_growth,
            start=prediction.start,
            start_covariance=np.atleast_2d(np.cov(at.order[:, 0].T)) / runs.copies,
            goal=course.goal,
            goal_error=course.goal_error,
            learned=prediction.equilibrium,
            contacts=at.contacts,
            times_s=prediction.times_s,
            path=course.prediction.path,
            path_error=prediction.path_error,
        )


def write_courses(path: Path, courses: Sequence[KeptCourse]) -> None:
    """Write courses to an npz file."""
    write_arrays(path, arrays_of(courses))


def read_courses(path: Path) -> list[KeptCourse]:
    """Inverse of `write_courses`, by increasing temperature.

    Raises:
        ValueError: one line; the file is damaged or holds something else.
    """
    return items_of(KeptCourse, read_arrays(path, "courses of a diagram", IN_FILE))
