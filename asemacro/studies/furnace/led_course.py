"""The course of one simulated temperature, led to the equilibrium that is known best where it comes near it."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.studies.alloy.kept_course import KeptCourse
from asemacro.studies.alloy.prediction import SETTLED
from asemacro.typing import Floats

NEAR = 0.1  # of the way: simulations that end further from equilibrium, or grow by more a doubling, are not there
ERRORS = 2.0  # by which their end may differ from equilibrium


@dataclasses.dataclass(frozen=True)
class LedCourse:
    """A course from random, and how far it may be believed.

    Attributes:
        course: what the diagram keeps of a temperature.
        simulated: whether its equilibrium was reached by simulations, of hops or of swaps; extrapolated else.
    """

    course: KeptCourse
    simulated: bool

    @property
    def arrives(self) -> bool:
        """Whether the course ends in equilibrium.

        Either the simulations said so by themselves, or, where they were too few for that, all of this holds: they
        lasted longer than the equation needs to settle, they no longer grew, and they ended as near to the equilibrium
        that is known best as the errors of the two tell.
        """
        c = self.course
        if c.reached:
            return True
        at = np.log(c.times_s)
        end, error = (
            np.array([np.interp(np.log(c.runs_s), at, column) for column in values.T])
            for values in (c.path, c.path_error)
        )
        missed, way = np.abs(c.goal - end), float(np.linalg.norm(c.goal - c.start))
        long = c.runs_s >= SETTLED * c.relaxation_s and c.growth <= NEAR
        near = float(np.linalg.norm(missed)) <= NEAR * way
        return bool(long and near and (missed <= ERRORS * np.hypot(error, c.goal_error)).all())

    @property
    def target(self) -> Floats:
        """(d,) where the equation is led to: equilibrium, or its own stationary mean where it does not arrive."""
        return self.course.goal if self.arrives else self.course.learned

    @property
    def rest_error(self) -> Floats:
        """(d,) standard error of the order after a time in which all of the past is forgotten.

        That of equilibrium; where no simulation reached it, with that of the course.
        """
        c = self.course
        return c.goal_error if c.reached or self.simulated else np.hypot(c.goal_error, c.path_error[-1])

    @property
    def path(self) -> Floats:
        """(n, d) order at the times of the course, led to `target` in proportion to the way that it has gone."""
        c = self.course
        way = c.learned - c.start
        gone = ((c.path - c.start) @ way / max(float(way @ way), 1e-300)).clip(0, 1)
        return np.asarray(c.path + gone[:, None] * (self.target - c.learned))

    @property
    def path_error(self) -> Floats:
        """(n, d) its standard error; once it has settled in equilibrium that of rest."""
        c = self.course
        settled = self.arrives & (c.times_s >= SETTLED * c.relaxation_s)
        return np.where(settled[:, None], self.rest_error, c.path_error)
