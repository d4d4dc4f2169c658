"""Equilibrium: the structure factor, and the law of the magnetisation of a small lattice."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import stats

from asemacro.lattice.spins import random_spins
from asemacro.macro.spde.field_measures import StructureFactor, magnetisation_law, structure_factor
from asemacro.macro.spde.spde import NeuralSPDE
from asemacro.studies.paper.onsagerflow.learning import Lesson
from asemacro.studies.paper.onsagerflow.runs import Clock, blocks_of, of_model, of_spins
from asemacro.tasks.progress import part_of
from asemacro.typing import Floats, Report

BANDS = ((1, 2), (3, 4), (5, 8), (9, 16))  # rings whose waves are taken together


@dataclasses.dataclass(frozen=True)
class ScatterBudget:
    """What a structure factor costs.

    Attributes:
        edge: of the lattice in sites.
        copies: independent runs of either.
        settle: time before anything is looked at.
        spacing: time between two fields of a run.
        fields: of each run.
    """

    edge: int = 128
    copies: int = 60
    settle: float = 30.0
    spacing: float = 3.0
    fields: int = 80


@dataclasses.dataclass(frozen=True)
class Scatter:
    """S(k) of spins and of the learned equation, over rings of waves.

    Attributes:
        k: |k| in radians per block.
        waves: of each ring.
        spins, spins_error: S and its standard error, from the scatter of independent runs.
        model, model_error: of the equation.
    """

    k: Floats
    waves: Floats
    spins: Floats
    spins_error: Floats
    model: Floats
    model_error: Floats

    def bands(self) -> Floats:
        """(n_bands, 2) S of the equation over that of the spins, and the standard error of this ratio."""
        found = []
        for first, last in (band for band in BANDS if band[1] < len(self.k)):
            here = slice(first, last + 1)
            w = self.waves[here] / self.waves[here].sum()
            a, b = w @ self.spins[here], w @ self.model[here]
            errors = (np.sqrt(np.sum((w * e[here]) ** 2)) for e in (self.spins_error, self.model_error))
            found.append([b / a, np.hypot(*(e / s for e, s in zip(errors, (a, b), strict=True)))])
        return np.array(found)

    @property
    def error(self) -> float:
        """Largest relative error of a band."""
        return float(np.abs(self.bands()[:, 0] - 1).max())

    def curves(self) -> dict[str, StructureFactor]:
        """To be drawn."""
        waves = self.waves.astype(np.int64)
        return {
            "spins": StructureFactor(self.k, self.spins, self.spins_error, waves),
            "equation": StructureFactor(self.k, self.model, self.model_error, waves),
        }


def scatter(
    lesson: Lesson, spde: NeuralSPDE, budget: ScatterBudget, *, rng: np.random.Generator, progress: Report
) -> Scatter:
    """S(k) at equilibrium; both start from independent spins."""
    system = lesson.system(budget.edge)
    first = round(budget.settle / budget.spacing)
    saves = first + budget.fields
    clock = Clock(budget.spacing * saves, saves)
    x = random_spins(system.lattice, np.zeros(budget.copies), rng=rng)
    start = blocks_of(system, lesson.block, x)
    fields = of_spins(
        system, x, lesson.block, clock, np.array, rng=rng, progress=part_of(progress, "scatter", 0.0, 0.5)
    )
    model = of_model(
        spde, lesson.temperature, start, clock, np.array, rng=rng, progress=part_of(progress, "scatter", 0.5, 0.5)
    )
    rings = structure_factor(start, spde.sites)
    means = []
    for seen in (fields, model):
        runs = np.stack([structure_factor(seen[first + 1 :, k], spde.sites).value for k in range(budget.copies)])
        means += [runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(budget.copies)]
    return Scatter(rings.k, rings.waves.astype(float), *means)


@dataclasses.dataclass(frozen=True)
class LawBudget:
    """What a law of the magnetisation costs: runs of either, all independent, and the time after which each is seen."""

    edge: int = 21
    copies: int = 3000
    settle: float = 80.0


@dataclasses.dataclass(frozen=True)
class Law:
    """Magnetisations of a small lattice at equilibrium, one of each run.

    Attributes:
        spins: (copies,)
        model: (copies,)
        exact_m: where the density below is given.
        density: the law of one block of that many spins.
    """

    spins: Floats
    model: Floats
    exact_m: Floats
    density: Floats

    @property
    def p(self) -> float:
        """Of the hypothesis that both have one law, by Kolmogorov and Smirnov."""
        return float(stats.ks_2samp(self.spins, self.model).pvalue)

    @property
    def width(self) -> float:
        """Root mean square of the equation over that of the spins."""
        return float(np.sqrt(np.mean(self.model**2) / np.mean(self.spins**2)))


def law(lesson: Lesson, spde: NeuralSPDE, budget: LawBudget, *, rng: np.random.Generator, progress: Report) -> Law:
    """Magnetisations after a time; runs start in the wells, half in either, as they are visited equally often."""
    system = lesson.system(budget.edge)
    sides = lesson.well * np.where(np.arange(budget.copies) % 2, 1.0, -1.0)
    x = random_spins(system.lattice, sides, rng=rng)
    start, clock = blocks_of(system, lesson.block, x), Clock(budget.settle, 8)
    ends = [
        of_spins(
            system, x, lesson.block, clock, magnetisation, rng=rng, progress=part_of(progress, "law", 0.0, 0.5)
        )[-1],
        of_model(
            spde, lesson.temperature, start, clock, magnetisation, rng=rng, progress=part_of(progress, "law", 0.5, 0.5)
        )[-1],
    ]  # fmt: skip
    exact_m, density = magnetisation_law(spde, lesson.temperature, sites=budget.edge**2)
    return Law(ends[0], ends[1], exact_m, density)


def magnetisation(fields: Floats) -> Floats:
    """(n,) of fields (n, *grid)."""
    return np.asarray(fields.mean(axis=tuple(range(1, fields.ndim)), dtype=float))
