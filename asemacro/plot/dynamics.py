"""Figures of learned dynamics and critical points. Every function takes data and an Axes and returns the Axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from asemacro.plot.short_range_order import shade_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mean_trajectory(
    ax: Axes,
    times: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike | None = None,
    *,
    reference: ArrayLike | None = None,
    color: str,
    label: str,
    time_label: str = "time",
) -> Axes:
    """Mean of learned trajectories as a line with a band of one standard deviation, the reference in dashes.

    Args:
        ax: where to draw.
        times: (n,).
        mean: (n,) of the model.
        sd: (n,) of the model.
        reference: (n,) exact or directly simulated mean.
        color: of line, band and dashes.
        label: in the legend.
        time_label: of the horizontal axis.
    """
    t, m = np.asarray(times, dtype=float), np.asarray(mean, dtype=float)
    if sd is not None:
        s = np.asarray(sd, dtype=float)
        ax.fill_between(t, m - s, m + s, color=color, alpha=0.2, linewidth=0)
    ax.plot(t, m, "-", color=color, linewidth=1.6, label=label)
    if reference is not None:
        ax.plot(t, np.asarray(reference, dtype=float), "--", color="black", linewidth=1.0)
    ax.set_xlabel(time_label)
    return ax


def discrepancy(
    ax: Axes,
    noise_scale: ArrayLike,
    values: ArrayLike,
    errors: ArrayLike | None = None,
    *,
    floor: float | None = None,
    sites_ratio: float | None = None,
    color: str,
    label: str = "learned",
) -> Axes:
    """Time-averaged MMD over the noise scale lambda, its sampling floor, and K as a vertical line.

    Args:
        ax: where to draw.
        noise_scale: (n,) lambda.
        values: (n,) squared MMD.
        errors: (n,) standard errors.
        floor: mean MMD of two samples of one law.
        sites_ratio: K.
        color: of line and points.
        label: in the legend.
    """
    ax.errorbar(np.asarray(noise_scale), np.asarray(values), errors, fmt="o-", color=color, capsize=2, label=label)
    if floor is not None:
        ax.axhline(floor, color="black", linestyle=":", linewidth=1.0, label="sampling floor")
    if sites_ratio is not None:
        ax.axvline(sites_ratio, color="black", linestyle="--", linewidth=1.0, label="K")
    ax.set_yscale("log")
    ax.set_xlabel(r"noise scale $\lambda$")
    ax.set_ylabel("MMD$^2$, mean over time")
    return ax


def power_law(
    ax: Axes,
    sizes: ArrayLike,
    values: ArrayLike,
    errors: ArrayLike,
    *,
    exponent: float,
    color: str,
    label: str = "",
) -> Axes:
    """Values over linear sizes on logarithmic scales, with the line of an exponent through their middle."""
    x, y = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    ax.errorbar(x, y, np.asarray(errors, dtype=float), fmt="o", color=color, capsize=2)
    level = np.mean(np.log(y) - exponent * np.log(x))
    ax.plot(x, np.exp(level) * x**exponent, "-", color=color, linewidth=1.2, label=f"{label} $L^{{{exponent:.3f}}}$")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlabel("linear size $L$")
    return ax


def binder_crossing(ax: Axes, curves: Mapping[float, tuple[ArrayLike, ArrayLike, ArrayLike]]) -> Axes:
    """Binder cumulants over temperature, one line a size: L -> (temperatures, U, errors)."""
    for index, (size, (temperatures, u, errors)) in enumerate(sorted(curves.items())):
        ax.errorbar(
            np.asarray(temperatures),
            np.asarray(u),
            np.asarray(errors),
            fmt="o-",
            color=shade_of(index, len(curves)),
            markersize=4,
            capsize=2,
            linewidth=1.2,
            label=f"L = {size:g}",
        )
    ax.set_xlabel("temperature")
    ax.set_ylabel("Binder cumulant $U$")
    return ax
