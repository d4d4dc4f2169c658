"""Numbers as people write them."""

from __future__ import annotations

import math
import re

LARGEST_IN_WORDS = 1e9


def written(value: float) -> str:
    """A positive number with up to four digits: 600,000, 20 million, 2 x 10^12, 0.5, 4 x 10^-5."""
    if value < 1e-3 or value >= LARGEST_IN_WORDS:
        power = math.floor(math.log10(value))
        digits = f"{value / 10.0**power:.4g}"
        return f"{digits} x 10^{power}" if digits != "10" else f"1 x 10^{power + 1}"
    if value >= 999_950:  # what would be rounded to a million is one
        return f"{value / 1e6:.4g} million"
    return f"{float(f'{value:.4g}'):,.10g}"


def as_math(text: str) -> str:
    """Text with its powers of ten as matplotlib sets them."""
    return re.sub(r"x 10\^(-?\d+)", r"$\\times$ 10$^{\1}$", text)
