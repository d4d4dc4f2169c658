"""Data collapse as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asemacro.plot.short_range_order import shade_of
from asemacro.studies.critical.collapse import Curve, scaled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def data_collapse(ax: Axes, curves: Sequence[Curve], critical_temperature: float, nu: float, exponent: float) -> Axes:
    """Scaled curves of all sizes: y = value L^exponent over x = (T - T_c) L^(1/nu)."""
    for index, curve in enumerate(sorted(curves, key=lambda c: c.size)):
        x, y, error = scaled(curve, critical_temperature, nu, exponent)
        color = shade_of(index, len(curves))
        ax.errorbar(x, y, error, fmt="o", color=color, markersize=4, capsize=2, label=f"L = {curve.size:g}")
    ax.set_xlabel(r"$(T - T_c)\, L^{1/\nu}$")
    ax.set_ylabel(rf"value $\times\, L^{{{exponent:.3f}}}$")
    return ax
