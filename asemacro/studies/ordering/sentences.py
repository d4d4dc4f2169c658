"""What is said of the temperature of order and its evidence, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asemacro.studies.alloy.inputs import listed
from asemacro.studies.ordering.transition import Curves, Ordering, Peak
from asemacro.typing import Floats

LEAST = 2  # temperatures at equilibrium in both boxes


def order_lines(
    temperatures_K: Sequence[float],
    common_K: Floats,
    orderings: Sequence[Ordering],
    leading: int,
    curves: Sequence[Curves | None],
    sizes: Sequence[int],
) -> list[str]:
    """A line for each kind of order, or one that there is none.

    Args:
        temperatures_K: that were asked for.
        common_K: temperatures at which both boxes are at equilibrium.
        orderings: of each star.
        leading: the star that is spoken of where there is no order.
        curves: of both boxes.
        sizes: their sites.
    """
    boxes = " and ".join(map(str, sizes))
    if len(common_K) < LEAST:
        known = ", ".join(f"{t:g} K" for t in common_K) or "none"
        return [f"temperature of order not known: temperatures at equilibrium in boxes of {boxes} sites: {known}"]
    lines = [
        _line(common_K, s, one, curves) + _open(one, temperatures_K, common_K)
        for s, one in enumerate(orderings)
        if one.ordered
    ]
    if lines:
        return lines
    one = orderings[leading]
    return [
        f"no ordering between {common_K[0]:g} and {common_K[-1]:g} K: at {common_K[0]:g} K the square of every order "
        f"parameter eta falls with the number N of sites ({boxes}), that of {_named(one)} as {_exponent(one)} "
        "(noise: -1, order: 0)"
    ]


def _line(common_K: Floats, s: int, one: Ordering, curves: Sequence[Curves | None]) -> str:
    """One kind of order."""
    evidence = f"at {common_K[0]:g} K eta^2 goes as {_exponent(one)} (noise: -1, order: 0)"
    falls = "" if np.isnan(one.crossing_K) else f", as N^-0.5 at {one.crossing_K:.0f} K"
    if np.isfinite(one.temperature_K):
        peaks = "; ".join(f"{_at(c.order_peaks[s], '.3g')} in {c.sites} sites" for c in curves if c is not None)
        return (
            f"{_named(one)}: temperature of order {one.temperature_K:.0f} +- {one.error_K:.0f} K; {evidence}{falls}; "
            f"peak of the order's fluctuation {peaks}"
        )
    if np.isfinite(one.crossing_K):
        return f"{_named(one)}: order is lost near {one.crossing_K:.0f} K, by the sizes alone; {evidence}{falls}"
    return f"{_named(one)}: long-range order at all temperatures from {common_K[0]:g} to {common_K[-1]:g} K; {evidence}"


def _open(one: Ordering, temperatures_K: Sequence[float], common_K: Floats) -> str:
    """Which of the temperatures next to that of order are no equilibrium."""
    kelvin = np.array(temperatures_K)
    k = int(np.searchsorted(kelvin, one.temperature_K)) if np.isfinite(one.temperature_K) else 0
    lost = [t for t in kelvin[max(k - 1, 0) : k + 1] if t not in common_K]
    if not lost or np.isnan(one.temperature_K):
        return ""
    return f"; no equilibrium next to it at {listed(lost)} K, more --sweeps make it surer"


def heat_lines(curves: Sequence[Curves | None]) -> list[str]:
    """Where the heat capacity is largest; a peak alone is no evidence of order, short-range order makes one too."""
    parts = [
        f"{_at(curve.heat_peak, '.3f')} in {curve.sites} sites"
        + ("" if curve.heat_peak.inside else " (no peak inside the range)")
        for curve in curves if curve is not None
    ]  # fmt: skip
    return [f"largest heat capacity in k_B an atom: {'; '.join(parts)}"] if parts else []


def _at(peak: Peak, form: str) -> str:
    height = f"{peak.height:{form}} +- {peak.height_error:{form}}"
    return f"{height} at {peak.temperature_K:.0f} +- {peak.error_K:.0f} K"


def _exponent(one: Ordering) -> str:
    return f"N^({one.exponents[0]:.2f} +- {one.exponent_errors[0]:.2f})"


def _named(one: Ordering) -> str:
    return f"star {one.star} ({one.structures})" if one.structures else f"star {one.star}"
