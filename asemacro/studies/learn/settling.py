"""Whether trajectories of a learned model have come to equilibrium, judged by two groups from different starts."""

from __future__ import annotations

import numpy as np

from asemacro.macro.sde import NeuralSDE
from asemacro.macro.trajectories import simulate
from asemacro.typing import Floats

LEAST_GROUP = 30  # trajectories, to tell anything by their spread
SECOND_GROUP = 64
FIRST_LOOKS = 64  # calls before the first window: a run that takes no longer goes to its end
OWN_SHARE = 0.25  # of the variance, that the averages of single trajectories may have
LIMIT = 4.42  # standard errors, 1e-5 of a normal variable
DEAREST = 8  # times as many calls of the second group as of the first, and it is given up


class Averages:
    """Averages over time of z and z^2 along each of n trajectories.

    Args:
        shape: (n, d).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.calls = 0
        self._time = 0.0
        self._sums = np.zeros((2, *shape))

    def add(self, duration: float, z: Floats) -> None:
        """Count z (n, d) for a time."""
        self.calls += 1
        self._time += duration
        self._sums += duration * np.stack([z, z * z])

    @property
    def moments(self) -> Floats:
        """(2, n, d) the averages of z and of z^2."""
        return self._sums / self._time


def agree(first: Floats, second: Floats) -> bool:
    """Whether two groups, (2, n, d) and (2, m, d) averages of z and z^2 over one window, are those of one equilibrium.

    Means and variances differ by no more than their errors, and each trajectory by itself has seen nearly all of the
    law: the variance of the trajectories' own averages is at most a quarter of the whole. Without the second condition
    trajectories that sit in different wells would pass, if both groups are shared out among the wells alike.
    """
    centre = np.concatenate([first[0], second[0]]).mean(axis=0)
    groups = [np.stack([z, z2 - 2 * centre * z + centre**2]) for z, z2 in (first, second)]
    variance = np.concatenate([group[1] for group in groups]).mean(axis=0)
    own = max((group[0].var(axis=0, ddof=1) / variance).max() for group in groups)
    difference = groups[0].mean(axis=1) - groups[1].mean(axis=1)
    error = np.sqrt(sum(group.var(axis=1, ddof=1) / group.shape[1] for group in groups))
    return bool(own <= OWN_SHARE and (np.abs(difference) <= LIMIT * error).all())  # nan: not known, so no


class Settling:
    """A `watch` of `simulate` that ends a run at equilibrium.

    The time is cut into windows, each as long as all before it. At the end of a window a second group is taken as far,
    and the averages of both groups over the window are compared (`agree`); if they agree in two windows one after the
    other, that is equilibrium. The first group's random numbers are those of a run without it.

    Args:
        sde: the model.
        starts: (SECOND_GROUP, d) of the second group, unlike those of the first.
        condition: temperature in K; None if the model has none.
        sites: of the system simulated; None for those that the model was learned for.
        rng: of the second group.

    Attributes:
        time: when the run was ended; None before.
        mean: (d,) of equilibrium, from both groups in the last two windows.
        sd: (d,) standard deviation.
        given_up: the second group ran away or took far more steps, so nothing is judged any more.
    """

    def __init__(
        self,
        sde: NeuralSDE,
        starts: Floats,
        condition: float | None,
        *,
        sites: int | None = None,
        rng: np.random.Generator,
    ) -> None:
        self._sde, self._second, self._condition, self._sites, self._rng = sde, starts, condition, sites, rng
        self._looks = 0
        self._now = 0.0  # of the first group
        self._begin = 0.0  # of the window
        self._end: float | None = None  # of the window; None in the first one, which ends by the number of looks
        self._window: Averages | None = None
        self._agreed: list[Floats] = []  # the averages of windows in a row in which both groups agreed
        self.time: float | None = None
        self.mean = self.sd = np.full(sde.dim, np.nan)
        self.given_up = False

    def __call__(self, times: Floats, z: Floats) -> bool:
        """Look at the first group; True at equilibrium."""
        if self.given_up:
            return False
        if self._window is None:
            self._window = Averages(z.shape)
        self._looks += 1
        self._window.add(float(times[0]) - self._now, z)
        self._now = float(times[0])
        over = self._looks >= FIRST_LOOKS if self._end is None else self._now >= self._end
        return over and self._close(self._window)

    def _close(self, window: Averages) -> bool:
        """End a window: whether this is equilibrium."""
        other = self._follow(self._now - self._begin, DEAREST * window.calls)
        if other is None:
            self.given_up = True
            return False
        if self._end is not None and agree(window.moments, other.moments):
            self._agreed.append(np.concatenate([window.moments, other.moments], axis=1))
        else:
            self._agreed = []
        self._begin, self._end, self._window = self._now, 2 * self._now, None
        if len(self._agreed) < 2:
            return False
        mean, square = np.mean([moments.mean(axis=1) for moments in self._agreed], axis=0)
        self.time, self.mean, self.sd = self._now, mean, np.sqrt(square - mean**2)
        return True

    def _follow(self, duration: float, most_calls: int) -> Averages | None:
        """Take the second group on by a time; None if it cannot follow."""
        averages, now = Averages(self._second.shape), 0.0

        def watch(times: Floats, z: Floats) -> bool:
            nonlocal now
            averages.add(float(times[0]) - now, z)
            now = float(times[0])
            return averages.calls > most_calls

        try:
            _, z = simulate(
                self._sde,
                self._second,
                duration,
                self._condition,
                len(self._second),
                n_saves=1,
                watch=watch,
                sites=self._sites,
                rng=self._rng,
            )
        except ValueError:  # it runs away from starts that the model was not learned from
            return None
        if z.shape[1] < 2:
            return None
        self._second = z[:, -1]
        return averages
