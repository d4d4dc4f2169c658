"""Large fields: coarsening, a quench beside the largest lattice of spins reached here, and how fast both are."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from asemacro.lattice.spins import random_spins
from asemacro.macro.spde.field_measures import domain_length
from asemacro.macro.spde.field_steps import Stepper, simulate_fields
from asemacro.macro.spde.spde import NeuralSPDE
from asemacro.studies.paper.onsagerflow.learning import Lesson
from asemacro.studies.paper.onsagerflow.runs import Clock, blocks_of, of_model, of_spins
from asemacro.tasks.progress import part_of
from asemacro.typing import Floats, Report

_SHOWN = 256  # blocks along the edge of a picture
_SHORTEST, _LONGEST = 3.0, 0.25  # of the window of coarsening: in ranges, and in edges of the system
_STEP = 0.1
"""Of large fields, longer than the rule has it: lengths of domains differed by 1 % from those with 0.04."""
_MOST = 0.9  # steps times the fastest rate
_MOST_TRIES = 12  # of a measurement of speed
_LEAST = 5  # times of which an exponent is taken


@dataclasses.dataclass(frozen=True)
class CoarseningBudget:
    """What coarsening costs: blocks along the edge, time, and from when on it is judged.

    That is the mean m^2 over that of the two phases: the rest is missing in the walls between domains, and domains grow
    as the square root of time once they are large beside their walls.
    """

    blocks: int = 512
    until: float = 800.0
    formed: float = 0.9


@dataclasses.dataclass(frozen=True)
class Coarsening:
    """Length of domains over time, in sites, after a quench of the learned equation.

    Attributes:
        times: (n,)
        length: (n,) mean chord of the domains.
        mean_square: (n,) of m.
        picture: a part of the last field.
        window: (2,) lengths between which the exponent is taken, in sites.
        formed: mean m^2 from which on it is taken.
        reflected: part of the changes.
    """

    times: Floats
    length: Floats
    mean_square: Floats
    picture: Floats
    window: Floats
    formed: float
    reflected: float

    @property
    def inside(self) -> Floats:
        """Which times count: domains have formed, and their length lies in the window."""
        return np.asarray(
            (self.mean_square > self.formed) & (self.length > self.window[0]) & (self.length < self.window[1])
        )

    @property
    def exponent(self) -> tuple[float, float]:
        """n of L = A (t + t0)^n and of L = A t^n, by least squares of log L: domains have a length when they form.

        Raises:
            ValueError: too few times in the window.
        """
        if (seen := int(self.inside.sum())) < _LEAST:
            raise ValueError(f"growing domains were seen at {seen} times only; give a larger field or more time")
        t, log = self.times[self.inside], np.log(self.length[self.inside])
        plain = float(np.polyfit(np.log(t), log, 1)[0])
        (_, n, _), _ = curve_fit(
            lambda t, a, n, t0: a + n * np.log(t + t0), t, log, [log[0] - plain * np.log(t[0]), plain, 0.0],
            bounds=([-20.0, 0.05, -0.9 * t[0]], [20.0, 2.0, t[-1]]),
        )  # fmt: skip
        return float(n), plain


def coarsening(
    lesson: Lesson, spde: NeuralSPDE, budget: CoarseningBudget, *, rng: np.random.Generator, progress: Report
) -> Coarsening:
    """Quench independent spins far below the critical temperature."""

    def look(fields: NDArray[Any]) -> Floats:
        return np.array([spde.block * domain_length(fields)[0], np.mean(fields**2)])

    run = simulate_fields(
        spde, independent(spde, budget.blocks, rng), budget.until, temperature=lesson.temperature,
        dt=step_of(lesson, spde), n_saves=round(budget.until), observe={"seen": look}, rng=rng, progress=progress,
    )  # fmt: skip
    length, mean_square = run.observed["seen"].T
    window = np.array([_SHORTEST * lesson.range, _LONGEST * budget.blocks * spde.block])
    shown = slice(0, _SHOWN)
    picture, formed = run.last[0, shown, shown].astype(float), budget.formed * lesson.well**2
    return Coarsening(run.times, length, mean_square, picture, window, formed, run.reflected)


def step_of(lesson: Lesson, spde: NeuralSPDE) -> float:
    """Length of the steps of large fields."""
    return min(_STEP, _MOST / Stepper(spde, (1, 1), lesson.temperature, 0.0).rate)


def independent(spde: NeuralSPDE, edge: int, rng: np.random.Generator) -> Floats:
    """A field (1, edge, edge) of independent spins without magnetisation."""
    return 2 * rng.binomial(spde.sites, 0.5, (1, edge, edge)) / spde.sites - 1


@dataclasses.dataclass(frozen=True)
class QuenchBudget:
    """What a quench costs: edge of the lattice of the spins, time, and times when it is looked at."""

    edge: int = 2048
    until: float = 16.0
    saves: int = 16


@dataclasses.dataclass(frozen=True)
class Quench:
    """A quench of spins, and of the learned equation from the same block fields.

    Attributes:
        times: (n,)
        spins: (n, 2) mean m^2 of blocks, and length of the domains in sites.
        model: (n, 2) the same.
        picture_spins: a part of the last field.
        picture_model: the same part.
    """

    times: Floats
    spins: Floats
    model: Floats
    picture_spins: Floats
    picture_model: Floats


def quench(
    lesson: Lesson, spde: NeuralSPDE, budget: QuenchBudget, *, rng: np.random.Generator, progress: Report
) -> Quench:
    """Independent spins, suddenly cold."""
    system, clock = lesson.system(budget.edge), Clock(budget.until, budget.saves)
    pictures: list[Floats] = []

    def look(fields: NDArray[Any]) -> Floats:
        pictures[:] = [fields[0, :_SHOWN, :_SHOWN].astype(float)]
        return np.array([np.mean(fields**2), spde.block * domain_length(fields)[0]])

    x = random_spins(system.lattice, np.zeros(1), rng=rng)
    start = blocks_of(system, lesson.block, x)
    spins = of_spins(system, x, lesson.block, clock, look, rng=rng, progress=part_of(progress, "quench", 0.0, 0.9))
    of_the_spins = pictures[0]
    model = of_model(
        spde, lesson.temperature, start, clock, look, dt=step_of(lesson, spde), rng=rng,
        progress=part_of(progress, "quench", 0.9, 0.1),
    )  # fmt: skip
    return Quench(clock.times, spins, model, of_the_spins, pictures[0])


@dataclasses.dataclass(frozen=True)
class SpeedBudget:
    """What a measurement of speed costs: edge of the lattice in sites, and the time that either is run for."""

    edge: int = 8192
    spins_until: float = 0.02
    model_until: float = 1.0


@dataclasses.dataclass(frozen=True)
class Speed:
    """Seconds of a core for a unit of time of as many spins, in one run.

    Attributes:
        spins: microscopic.
        model: of the learned equation.
    """

    spins: float
    model: float


def speed(
    lesson: Lesson, spde: NeuralSPDE, budget: SpeedBudget, *, rng: np.random.Generator, progress: Report
) -> Speed:
    """How long spins take and how long the learned equation takes that stands for them.

    What is done once for a run, the sums over neighbours, does not count for the spins, nor the tables for the model:
    a short run is taken off a long one, each the fastest of at least two; one that is too short to be measured is
    made twice as long.
    """
    system = lesson.system(budget.edge)
    x = 2 * rng.integers(0, 2, (1, budget.edge**2), dtype=np.int8) - 1
    start = independent(spde, budget.edge // lesson.block, rng)
    dt = step_of(lesson, spde)

    def of_spins(until: float) -> None:
        system.evolve_counting(x, until, lesson.block, window=lesson.window, rng=rng)

    def of_equation(until: float) -> None:
        simulate_fields(spde, start, until, temperature=lesson.temperature, dt=dt, n_saves=1, rng=rng)

    short = budget.model_until
    told = part_of(progress, "speed", 0.0, 0.7)
    return Speed(_slope(of_spins, (0.0, budget.spins_until), told), _slope(of_equation, (short, 2 * short), progress))


def _slope(work: Callable[[float], None], untils: tuple[float, float], progress: Report) -> float:
    """Seconds of the process for a unit of time.

    Raises:
        ValueError: the longer run took no longer: too little to be measured, or the machine is too busy.
    """
    best, (short, long) = [np.inf, np.inf], untils
    for tried in range(_MOST_TRIES):
        for k, until in enumerate((short, long)):
            begin = time.process_time()
            work(until)
            best[k] = min(best[k], time.process_time() - begin)
            progress("speed", (2 * tried + k + 1) / (2 * _MOST_TRIES), f"to time {until:g}")
        if best[1] <= best[0]:
            best[1], long = np.inf, 2 * long
        elif tried > 0:
            return (best[1] - best[0]) / (long - short)
    raise ValueError(f"a run to time {long / 2:g} took no longer than one to {short:g}; the machine is too busy")
