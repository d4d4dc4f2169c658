"""Interactive figures of what was measured over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.files.tables import Table
from asemacro.plot.short_range_order import color_of, pair_styles

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_RUNS = 20
"""Runs that are drawn one by one."""


def draw_order_course(table: Table) -> Figure:
    """Order of each pair over the time of one KMC run, from its sro.csv."""
    drawn = _figure("KMC time (s)", "delta = p_ij - Z c_j")
    names = [name.removeprefix("delta_") for name in table.columns if name.startswith("delta_")]
    for name, (color, _) in pair_styles(names).items():
        drawn.add_scatter(
            x=table.numbers("time_s"), y=table.numbers(f"delta_{name}"), mode="lines", name=name,
            line={"color": color}, customdata=table.numbers("hop"),
            hovertemplate=name + " %{y:.3f}<br>%{x:.3g} s, %{customdata} hops<extra></extra>",
        )  # fmt: skip
    return drawn


def draw_observables(table: Table) -> tuple[Figure, int, int]:
    """Each observable over time, one thin line a run; how many runs are drawn, and of how many."""
    runs, times = table.numbers("run"), table.numbers("time")
    numbers = np.unique(runs)
    drawn = _figure("time", "observable")
    for k, name in enumerate(column for column in table.columns if column not in ("run", "time")):
        values = table.numbers(name)
        for number in numbers[:MOST_RUNS]:
            of = runs == number
            drawn.add_scatter(
                x=times[of], y=values[of], mode="lines", name=name, legendgroup=name,
                showlegend=bool(number == numbers[0]), line={"color": color_of(k), "width": 1.2},
                hovertemplate=f"run {number:g}, {name} " + "%{y:.4g}<br>time %{x:.3g}<extra></extra>",
            )  # fmt: skip
    return drawn, min(len(numbers), MOST_RUNS), len(numbers)


def _figure(x: str, y: str) -> Any:
    import plotly.graph_objects as go

    drawn = go.Figure()
    drawn.update_layout(template="simple_white", height=420, margin={"t": 30})
    drawn.update_xaxes(title_text=x, exponentformat="power")
    drawn.update_yaxes(title_text=y)
    return drawn
