"""Figure 4: mean and spread of the Curie-Weiss magnetisation over time, learned from patches, against the exact ones.

The models are those of figure 3a (exact infinitesimal moments of patches of n_s spins); n = 64^2, T = 1.1, h = .1.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.drawing import draw_law, law_legend
from asemacro.studies.paper.fig3a import FULL, QUICK, SD_TARGET, Budget
from asemacro.studies.paper.report import Result, Row
from asemacro.studies.paper.spin_models import frozen_rates, law_of, make_data
from asemacro.studies.paper.spin_transients import SIZES, Law, curie_weiss, exact_law, law_rows, law_table
from asemacro.typing import Report

MARKS = (1.0, 2.0, 5.0, 10.0, 20.0, 60.0)


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Learn from all sizes and compare with the master equation."""
    setting = curie_weiss()
    truth = exact_law(setting)
    laws: dict[int, Law] = {}
    rows: list[Row] = []
    for done, n_s in enumerate(SIZES):
        progress("figure", done / len(SIZES), f"n_s = {n_s}")
        data = make_data(setting, n_s, budget.of(n_s), rng=rng)
        laws[n_s] = law_of(data, frozen_rates(data), budget.trajectories)
        rows += law_rows(f"{setting.name}/n_s={n_s}", setting, laws[n_s], truth, MARKS, "exact", sd_target=SD_TARGET)
    title = "Fig. 4: mean and sd of M, Curie-Weiss, n = 4096, learned from patches of n_s spins, against the exact ones"
    table = law_table(setting, laws, truth, "exact")

    def draw() -> Figure:
        figure, axes = plot.new_figure(11.0, 3.8, columns=len(SIZES))
        for ax, (n_s, law) in zip(axes, laws.items(), strict=True):
            draw_law(ax, law, truth, setting.starts)
            ax.set_xlim(0, 30)
            ax.set_title(f"$n_s = {round(n_s**0.5)}^2$")
        axes[0].set_ylabel("magnetisation $M$")
        law_legend(figure, axes[0], "exact")
        return figure

    return Result(title, rows, {"": table}, draw, (f"{budget.trajectories} trajectories of each SDE and start.",))
