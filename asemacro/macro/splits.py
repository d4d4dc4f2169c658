"""Which data judge a fit: whole groups of correlated rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def held_out_rows(group: NDArray[np.int64], fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Rows of a random `fraction` of the groups; none if there is only one group or the fraction is 0."""
    names, index = np.unique(group, return_inverse=True)
    count = min(len(names) - 1, max(1, round(fraction * len(names)))) if fraction > 0 else 0
    chosen = np.zeros(len(names), dtype=bool)
    chosen[rng.choice(len(names), size=count, replace=False)] = True
    return chosen[index]
