"""What two chains of swap Monte Carlo, from a random and an ordered start, say of the order at one temperature."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asemacro.micro.alloy.exchange import ExchangeRun
from asemacro.studies.alloy.member_swaps import LEAST_EFFECTIVE, MemberOrder, reweighted
from asemacro.studies.alloy.swap_heat import NO_HEAT, NO_ORDER, Heat, LongRange, RandomAlloys, TwoStarts
from asemacro.typing import Floats

STILL = 4.0  # standard errors by which two starts, or two halves, may differ, the largest of all pairs
TOLERANCE = (0.02, 0.15)  # within them whatever the standard errors are
LEAST_TURNOVER, LEAST_ARRIVALS = 1.0, 2  # kT a site, or replicas from the hot end, that make states new


@dataclasses.dataclass(frozen=True)
class SwapOrder:
    """Order of all pairs at one temperature by swap Monte Carlo from two starts, one random and one ordered.

    Attributes:
        delta: (D,) mean of both.
        error: (D,) one standard error, at least half of what the starts differ by.
        gap: (D,) what they differ by.
        drift: (D,) what the two quarters at the end differ by.
        allowed: (D,) what either may be.
        turnover: energy of the accepted uphill swaps in kT a site, of the start that has less.
        arrivals: replicas that came from the hottest temperature, of the start that has fewer.
        shift: (M, D) of the members of a model that is the mean of several, see `MemberOrder`.
        shift_error: (M, D) its standard errors.
        effective: states that weights leave, of the member that has fewest.
        heat: energy and heat capacity.
        long_range: the strongest long-range order.
    """

    delta: Floats
    error: Floats
    gap: Floats
    drift: Floats
    allowed: Floats
    turnover: float
    arrivals: int
    shift: Floats
    shift_error: Floats
    effective: float
    heat: Heat = NO_HEAT
    long_range: LongRange = NO_ORDER

    def __post_init__(self) -> None:
        # a checkpoint gives them back as plain rows of numbers
        star, *values = self.long_range
        object.__setattr__(self, "heat", Heat(*map(float, self.heat)))
        object.__setattr__(self, "long_range", LongRange(int(star), *map(float, values)))

    @property
    def equilibrated(self) -> bool:
        """Whether both starts came to the same order, it stands, and the states were renewed."""
        return not self.why

    @property
    def reweighted(self) -> bool:
        """Whether the order of the members comes from these states, weighted; else they ran again."""
        return self.effective >= LEAST_EFFECTIVE

    @property
    def why(self) -> str:
        """Why this is no equilibrium; empty if it is one."""
        if (self.gap > self.allowed).any():
            k = int(np.argmax(self.gap - self.allowed))
            return f"the random and the ordered start end {self.gap[k]:.2f} apart"
        if (self.drift > self.allowed).any():
            return f"the order still drifts, by {self.drift.max():.2f}"
        if self.turnover < LEAST_TURNOVER and self.arrivals < LEAST_ARRIVALS:
            return (
                f"frozen: hardly any swap that costs energy was accepted, "
                f"and {self.arrivals} states came from the hottest temperature"
            )
        return ""

    @classmethod
    def of(cls, order: Floats, turnover: float, arrivals: int, members: MemberOrder | None = None) -> SwapOrder:
        """Judge two chains of equal length, (2, n, D)."""
        found = TwoStarts.of(order)
        kept = order[:, order.shape[1] // 2 :].mean(axis=0)
        half = len(kept) // 2
        return cls(
            delta=found.mean,
            error=found.error,
            gap=found.gap,
            drift=np.abs(kept[half:].mean(axis=0) - kept[:half].mean(axis=0)),
            # one half of both chains has sqrt(2) times the error of both, two halves differ by twice that of both
            allowed=(STILL * found.noise).clip(*TOLERANCE),
            turnover=float(turnover),
            arrivals=int(arrivals),
            shift=np.empty((0, order.shape[2])) if members is None else members.shift,
            shift_error=np.empty((0, order.shape[2])) if members is None else members.error,
            effective=math.inf if members is None else members.effective,
        )


class BothChains(NamedTuple):
    """Two chains at n temperatures, m states of each.

    Attributes:
        record: (n, 2, m, L) what was looked at.
        energy_eV: (n, 2, m) of the box, above one zero.
        turnover: (n,) kT a site, of the chain that has less.
        arrivals: (n,) of the chain that has fewer.
    """

    record: Floats
    energy_eV: Floats
    turnover: Floats
    arrivals: NDArray[np.int64]

    @classmethod
    def of(cls, runs: Sequence[ExchangeRun], starts_eV: Sequence[float], sweeps: int) -> BothChains:
        """From the chains, the energy of the start of each, and the sweeps of each at each temperature."""
        energy = [run.record_energy_eV + start for run, start in zip(runs, starts_eV, strict=True)]
        return cls(
            np.stack([run.record for run in runs], axis=1),
            np.stack(energy, axis=1),
            np.min([run.turnover for run in runs], axis=0) * sweeps,
            np.min([run.arrivals for run in runs], axis=0),
        )


@dataclasses.dataclass(frozen=True)
class Seen:
    """What two chains of all temperatures saw.

    Attributes:
        levels: (n,) temperatures in K.
        chains: both, with energies above the zero of `random`.
        dim: numbers of the order of all pairs.
        random: random alloys of the box, their long-range order.
        atoms: in the box.
    """

    levels: Floats
    chains: BothChains
    dim: int
    random: RandomAlloys
    atoms: int

    def at(self, temperature_K: float, with_members: bool) -> SwapOrder:
        """What they say of one temperature."""
        level = int(np.flatnonzero(self.levels == temperature_K)[0])
        record, energy, turnover, arrivals = (of_all[level] for of_all in self.chains)
        stars = self.dim + len(self.random.mean)
        order, waves, above = np.split(record, [self.dim, stars], axis=2)
        taken = np.isfinite(above).all(axis=(0, 2))
        weighted = reweighted(order[:, taken], above[:, taken], temperature_K) if with_members else None
        return dataclasses.replace(
            SwapOrder.of(order, turnover, arrivals, weighted),
            heat=Heat.of(energy - self.random.energy_eV, temperature_K, self.atoms, self.random.energy_error_eV),
            long_range=LongRange.of(waves, self.random.mean),
        )
