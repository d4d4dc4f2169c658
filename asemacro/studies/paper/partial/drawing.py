"""Drawings that several of the figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.partial.cells import Group
from asemacro.studies.paper.partial.learning import Found
from asemacro.studies.paper.partial.paths import Paths
from asemacro.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ERROR = r"error $\sum_t |z^* - z^*_{true}| / \sum_t |z^*_{true}|$"


def draw_cells(groups: Mapping[str, Group], found: Mapping[str, Found]) -> Figure:
    """Errors of all seeds, one line a cell; published values as crosses, targets as bars."""
    cells = [cell for group in groups.values() for cell in group.cells]
    figure, (ax,) = plot.new_figure(8.0, 1.2 + 0.28 * len(cells))
    for place, cell in enumerate(cells):
        one = found[cell.quantity]
        color = plot.color_of(("micro", "macro").index(cell.lesson.space))
        finite = one.errors[np.isfinite(one.errors)]
        ax.plot(finite, np.full(len(finite), place), "o", color=color, markersize=4, alpha=0.6)
        ax.plot([one.median], [place], "|", color=color, markersize=14, markeredgewidth=2)
        if cell.published is not None:
            ax.plot([cell.published], [place], "x", color="black", markersize=6)
        if cell.target is not None:
            ax.plot([cell.target] * 2, [place - 0.4, place + 0.4], ":", color="black", linewidth=1)
    for space, label in (("micro", r"$L_{x,p}$"), ("macro", r"$L_z$")):
        ax.plot([], [], "o", color=plot.color_of(("micro", "macro").index(space)), label=label)
    ax.plot([], [], "x", color="black", label="published")
    ax.plot([], [], ":", color="black", label="target")
    ax.set_yticks(range(len(cells)), [cell.quantity for cell in cells], fontsize=8)
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set_xlabel(ERROR)
    ax.legend(frameon=False, fontsize=8)
    return figure


def draw_fields(axes: Sequence[Axes], fields: Floats, times: Floats) -> None:
    """Fields (n_times, n, n) between -1 and 1 as pictures."""
    for ax, field, time in zip(axes, fields, times, strict=True):
        ax.imshow(field, cmap="coolwarm", vmin=-1, vmax=1, interpolation="nearest")
        ax.set_title(f"t = {time:.3g}", fontsize=9)
        ax.set_xticks([])
        ax.set_yticks([])


def draw_errors(ax: Axes, paths: Paths) -> None:
    """Median and all seeds over the step."""
    for place, (loss, steps) in enumerate(paths.errors.items()):
        color = plot.color_of(place)
        ax.plot(list(steps), [np.median(own) for own in steps.values()], "o-", color=color, label=loss)
        for step, own in steps.items():
            ax.plot(np.full(len(own), step), own, ".", color=color, alpha=0.5)
    ax.set_xscale("log")
    tried = sorted({step for steps in paths.errors.values() for step in steps})
    ax.set_xticks(tried, [f"{step:g}" for step in tried], fontsize=8)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # errors often span less than a decade
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("step of the learned equation")
    ax.set_title("error: median of the fits (line), each fit (points)", fontsize=8)
    ax.legend(frameon=False, fontsize=8)
