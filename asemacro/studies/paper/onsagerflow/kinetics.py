"""Kinetics: growth of waves after a quench, and how often a small lattice changes its well."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.lattice.spins import random_spins
from asemacro.macro.spde.field_measures import Switching, growth_rates, structure_factor, switching
from asemacro.macro.spde.spde import NeuralSPDE, allen_cahn_limit, hydrodynamic_limit
from asemacro.studies.paper.onsagerflow.equilibrium import magnetisation
from asemacro.studies.paper.onsagerflow.learning import Lesson
from asemacro.studies.paper.onsagerflow.runs import Clock, blocks_of, of_model, of_spins
from asemacro.tasks.progress import part_of
from asemacro.typing import Floats, Report

RINGS = slice(1, 5)  # the longest waves, which grow
_FAST = 0.5  # of the largest rate
_WELL = 0.9  # of its bottom: where it begins


@dataclasses.dataclass(frozen=True)
class GrowthBudget:
    """What growth rates cost: edge of the lattice in ranges, runs of either, and the time that is linear."""

    ranges: int = 16
    copies: int = 400
    until: float = 2.0


@dataclasses.dataclass(frozen=True)
class Growth:
    """Rates of waves after a quench from independent spins, over rings of waves.

    Attributes:
        k: |k| in radians per block.
        waves: of each ring.
        spins: rates.
        model: of the learned equation.
        theory: J(k) / T - 1, exact as long as all is small.
        mean_square: of the local field of blocks at the end, (J * m)^2: what must be small.
    """

    k: Floats
    waves: Floats
    spins: Floats
    model: Floats
    theory: Floats
    mean_square: float

    @property
    def error(self) -> float:
        """Relative difference of the equation from the spins, mean over the waves that grow fast."""
        fast = self.theory >= _FAST * self.theory.max()
        model, spins = (self.waves[fast] @ part[fast] for part in (self.model, self.spins))
        return float(abs(model / spins - 1))


def growth(
    lesson: Lesson, spde: NeuralSPDE, budget: GrowthBudget, *, rng: np.random.Generator, progress: Report
) -> Growth:
    """Quench independent spins and look at the waves that grow."""
    system, clock = lesson.system(round(budget.ranges * lesson.range)), Clock(budget.until, 8)
    true = lesson.true

    def look(fields: Floats) -> Floats:
        local = true.convolve(fields)
        return np.append(structure_factor(fields, spde.sites).value[RINGS], np.mean(local**2))

    x = random_spins(system.lattice, np.zeros(budget.copies), rng=rng)
    start = blocks_of(system, lesson.block, x)
    seen = of_spins(system, x, lesson.block, clock, look, rng=rng, progress=part_of(progress, "growth", 0.0, 0.5))
    model = of_model(
        spde, lesson.temperature, start, clock, look, rng=rng, progress=part_of(progress, "growth", 0.5, 0.5)
    )
    rings = structure_factor(start[:1], spde.sites)
    rates = [growth_rates(clock.times, part[:, :-1]) for part in (seen, model)]
    theory, at_the_end = _rates_of(lesson, start.shape[1]), float(seen[-1, -1])
    waves = rings.waves[RINGS].astype(float)
    return Growth(rings.k[RINGS], waves, rates[0], rates[1], theory, at_the_end)


def _rates_of(lesson: Lesson, edge: int) -> Floats:
    """J(k) / T - 1 over the rings of a grid."""
    each = np.sqrt(np.maximum(np.fft.fftn(lesson.true.on((edge, edge))).real, 0.0)) * edge
    field = np.fft.ifftn(each).real[None]
    return np.asarray(structure_factor(field, 1).value[RINGS] / lesson.temperature - 1)


@dataclasses.dataclass(frozen=True)
class FlipBudget:
    """What flip rates cost: edge of the lattice, runs of either and their length; and those of the
    baselines."""

    edge: int = 21
    copies: int = 400
    until: float = 1800.0
    base_copies: int = 100
    base_until: float = 500.0


@dataclasses.dataclass(frozen=True)
class Flips:
    """Changes of the well, and the time that all runs were watched.

    Attributes:
        counts: (5,) of the systems below.
        times: (5,)
    """

    counts: Floats
    times: Floats

    NAMES = ("spins", "learned equation", "Allen-Cahn with noise", "Allen-Cahn", "hydrodynamic limit")

    def rates(self) -> dict[str, Switching]:
        """By name."""
        found = {}
        for name, count, time in zip(self.NAMES, self.counts, self.times, strict=True):
            rate = count / time
            found[name] = Switching(int(count), time, rate, rate / np.sqrt(count) if count else np.inf)
        return found

    @property
    def ratio(self) -> tuple[float, float]:
        """Rate of the learned equation over that of the spins, and its standard error."""
        (n, time), (m, other) = zip(self.counts[:2], self.times[:2], strict=True)
        ratio = (m / other) / (n / time) if n else 0.0
        return float(ratio), float(ratio * np.sqrt(1 / max(n, 1) + 1 / max(m, 1)))


def flips(lesson: Lesson, spde: NeuralSPDE, budget: FlipBudget, *, rng: np.random.Generator, progress: Report) -> Flips:
    """How often a small lattice changes its well; all runs start in one."""
    system, t = lesson.system(budget.edge), lesson.temperature
    x = random_spins(system.lattice, np.full(budget.copies, -lesson.well), rng=rng)
    start, clock = blocks_of(system, lesson.block, x), Clock(budget.until, round(budget.until))
    told = part_of(progress, "flips", 0.0, 0.6)
    series = [of_spins(system, x, lesson.block, clock, magnetisation, rng=rng, progress=told)]
    base = start[: budget.base_copies], Clock(budget.base_until, round(budget.base_until))
    models = (
        (spde, start, clock),
        (allen_cahn_limit(spde), *base),
        (allen_cahn_limit(spde, noise=False), *base),
        (hydrodynamic_limit(spde), *base),
    )
    for k, (model, first, when) in enumerate(models):
        told = part_of(progress, "flips", 0.6 + 0.1 * k, 0.1)
        series.append(of_model(model, t, first, when, magnetisation, rng=rng, progress=told))
    clocks = (clock, clock, base[1], base[1], base[1])
    found = [switching(own.times, one, _WELL * lesson.well) for own, one in zip(clocks, series, strict=True)]
    return Flips(np.array([float(one.count) for one in found]), np.array([one.time for one in found]))
