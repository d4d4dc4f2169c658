"""The command simulate on field equations: block fields over time from a start, as a table, pictures and a movie."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.files.store import write_csv
from asemacro.macro.spde.field_measures import domain_length
from asemacro.macro.spde.field_steps import FieldRun, simulate_fields
from asemacro.studies.fields.frames import draw_frames, write_movie
from asemacro.studies.fields.learned import LearnedFields
from asemacro.studies.fields.readers import by
from asemacro.studies.fields.starts import FRAMES, Asked
from asemacro.studies.learn.pace import Pace
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.publication import publish

_MOST_REFLECTED = 1e-3


def simulate_learned_fields(learned: LearnedFields, output: Path, asked: Asked, *, seed: int) -> None:
    """A CSV of time, m, energy and domain_length (in sites); beside it STEM.png, STEM.npz and, as a movie, STEM.gif.

    Raises:
        ValueError: one line; a start or a grid that is none, or a temperature that has to be chosen.
    """
    if output.suffix.lower() in (".npz", ".png", ".gif"):
        raise ValueError(f"-o {output} names the table; pictures and fields get its name with other endings")
    t, h = asked.of(learned)
    rng = np.random.default_rng(seed)
    first, said = asked.first(learned, h, rng)
    print(said)
    every = max(1, asked.points // FRAMES)
    watch = _Watch(learned, h, every)
    pace = Pace(asked.until, "", force=asked.force, judged=False)
    with progress_bar({"fields": 1.0}) as report:

        def tell(task: str, fraction: float, text: str) -> None:
            report(task, fraction, text)
            pace(fraction * asked.until)

        run = simulate_fields(
            learned.spde, first, asked.until, temperature=t, field=h, n_saves=asked.points, rng=rng, progress=tell,
            observe={"m": watch},
        )  # fmt: skip
    rows = [[time, *row] for time, row in zip(run.times.tolist(), watch.rows, strict=True)]
    times, fields = run.times[::every], np.stack(watch.kept)
    files: dict[str, Callable[[Path], Any]] = {
        output.name: lambda path: write_csv(path, ("time", "m", "energy", "domain_length"), rows),
        f"{output.stem}.npz": lambda path: np.savez_compressed(path, time=times, fields=fields),
        f"{output.stem}.png": draw_frames(times, fields).savefig,
    }
    if asked.movie:
        files[f"{output.stem}.gif"] = lambda path: write_movie(path, fields)
    written = publish(output.parent, files)
    _say(learned, first.shape, t, h, run)
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


def _say(learned: LearnedFields, grid: tuple[int, ...], t: float, h: float, run: FieldRun) -> None:
    """What was run, in one line, and whether blocks came too close to +-1."""
    spins = math.prod(grid) * learned.spde.sites
    print(
        f"{by(grid)} blocks that stand for {spins} spins, T = {t:g}, h = {h:g}, to time {run.times[-1]:g}: "
        f"m = {run.observed['m'][-1]:+.4f}"
    )
    if run.reflected > _MOST_REFLECTED:
        print(
            f"{100 * run.reflected:.2g} % of the changes led out of [-1, 1] and were reflected: blocks of "
            f"{learned.spde.sites} spins are too small at this temperature for a diffusion"
        )
