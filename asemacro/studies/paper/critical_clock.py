"""How fast |M| of a critical square relaxes: direct runs, the SDE, and the clock that 8^2 and 16^2 give the SDE.

A reversible SDE with exact infinitesimal moments is the Rayleigh-Ritz projection of the dynamics on functions of z: it
has the right law and is too fast, the more so the more slow variables z leaves out. At T_c relaxation rates of M scale
as L^-z (dynamic scaling: Hohenberg and Halperin, Rev. Mod. Phys. 49, 435 (1977)); two small squares give rate and z.
"""

from __future__ import annotations

import copy
import dataclasses

import numpy as np

from asemacro.macro.sde import NeuralSDE
from asemacro.macro.stationary import relaxation_modes
from asemacro.studies.paper.critical import CRITICAL, SMALL, SMALLER, Budget, drawn, system_of
from asemacro.typing import Floats

_SAVES = 30  # magnetisations of a direct run
_WINDOW = (0.1, 0.5)  # of a run's length: between these the decay of <M(0) M(t)> gives the rate


@dataclasses.dataclass(frozen=True)
class Decay:
    """Autocorrelation of M and the rate at which it decays.

    Attributes:
        times: (n,).
        correlation: (n,) <M(0) M(t)> / <M^2>.
        rate: between two times, and its standard error; 0 for a model, which has none of sampling.
        error: see rate.
    """

    times: Floats
    correlation: Floats
    rate: float
    error: float


def direct_decay(side: int, temperature: float, runs: int, length: float, *, rng: np.random.Generator) -> Decay:
    """Glauber dynamics from equilibrium states; the error from resampled runs."""
    system = system_of(side, temperature)
    x = drawn(side, temperature, runs, rng=rng)
    times = np.linspace(0.0, length, _SAVES + 1)
    m = [x.mean(axis=1, dtype=float)]
    for _ in range(_SAVES):
        x, _ = system.evolve(x, length / _SAVES, rng=rng)
        m.append(x.mean(axis=1, dtype=float))
    series = np.stack(m, axis=1)
    products = np.stack(
        [(series[:, : _SAVES + 1 - lag] * series[:, lag:]).mean(axis=1) for lag in range(_SAVES + 1)], axis=1
    )
    products /= (series**2).mean()
    chosen = rng.integers(runs, size=(200, runs))
    correlation = products.mean(axis=0)
    spread = np.std([_rate(times, c) for c in products[chosen].mean(axis=1)], ddof=1)
    return Decay(times, correlation, _rate(times, correlation), float(spread))


def model_decay(sde: NeuralSDE, times: Floats) -> Decay:
    """The same of an SDE whose first variable is M, from its relaxation modes."""
    modes = relaxation_modes(sde)
    correlation = modes.autocorrelation(times)[:, 0]
    return Decay(times, correlation, _rate(times, correlation), 0.0)


def _rate(times: Floats, correlation: Floats) -> float:
    low, high = (round(w * (len(times) - 1)) for w in _WINDOW)
    return float(np.log(correlation[low] / max(correlation[high], 1e-3)) / (times[high] - times[low]))


@dataclasses.dataclass(frozen=True)
class Clock:
    """Relaxation rate of M at T_c by dynamic scaling from 8^2 and 16^2.

    Attributes:
        small: autocorrelation of M in direct runs of 8^2.
        large: in direct runs of 16^2, at the same multiples of L^2.17.
    """

    small: Decay
    large: Decay

    @property
    def exponent(self) -> tuple[float, float]:
        """z of rate ~ L^-z, and its standard error."""
        step = np.log(SMALL / SMALLER)
        error = np.hypot(self.small.error / self.small.rate, self.large.error / self.large.rate)
        return float(np.log(self.small.rate / self.large.rate) / step), float(error / step)

    def rate(self, side: int) -> tuple[float, float]:
        """Rate of a square of side L, and its standard error."""
        levels = np.log(side / SMALL) / np.log(SMALL / SMALLER)
        value = self.large.rate * (self.large.rate / self.small.rate) ** levels
        error = np.hypot((1 + levels) * self.large.error / self.large.rate, levels * self.small.error / self.small.rate)
        return float(value), float(value * error)

    def applied(self, sde: NeuralSDE, side: int, times: Floats) -> NeuralSDE:
        """A copy of the SDE of a square of side L with its clock.

        Args:
            sde: of (M, rho_DW) at T_c.
            side: L.
            times: (n,) at which the rate of the SDE is taken, as in `Decay`.
        """
        slower = copy.deepcopy(sde)
        slower.slow_down(model_decay(sde, times).rate / self.rate(side)[0])
        return slower


def clock(budget: Budget, *, rng: np.random.Generator) -> Clock:
    """Measure the rates of 8^2 and 16^2."""
    small, large = (direct_decay(side, CRITICAL, *budget.clock_runs[side], rng=rng) for side in (SMALLER, SMALL))
    return Clock(small, large)
