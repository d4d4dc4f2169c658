"""The words that signatures use: kinds of arrays, and what is told of long work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Measured values, times, coefficients."""

Integers = NDArray[np.int64]
"""Numbers of sites, counts, offsets."""

Spins = NDArray[np.int8]
"""States of spins: -1 and 1 on sites."""

State = NDArray[Any]
"""States of any system: species, spins or fields on sites, (..., n_sites[, n_fields])."""

Report = Callable[[str, float, str], object]
"""Every `progress` in this package: called with the task, the fraction of it that is done (0 to 1), and a few words."""
