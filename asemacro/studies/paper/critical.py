r"""Large critical Ising squares from squares of 8^2 and 16^2: what figures 6 and 7 share.

A state of 16^2 is doubled until it has the size wanted: every spin becomes a block of four, spins are flipped at random
with a probability p, and patches of 16^2 relax for a short time. The probability is the one that turns 8^2 into 16^2.
Doubling keeps xi / L, so a state of L at T is made from one of L / 2 at the temperature T' with the same Binder
cumulant: T' = T_c + s (T - T_c), where s = U'_16(T_c) / U'_8(T_c) and the exact T_c is given. States of 8^2 and 16^2
are drawn by cluster moves, which have the law of long Glauber runs. Nothing is fitted to a system above 16^2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from asemacro.data import Moments
from asemacro.labels.moments import patch_moments
from asemacro.lattice.lattice import Lattice
from asemacro.micro.spins.cluster_moves import wolff
from asemacro.micro.spins.ising import Ising
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.studies.critical.criticality import OrderParameter, order_parameter
from asemacro.typing import Floats, Spins
from asemacro.upsampling.replication import FlipCalibration, calibrate_flips, replicate

CRITICAL = 2 / np.log1p(np.sqrt(2))  # Onsager's T_c
REPORTED = 2.27  # where the paper takes its exponents; .0008 above T_c
CENTRAL = (CRITICAL, REPORTED)  # exponents are read off at both
SMALL, SMALLER = 16, 8  # sides
PHI = Observables([Magnetization(), DomainWallDensity()])
_ROWS = 1 << 24  # sites of states held at a time
_START, _PER_STATE = 60, 12  # cluster moves before the first state of a chain, and between two


@dataclasses.dataclass(frozen=True)
class Budget:
    """Cost of figures 6 and 7.

    Attributes:
        sides: L, 16 times powers of two.
        temperatures: T; T_c and 2.27 are two of them.
        states: snapshots of each side at T_c and at 2.27, and at the other temperatures.
        direct: directly simulated states of each side, likewise; no model sees them.
        small_states: of 8^2 and 16^2 at T_c, and at the other temperatures of the calibration.
        calibrated: temperatures of the calibration, around the lowest and highest of all levels; T_c is one of them.
        relax: time of relaxation at each level.
        degree: largest degree of ln P.
        clock_runs: 8 and 16 -> (runs, their length) of direct Glauber dynamics, for the clock.
        rate_runs: side -> the same of larger squares, to compare with; lengths go as L^2.17.
        pairs: pairs for the noise factor.
        refits: of the unconstrained SDE to resampled snapshots.
        redrawn: bootstrap samples of the collapse.
    """

    sides: tuple[int, ...] = (16, 32, 64, 128)
    temperatures: tuple[float, ...] = (2.25, 2.26, 2.265, CRITICAL, 2.27, 2.275, 2.28, 2.29)
    states: Mapping[int, tuple[int, int]] = dataclasses.field(
        default_factory=lambda: {16: (20_000, 12_000), 32: (12_000, 5000), 64: (8000, 2500), 128: (6000, 1200)}
    )
    direct: Mapping[int, tuple[int, int]] = dataclasses.field(
        default_factory=lambda: {16: (20_000, 12_000), 32: (10_000, 4000), 64: (8000, 1600), 128: (8000, 800)}
    )
    small_states: tuple[int, int] = (250_000, 50_000)
    calibrated: tuple[float, ...] = (2.2, CRITICAL, 2.34)
    relax: float = 5.0
    degree: int = 10
    clock_runs: Mapping[int, tuple[int, float]] = dataclasses.field(
        default_factory=lambda: {8: (30_000, 395.0), 16: (8000, 1777.0)}
    )
    rate_runs: Mapping[int, tuple[int, float]] = dataclasses.field(
        default_factory=lambda: {32: (800, 8000.0), 64: (36, 36_000.0)}
    )
    pairs: int = 120_000
    refits: int = 20
    redrawn: int = 20

    def count(self, table: Mapping[int, tuple[int, int]], side: int, temperature: float) -> int:
        """States of a side at a temperature."""
        return table[side][0 if temperature in CENTRAL else 1]


FULL = Budget()
QUICK = Budget(
    temperatures=(2.25, 2.26, CRITICAL, 2.27, 2.28, 2.29),
    states={16: (8000, 4000), 32: (4000, 1000), 64: (1500, 500), 128: (800, 200)},
    direct={16: (8000, 4000), 32: (3000, 1000), 64: (1000, 400), 128: (500, 150)},
    small_states=(50_000, 15_000),
    relax=2.0,
    degree=8,
    clock_runs={8: (5000, 395.0), 16: (1200, 1777.0)},
    rate_runs={32: (25, 8000.0)},
    pairs=16_000,
    refits=5,
    redrawn=5,
)


@lru_cache(maxsize=16)
def system_of(side: int, temperature: float) -> Ising:
    """The square of side L without a field."""
    return Ising(Lattice.square(1.0, "X", side), temperature)


def drawn(side: int, temperature: float, count: int, *, rng: np.random.Generator) -> Spins:
    """(count, side^2) equilibrium states, ten or fewer from a chain of cluster moves."""
    system = system_of(side, temperature)
    each = min(10, max(1, count // 40))
    x = wolff(system, np.ones((-(-count // each), side * side), np.int8), _START, rng=rng)
    parts = [x]
    for _ in range(each - 1):
        parts.append(wolff(system, parts[-1], _PER_STATE, rng=rng))
    return np.stack(parts, axis=1).reshape(-1, side * side)[:count]


def direct_order(side: int, temperature: float, count: int, *, rng: np.random.Generator) -> OrderParameter:
    """Order parameter of direct simulations by cluster moves, ten states or fewer from a chain."""
    each = min(10, max(1, count // 40))
    system, parts, chains = system_of(side, temperature), [], -(-count // each)
    for some in chunks(chains, side):
        x = np.ones((some, side * side), np.int8)
        z = []
        for k in range(each):
            x = wolff(system, x, _PER_STATE if k else _START, rng=rng)
            z.append(x.mean(axis=1, dtype=float))
        parts.append(np.stack(z, axis=1))
    return order_parameter(np.concatenate(parts), side * side, rng=rng)


def chunks(count: int, side: int) -> list[int]:
    """Numbers of states, `count` in all, that are held at a time."""
    most = max(1, _ROWS // (side * side))
    return [min(most, count - first) for first in range(0, count, most)]


def binder_slope_at(m: Floats, energy: Floats, temperature: float) -> float:
    r"""dU/dT from states at one temperature: d<A>/dT = (<A H> - <A> <H>) / T^2.

    Args:
        m: (n,) magnetisations per site.
        energy: (n,) energies H.
        temperature: T.
    """
    rest = energy - energy.mean()
    second, fourth = (m**2).mean(), (m**4).mean()
    by_second, by_fourth = ((m**k * rest).mean() / temperature**2 for k in (2, 4))
    return float(-(by_fourth - 2 * fourth / second * by_second) / (3 * second**2))


@dataclasses.dataclass(frozen=True)
class Doubling:
    """What 8^2 and 16^2 say about doubling a state.

    Attributes:
        scale: s of T' = T_c + s (T - T_c), and its standard error.
        scale_error: see scale.
        temperatures: (k,) of the calibrations.
        calibrations: one each.
        line: (2,) probability at T_c and its slope over T.
        line_error: standard error of the first.
        order_error: relative standard error of |M| that one doubling inherits at T_c.
    """

    scale: float
    scale_error: float
    temperatures: tuple[float, ...]
    calibrations: list[FlipCalibration]
    line: Floats
    line_error: float
    order_error: float

    def coarse(self, temperature: float, levels: int = 1) -> float:
        """Temperature of states that are doubled so many times to become states of T."""
        return float(CRITICAL + self.scale**levels * (temperature - CRITICAL))

    def flips(self, temperature: float) -> float:
        """Probability of a flip after doubling to a system at T."""
        return float(np.clip(self.line[0] + self.line[1] * (temperature - CRITICAL), 0.0, 0.5))


def calibrate(budget: Budget, *, rng: np.random.Generator) -> Doubling:
    """The scale of temperatures and the flip probabilities, from 8^2 and 16^2 alone."""
    many, few = budget.small_states
    slopes, critical = [], {}
    for side in (SMALLER, SMALL):
        x = drawn(side, CRITICAL, many, rng=rng)
        m, energy = x.mean(axis=1, dtype=float), system_of(side, CRITICAL).energy(x)
        parts = np.array_split(np.arange(len(m)), 40)
        some = np.array([binder_slope_at(m[p], energy[p], CRITICAL) for p in parts])
        slopes.append((binder_slope_at(m, energy, CRITICAL), some.std(ddof=1) / np.sqrt(len(parts))))
        critical[side] = x
    (small, small_error), (large, large_error) = slopes
    scale = large / small
    found = []
    for temperature in budget.calibrated:
        central = temperature == CRITICAL
        coarse = CRITICAL + scale * (temperature - CRITICAL)
        cells = critical[SMALLER] if central else drawn(SMALLER, coarse, few, rng=rng)
        target, error = _mean_order(critical[SMALL] if central else drawn(SMALL, temperature, few, rng=rng))
        found.append(
            calibrate_flips(
                system_of(SMALLER, temperature),
                # the rows of a chain of cluster moves follow each other: every fifth hardly knows the one before
                cells[::5],
                target,
                target_error=error,
                known=_mean_order(cells),
                relax=budget.relax,
                bounds=(0.02, 0.07),
                points=5,
                rng=rng,
            )
        )
    apart = np.array(budget.calibrated) - CRITICAL
    weight = 1 / np.array([f.error for f in found])
    design = np.stack([np.ones_like(apart), apart], axis=1)
    solve = np.linalg.pinv(design * weight[:, None]) * weight
    line = solve @ [f.probability for f in found]
    line_error = float(np.sqrt((solve[0] ** 2 / weight**2).sum()))
    nearest = found[int(np.abs(apart).argmin())]
    steepness = abs(np.gradient(nearest.order, nearest.tried)[len(nearest.tried) // 2]) / nearest.target
    return Doubling(
        scale=float(scale),
        scale_error=float(scale * np.hypot(small_error / small, large_error / large)),
        temperatures=budget.calibrated,
        calibrations=found,
        line=line,
        line_error=line_error,
        order_error=float(steepness * line_error),
    )


def _mean_order(x: Spins) -> tuple[float, float]:
    """<|M|> of states by cluster moves, and its standard error."""
    size = np.abs(x.mean(axis=1, dtype=float))
    # the states of a chain are nearly independent; the factor covers what is left
    return float(size.mean()), float(1.1 * size.std() / np.sqrt(len(size)))


@dataclasses.dataclass(frozen=True)
class Snapshots:
    """Snapshots of one size at one temperature: all that the model of that size is learned from.

    Attributes:
        side: L.
        temperature: T.
        moments: (M, rho_DW) of the snapshots with their infinitesimal moments over one patch of 16^2 each.
        order: order parameter of the snapshots themselves.
    """

    side: int
    temperature: float
    moments: Moments
    order: OrderParameter


def grow(
    doubling: Doubling, side: int, temperature: float, count: int, relax: float, *, rng: np.random.Generator
) -> Spins:
    """(count, side^2) states at T, made from states of 16^2."""
    levels = int(np.log2(side // SMALL))
    x = drawn(SMALL, doubling.coarse(temperature, levels), count, rng=rng)
    now = SMALL
    for left in range(levels - 1, -1, -1):
        there = doubling.coarse(temperature, left)
        system = system_of(now, there)
        _, x = replicate(system, x, 4, count, rng=rng, flips=doubling.flips(there), relax=relax, patch=SMALL * SMALL)
        now *= 2
    return x


def snapshots(
    budget: Budget, doubling: Doubling, side: int, temperature: float, *, rng: np.random.Generator
) -> Snapshots:
    """Snapshots of a size and what a patch of each is about to do."""
    system, parts = system_of(side, temperature), []
    for some in chunks(budget.count(budget.states, side, temperature), side):
        x = grow(doubling, side, temperature, some, budget.relax, rng=rng)
        parts.append(patch_moments(system, x, PHI, (SMALL / side) ** 2, rng=rng))
    moments = Moments.concat(parts)
    return Snapshots(side, temperature, moments, order_parameter(moments.z[:, 0], side * side, rng=rng))


def each_point(budget: Budget) -> list[tuple[int, float]]:
    """(L, T) of all points, the largest systems first."""
    return [(side, temperature) for side in sorted(budget.sides, reverse=True) for temperature in budget.temperatures]
