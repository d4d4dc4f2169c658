"""Interactive figures of an alloy's diagram: order over temperature, and the map over time and temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.files.tables import Table
from asemacro.plot.short_range_order import pair_styles
from asemacro.studies.alloy.figures import order_range
from asemacro.studies.alloy.points import ANNEALED, EQUILIBRIUM, OTHER, Point
from asemacro.studies.alloy.rows import DIRECT

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from asemacro.typing import Floats

SYMBOLS = ("circle", "square", "triangle-up", "diamond")
"""As the markers of the printed figure: the next one each time that the colours start again."""
SIMULATED, UNCERTAIN, BEYOND = "simulated", "simulated, large error", "extrapolated"
STYLES = {SIMULATED: "", UNCERTAIN: "-open-dot", BEYOND: "-open"}
"""How the point of each kind is drawn: filled, open with a dot, open."""
HATCH = (30, 20)
"""Marks of the extrapolated part of a map, along time and temperature."""


def kind_of(point: Point) -> str:
    """How well a point is known."""
    return BEYOND if point.beyond else SIMULATED if point.trusted else UNCERTAIN


def draw_order(points: Sequence[Point]) -> Figure:
    """Order over temperature: at equilibrium on the left, after the anneal on the right, a colour a pair.

    Bars are one standard error of sampling and fit; where that of the barriers is known, a band holds both.
    """
    from plotly.subplots import make_subplots

    drawn = make_subplots(
        cols=2, shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=("at equilibrium", "annealed from random")
    )
    names = list(dict.fromkeys(point.pair for point in points))
    for name, (color, marker) in pair_styles(names).items():
        symbol = SYMBOLS["os^D".index(marker)]
        for column, state in enumerate((EQUILIBRIUM, ANNEALED), start=1):
            own = [p for p in points if p.pair == name]
            curve = sorted((p for p in own if p.state == state), key=lambda p: p.temperature_K)
            _draw_curve(drawn, column, curve, name, color, symbol)
            crosses = [p for p in own if p.state == state + OTHER and p.source == DIRECT and not p.extrapolated]
            if crosses:
                drawn.add_scatter(
                    **_marked(crosses, color, "x-thin-open"), name="direct KMC", showlegend=False, row=1, col=column
                )
    for kind in dict.fromkeys(kind_of(p) for p in points if p.state in (EQUILIBRIUM, ANNEALED)):
        mark = {"symbol": f"circle{STYLES[kind]}", "color": "#777777", "size": 9}
        drawn.add_scatter(x=[None], y=[None], mode="markers", marker=mark, name=kind, row=1, col=1)
    drawn.update_xaxes(title_text="temperature (K)")
    low, high = order_range(points)
    drawn.update_yaxes(range=[low, high], zeroline=True, zerolinecolor="#aaaaaa")
    drawn.update_yaxes(title_text="delta = p_ij - Z c_j", col=1)
    drawn.update_layout(template="simple_white", height=480, margin={"t": 40, "r": 10}, hovermode="closest")
    return drawn


def _draw_curve(drawn: Figure, column: int, curve: Sequence[Point], name: str, color: str, symbol: str) -> None:
    """One pair in one panel: band, line, and points by how well they are known."""
    kelvin, shared = [p.temperature_K for p in curve], {"legendgroup": name, "row": 1, "col": column}
    if any(p.delta_err_barrier is not None for p in curve):
        ends = [p.delta + p.total_err for p in curve] + [p.delta - p.total_err for p in reversed(curve)]
        drawn.add_scatter(
            x=kelvin + kelvin[::-1], y=ends, fill="toself", fillcolor=color, opacity=0.12, line={"width": 0},
            hoverinfo="skip", showlegend=False, **shared,
        )  # fmt: skip
    drawn.add_scatter(
        x=kelvin, y=[p.delta for p in curve], mode="lines", line={"color": color, "width": 1.2, "dash": "dot"},
        hoverinfo="skip", name=name, showlegend=False, **shared,
    )  # fmt: skip
    first = column == 1
    for kind, ending in STYLES.items():
        of_kind = [p for p in curve if kind_of(p) == kind]
        if of_kind:
            drawn.add_scatter(**_marked(of_kind, color, f"{symbol}{ending}"), name=name, showlegend=first, **shared)
            first = False


def _marked(points: Sequence[Point], color: str, symbol: str) -> dict[str, Any]:
    """Points with bars and what is said of each under the mouse."""
    return {
        "x": [p.temperature_K for p in points],
        "y": [p.delta for p in points],
        "mode": "markers",
        "marker": {"color": color, "symbol": symbol, "size": 9, "line": {"width": 1.5, "color": color}},
        "error_y": {
            "array": [p.delta_high - p.delta for p in points],
            "arrayminus": [p.delta - p.delta_low for p in points],
            "thickness": 1.3,
            "width": 4,
            "color": color,
        },
        "customdata": [[f"{p.pair}, {kind_of(p)} ({p.source})", _errors(p), f"{p.anneal_time_s:.3g}"] for p in points],
        "hovertemplate": "%{customdata[0]}<br>%{x} K<br>%{customdata[1]}<br>anneal %{customdata[2]} s<extra></extra>",
    }


def _errors(point: Point) -> str:
    barriers = "" if point.delta_err_barrier is None else f", by the barriers +- {point.delta_err_barrier:.3f}"
    return f"delta {point.delta:+.3f} +- {point.delta_err:.3f}{barriers}<br>alpha {point.alpha:+.3f}"


def draw_map(table: Table, clock: str) -> Figure:
    """The order of one pair over time and temperature, from ttt.csv; marks lie on what is extrapolated.

    Args:
        table: columns temperature_K, time_s, delta_PAIR, extrapolated; every temperature at the same times.
        clock: what the time is.
    """
    import plotly.graph_objects as go

    column = next(name for name in table.columns if name.startswith("delta_"))
    kelvin, times = np.unique(table.numbers("temperature_K")), np.unique(table.numbers("time_s"))
    shape = len(kelvin), len(times)
    delta = table.numbers(column).reshape(shape)
    beyond = table.truths("extrapolated").reshape(shape) & np.isfinite(delta)
    label, drawn = f"delta of {column.removeprefix('delta_')}", go.Figure()
    if len(kelvin) == 1:
        for name, where, dash in ((SIMULATED, ~beyond[0], "solid"), (BEYOND, beyond[0], "dot")):
            line = {"dash": dash, "color": "#0072B2"}
            drawn.add_scatter(x=times, y=np.where(where, delta[0], np.nan), name=name, line=line)
        drawn.update_yaxes(title_text=f"{label} at {kelvin[0]:g} K")
    else:
        finite = delta[np.isfinite(delta)]
        low, high = min(float(finite.min(initial=0)), 0.0), max(float(finite.max(initial=0)), 0.0)
        drawn.add_contour(
            x=times, y=kelvin, z=delta, zmin=low, zmax=high, ncontours=12, connectgaps=False,
            colorscale="Viridis", reversescale=abs(low) > abs(high),  # more order is brighter, whichever sign it has
            line={"color": "white", "width": 0.6}, colorbar={"title": {"text": label, "side": "right"}},
            hovertemplate="%{y:.0f} K, %{x:.3g} s<br>" + label + " %{z:.3f}<extra></extra>",
        )  # fmt: skip
        marks = _hatch(beyond)
        if marks.any():
            row, place = np.nonzero(marks)
            drawn.add_scatter(
                x=times[place], y=kelvin[row], mode="markers", name=BEYOND, hoverinfo="skip", showlegend=True,
                marker={"symbol": "line-ne-open", "size": 10, "color": "rgba(255,255,255,0.85)"},
            )  # fmt: skip
        drawn.update_yaxes(title_text="temperature (K)", range=[kelvin[0], kelvin[-1]])
    drawn.update_xaxes(
        type="log", title_text=clock, exponentformat="power", range=np.log10([times[0], times[-1]]).tolist()
    )
    legend = {"orientation": "h", "y": 1.08, "bgcolor": "#cccccc"}
    drawn.update_layout(template="simple_white", height=480, margin={"t": 40}, legend=legend)
    return drawn


def _hatch(beyond: Any) -> Any:
    """Where marks stand: an even part of what is extrapolated."""
    marks = np.zeros_like(beyond)
    steps: Floats = np.maximum(1, np.array(beyond.shape)[::-1] // HATCH)
    rows, columns = slice(int(steps[1]) // 2, None, int(steps[1])), slice(int(steps[0]) // 2, None, int(steps[0]))
    marks[rows, columns] = beyond[rows, columns]
    return marks
