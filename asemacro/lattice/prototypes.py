"""Lattices that have a name: their unit cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

VACUUM = 10.0  # non-periodic axes, in lattice parameters

_HEX = np.array([[1.0, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, 1]])

PROTOTYPES: dict[str, tuple[NDArray[np.float64], list[list[float]], tuple[bool, bool, bool]]] = {
    "sc": (np.eye(3), [[0, 0, 0]], (True, True, True)),
    "bcc": (np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], (True, True, True)),
    "fcc": (np.eye(3), [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], (True, True, True)),
    "diamond": (
        np.eye(3),
        [
            [x + s, y + s, z + s]
            for s in (0, 0.25)
            for x, y, z in ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
        ],
        (True, True, True),
    ),
    "hcp": (_HEX, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]], (True, True, True)),
    "square": (np.diag([1, 1, VACUUM]), [[0, 0, 0.5]], (True, True, False)),
    "triangular": (_HEX * [[1], [1], [VACUUM]], [[0, 0, 0.5]], (True, True, False)),
    "honeycomb": (
        _HEX * [[1], [1], [VACUUM]],
        [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]],
        (True, True, False),
    ),
    "chain": (np.diag([1, VACUUM, VACUUM]), [[0, 0.5, 0.5]], (True, False, False)),
}
"""Name -> (cell in units of a, basis, periodic axes); hexagonal ones with a gamma of 120 degrees."""
