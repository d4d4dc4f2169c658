"""What one site of a disordered crystal holds: elements and their fractions, the vacant part as "X"."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from asemacro.lattice.reading.elements import VACANCY, as_element

ROUNDING = 1e-3  # thirds are written as 0.333: a sum this close to 1 is 1


def site_shares(held: Iterable[tuple[str, Any]], where: str) -> dict[str, float]:
    """{element: fraction} of one site, adding up to 1, with what is missing to 1 as vacancies ("X").

    Isotopes, ions and repeated entries of an element are added up. A sum within 1e-3 of 1 is taken for 1.

    Args:
        held: symbols and fractions in any order.
        where: names the site in messages.

    Raises:
        ValueError: a symbol that is no element, a fraction outside 0 to 1, or a sum above 1.
    """
    shares: dict[str, float] = {}
    for symbol, fraction in held:
        element = as_element(symbol)
        if element is None:
            raise ValueError(f"{where}: {symbol!r} is not a chemical element, nor a vacancy (X)")
        number = isinstance(fraction, (int, float)) and not isinstance(fraction, bool)
        if not number or not math.isfinite(fraction) or not 0 <= fraction <= 1 + ROUNDING:
            raise ValueError(f"{where}: the occupancy of {symbol} must be a number from 0 to 1, got {fraction!r}")
        if fraction > 0:
            shares[element] = shares.get(element, 0.0) + float(fraction)
    total = sum(shares.values())
    if total > 1 + ROUNDING * (1 + 1e-9):
        names = ", ".join(f"{s} {f:g}" for s, f in shares.items())
        raise ValueError(f"{where}: the occupancies add up to {total:g}, more than one atom ({names}); correct them")
    if total < 1 - ROUNDING * (1 + 1e-9):
        shares[VACANCY] = shares.get(VACANCY, 0.0) + 1 - total
        return shares
    return {symbol: fraction / total for symbol, fraction in shares.items()} if total != 1 else shares


def leading(shares: Mapping[str, float]) -> str:
    """The symbol that stands for a site of several species, the last of the largest ones as in ase.spacegroup."""
    return sorted(shares.items(), key=lambda item: item[1])[-1][0]


def is_definite(shares: Mapping[str, float]) -> bool:
    """Whether the site holds one species, or a vacancy, for certain."""
    return len(shares) == 1
