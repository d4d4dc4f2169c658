"""Figure 5: mean and spread of Ising's magnetisation and domain-wall density over time, learned against direct.

The models are those of figure 3b for z = (M, rho_DW, one learned closure variable); 64 x 64, T = 2.5, h = .1.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from asemacro.plot import short_range_order as plot
from asemacro.studies.paper.drawing import draw_law, law_legend
from asemacro.studies.paper.fig3b import FULL, QUICK, Budget, closed_labels, equilibrium_rows, law_with
from asemacro.studies.paper.report import Result, Row
from asemacro.studies.paper.spin_models import make_data
from asemacro.studies.paper.spin_transients import SIZES, Law, direct_law, ising, law_rows, law_table
from asemacro.typing import Report

MARKS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
DRAWN = (256, 64)


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Learn from all sizes and compare with direct runs."""
    setting = ising()
    truth = direct_law(setting, budget.direct_runs, rng=rng, progress=progress)
    laws: dict[int, Law] = {}
    rows: list[Row] = []
    for done, n_s in enumerate(SIZES):
        progress("models", done / len(SIZES), f"n_s = {n_s}")
        data = make_data(setting, n_s, budget.effort, rng=rng)
        whole, moments = closed_labels(data, budget, 1)
        laws[n_s] = law_with(data, whole, moments, whole.dim, budget.trajectories)
        prefix = f"{setting.name}/n_s={n_s}"
        rows += law_rows(prefix, setting, laws[n_s], truth, MARKS, "direct")
        rows += equilibrium_rows(prefix, laws[n_s], truth)
    title = "Fig. 5: mean and sd of M and rho_DW, Ising 64 x 64, learned from systems of n_s spins, against direct runs"
    table = law_table(setting, laws, truth, "direct")

    def draw() -> Figure:
        figure, axes = plot.new_figure(11.0, 3.8, columns=2 * len(DRAWN), share=False)
        names = ("magnetisation $M$", r"domain-wall density $\rho_{DW}$")
        panels = [(v, n_s) for v in range(2) for n_s in DRAWN]
        for ax, (v, n_s) in zip(axes, panels, strict=True):
            draw_law(ax, laws[n_s], truth, setting.starts, v)
            ax.set_title(f"$n_s = {round(n_s**0.5)}^2$")
            ax.set_ylabel(names[v])
        law_legend(figure, axes[0], "direct")
        return figure

    notes = (f"{budget.trajectories} trajectories of each SDE and start, {budget.direct_runs} direct runs.",)
    return Result(title, rows, {"": table}, draw, notes)
