"""The two figures of a phase diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from asemacro.plot import short_range_order as plot
from asemacro.plot.written_numbers import as_math
from asemacro.studies.alloy.inputs import listed
from asemacro.studies.alloy.points import ANNEALED, EQUILIBRIUM, TRUSTED_ERROR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from asemacro.studies.alloy.curves import Curves
    from asemacro.studies.alloy.points import Point
    from asemacro.typing import Floats

SOURCES = {"mc": "swap Monte Carlo", "sde": "learned SDE", "extrapolated": "extrapolated"}
UNCERTAIN = f"simulated, error\nabove {TRUSTED_ERROR:g}"
BEYOND = "extrapolated"


def draw_diagram(diagram: Curves) -> Axes:
    """Equilibrium on the left, after the anneal on the right, one colour a pair; returns the left Axes."""
    figure, axes = plot.new_figure(11.0, 5.2, columns=2)
    about, styles = diagram.about, plot.pair_styles(diagram.pairs)
    table = diagram.known[0].table
    bounds = dict(zip(table.labels, zip(*table.bounds, strict=True), strict=True))
    for ax, state in zip(axes, ("equilibrium", "annealed"), strict=True):
        for pair, (color, marker) in styles.items():
            points = diagram.curve(pair, state)
            plot.sro_versus_temperature(
                ax,
                np.array([p.temperature_K for p in points]),
                np.array([p.delta for p in points]),
                intervals(points, bounds[pair]),
                np.array([p.trusted for p in points]),
                np.array([p.beyond for p in points]),
                np.array([bool(p.at_bound) for p in points]),
                color=color,
                label=pair,
                marker=marker,
            )
            direct = [p for p in diagram.curve(pair, state, "kmc") if not p.extrapolated]
            if direct:
                plot.direct_points(
                    ax,
                    np.array([p.temperature_K for p in direct]),
                    np.array([p.delta for p in direct]),
                    np.array([p.delta_err for p in direct]),
                    color=color,
                )
        ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    axes[0].set_ylim(*order_range(diagram.points))
    axes[1].set_ylim(axes[0].get_ylim())
    sources = {p.source for p in diagram.curve(diagram.pairs[0], "equilibrium")}
    names = [name for source, name in SOURCES.items() if source in sources]
    axes[0].set_title(f"at equilibrium ({', '.join(names)})", fontsize=10)
    axes[1].set_title(f"annealed from random: {as_math(about['anneal'])}", fontsize=10)
    axes[0].set_ylabel(plot.DELTA_LABEL)
    # the legend stands beside the panels, so it cannot hide anything
    figure.legend(handles=_keys(diagram, styles), loc="outside right center", frameon=False)
    figure.suptitle(caption(diagram), fontsize=10)
    return axes[0]


def _keys(diagram: Curves, styles: Mapping[str, tuple[str, str]]) -> list[Line2D | Patch]:
    """What the legend explains: of the marks only those that are drawn."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Line2D | Patch]
    handles = [Line2D([], [], color=color, marker=marker, label=pair) for pair, (color, marker) in styles.items()]
    drawn = [p for p in diagram.points if p.state in (EQUILIBRIUM, ANNEALED)]
    if any(not p.trusted and not p.beyond for p in drawn):
        handles.append(Line2D([], [], color="0.4", ls="--", label=UNCERTAIN, **plot.UNCERTAIN_MARKER))
    if any(p.beyond for p in drawn):
        handles.append(Line2D([], [], color="0.4", ls="--", label=BEYOND, **plot.BEYOND_MARKER))
    barriers = any(p.delta_err_barrier is not None for p in drawn)
    inner = "one standard error" + (",\nsampling and fit" if barriers else "")
    handles.append(Patch(color="0.4", alpha=plot.INNER, lw=0, label=inner))
    if barriers:
        handles.append(Patch(color="0.4", alpha=plot.OUTER, lw=0, label="with that of\nthe barriers"))
    if any(p.at_bound for p in diagram.points):
        handles.append(Line2D([], [], color="0.4", marker="_", ls="", markersize=10, label="as far as atoms allow"))
    if any(p.source == "kmc" for p in diagram.points):
        handles.append(Line2D([], [], color="0.4", marker="x", ls="", label="direct KMC"))
    return handles


