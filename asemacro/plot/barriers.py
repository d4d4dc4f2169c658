"""Figures of barrier models. Every function takes data and an Axes and returns the Axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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
