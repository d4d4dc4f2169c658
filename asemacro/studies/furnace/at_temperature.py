"""The order at one temperature of a programme: where it goes, how the equation is led there, what is known of it."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.studies.alloy.course import BLIND, FASTEST
from asemacro.studies.alloy.kept_course import KeptCourse
from asemacro.studies.alloy.prediction import SETTLED
from asemacro.studies.furnace.led_course import LedCourse
from asemacro.typing import Floats

STAGES = 64  # of the way, at which errors and times are looked up
MOST_DOUBLINGS = 100.0
FAR = 0.5  # of the way: an equation that misses equilibrium by more is shifted, not stretched


@dataclasses.dataclass(frozen=True)
class Local:
    r"""What the courses say at one temperature, interpolated in reduced time between the two beside it.

    Where the simulations arrived at equilibrium (`LedCourse.arrives`), the equation for y is led to the equilibrium z*
    that is known best by z - z_0 = M (y - z_0), M = 1 + (z* - y*) w^T / |w|^2, w = y* - z_0: random order z_0 stays
    where it is, the equation's own equilibrium y* becomes z*, and what lies between goes in proportion (`Course`).
    Where the two differ by more than half of the way, as when there is next to none, y is shifted by z* - y* instead.

    Where they did not, the equation holds as far as the simulations came, and the order then goes on its way as in
    `course.beyond_the_runs`, at a time that has passed since they ended. Between a temperature where they arrived and
    one where they did not the equation is led by the share that it is nearer to the former.

    Attributes:
        temperature_K: temperature, within the simulated ones.
        start: (d,) random order z_0.
        goal: (d,) equilibrium z*.
        goal_error: (d,) its standard error.
        rest_error: (d,) standard error of the order once the past is forgotten (`LedCourse.rest_error`).
        simulated: whether equilibrium was reached by simulations, of hops or of swaps.
        learned: (d,) equilibrium y* of the equation.
        target: (d,) where it is led to.
        reached: whether the course ends in equilibrium.
        settled_s: time after which nothing is left of where the order was.
        runs_s: length of the simulations.
        end: (d,) order where what they know ends: equilibrium if they reached it.
        times_s: (n,) times of the course from random to `end`.
        shares: (n,) of the way from random to `end`, increasing.
        errors: (n, d) standard errors there.
        growth: see `KeptCourse`.
        most_growth: see `KeptCourse`.
        unlearned: (d,) by how much equilibrium may lie elsewhere, as the temperature itself is not among those learned.
    """

    temperature_K: float
    start: Floats
    goal: Floats
    goal_error: Floats
    rest_error: Floats
    simulated: bool
    learned: Floats
    target: Floats
    reached: bool
    settled_s: float
    runs_s: float
    end: Floats
    times_s: Floats
    shares: Floats
    errors: Floats
    growth: float
    most_growth: float
    unlearned: Floats

    @classmethod
    def between(cls, colder: LedCourse, hotter: LedCourse, share: float, kelvin: float) -> Local:
        """At a share of the way in 1/T from the colder to the hotter of two simulated temperatures.

        Equilibrium is reached between two temperatures only if it is at both.
        """
        led = [c for c, weight in ((colder, 1 - share), (hotter, share)) if weight > 0]
        used, reached = [c.course for c in led], all(c.arrives for c in led)
        cold, hot = colder.course, hotter.course

        def mixed(name: str, a: KeptCourse | LedCourse = cold, b: KeptCourse | LedCourse = hot) -> Floats:
            return np.asarray((1 - share) * getattr(a, name) + share * getattr(b, name))

        def geometric(name: str) -> float:
            return float(np.exp((1 - share) * np.log(getattr(cold, name)) + share * np.log(getattr(hot, name))))

        # the paths begin after as many hops: at the same multiple of that time they are at the same stage
        first = np.log([cold.times_s[0], hot.times_s[0]]) @ [1 - share, share]
        longest = max(np.log(c.times_s[-1] / c.times_s[0]) for c in used)
        runs_s = geometric("runs_s")
        if not reached:
            longest = min(longest, max(np.log(runs_s) - first, 1e-6))
        steps = np.linspace(0.0, longest, STAGES)
        path, error = (
            (1 - share) * _at(colder, steps, name) + share * _at(hotter, steps, name) for name in ("path", "path_error")
        )
        start, goal, goal_error, learned = (mixed(n) for n in ("start", "goal", "goal_error", "learned"))
        target, rest_error = (mixed(n, colder, hotter) for n in ("target", "rest_error"))
        end = goal if reached else path[-1]
        way = end - start
        shares = np.maximum.accumulate(((path - start) @ way / max(float(way @ way), 1e-300)).clip(0, 1))
        if reached:
            shares, error = np.append(shares, 1.0), np.vstack([error, rest_error])
            steps = np.append(steps, steps[-1] + 1e-9)
        return cls(
            kelvin, start, goal, goal_error, rest_error, all(c.simulated for c in led), learned, target, reached,
            SETTLED * geometric("relaxation_s"), runs_s, end,
            times_s=np.concatenate([[0.0], np.exp(first + steps)]),
            shares=np.concatenate([[0.0], shares]),
            errors=np.vstack([np.zeros_like(start), error]),
            growth=float(mixed("growth")), most_growth=float(mixed("most_growth")), unlearned=np.zeros_like(start),
        )  # fmt: skip

    # --- the equation, led to equilibrium ----------------------------------------------------------------------

    @property
    def _lead(self) -> tuple[Floats, Floats]:
        """(d, d) M and (d,) shift of z = z_0 + M (y - z_0) + shift."""
        missed, way = self.target - self.learned, self.learned - self.start
        one = np.eye(len(self.goal))
        if np.linalg.norm(missed) > FAR * np.linalg.norm(way):
            return one, missed
        return one + np.outer(missed, way) / max(float(way @ way), 1e-300), np.zeros(len(self.goal))

    def to_equation(self, z: Floats) -> Floats:
        """(n, d) y of the equation for orders z."""
        lead, shift = self._lead
        return self.start + np.linalg.solve(lead, (z - self.start - shift).T).T

    def from_equation(self, y: Floats) -> Floats:
        """(n, d) orders for y of the equation."""
        lead, shift = self._lead
        return self.start + (y - self.start) @ lead.T + shift

    def covariance(self, of_equation: Floats) -> Floats:
        """(d, d) of orders where y has a covariance."""
        lead = self._lead[0]
        return lead @ of_equation @ lead.T

    # --- how far it is on its way ---------------------------------------------------------------------------------

    def share_of(self, z: Floats) -> Floats:
        """(n,) share of the way from random to `end`; nearer to random or beyond the end 0 and 1."""
        way = self.end - self.start
        return ((z - self.start) @ way / max(float(way @ way), 1e-300)).clip(0, 1)

    def overshoot_of(self, z: Floats) -> Floats:
        """(n,) by how much delta, along the way to equilibrium, z exceeds the larger of `end` and equilibrium."""
        way = self.goal - self.start
        size = max(float(np.linalg.norm(way)), 1e-300)
        top = max(size, float((self.end - self.start) @ way) / size)
        return (z - self.start) @ way / size - top

    def time_of(self, z: Floats) -> Floats:
        """(n,) time at which the course from random is as far as z."""
        return np.interp(self.share_of(z), self.shares + 1e-12 * np.arange(len(self.shares)), self.times_s)

    def error_of(self, z: Floats) -> Floats:
        """(n, d) standard error of the course where it is as far as z."""
        at = self.share_of(z)
        return np.stack([np.interp(at, self.shares, column) for column in self.errors.T], axis=1)

    # --- beyond what was simulated --------------------------------------------------------------------------------

    def beyond(self, doublings: Floats) -> tuple[Floats, Floats]:
        """Share (n,) of the way from `end` to equilibrium after doublings (n,) of the simulated time, and how unsure.

        See `course.beyond_the_runs`, of which these are the two bounds' middle and half width.
        """
        length = max(float(np.linalg.norm(self.goal - self.end)), 1e-12)
        size = float(np.linalg.norm(self.end))
        factor = -np.log1p(-min(self.most_growth, FASTEST))
        most = np.minimum(size * np.expm1(np.minimum(doublings * factor, 50.0)) / length, 1.0)
        least = np.minimum(-np.expm1(-doublings * np.log1p(self.growth * size / length)), most)
        share = (least + most) / 2
        return share, np.maximum((most - least) / np.sqrt(12), BLIND * share)

    def doublings_of(self, z: Floats) -> Floats:
        """(n,) doublings of the simulated time after which the order is as far beyond `end` as z.

        Order beyond equilibrium has all of its way back before it: none.
        """
        way = self.goal - self.end
        gone = (z - self.end) @ way / max(float(way @ way), 1e-300)
        gone = np.where(gone > 1, 0.0, gone.clip(0))
        table = np.linspace(0.0, MOST_DOUBLINGS, 2001)
        shares = np.maximum.accumulate(self.beyond(table)[0])
        return np.interp(gone, shares + 1e-12 * np.arange(len(table)), table)


def _at(led: LedCourse, steps: Floats, name: str) -> Floats:
    """(n, d) path or its error at logarithms of time over the first time; after the end as at the end."""
    at = np.log(led.course.times_s / led.course.times_s[0])
    return np.stack([np.interp(steps, at, column) for column in getattr(led, name).T], axis=1)
