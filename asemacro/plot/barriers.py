"""Figures of barrier models. Every function takes data and an Axes and returns the Axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.plot.short_range_order import color_of, shade_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from asemacro.typing import Floats


def parity(ax: Axes, of_species: Mapping[str, tuple[Floats, Floats]]) -> Axes:
    """Predicted over calculated barriers, a colour for each species that jumps, and the line on which both are equal.

    Args:
        ax: where to draw.
        of_species: calculated and predicted barriers in eV.
    """
    low, high = np.inf, -np.inf
    for symbol, (wanted, predicted) in of_species.items():
        ax.plot(wanted, predicted, ".", markersize=3, alpha=0.6, label=symbol)
        both = np.concatenate([wanted, predicted])
        low, high = min(low, float(both.min())), max(high, float(both.max()))
    ax.plot([low, high], [low, high], "-", color="black", linewidth=0.8)
    ax.set_xlabel("calculated barrier (eV)")
    ax.set_ylabel("predicted barrier (eV)")
    ax.legend(markerscale=3)
    return ax


def calibrated(ax: Axes, groups: Sequence[Mapping[str, Any]], factor: float) -> Axes:
    """RMS error over the spread of the members, in groups by their spread, with the line of the mean factor.

    Args:
        ax: where to draw.
        groups: with spread_eV and rms_error_eV.
        factor: RMS error over RMS spread of all.
    """
    spread = np.array([group["spread_eV"] for group in groups])
    error = np.array([group["rms_error_eV"] for group in groups])
    ends = np.array([0.0, spread.max() * 1.05])
    ax.plot(spread, error, "o", color="C0", label="groups by spread")
    ax.plot(ends, ends, "--", color="black", linewidth=0.8, label="error = spread")
    ax.plot(ends, factor * ends, "-", color="C0", linewidth=0.8, label=f"error = {factor:.2g} x spread")
    ax.set_xlabel("spread of the members (eV)")
    ax.set_ylabel("RMS error (eV)")
    ax.legend()
    return ax


def errors_over_labels(ax: Axes, labels: NDArray[np.int64], errors: Mapping[str, Floats]) -> Axes:
    """Errors over the number of labels.

    Args:
        ax: where to draw.
        labels: (n,) numbers.
        errors: for each name (n,) in eV, nan where there is none.
    """
    for k, (name, values) in enumerate(errors.items()):
        ax.plot(labels, values, "o-" if k == 0 else "s--", color=color_of(k), markersize=4, label=name)
    ax.set_xlabel("jumps labelled")
    ax.set_ylabel("on the new jumps, before training (eV)")
    ax.set_ylim(bottom=0.0)
    ax.legend(fontsize=8)
    return ax


def order_over_labels(
    ax: Axes, labels: NDArray[np.int64], temperatures_K: Sequence[float], delta: Floats, bar: Floats, pair: str
) -> Axes:
    """Order of a pair over the number of labels, a shade for each temperature.

    Args:
        ax: where to draw.
        labels: (n,) numbers.
        temperatures_K: (n_T,).
        delta: (n, n_T).
        bar: (n, n_T) of delta.
        pair: its name.
    """
    for t, kelvin in enumerate(temperatures_K):
        ax.errorbar(
            labels, delta[:, t], bar[:, t], fmt="o-", markersize=4, capsize=2, label=f"{kelvin:g} K",
            color=shade_of(t, len(temperatures_K)),
        )  # fmt: skip
    ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    ax.set_xlabel("jumps labelled")
    ax.set_ylabel(f"order of {pair}, delta")
    ax.legend(fontsize=8)
    return ax
