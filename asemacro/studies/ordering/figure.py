"""The figure of an equilibrium: order of the shells above, energy, heat capacity and long-range order below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asemacro.plot import short_range_order as plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from asemacro.studies.ordering.levels import Level
    from asemacro.studies.ordering.tables import EquilibriumTables

COLUMNS = 3
SMALL, LARGE = plot.SHADES[0], plot.SHADES[-1]


def draw(found: EquilibriumTables) -> Axes:
    """One panel for each of the first three shells; full points are at equilibrium, empty ones are not."""
    figure, axes = plot.new_figure(12.5, 7.2, COLUMNS, rows=2, share=False)
    about = found.about
    for k, ax in enumerate(axes[:COLUMNS]):
        if k < len(found.sampled[1].sro.shells):
            _shell(ax, found, k)
        else:
            ax.set_axis_off()
    axes[0].set_ylabel(r"Warren-Cowley $\alpha_{ij}$")
    _over_temperature(axes[COLUMNS:], found)
    for ax in axes:
        for one in found.ordered:
            if np.isfinite(one.temperature_K) and ax.axison:
                ax.axvspan(one.temperature_K - one.error_K, one.temperature_K + one.error_K, color="0.9", zorder=-1)
                ax.axvline(one.temperature_K, color="0.5", linewidth=0.8, linestyle=":", zorder=0)
    if found.not_equilibrated():
        axes[0].plot([], [], "o", color="0.4", markerfacecolor="white", markersize=4, label="no equilibrium")
    axes[0].legend(frameon=False, fontsize=7, ncols=2)
    alloy = " ".join(f"{symbol}{share:.3g}" for symbol, share in about["composition"].items())
    told = [
        f"temperature of order ({one.star}) {one.temperature_K:.0f} ± {one.error_K:.0f} K"
        for one in found.ordered if np.isfinite(one.temperature_K)
    ]  # fmt: skip
    if not told and len(found.common_K) > 1:
        state = f"ordered ({found.ordered[0].star}) at" if found.ordered else "no ordering between"
        told = [f"{state} {found.common_K[0]:g} and {found.common_K[-1]:g} K"]
    figure.suptitle(
        f"{alloy} ({about['lattice']}), swap Monte Carlo of {about['sites'][1]} and {about['sites'][0]} sites, energy: "
        f"{about['barriers']}; {', '.join(told) or 'temperature of order not known'}",
        fontsize=10,
    )
    return axes[0]


def _points(ax: Axes, levels: list[Level], y: np.ndarray, error: np.ndarray, color: str, label: str, mark: str) -> None:
    """Values with error bars, empty where there is no equilibrium."""
    kelvin = np.array([at.temperature_K for at in levels])
    good = np.array([at.equilibrated for at in levels])
    ax.plot(kelvin, y, "-", color=color, linewidth=0.9, alpha=0.7)
    for chosen, fill in ((good, color), (~good, "white")):
        name = label if chosen is good else None
        ax.errorbar(
            kelvin[chosen], y[chosen], error[chosen], fmt=mark, color=color, markerfacecolor=fill, markersize=4,
            linewidth=0.8, label=name,
        )  # fmt: skip


def _shell(ax: Axes, found: EquilibriumTables, k: int) -> None:
    """alpha of all pairs in one shell, with the random alloy as a band."""
    sampled, levels = found.sampled[1], found.asked(1)
    sro, n = sampled.sro, len(sampled.sro.pairs)
    scale = sro.alpha(np.ones(sro.dim), sampled.box.counts[1:], sampled.box.lattice)
    delta = np.array([at.delta for at in levels])
    error = np.array([at.delta_error for at in levels])
    names = [f"{sro.species[i]}-{sro.species[j]}" for i, j in sro.pairs]
    styles = plot.pair_styles(names)
    widest = 0.0
    for d, name in enumerate(names, start=k * n):
        color, mark = styles[name]
        _points(ax, levels, scale[d] * delta[:, d], np.abs(scale[d]) * error[:, d], color, name, mark)
        widest = max(widest, abs(scale[d]) * sampled.random.delta_sd[d])
    ax.axhspan(-widest, widest, color="0.85", zorder=-2, linewidth=0)
    ax.set_title(f"shell {sro.shells[k]}; grey: sd of random alloys", fontsize=9)
    ax.set_xlabel("temperature (K)")


def _over_temperature(axes: np.ndarray, found: EquilibriumTables) -> None:
    """Energy, heat capacity with its curve, and the order parameter of the leading star, of both boxes."""
    s = found.leading
    for box, (color, mark) in enumerate(((SMALL, "s"), (LARGE, "o"))):
        levels, curve = found.asked(box), found.curves[box]
        name = f"{found.about['sites'][box]} sites"
        values = [
            ([at.energy_eV for at in levels], [at.energy_error_eV for at in levels]),
            ([at.heat_capacity_kB for at in levels], [at.heat_capacity_error_kB for at in levels]),
            ([at.order[s] for at in levels], [at.order_error[s] for at in levels]),
        ]
        for ax, (y, error) in zip(axes, values, strict=True):
            _points(ax, levels, np.array(y), np.array(error), color, name, mark)
        if curve is not None:
            low, high = (curve.heat_capacity_kB + sign * curve.heat_capacity_error_kB for sign in (-1, 1))
            axes[1].fill_between(curve.temperatures_K, low, high, color=color, alpha=plot.INNER, linewidth=0)
        axes[2].axhline(found.sampled[box].random.waves[s], color=color, linewidth=0.8, linestyle="--")
    one = found.orderings[s]
    kind = f" ({one.structures})" if one.structures else ""
    axes[0].set_ylabel("energy above the random alloy (eV per atom)")
    axes[1].set_ylabel(r"configurational heat capacity ($k_B$ per atom)")
    axes[2].set_ylabel(f"order parameter of star {one.star}{kind}")
    axes[2].set_title("dashed: random alloys", fontsize=9)
    axes[1].set_title("band: all temperatures together, reweighted", fontsize=9)
    for ax in axes:
        ax.set_xlabel("temperature (K)")
    axes[1].legend(frameon=False, fontsize=8)
