"""Hops of vacancies and sweeps of swaps as steps of a driver."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.micro.alloy.kmc_pause import KMCPause
from asemacro.micro.steps import Steps


class HopSteps(Steps):
    """One hop a step; the trajectory is that of one `VacancyKMC.run` with the same seed, to the last bit.

    Args:
        run: `VacancyKMC.run` of the system.
        x: (n_sites,) first state.
        rng: source of randomness.
    """

    step = "hop"

    def __init__(self, run: Callable[..., Any], x: NDArray[np.int8], rng: np.random.Generator) -> None:
        self.x = x
        self._run, self._rng = run, rng
        self._pause: KMCPause | None = None
        self._hops, self._time_s = 0, 0.0

    def advance(self, n: int) -> int:
        """Make n hops, fewer if no vacancy can jump."""
        before = self._hops
        start = self.x if self._pause is None else self._pause
        run = self._run(start, record_hops=[before + n], observe=_nothing, keep=self._keep, rng=self._rng)
        self.x, self._hops, self._time_s = run.x, run.hops, run.time_s
        return self._hops - before

    def _keep(self, pause: KMCPause) -> None:
        self._pause = dataclasses.replace(pause, record=[], marks=[])

    @property
    def time(self) -> dict[str, float]:
        """KMC time in s."""
        return {"time_s": self._time_s}


class SweepSteps(Steps):
    """One sweep a step, of a Markov chain that has no time.

    Args:
        run: `SwapMC.run` of the chain.
        x: (n_sites,) first state.
        rng: source of randomness.
    """

    step = "sweep"

    def __init__(self, run: Callable[..., Any], x: NDArray[np.int8], rng: np.random.Generator) -> None:
        self.x = x
        self._run, self._rng = run, rng

    def advance(self, n: int) -> int:
        """Make n sweeps."""
        self.x = self._run(self.x, n, rng=self._rng).x
        return n

    @property
    def time(self) -> dict[str, float]:
        """None."""
        return {}


def _nothing(x: NDArray[np.int8]) -> int:
    """What is kept of a state: the driver looks at the last one only."""
    return 0
