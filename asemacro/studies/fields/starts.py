"""What simulate is asked for, of a field equation: a grid, a temperature, and the field that a run starts from."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.macro.spde.field_steps import simulate_fields
from asemacro.studies.fields.learned import LearnedFields
from asemacro.studies.fields.readers import by, last_field

QUENCH = "quench"
MOST = 1e6  # and one over it: temperatures and fields, in the unit of the couplings
FRAMES = 50  # fields of a run that are kept after the first
_SETTLED = 20.0  # times of relaxation from independent spins to equilibrium at the temperature before a quench
_MOST_BLOCKS = 1 << 32


@dataclasses.dataclass(frozen=True)
class Asked:
    """What `simulate` was asked for; None stands for what the equation was learned with.

    Attributes:
        start: a magnetisation, a file of fields, "quench" or "quench:T".
        until: end.
        temperature: T.
        field: h.
        sites: spins that the grid stands for.
        blocks: along each edge, "256" or "256x128".
        points: saved times after the start.
        movie: whether a GIF is wanted.
        force: run it although it takes more than an hour.
    """

    start: str
    until: float
    temperature: float | None = None
    field: float | None = None
    sites: int | None = None
    blocks: str | None = None
    points: int = 200
    movie: bool = False
    force: bool = False

    def of(self, learned: LearnedFields) -> tuple[float, float]:
        """T and h, and a word if the equation was not learned there.

        Raises:
            ValueError: the equation was learned at several temperatures and none is asked for.
        """
        h = learned.field if self.field is None else self.field
        if h != learned.field:
            learnt = f"{learned.field:g}"
            print(f"--field {h:g} is not that of what was learned, {learnt}: the kernel holds, the mobility may not")
        return _temperature(learned, self.temperature), h

    def first(self, learned: LearnedFields, field: float, rng: np.random.Generator) -> tuple[NDArray[np.float32], str]:
        """The first field (*grid), and what it is in one line.

        Raises:
            ValueError: no start, no grid, or a file whose grid does not fit.
        """
        grid = _grid(learned, self.sites, self.blocks)
        bound_of_memory(4.0 * math.prod(grid) * (FRAMES + 8), f"a run of {by(grid)} blocks")
        if self.start == QUENCH or self.start.startswith(f"{QUENCH}:"):
            return _quench(learned, self.start, grid, field, rng)
        try:
            m = float(self.start)
        except ValueError:
            asked = grid if self.sites is not None or self.blocks is not None else None
            return _from_file(learned, self.start, asked)
        if not abs(m) <= 1:
            raise ValueError(f"--start {self.start}: a magnetisation lies from -1 to 1")
        return np.full(grid, m, dtype=np.float32), f"start: m = {m:g} everywhere"


def check_range(value: float, option: str) -> None:
    """Refuse numbers so large or small that fields of such a unit cannot be computed with."""
    if not 1 / MOST <= value <= MOST:
        raise ValueError(f"{option} {value:g}: must be from {1 / MOST:g} to {MOST:g}; choose another unit of energy")


def _temperature(learned: LearnedFields, given: float | None) -> float:
    """T, and a word if the equation was not learned there."""
    low, high = learned.temperatures[0], learned.temperatures[-1]
    if given is None:
        if low < high:
            raise ValueError(
                f"this model was learned at several temperatures; give --temperature from {low:g} to {high:g}"
            )
        return low
    check_range(given, "--temperature")
    if not low * (1 - 1e-9) <= given <= high * (1 + 1e-9):
        learnt = f"T = {low:g}" if low == high else f"T = {low:g} to {high:g}"
        print(
            f"--temperature {given:g} lies outside of what was learned, {learnt}: the kernel holds, "
            "the mobility may not"
        )
    return given


def _grid(learned: LearnedFields, sites: int | None, blocks: str | None) -> tuple[int, ...]:
    """Blocks along each axis.

    Raises:
        ValueError: both are given, numbers that are none, or sites that are no whole cube of blocks.
    """
    dim, spde = len(learned.grid), learned.spde
    if sites is not None and blocks is not None:
        raise ValueError("give either --sites or --blocks, not both")
    grid = learned.grid
    if blocks is not None:
        edges = blocks.split("x")
        if not all(edge.isdigit() for edge in edges) or len(edges) not in (1, dim) or not all(map(int, edges)):
            raise ValueError(f"--blocks {blocks}: give the blocks along an edge, as 256, or along each of {dim}, as "
                             f"{'x'.join(['256'] * dim)}")  # fmt: skip
        grid = tuple(int(edge) for edge in (edges * dim if len(edges) == 1 else edges))
    if sites is not None:
        edge = max(1, round((sites / spde.sites) ** (1 / dim)))
        if edge**dim * spde.sites != sites:
            near = " or ".join(str(n**dim * spde.sites) for n in (edge, edge + 1))
            raise ValueError(
                f"--sites {sites}: a whole number of blocks of {spde.sites} spins along each edge, as {near}"
            )
        grid = (edge,) * dim
    if min(grid) < 2 or math.prod(grid) > _MOST_BLOCKS:
        raise ValueError(
            f"a grid of {by(grid)} blocks: give at least 2 along each edge, and at most {_MOST_BLOCKS} in all"
        )
    return grid


def _quench(
    learned: LearnedFields, text: str, grid: tuple[int, ...], h: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], str]:
    """Independent spins, or the equilibrium that they come to at another temperature."""
    v = learned.spde.sites
    m = (2 * rng.binomial(v, 0.5, grid) / v - 1).astype(np.float32)
    if text == QUENCH:
        return m, "start: quench from independent spins"
    hot = text.removeprefix(f"{QUENCH}:")
    try:
        high = float(hot)
    except ValueError:
        high = math.nan
    if not 0 < high < math.inf:
        raise ValueError(f"--start {text}: give a temperature above 0 after the colon, as {QUENCH}:2")
    check_range(high, f"--start {QUENCH}:")
    settled = _SETTLED / float(learned.spde.homogeneous_mobility(0.0, high))
    run = simulate_fields(learned.spde, m, settled, temperature=high, field=h, n_saves=1, rng=rng)
    return run.last[0], f"start: quench from T = {high:g}, after a time of {settled:.3g} there"


def _from_file(learned: LearnedFields, text: str, asked: tuple[int, ...] | None) -> tuple[NDArray[np.float32], str]:
    """The last field of a file."""
    if not Path(text).exists():
        raise ValueError(f"--start {text}: neither a magnetisation, nor {QUENCH}, nor a file that is there")
    m, said = last_field(text)
    dim = len(learned.grid)
    if m.ndim != dim:
        raise ValueError(f"--start {text}: a field of {m.ndim} axes, the equation has {dim}")
    if asked is not None and m.shape != asked:
        raise ValueError(
            f"--start {text}: a field of {by(m.shape)} blocks, asked for are {by(asked)}; leave --sites and --blocks "
            "out"
        )
    return m, f"start: {said}"
