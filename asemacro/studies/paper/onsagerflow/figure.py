"""OnsagerFlow: mobility and kernel as learned against what is exact, the learned equation against fresh spins, and
fields that no simulation of spins reaches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from asemacro.studies.paper.onsagerflow.drawing import draw
from asemacro.studies.paper.onsagerflow.equilibrium import Law, LawBudget, Scatter, ScatterBudget, law, scatter
from asemacro.studies.paper.onsagerflow.found import Edges, Found
from asemacro.studies.paper.onsagerflow.kinetics import FlipBudget, Flips, Growth, GrowthBudget, flips, growth
from asemacro.studies.paper.onsagerflow.large import (
    Coarsening,
    CoarseningBudget,
    Quench,
    QuenchBudget,
    Speed,
    SpeedBudget,
    coarsening,
    quench,
    speed,
)
from asemacro.studies.paper.onsagerflow.learning import Learned, Lesson, task_of
from asemacro.studies.paper.onsagerflow.rows import NOTES, rows_of, tables_of
from asemacro.studies.paper.onsagerflow.runs import kept
from asemacro.studies.paper.report import Result
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import part_of
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

T = TypeVar("T")
TEMPERATURES = (0.8, 1.25, 2.0)
_LESSONS = 0.4  # part of the time that lessons take


@dataclasses.dataclass(frozen=True)
class Budget:
    """What the figure costs.

    Attributes:
        kernels: lessons that are judged, of two couplings at three temperatures.
        fine: lessons of blocks of a quarter of the range: growth below the critical temperature, S(k) above.
        wells: lessons of long blocks, of which a small lattice consists: above and below the critical temperature.
        long: lessons of long couplings, of blocks of 16 and 128.
        scatter, growth, law, flips, quench, coarsening: the parts.
        field: the largest one.
        speeds: of the two long couplings.
    """

    kernels: tuple[Lesson, ...]
    fine: tuple[Lesson, ...]
    wells: tuple[Lesson, ...]
    long: tuple[Lesson, ...]
    scatter: ScatterBudget
    growth: GrowthBudget
    law: LawBudget
    flips: FlipBudget
    quench: QuenchBudget
    coarsening: CoarseningBudget
    field: CoarseningBudget
    speeds: tuple[SpeedBudget, ...]

    @property
    def lessons(self) -> tuple[Lesson, ...]:
        """All of them."""
        return (*self.kernels, *self.fine, *self.wells, *self.long)


def kernel_lessons(edge: int, starts: int) -> tuple[Lesson, ...]:
    """A top hat and a Gaussian of ranges that blocks of 4 resolve, at three temperatures.

    The longer Gaussian has more and smaller J to be told apart, and J counts as J / T: hot ones take more starts.
    """
    cases = (("top-hat", 8.0, (1.0, 1.0, 2.0)), ("gaussian", 12.0, (1.0, 2.0, 5.0)))
    return tuple(
        Lesson(coupling, reach, 4, edge, t, round(more * starts))
        for coupling, reach, factors in cases
        for t, more in zip(TEMPERATURES, factors, strict=True)
    )


def fine_lessons(edge: int, starts: int) -> tuple[Lesson, ...]:
    """A top hat of four blocks: of 64 spins for growth, which small blocks slow down, of 16 above the critical one."""
    cases = ((32.0, 8, TEMPERATURES[0]), (16.0, 4, TEMPERATURES[1]))
    return tuple(Lesson("top-hat", reach, block, edge, t, starts) for reach, block, t in cases)


def long_lessons(starts: tuple[int, int], edge: int = 1024) -> tuple[Lesson, ...]:
    """Blocks of 16 and of 128, half of the range each; spins with so many neighbours move synchronously."""
    return (
        Lesson("top-hat", 32.0, 16, edge, 0.7, starts[0], 4),
        Lesson("top-hat", 256.0, 128, edge, 0.7, starts[1], 2, window=0.02),
    )


def well_lessons(edge: int, starts: tuple[int, int]) -> tuple[Lesson, ...]:
    """Blocks of 7 x 7 spins: those of 4 x 4 are often full, which no diffusion describes."""
    return tuple(Lesson("top-hat", 8.0, 7, edge, t, n) for t, n in zip((0.9, 1.25), starts, strict=True))


FULL = Budget(
    kernels=kernel_lessons(256, 200),
    fine=fine_lessons(256, 200),
    wells=well_lessons(252, (200, 100)),
    long=long_lessons((40, 40)),
    scatter=ScatterBudget(copies=40, fields=60),
    growth=GrowthBudget(copies=1000),
    law=LawBudget(),
    flips=FlipBudget(copies=600, until=1400.0),
    quench=QuenchBudget(),
    coarsening=CoarseningBudget(),
    field=CoarseningBudget(1024, 16.0),
    speeds=(SpeedBudget(spins_until=1.0), SpeedBudget(model_until=10.0)),
)
QUICK = Budget(
    kernels=kernel_lessons(128, 40),
    fine=fine_lessons(128, 20),
    wells=well_lessons(126, (40, 20)),
    long=long_lessons((4, 4)),
    scatter=ScatterBudget(edge=64, copies=20, fields=15),
    growth=GrowthBudget(copies=100),
    law=LawBudget(copies=200, settle=40.0),
    flips=FlipBudget(copies=100, until=150.0, base_copies=10, base_until=100.0),
    quench=QuenchBudget(edge=512, until=8.0, saves=4),
    coarsening=CoarseningBudget(128, 60.0, 0.75),
    field=CoarseningBudget(192, 10.0),
    speeds=(SpeedBudget(edge=1024, spins_until=0.3, model_until=10.0), SpeedBudget(1024, 0.1, 200.0)),
)


def run(*, quick: bool, rng: np.random.Generator, progress: Report, store: Checkpoint) -> Result:
    """Run the figure; its parts are kept as they are finished."""
    budget, streams = QUICK if quick else FULL, Streams.of(rng)
    learned = dict(zip(budget.lessons, _learned(budget, store, streams, progress), strict=True))
    found = _found(budget, learned, store, streams, progress)
    title = "OnsagerFlow: block fields of Kac spins, a learned stochastic equation against exact results and spins"
    return Result(title, rows_of(found), tables_of(found), lambda: draw(found), NOTES)


def _learned(budget: Budget, store: Checkpoint, streams: Streams, progress: Report) -> list[Learned]:
    """All lessons, one after the other."""
    told = part_of(progress, "figure", 0.0, _LESSONS, len(budget.lessons))
    return run_tasks([task_of(lesson, streams) for lesson in budget.lessons], store=store, progress=told, workers=1)


def _found(
    budget: Budget, learned: dict[Lesson, Learned], store: Checkpoint, streams: Streams, progress: Report
) -> Found:
    """All parts, one after the other."""
    cold, warm, hot = (lesson for lesson in budget.kernels if lesson.coupling == "top-hat")
    fine_cold, fine_warm = ([one for one in budget.fine if (one.temperature < 1) == below] for below in (True, False))
    double, single = budget.wells
    wide, widest = budget.long
    told = part_of(progress, "figure", _LESSONS, 1 - _LESSONS, 13)

    def of(kind: type[T], work: Callable[..., T], lesson: Lesson, cost: object, of_what: str = "") -> T:
        name = f"{work.__name__}{of_what}_{lesson.name}"

        def make(report: Report) -> T:
            return work(lesson, learned[lesson].spde, cost, rng=streams(name), progress=report)

        task = Task(name, make, 1.0, kept(kind, cost, streams, lesson=dataclasses.asdict(lesson)))
        return run_tasks([task], store=store, progress=told, workers=1)[0]

    return Found(
        learned={lesson: learned[lesson] for lesson in budget.kernels},
        long={lesson: learned[lesson] for lesson in budget.long},
        scatter={lesson: of(Scatter, scatter, lesson, budget.scatter) for lesson in (warm, *fine_warm, hot)},
        growth={lesson: of(Growth, growth, lesson, budget.growth) for lesson in (cold, *fine_cold)},
        laws={lesson.temperature: of(Law, law, lesson, budget.law) for lesson in (single, double)},
        flips=of(Flips, flips, double, budget.flips),
        quench=of(Quench, quench, wide, budget.quench),
        coarsening=of(Coarsening, coarsening, wide, budget.coarsening),
        field=of(Coarsening, coarsening, wide, budget.field, "_of_the_largest"),
        speeds={
            lesson.block: of(Speed, speed, lesson, cost)
            for lesson, cost in zip((wide, widest), budget.speeds, strict=True)
        },
        edges=Edges(
            budget.quench.edge,
            budget.coarsening.blocks * wide.block,
            budget.field.blocks * wide.block,
            budget.speeds[0].edge,
        ),
    )
