"""The drawing of the figure: twelve panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asemacro.macro.spde.mobility_fit import MobilityTable
from asemacro.plot.short_range_order import color_of, shade_of
from asemacro.studies.fields.figures import (
    draw_kernel,
    draw_magnetisations,
    draw_mobility,
    draw_rates,
    draw_snapshots,
    draw_structure_factors,
)
from asemacro.studies.paper.onsagerflow.found import Found
from asemacro.studies.paper.onsagerflow.learning import MOST_M

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(found: Found) -> Figure:
    """What is learned above, the learned equation against spins in the middle, fields below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16.0, 11.5), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    above, middle, below = figure.subplots(3, 4)
    for ax, coupling in zip(above[:2], ("top-hat", "gaussian"), strict=True):
        lesson = next(one for one in found.learned if one.coupling == coupling)
        draw_kernel(ax, found.learned[lesson].spde.kernel, lesson.true)
        ax.set_title(f"kernel, {coupling}, T = {lesson.temperature:g}", fontsize=10)
    _mobility(above[2], found)
    _scatter(above[3], found)
    for ax, (t, law) in zip(middle[:2], found.laws.items(), strict=True):
        draw_magnetisations(ax, {"spins": law.spins, "equation": law.model}, (law.exact_m, law.density), bins=30)
        ax.set_title(f"magnetisation, T = {t:g}, KS p = {law.p:.2g}", fontsize=10)
    draw_rates(middle[2], found.flips.rates())
    middle[2].set_title("changes of the well", fontsize=10)
    _growth(middle[3], found)
    time = found.quench.times[-1]
    draw_snapshots(
        list(below[:3]),
        [found.quench.picture_spins, found.quench.picture_model, found.field.picture],
        [f"spins, block means, time {time:g}", f"equation from the same start, time {time:g}",
         f"equation for {found.edges.field}$^2$ spins (a part), time {found.field.times[-1]:g}"],
    )  # fmt: skip
    _coarsening(below[3], found)
    for ax in (*above, *middle, below[3]):
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def _mobility(ax: Axes, found: Found) -> None:
    """Of the top hat at all temperatures: counted, and as learned."""
    own = {lesson: one for lesson, one in found.learned.items() if lesson.coupling == "top-hat"}
    parts = [one.table for one in own.values()]
    names = ("m", "temperature", "value", "error", "tanh_u", "blocks")
    draw_mobility(ax, MobilityTable(*(np.concatenate([getattr(part, name) for part in parts]) for name in names)))
    m = np.linspace(-MOST_M, MOST_M, 181)
    for k, (lesson, one) in enumerate(own.items()):
        ax.plot(m, one.spde.homogeneous_mobility(m, lesson.temperature), "-", color=shade_of(k, len(own)))
    ax.set_title("mobility: counted, learned (lines)", fontsize=10)


def _scatter(ax: Axes, found: Found) -> None:
    """S(k) of the blocks that are finest at each temperature."""
    finest = {lesson.temperature: one for lesson, one in found.scatter.items()}
    for k, (t, one) in enumerate(finest.items()):
        draw_structure_factors(ax, {f"{name}, T = {t:g}": curve for name, curve in one.curves().items()})
        ax.get_lines()[-1].set_color(color_of(k))
    ax.legend(frameon=False, fontsize=8)
    ax.set_title("structure factor", fontsize=10)


def _growth(ax: Axes, found: Found) -> None:
    """Rates over |k| times the range, of blocks of two sizes."""
    for place, (lesson, one) in enumerate(found.growth.items()):
        x, color = one.k * lesson.range / lesson.block, color_of(place)
        label = f", range of {lesson.range / lesson.block:g} blocks"
        ax.plot(x, one.theory, ":", color="0.4", label="" if place else "$J(k) / T - 1$")
        ax.plot(x, one.spins, "o", color=color, mfc="white", label=f"spins{label}")
        ax.plot(x, one.model, "x", color=color, label=f"equation{label}")
    ax.axhline(0, color="0.8", linewidth=0.8)
    ax.set_xlabel("|k| times the range")
    ax.set_ylabel("growth rate")
    ax.set_title("after a quench to T = 0.8", fontsize=10)
    ax.legend(frameon=False, fontsize=8)


def _coarsening(ax: Axes, found: Found) -> None:
    """Length of domains over time, with what counts for the exponent in full."""
    one, quench = found.coarsening, found.quench
    n, _ = one.exponent
    ax.plot(one.times[1:], one.length[1:], "-", color="0.7", label=f"equation, {found.edges.coarsening}$^2$ spins")
    ax.plot(one.times[one.inside], one.length[one.inside], "-", color=color_of(1), label=f"$(t + t_0)^n$, n = {n:.2f}")
    ax.plot(
        quench.times[1:], quench.spins[1:, 1], "o", color="black", mfc="white", label=f"{found.edges.quench}$^2$ spins"
    )
    last = one.length[-1] * np.sqrt(one.times[1:] / one.times[-1])
    ax.plot(one.times[1:], last, ":", color="black", label="$t^{1/2}$")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("time")
    ax.set_ylabel("length of domains (sites)")
    ax.set_title("coarsening, T = 0.7", fontsize=10)
    ax.legend(frameon=False, fontsize=8)
