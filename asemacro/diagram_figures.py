"""The two figures of a phase diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from asemacro import plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from asemacro.diagram import PhaseDiagram
    from asemacro.points import Point


def draw_diagram(diagram: PhaseDiagram) -> Axes:
    """Equilibrium on the left, after the anneal on the right, one colour a pair; returns the left Axes."""
    from matplotlib.lines import Line2D

    figure, axes = plot.new_figure(11.0, 5.2, columns=2)
    about = diagram.about
    for ax, state in zip(axes, ("equilibrium", "annealed"), strict=True):
        for index, pair in enumerate(diagram.pairs):
            source = "mc" if state == "equilibrium" and diagram.curve(pair, state, "mc") else "sde"
            points = diagram.curve(pair, state, source)
            plot.sro_versus_temperature(
                ax,
                np.array([p.temperature_K for p in points]),
                np.array([p.delta for p in points]),
                np.array([p.delta_err for p in points]),
                np.array([p.trusted for p in points]),
                color=plot.color_of(index),
                label=pair,
                marker=plot.marker_of(index),
            )
            direct = [p for p in diagram.curve(pair, state, "kmc") if p.equilibrated]
            if direct:
                plot.direct_points(
                    ax,
                    np.array([p.temperature_K for p in direct]),
                    np.array([p.delta for p in direct]),
                    np.array([p.delta_err for p in direct]),
                    color=plot.color_of(index),
                )
        ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    axes[0].set_ylim(*order_range(diagram.points))
    axes[1].set_ylim(axes[0].get_ylim())
    exact = bool(diagram.curve(diagram.pairs[0], "equilibrium", "mc"))
    axes[0].set_title("at equilibrium" + (" (swap Monte Carlo)" if exact else " (learned SDE)"))
    axes[1].set_title(f"annealed from random: {about['anneal']}")
    axes[0].set_ylabel(plot.DELTA_LABEL)
    # the legend stands beside the panels, so it cannot hide anything
    handles = [
        Line2D([], [], color=plot.color_of(k), marker=plot.marker_of(k), label=pair)
        for k, pair in enumerate(diagram.pairs)
    ]
    handles.append(Line2D([], [], color="0.4", marker="o", markerfacecolor="white", ls="--", label="extrapolated"))
    if any(p.source == "kmc" for p in diagram.points):
        handles.append(Line2D([], [], color="0.4", marker="x", ls="", label="direct KMC"))
    figure.legend(handles=handles, loc="outside right center", frameon=False)
    figure.suptitle(caption(diagram), fontsize=10)
    return axes[0]


def order_range(points: Sequence[Point]) -> tuple[float, float]:
    """Limits of the axis: all values, and the bars of those known within a half.

    A bar as long as the axis says the same as one that leaves it, and would hide everything else.
    """
    known = [p for p in points if p.trusted or p.delta_err <= 0.5 * abs(p.delta)]
    values = [p.delta for p in points] + [p.delta + sign * p.delta_err for p in known for sign in (-1, 1)] + [0.0]
    margin = 0.05 * max(max(values) - min(values), 1e-3)
    return min(values) - margin, max(values) + margin


def draw_map(diagram: PhaseDiagram) -> Axes:
    """Time-temperature map of the strongest pair."""
    _, axes = plot.new_figure(7.4, 5.0)
    about = diagram.about
    if about["vacancy_formation_energy_eV"] is None:
        clock = f"KMC time (s) at {about['vacancies']} vacancies on {about['sites']:,} sites"
    else:
        clock = f"time (s) with thermal vacancies, $E_f$ = {about['vacancy_formation_energy_eV']:g} eV"
    over = diagram.map
    if len(over.temperatures_K) > 1:
        plot.time_temperature_map(
            axes[0], over.times_s, over.temperatures_K, over.delta, label=rf"$\delta$ of {over.pair}", time_label=clock
        )
    else:
        axes[0].semilogx(over.times_s, over.delta[0], color=plot.color_of(0))
        axes[0].set_xlabel(clock)
        axes[0].set_ylabel(rf"$\delta$ of {over.pair} at {over.temperatures_K[0]:g} K")
    axes[0].set_title(caption(diagram), fontsize=9)
    return axes[0]


def caption(diagram: PhaseDiagram) -> str:
    """What was run, for the head of a figure: alloy, size, barrier model, budget."""
    about = diagram.about
    alloy = " ".join(f"{symbol}{fraction:.3g}" for symbol, fraction in about["composition"].items())
    text = (
        f"{alloy} ({about['lattice']}), {about['sites']:,} sites learned from {about['small_sites']:,}, "
        f"barriers: {about['barriers']}"
    )
    return text + (
        "\nquick budget: low temperatures are extrapolated, --hops gives more" if about["quick_budget"] else ""
    )