def intervals(points: Sequence[Point], bounds: tuple[float, float]) -> Floats:
    """(1 or 2, n, 2) ends of the bars of sampling and fit, then with the barriers' if that is known anywhere."""
    ends = [[(p.delta_low, p.delta_high) for p in points]]
    if any(p.delta_err_barrier is not None for p in points):
        ends.append([total_interval(p, bounds) for p in points])
    return np.array(ends)


def total_interval(point: Point, bounds: tuple[float, float]) -> tuple[float, float]:
    """Ends of the bar of sampling, fit and barriers together, cut at what the composition allows."""
    low, high = bounds
    return max(point.delta - point.total_err, low), min(point.delta + point.total_err, high)


def order_range(points: Sequence[Point]) -> tuple[float, float]:
    """Limits of the axis: all values, and the bars of those known within a half.

    A bar as long as the axis says the same as one that leaves it, and would hide everything else.
    """
    known = [p for p in points if p.trusted or p.delta_err <= 0.5 * abs(p.delta)]
    bars = [p for p in known if p.total_err <= max(p.delta_err, 0.5 * abs(p.delta))]
    values = [p.delta for p in points] + [end for p in known for end in (p.delta_low, p.delta_high)] + [0.0]
    values += [p.delta + sign * p.total_err for p in bars for sign in (-1, 1)]
    margin = 0.05 * max(max(values) - min(values), 1e-3)
    return min(values) - margin, max(values) + margin


def draw_map(diagram: Curves) -> Axes:
    """Time-temperature map of the strongest pair."""
    _, axes = plot.new_figure(7.4, 5.0)
    about = diagram.about
    if about["vacancy_formation_energy_eV"] is None:
        clock = f"KMC time (s) at {about['vacancies']} vacancies on {about['sites']:,} sites"
    else:
        clock = f"time (s) with thermal vacancies, $E_f$ = {about['vacancy_formation_energy_eV']:g} eV"
    factors = [at.time_factor for at in diagram.known if np.isfinite(at.time_factor)]
    if factors:
        clock += f", by the barriers within a factor of {max(factors):.2g}"
    over = diagram.map
    if len(over.temperatures_K) > 1:
        plot.time_temperature_map(
            axes[0],
            over.times_s,
            over.temperatures_K,
            over.delta,
            over.extrapolated,
            label=rf"$\delta$ of {over.pair}",
            time_label=clock,
        )
    else:
        color, _ = plot.pair_styles(diagram.pairs)[over.pair]
        axes[0].semilogx(over.times_s, over.delta[0], "--", color=color, label="extrapolated")
        seen = np.where(over.extrapolated[0], np.nan, over.delta[0])
        axes[0].semilogx(over.times_s, seen, color=color, label="simulated")
        axes[0].legend(frameon=False)
        axes[0].set_xlabel(clock)
        axes[0].set_ylabel(rf"$\delta$ of {over.pair} at {over.temperatures_K[0]:g} K")
    axes[0].set_title(caption(diagram), fontsize=9)
    return axes[0]


def caption(diagram: Curves) -> str:
    """What was run, for the head of a figure: alloy, size, barrier model, budget."""
    about = diagram.about
    alloy = " ".join(f"{symbol}{fraction:.3g}" for symbol, fraction in about["composition"].items())
    text = (
        f"{alloy} ({about['lattice']}), {about['sites']:,} sites learned from {about['small_sites']:,}, "
        f"barriers: {about['barriers']}"
    )
    unknown = about["equilibrium_not_simulated_K"]
    if not unknown:
        return text
    how = "extrapolated" if about["equilibrium_extrapolated"] else "not reached"
    return f"{text}\nequilibrium {how} at {listed(unknown)} K"
