"""Lessons: the spins whose block fields are learned, and what was learned from them, beside what is exact."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

from asemacro.lattice.lattice import Lattice
from asemacro.macro.spde.block_kernel import BlockKernel, box_averaged, relative_error
from asemacro.macro.spde.file import load_spde, save_spde, spde_notes
from asemacro.macro.spde.mobility_fit import MobilityTable
from asemacro.macro.spde.spde import NeuralSPDE
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import gaussian, top_hat
from asemacro.micro.spins.kac_fields import make_field_data
from asemacro.studies.fields.diagnostics import mobility_of_homogeneous
from asemacro.studies.fields.learned import learn_from_fields
from asemacro.tasks.progress import part_of
from asemacro.tasks.running import Kept, Task
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

COUPLINGS = {"top-hat": top_hat, "gaussian": gaussian}
DURATION = 0.1
MOST_M = 0.9
_GRID = 181  # magnetisations where mobilities are compared


@dataclasses.dataclass(frozen=True)
class Lesson:
    """Spins on a square lattice whose block fields are learned.

    Attributes:
        coupling: "top-hat" or "gaussian".
        range: of it, in sites.
        block: B.
        edge: of the lattice in sites.
        temperature: T.
        starts: prepared fields.
        steps: rows of each.
        window: of synchronous moves; None: exact.
    """

    coupling: str
    range: float
    block: int
    edge: int
    temperature: float
    starts: int
    steps: int = 8
    window: float | None = None

    @property
    def name(self) -> str:
        """In the progress and in the store."""
        return f"learn_{self.coupling}_R={self.range:g}_B={self.block}_T={self.temperature:g}"

    @property
    def where(self) -> str:
        """Temperature, and how long the range is in blocks, in rows."""
        return f"T={self.temperature:g}/range={self.range / self.block:g}-blocks-of-{self.block**2}"

    def system(self, edge: int | None = None) -> KacIsing:
        """The spins, on a lattice of another edge if one is given."""
        coupling = COUPLINGS[self.coupling](self.range)
        return KacIsing(Lattice.square(1.0, "X", edge or self.edge), coupling, self.temperature)

    @property
    def true(self) -> BlockKernel:
        """The exact kernel between blocks."""
        return box_averaged(self.system().kernel, self.block)

    @property
    def well(self) -> float:
        """m > 0 with m = tanh(m / T), 0 above the critical temperature."""
        t = self.temperature
        return float(brentq(lambda m: np.tanh(m / t) - m, 1e-3, 1)) if t < 1 else 0.0


@dataclasses.dataclass(frozen=True)
class Learned:
    """A learned equation and what it is judged by.

    Attributes:
        spde: the equation.
        total_error: standard error of J0.
        blocks: changes of blocks that were seen.
        table: T K as it was counted in homogeneous fields.
    """

    spde: NeuralSPDE
    total_error: float
    blocks: int
    table: MobilityTable

    def kernel_error(self, lesson: Lesson) -> float:
        """Relative L2 error of the kernel, lags other than 0."""
        return relative_error(self.spde.kernel, lesson.true)

    def mobility_error(self, lesson: Lesson) -> float:
        """Largest relative error of T K of homogeneous fields with |m| up to 0.9; exact is 1 - m tanh(m / T)."""
        m, t = np.linspace(-MOST_M, MOST_M, _GRID), lesson.temperature
        return float(np.abs(self.spde.homogeneous_mobility(m, t) / (1 - m * np.tanh(m / t)) - 1).max())

    def sigmas(self) -> float:
        """Standard errors between what was counted and the nearer of 1 and 1 - m^2, where they differ most."""
        inner = np.abs(self.table.m) < MOST_M
        m, value, error = (part[inner] for part in (self.table.m, self.table.value, self.table.error))
        return float(min(np.abs((value - form) / error).max() for form in (np.ones_like(m), 1 - m**2)))


def learn(lesson: Lesson, *, rng: np.random.Generator, progress: Report) -> Learned:
    """Simulate the spins of a lesson and learn the equation of their block fields."""
    data = make_field_data(
        lesson.system(), lesson.starts, block=lesson.block, duration=DURATION, steps=lesson.steps,
        window=lesson.window, rng=rng, progress=part_of(progress, "learn", 0.0, 0.6),
    )  # fmt: skip
    learned = learn_from_fields(data, rng=rng, progress=part_of(progress, "learn", 0.6, 0.4))
    assert learned.report is not None
    table = mobility_of_homogeneous(learned, data)
    return Learned(learned.spde, learned.report.total_error, data.before.size, table)


def task_of(lesson: Lesson, streams: Streams) -> Task[Learned]:
    """What learns a lesson, and keeps it."""

    def work(report: Report) -> Learned:
        return learn(lesson, rng=streams(lesson.name), progress=report)

    weight = float(lesson.starts * lesson.edge**2)
    inputs = {"lesson": dataclasses.asdict(lesson), "seed": streams.root}
    return Task(lesson.name, work, weight, Kept(inputs, _write, _read, ".safetensors"))


def _write(path: Path, learned: Learned) -> None:
    table = {name: value.tolist() for name, value in dataclasses.asdict(learned.table).items()}
    save_spde(path, learned.spde, total_error=learned.total_error, blocks=learned.blocks, table=table)


def _read(path: Path) -> Learned:
    about: dict[str, Any] = spde_notes(path)
    table: dict[str, Floats] = {name: np.array(value) for name, value in about["table"].items()}
    return Learned(load_spde(path), about["total_error"], about["blocks"], MobilityTable(**table))
