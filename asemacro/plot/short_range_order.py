"""Figures of short-range order. Every function takes data and an Axes and returns the Axes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe-Ito: told apart with any colour vision and in print.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
SHADES = ("#C7B3E5", "#9E78CF", "#6C3FB0", "#3B1575")
"""Purple, light to dark: for values that have an order. No pair, variable or model has one of them."""
MARKERS = ("o", "s", "^", "D")
BEYOND_MARKER: dict[str, Any] = {"marker": "o", "markerfacecolor": "white"}
"""Of what was not simulated."""
UNCERTAIN_MARKER: dict[str, Any] = {"marker": "o", "fillstyle": "left", "markerfacecoloralt": "white"}
"""Of what was simulated and is not well known."""
INNER, OUTER = 0.25, 0.12
"""How strong the bands of an error and of a larger one round it are."""
DELTA_LABEL = r"short-range order $\delta_{ij} = p_{ij} - Z c_j$"


def new_figure(
    width: float = 7.0, height: float = 4.6, columns: int = 1, *, rows: int = 1, share: bool = True
) -> tuple[Figure, NDArray[np.object_]]:
    """A figure without a window, and its axes side by side, row after row, on one vertical scale if they share it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=160)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, sharey=share, squeeze=False).ravel()
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(direction="in")
    return figure, axes


def color_of(index: int) -> str:
    """The colour of the index-th pair of an alloy, the same in every figure, or of the index-th variable or model."""
    return COLORS[index % len(COLORS)]


