"""The order over time from random at one temperature, and where it goes."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from asemacro.studies.alloy.equilibrium import Equilibrium
from asemacro.studies.alloy.prediction import Predicted, Prediction
from asemacro.typing import Floats

SIMULATED, EXTRAPOLATED, UNKNOWN = 0, 1, 2  # how much is known of the order at a time
REACH = 1.5  # a path may go this much beyond the data's time before it counts as extrapolated
OPEN = 0.5  # of equilibrium: where the bounds of the order are further apart, it is not known
FASTEST = 0.75  # share of the order that the last doubling can have made: order that grows with the square of time
BLIND = 0.1  # of the way that no run went: an extrapolation in time is no better than that
ARRIVED = 0.05  # of the way: nearer to its end, the order is that of equilibrium


@dataclasses.dataclass(frozen=True)
class Course:
    """Order of the unlike pairs of the large system at one temperature, from random to equilibrium.

    Where the runs reached equilibrium it is that of the SDE, and ends at the equilibrium that is known best. Elsewhere
    it is that of the SDE as long as the runs last, and then on its way to equilibrium (`beyond_the_runs`).

    Attributes:
        temperature_K: temperature.
        prediction: of the SDE, in the clock of the runs.
        runs_s: length of the runs.
        reached: whether they reached equilibrium.
        goal: (d,) equilibrium.
        goal_error: (d,) what the runs leave open of it included, if they reached it.
        goal_known: whether it is simulated or extrapolated over temperature.
        growth: of the order in the last doubling of the runs, relative to it.
        most_growth: the most that it can have been.
        anneal_s: duration of the anneal in the clock of the runs.
        thermal: factor to the clock of thermal vacancies.
        goal_shift: (M, d) equilibrium of each member of the barrier model minus that of their mean.
        log_rates: (M,) ln of a member's rates over those of the mean, if the anneal is a time; else 0.
    """

    temperature_K: float
    prediction: Prediction
    runs_s: float
    reached: bool
    goal: Floats
    goal_error: Floats
    goal_known: bool
    growth: float
    most_growth: float
    anneal_s: float
    thermal: float
    goal_shift: Floats
    log_rates: Floats

    @classmethod
    def of(cls, at: Predicted, equilibrium: Equilibrium, anneal_s: float, thermal: float, timed: bool) -> Course:
        """From what is known of a temperature.

        Args:
            at: what was simulated, and what the SDE makes of it.
            equilibrium: of this temperature.
            anneal_s: duration of the anneal in the clock of the runs.
            thermal: factor to the clock of thermal vacancies.
            timed: whether the anneal is a time, not a number of hops.
        """
        path, error = at.table.bounded(at.prediction.path, at.contacts), equilibrium.error
        return cls(
            temperature_K=at.temperature_K,
            prediction=dataclasses.replace(at.prediction, path=path),
            runs_s=float(at.runs.times_s[-1]),
            reached=equilibrium.reached,
            goal=at.table.bounded(equilibrium.delta, at.contacts),
            # runs say no better than their own error that they have arrived
            goal_error=np.maximum(error, equilibrium.learned_error) if equilibrium.reached else error,
            goal_known=equilibrium.known,
            growth=equilibrium.growth,
            most_growth=equilibrium.most_growth,
            anneal_s=anneal_s,
            thermal=thermal,
            goal_shift=equilibrium.shift,
            log_rates=at.log_rates if timed else np.zeros_like(at.log_rates),
        )

    def at(self, times_s: Floats) -> tuple[Floats, Floats, NDArray[np.int8]]:
        """Order (n, d), its error (n, d), and how well it is known (n,), at times (n,) in the clock of the runs.

        Earlier than the path begins the order grows in proportion to time from the random alloy.
        """
        times = np.asarray(times_s, dtype=float)
        if self.reached:
            order, error = self._path(times)
            return order, error, np.full(len(times), SIMULATED, dtype=np.int8)
        order, error = self._path(np.minimum(times, self.runs_s))
        standing = np.where(times <= REACH * self.runs_s, SIMULATED, EXTRAPOLATED).astype(np.int8)
        for k in np.flatnonzero(times > self.runs_s):
            doublings = float(np.log2(times[k] / self.runs_s))
            order[k], error[k], undecided = beyond_the_runs(
                order[k], error[k], self.goal, self.goal_error, self.growth, self.most_growth, doublings
            )
            unknown = not self.goal_known or undecided > OPEN * float(np.linalg.norm(self.goal))
            if unknown and standing[k] != SIMULATED:
                standing[k] = UNKNOWN
        return order, error, standing

    @property
    def annealed(self) -> tuple[Floats, Floats, int]:
        """Order (d,) after the anneal, its error, and how well it is known."""
        order, error, standing = self.at(np.array([self.anneal_s]))
        return order[0], error[0], int(standing[0])

    @property
    def annealed_shift(self) -> Floats:
        """(M, d) order after the anneal with each member of the barrier model minus that with their mean.

        A member is on its way to an equilibrium of its own, by the same share of the way; and where the anneal is a
        time, it comes to where the mean model is at exp(log_rate) times that.
        """
        if not len(self.goal_shift):
            return self.goal_shift
        later = self.at(self.anneal_s * np.exp(self.log_rates))[0]
        return np.asarray(self.share * self.goal_shift + (later - self.annealed[0]))

    @property
    def share(self) -> float:
        """Share of the way from random to equilibrium that the anneal goes."""
        way, start = self.goal - self.prediction.start, self.prediction.start
        return float(np.clip((self.annealed[0] - start) @ way / max(float(way @ way), 1e-300), 0, 1))

    @property
    def arrived(self) -> bool:
        """Whether the anneal ends in equilibrium, as far as the simulations tell."""
        way = np.linalg.norm(self.goal - self.prediction.start)
        return self.reached and bool(np.linalg.norm(self.goal - self.annealed[0]) <= ARRIVED * way)

    def _path(self, times: Floats) -> tuple[Floats, Floats]:
        """Order and error of the SDE (n, d); after the end of its path its stationary mean.

        Where the runs reached equilibrium the path is led to the goal in proportion to the way that it has gone.
        """
        p = self.prediction
        steps, at = np.log(p.times_s), np.log(np.maximum(times, 1e-300))
        tail = self.goal if self.reached else p.equilibrium
        tail_error = self.goal_error if self.reached else p.path_error[-1]
        path = p.path
        if self.reached:
            way = p.equilibrium - p.start
            gone = ((path - p.start) @ way / max(float(way @ way), 1e-300)).clip(0, 1)
            path = path + gone[:, None] * (tail - p.equilibrium)

        def interpolated(values: Floats, left: Floats, right: Floats) -> Floats:
            columns = zip(values.T, left, right, strict=True)
            return np.stack([np.interp(at, steps, v, left=a, right=b) for v, a, b in columns], axis=1)

        order = interpolated(path, path[0], tail)
        # before the path begins, the order grows in proportion to time: a map must not show a cliff there
        order = p.start + (order - p.start) * (times / p.times_s[0]).clip(0, 1)[:, None]
        return order, interpolated(p.path_error, p.path_error[0], tail_error)


def beyond_the_runs(
    path: Floats,
    path_error: Floats,
    goal: Floats,
    goal_error: Floats,
    growth: float,
    most_growth: float,
    doublings: float,
) -> tuple[Floats, Floats, float]:
    r"""Order (d,) after an anneal that lasts longer than runs that did not reach equilibrium.

    The path of the SDE settles where its data end, too early: slow relaxation is not in it. The order goes on from
    there towards equilibrium, by a share u of the way W. In the doublings n that are left the order p grows by at most
    p (1 / (1 - s)^n - 1), s the most of p that can have come in the last one (1/2 if order grows with time), which
    bounds u from above. From below it is bounded by growth that begins with that in the last doubling, a, and slows
    down as much as it can and still arrive:
    u = 1 - (W / (W + a))^n, the geometric series whose sum is W.
    The middle of the two is quoted, and the error is that of knowing only that the order lies between them, a uniform
    distribution, and no less than the share BLIND of the way beyond the runs.

    Args:
        path: (d,) of the SDE at the end of the runs.
        path_error: (d,).
        goal: (d,) equilibrium.
        goal_error: (d,).
        growth: of the order in the last doubling, relative to it, beyond noise.
        most_growth: the most that it can have been.
        doublings: log2 of the anneal time over the length of the runs.

    Returns:
        Order, its error, and how far the two bounds are apart.
    """
    way, size = goal - path, float(np.linalg.norm(path))
    length = max(float(np.linalg.norm(way)), 1e-12)
    factor = -np.log1p(-min(most_growth, FASTEST))
    most = min(size * float(np.expm1(min(doublings * factor, 50.0))) / length, 1.0)
    least = min(-float(np.expm1(-doublings * np.log1p(growth * size / length))), most)
    share = (least + most) / 2
    unsure = max((most - least) / np.sqrt(12), BLIND * share)
    error = np.sqrt(path_error**2 + (unsure * way) ** 2 + (share * goal_error) ** 2)
    return path + share * way, error, (most - least) * length
