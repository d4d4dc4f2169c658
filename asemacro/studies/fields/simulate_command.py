"""The command simulate on field equations: block fields over time from a start, as a table, pictures and a movie."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.files.store import write_csv, write_whole
from asemacro.macro.spde.field_measures import domain_length
from asemacro.macro.spde.field_steps import simulate_fields
from asemacro.studies.fields.frames import draw_frames, write_movie
from asemacro.studies.fields.learned import LearnedFields
from asemacro.studies.fields.readers import by, last_field
from asemacro.studies.learn.pace import Pace
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.publication import Files, publish
from asemacro.typing import Floats

QUENCH = "quench"
_FRAMES = 50  # fields that are kept after the first
_SETTLED = 20.0  # times of relaxation from independent spins to equilibrium at the temperature before a quench
_MOST_REFLECTED = 1e-3
_MOST_BLOCKS = 1 << 32


def simulate_learned_fields(
    learned: LearnedFields,
    output: Path,
    *,
    start: str,
    until: float,
    temperature: float | None,
    field: float | None,
    sites: int | None,
    blocks: str | None,
    movie: bool | None,
    points: int,
    force: bool,
    seed: int,
) -> None:
    """A CSV of time, m, energy and domain_length (in sites); beside it STEM.png, STEM.npz and, as a movie, STEM.gif.

    Args:
        learned: the equation.
        output: the CSV file.
        start: a magnetisation, a file of fields, "quench" or "quench:T".
        until: end.
        temperature: None for the one that was learned at.
        field: None for the one that was learned at.
        sites: spins that the grid stands for; None with `blocks` or for the grid that was learned at.
        blocks: along each edge, "256" or "256x128".
        movie: whether a GIF is wanted.
        points: saved times after the start.
        force: run it although it takes more than an hour.
        seed: of the start and the noise.

    Raises:
        ValueError: one line; a start or a grid that is none, or a temperature that has to be chosen.
    """
    t, h = _temperature(learned, temperature), learned.field if field is None else field
    if output.suffix.lower() in (".npz", ".png", ".gif"):
        raise ValueError(f"-o {output} names the table; pictures and fields get its name with other endings")
    rng = np.random.default_rng(seed)
    grid = _grid(learned, sites, blocks)
    bound_of_memory(4.0 * math.prod(grid) * (_FRAMES + 8), f"a run of {by(grid)} blocks")
    first, said = _start(learned, start, grid, t, h, given=sites is not None or blocks is not None, rng=rng)
    print(said)
    every = max(1, points // _FRAMES)
    watch = _Watch(learned, h, every)
    with progress_bar({"fields": 1.0}) as report:
        pace = Pace(until, "", force=force, judged=False)

        def tell(task: str, fraction: float, text: str) -> None:
            report(task, fraction, text)
            pace(fraction * until)

        run = simulate_fields(
            learned.spde, first, until, temperature=t, field=h, n_saves=points, observe={"series": watch}, rng=rng,
            progress=tell,
        )  # fmt: skip
    rows = [[time, *row] for time, row in zip(run.times.tolist(), watch.rows, strict=True)]
    times, fields = run.times[::every], np.stack(watch.kept)
    named: Files = {
        output.name: lambda path: write_csv(path, ("time", "m", "energy", "domain_length"), rows),
        f"{output.stem}.npz": lambda path: np.savez_compressed(path, time=times, fields=fields),
        f"{output.stem}.png": draw_frames(times, fields).savefig,
    }
    written = publish(output.parent, named)
    if movie:
        written.append(write_whole(output.with_suffix(".gif"), lambda path: write_movie(path, fields)))
    _say(learned, first.shape, t, h, run.observed["series"][-1], run.reflected, run.times[-1])
    print(f"wrote {', '.join(path.name for path in written)} to {output.parent}")


class _Watch:
    """What is written of the fields of a run: a row of each saved time, every few of the fields themselves.

    Args:
        learned: the equation.
        field: h.
        every: so many saved times from one kept field to the next.
    """

    def __init__(self, learned: LearnedFields, field: float, every: int) -> None:
        self._learned, self._field, self._every = learned, field, every
        self.rows: list[list[Any]] = []
        self.kept: list[NDArray[np.float32]] = []

    def __call__(self, m: NDArray[np.float32]) -> float:
        """Look at fields (1, *grid); their magnetisation."""
        if len(self.rows) % self._every == 0:
            self.kept.append(m[0].copy())
        mean = float(m.mean(dtype=float))
        flat = bool(np.ptp(m) == 0)
        length = "" if flat else float(domain_length(m)[0]) * self._learned.spde.block
        self.rows.append([mean, float(self._learned.energy(m, self._field)[0]), length])
        return mean


def _say(
    learned: LearnedFields, grid: tuple[int, ...], t: float, h: float, mean: Floats, reflected: float, end: float
) -> None:
    """What was run, in one line, and whether blocks came too close to +-1."""
    spins = math.prod(grid) * learned.spde.sites
    print(f"{by(grid)} blocks that stand for {spins} spins, T = {t:g}, h = {h:g}, to time {end:g}: m = {mean:+.4f}")
    if reflected > _MOST_REFLECTED:
        print(
            f"{100 * reflected:.2g} % of the changes led out of [-1, 1] and were reflected: blocks of "
            f"{learned.spde.sites} spins are too small at this temperature for a diffusion"
        )


def _temperature(learned: LearnedFields, given: float | None) -> float:
    """T, and a word if the equation was not learned there."""
    low, high = learned.temperatures[0], learned.temperatures[-1]
    if given is None:
        if low < high:
            raise ValueError(
                f"this model was learned at several temperatures; give --temperature from {low:g} to {high:g}"
            )
        return low
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


def _start(
    learned: LearnedFields, text: str, grid: tuple[int, ...], t: float, h: float, *, given: bool,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], str]:  # fmt: skip
    """The first field (*grid), and what it is in one line.

    Raises:
        ValueError: no start, or a file whose grid does not fit.
    """
    if text == QUENCH or text.startswith(f"{QUENCH}:"):
        return _quench(learned, text, grid, h, rng)
    try:
        m = float(text)
    except ValueError:
        return _from_file(learned, text, grid, given)
    if not abs(m) <= 1:
        raise ValueError(f"--start {text}: a magnetisation lies from -1 to 1")
    return np.full(grid, m, dtype=np.float32), f"start: m = {m:g} everywhere"


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
    settled = _SETTLED / float(learned.spde.homogeneous_mobility(0.0, high))
    run = simulate_fields(learned.spde, m, settled, temperature=high, field=h, n_saves=1, rng=rng)
    return run.last[0], f"start: quench from T = {high:g}, after a time of {settled:.3g} there"


def _from_file(
    learned: LearnedFields, text: str, grid: tuple[int, ...], given: bool
) -> tuple[NDArray[np.float32], str]:
    """The last field of a file."""
    if not Path(text).exists():
        raise ValueError(f"--start {text}: neither a magnetisation, nor {QUENCH}, nor a file that is there")
    m, said = last_field(text)
    dim = len(learned.grid)
    if m.ndim != dim:
        raise ValueError(f"--start {text}: a field of {m.ndim} axes, the equation has {dim}")
    if given and m.shape != grid:
        raise ValueError(
            f"--start {text}: a field of {by(m.shape)} blocks, asked for are {by(grid)}; leave --sites and --blocks out"
        )
    return m, f"start: {said}"