def marker_of(index: int) -> str:
    """The marker of the index-th pair: another one each time that the colours start again."""
    return MARKERS[index // len(COLORS) % len(MARKERS)]


def shade_of(index: int, count: int) -> str:
    """The colour of the index-th of `count` ascending values (sizes, temperatures, starts), the darkest for the last.

    More values than there are shades share them.
    """
    first = max(0, len(SHADES) - count)
    return SHADES[min(len(SHADES) - 1, first + index * (len(SHADES) - first) // max(count, 1))]


def pair_styles(pairs: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each pair of an alloy, the same in every figure of alloys of these elements.

    They belong to the place of the pair among all pairs of the elements, like ones included, so Mo-Ta looks the same
    whether a figure shows every pair of Nb-Mo-Ta or the unlike ones alone. After the last colour they start again with
    another marker.

    Args:
        pairs: names as in "Mo-Ta", of all elements of the alloy.
    """
    from ase.data import atomic_numbers

    names = list(pairs)
    elements = sorted({symbol for name in names for symbol in name.split("-")}, key=atomic_numbers.__getitem__)
    place = {f"{a}-{b}": k for k, (a, b) in enumerate(itertools.combinations_with_replacement(elements, 2))}
    return {name: (color_of(place[name]), marker_of(place[name])) for name in names}


def sro_versus_temperature(
    ax: Axes,
    temperatures_K: NDArray[np.float64],
    delta: NDArray[np.float64],
    interval: NDArray[np.float64],
    reliable: NDArray[np.bool_],
    beyond: NDArray[np.bool_],
    at_bound: NDArray[np.bool_] | None = None,
    *,
    color: str,
    label: str,
    marker: str = "o",
) -> Axes:
    """One pair's order over temperature with its error bands; points that are not reliable are joined by dashes.

    Args:
        ax: where to draw.
        temperatures_K: (n,), increasing.
        delta: (n,) order.
        interval: (n, 2) its ends, one standard error below and above, within what is possible; or (2, n, 2) with those
            of a wider one, which is drawn lighter.
        reliable: (n,), True where the value was simulated and its error is small: filled points.
        beyond: (n,), True where it is an extrapolation: open points. What is neither is half filled.
        at_bound: (n,), True where the order is as far as the composition allows; such points carry a bar.
        color: of line, band and points.
        label: in the legend.
        marker: of points.
    """
    for ends, strength in zip(interval.reshape(-1, len(delta), 2), (INNER, OUTER), strict=False):
        ax.fill_between(temperatures_K, ends[:, 0], ends[:, 1], color=color, alpha=strength, linewidth=0)
    solid = np.where(reliable, delta, np.nan)
    ax.plot(temperatures_K, delta, "--", color=color, linewidth=1.0, alpha=0.7)
    ax.plot(temperatures_K, solid, "-", color=color, linewidth=1.6)
    ax.plot([], [], marker, color=color, markersize=5, label=label)
    for chosen, style in ((reliable, {}), (beyond, BEYOND_MARKER), (~reliable & ~beyond, UNCERTAIN_MARKER)):
        shown: dict[str, Any] = {"color": color, "markersize": 5, "linestyle": "", **style, "marker": marker}
        ax.plot(temperatures_K[chosen], delta[chosen], **shown)
    if at_bound is not None:
        ax.plot(temperatures_K[at_bound], delta[at_bound], "_", color=color, markersize=12, markeredgewidth=1.6)
    ax.set_xlabel("temperature (K)")
    return ax


def direct_points(
    ax: Axes,
    temperatures_K: NDArray[np.float64],
    delta: NDArray[np.float64],
    error: NDArray[np.float64],
    *,
    color: str,
) -> Axes:
    """Direct simulations of the same size as crosses with error bars."""
    ax.errorbar(temperatures_K, delta, error, fmt="x", color=color, markersize=6, capsize=2, linewidth=1)
    return ax


def time_temperature_map(
    ax: Axes,
    time_s: NDArray[np.float64],
    temperatures_K: NDArray[np.float64],
    delta: NDArray[np.float64],
    extrapolated: NDArray[np.bool_],
    *,
    label: str,
    time_label: str,
) -> Axes:
    """Order of one pair as a map over the logarithm of time and temperature, with contours at round values.

    Args:
        ax: where to draw; a colour bar is added to its figure.
        time_s: (n_times,), increasing and positive.
        temperatures_K: (n_temperatures,), increasing.
        delta: (n_temperatures, n_times); nan where it is not known.
        extrapolated: (n_temperatures, n_times), True where it is hatched.
        label: of the colour bar.
        time_label: of the horizontal axis.
    """
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    masked = np.ma.masked_invalid(delta)
    low, high = min(float(masked.min()), 0.0), max(float(masked.max()), 0.0)
    # noise about zero order needs no colours of its own
    low, high = (0.0 if abs(end) < 0.05 * (high - low) else end for end in (low, high))
    ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high if high > low else low + 1e-3)
    levels = np.linspace(ticks[0], ticks[-1], 4 * (len(ticks) - 1) + 1)
    # more order is brighter, whichever sign it has
    colors = "viridis" if abs(high) >= abs(low) else "viridis_r"
    ax.set_xscale("log")  # first: labels of contours are placed where the lines are drawn
    filled = ax.contourf(time_s, temperatures_K, masked, levels=levels, cmap=colors, extend="both")
    lines = ax.contour(time_s, temperatures_K, masked, levels=ticks[ticks != 0], colors="white", linewidths=0.7)
    ax.clabel(lines, fmt="%g", fontsize=7)
    beyond = np.ma.masked_where(~extrapolated, np.ones(delta.shape))
    keys = []
    if extrapolated.any():
        hatch = ax.contourf(
            time_s, temperatures_K, beyond, levels=[0.5, 1.5], colors="none", hatches=["////"], extend="neither"
        )
        hatch.set_edgecolor((1, 1, 1, 0.5))
        hatch.set_linewidth(0)
        keys.append(Patch(facecolor="0.5", edgecolor="white", hatch="////", label="extrapolated"))
    if masked.mask is not np.ma.nomask and masked.mask.any():
        keys.append(Patch(facecolor="white", edgecolor="0.6", label="not known"))
    if keys:
        ax.legend(handles=keys, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False, fontsize=8)
    bar = ax.figure.colorbar(filled, ax=ax, ticks=ticks, format="%g")
    bar.set_label(label)
    ax.set_xlabel(time_label)
    ax.set_ylabel("temperature (K)")
    return ax
