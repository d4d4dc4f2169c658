"""Drawings that several of the spin figures share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asemacro.plot import short_range_order as plot
from asemacro.plot.dynamics import mean_trajectory
from asemacro.studies.paper.spin_transients import QUANTITIES, Law
from asemacro.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {"transient": "transient, t <= 10", "equilibrium": "later", "total": "all times"}


def draw_errors(
    lines: Mapping[str, Mapping[int, Mapping[str, Floats]]], published: Mapping[str, Mapping[int, float]]
) -> Figure:
    """Relative errors of M over n_s: one line a model, one panel a window of time.

    Args:
        lines: label -> n_s -> window -> (n_starts, d) errors.
        published: label -> n_s -> the paper's error over all times.
    """
    figure, axes = plot.new_figure(12.0, 4.4, columns=len(QUANTITIES))
    for ax, window in zip(axes, QUANTITIES, strict=True):
        for index, (label, sizes) in enumerate(lines.items()):
            n_s = sorted(sizes)
            values = np.array([sizes[n][window][:, 0] for n in n_s])
            color = plot.color_of(index)
            ax.fill_between(n_s, values.min(axis=1), values.max(axis=1), color=color, alpha=0.12, linewidth=0)
            ax.plot(n_s, values.mean(axis=1), "o-", color=color, markersize=4, linewidth=1.5, label=label)
        if window == "total":
            for (label, values_of), marker in zip(published.items(), ("x", "+"), strict=False):
                ax.plot(list(values_of), list(values_of.values()), marker, color="black", markersize=7, label=label)
        ax.set_xscale("log", base=4)
        ax.set_yscale("log")
        ax.set_xticks(n_s, [f"${round(n**0.5)}^2$" for n in n_s])
        ax.set_xlabel("spins of a patch $n_s$")
        ax.set_title(TITLES[window])
    axes[0].set_ylabel(r"$\sum_t (\hat m - m)^2 / \sum_t m^2$")
    handles, labels = axes[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    return figure


def draw_law(ax: Axes, law: Law, truth: Law, starts: tuple[float, ...], variable: int = 0) -> Axes:
    """Mean and spread of a learned law from each start; those of the truth in dashes and dots."""
    for k, m0 in enumerate(starts):
        mean, sd = law.mean[k, :, variable], law.sd[k, :, variable]
        color = plot.shade_of(k, len(starts))
        mean_trajectory(
            ax,
            law.times,
            mean,
            sd,
            reference=truth.mean[k, :, variable],
            color=color,
            label=f"$m_0$ = {m0:g}",
            time_label="time $t$",
        )
        for sign in (-1, 1):
            edge = truth.mean[k, :, variable] + sign * truth.sd[k, :, variable]
            ax.plot(truth.times, edge, ":", color=color, linewidth=0.9)
    return ax


def law_legend(figure: Figure, ax: Axes, truth_name: str) -> None:
    """One legend for all panels below them."""
    handles, labels = ax.get_legend_handles_labels()
    handles += [Line2D([], [], linestyle=s, color="black", linewidth=1) for s in ("--", ":")]
    labels += [f"{truth_name} mean", f"{truth_name} mean $\\pm$ sd"]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
