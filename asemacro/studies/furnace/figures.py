"""The figure of a furnace programme: temperature, vacancies and order, each stage as wide as the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.plot import short_range_order as plot
from asemacro.plot.written_numbers import as_math
from asemacro.studies.furnace.order import AnnealedOrder
from asemacro.studies.furnace.schedule import in_words
from asemacro.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED = 12  # stages whose names fit above the figure


def draw_annealed(found: AnnealedOrder) -> Axes:
    """Three panels above each other; returns the Axes of the order, the lowest."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    figure = Figure(figsize=(9.0, 8.0), layout="constrained", dpi=160)
    FigureCanvasAgg(figure)
    heat, vacancies, order = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1, 2.4))
    x = places(found)
    _draw_temperature(heat, found)
    vacancies.semilogy(x, found.vacancies_per_site.clip(1e-300), color="0.2")
    vacancies.axhline(found.vacancies.simulated, color="0.6", lw=0.8, ls="--")
    vacancies.set_ylabel("vacancies per site")
    styles = plot.pair_styles(found.labels)
    # all pairs are in the table; like ones follow from the unlike ones
    unlike = [k for k, pair in enumerate(found.labels) if len(set(pair.split("-"))) > 1]
    handles: list[Any] = []
    for k in unlike:
        color, _ = styles[found.labels[k]]
        delta, error, sd = found.delta[:, k], found.delta_err[:, k], found.delta_sd[:, k]
        order.fill_between(x, delta - error, delta + error, color=color, alpha=plot.INNER, lw=0)
        for sign in (-1, 1):
            order.plot(x, delta + sign * sd, color=color, lw=0.7, ls=":")
        order.plot(x, np.where(found.extrapolated, np.nan, delta), color=color)
        order.plot(x, np.where(found.extrapolated, delta, np.nan), color=color, ls="--")
        handles.append(Line2D([], [], color=color, label=found.labels[k]))
    handles.append(Patch(color="0.4", alpha=plot.INNER, lw=0, label="one standard error"))
    handles.append(
        Line2D([], [], color="0.4", lw=0.7, ls=":", label=f"sd of specimens of\n{found.about['sites']:,} sites")
    )
    if found.extrapolated.any():
        handles.append(Line2D([], [], color="0.4", ls="--", label="extrapolated"))
    if found.outside.any():
        handles.append(Patch(facecolor="0.9", label="outside of the\nlearned temperatures"))
    handles.append(Line2D([], [], color="0.6", lw=0.8, ls="--", label="vacancies of the\nsimulations (middle)"))
    order.axhline(0.0, color="0.7", lw=0.8, zorder=0)
    order.set_ylabel(plot.DELTA_LABEL)
    _draw_stages(found, (heat, vacancies, order), x)
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=9)
    about = found.about
    alloy = " ".join(f"{symbol}{fraction:.3g}" for symbol, fraction in about["composition"].items())
    figure.suptitle(f"{alloy} ({about['lattice']}), barriers: {about['barriers']}", fontsize=10)
    return order


def places(found: AnnealedOrder) -> Floats:
    """(n,) places on the horizontal axis: the number of the stage and the share of it that is over."""
    starts = np.array([stage.start_s for stage in found.schedule])
    lengths = np.array([stage.duration_s for stage in found.schedule])
    return found.stage + ((found.times_s - starts[found.stage]) / lengths[found.stage]).clip(0, 1)


def _draw_temperature(ax: Axes, found: AnnealedOrder) -> None:
    """The programme itself, quenches upright."""
    kelvin = [(k, k + 1, stage.from_K, stage.to_K) for k, stage in enumerate(found.schedule)]
    ax.plot([p for a, b, _, _ in kelvin for p in (a, b)], [t for _, _, c, d in kelvin for t in (c, d)], color="0.2")
    ax.set_ylabel("temperature (K)")


def _draw_stages(found: AnnealedOrder, axes: tuple[Axes, ...], x: Floats) -> None:
    """Borders of the stages, their names above, furnace time below, and grey where nothing was learned."""
    n = len(found.schedule)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(direction="in")
        ax.margins(x=0.01)
        for k in range(1, n):
            ax.axvline(k, color="0.85", lw=0.8, zorder=0)
        for k in np.flatnonzero(found.outside[1:]).tolist():
            ax.axvspan(float(x[k]), float(x[k + 1]), color="0.92", lw=0, zorder=0)
    if n <= MOST_NAMED:
        for k, stage in enumerate(found.schedule):
            name = as_math(str(stage)).replace(" to ", "\nto ")
            axes[0].text(
                k + 0.5, 1.04, name, transform=axes[0].get_xaxis_transform(), ha="center", va="bottom", fontsize=8
            )
    ends = [0.0, *(stage.end_s for stage in found.schedule)]
    shown = range(0, n + 1, max(1, -(-n // MOST_NAMED)))
    axes[-1].set_xticks(list(shown), [as_math(in_words(ends[k])) if ends[k] else "0" for k in shown])
    axes[-1].set_xlabel("furnace time (stages drawn equally wide, time linear within each)")
