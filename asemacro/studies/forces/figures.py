"""What a model learned from forces must show before it is trusted: its paths against runs that it was not shown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.plot.short_range_order import shade_of
from asemacro.typing import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 4  # runs in the figure
CIRCLES = 25  # of a run


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Runs that were not learned from, and the models' paths from the same starts.

    Attributes:
        labels: names of the observables, with their units.
        times: (n_times,) in `unit`.
        unit: of time.
        truth: (n, n_times, s) observables of the runs.
        paths: (n_times, s) of the model from each start, (n, n_times, s); inf where it runs away.
        errors: (n_fits, n) relative error of each fit along each run, see `trajectory_error`.
        far: how many of the runs start so far from the training states that no path was made: errors are infinite.
        best: number of the fit that is the model.
    """

    labels: tuple[str, ...]
    times: Floats
    unit: str
    truth: Floats
    paths: Floats
    errors: Floats
    far: int = 0
    best: int = 0


def draw_paths(found: Comparison) -> Figure:
    """A row for each observable: its course in some of the runs; beside it the errors of all fits, the model marked."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    s = len(found.labels)
    figure = Figure(figsize=(9.5, 2.9 * s + 0.4), layout="constrained", dpi=130)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(s, 2, width_ratios=(2.2, 1))
    chosen = _spread_out(found.truth[:, 0, 0])
    every = max(1, len(found.times) // CIRCLES)
    for k, label in enumerate(found.labels):
        ax = figure.add_subplot(grid[k, 0])
        for place, run in enumerate(chosen):
            color = shade_of(place, len(chosen))
            path = np.where(np.isfinite(found.paths[run, :, k]), found.paths[run, :, k], np.nan)
            ax.plot(found.times, path, "-", color=color, lw=1.5)
            ax.plot(found.times[::every], found.truth[run, ::every, k], "o", color=color, ms=3.5, mfc="white")
        ax.set_xlabel(found.unit if found.unit == "time" else f"time ({found.unit})")
        ax.set_ylabel(label)
        ax.spines[["top", "right"]].set_visible(False)
    ax = figure.add_subplot(grid[:, 1])
    for fit, errors in enumerate(found.errors):
        ax.plot(np.full(len(errors), fit + 1), 100 * errors, "o", color="0.5", ms=3.5, mfc="white")
        ax.plot(fit + 1, 100 * errors.mean(), "_", color="black", ms=14, mew=3 if fit == found.best else 1)
    ax.set_yscale("log")
    names = [f"{fit + 1}\nmodel" if fit == found.best else f"{fit + 1}" for fit in range(len(found.errors))]
    ax.set_xticks(range(1, len(found.errors) + 1), names)
    ax.set_xlabel("fit")
    ax.set_ylabel("relative error of a run (%), mean")
    ax.spines[["top", "right"]].set_visible(False)
    figure.suptitle("learned model (lines) against runs that it was not shown (circles)", fontsize=10)
    return figure


def _spread_out(first: Floats) -> NDArray[np.intp]:
    """Some of the runs, evenly from the lowest to the highest start."""
    order = np.argsort(first, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, SHOWN).astype(int))]
