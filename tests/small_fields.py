"""Small open lattices and fields on them, for the tests of fields."""

from __future__ import annotations

import numpy as np

from asemacro import Lattice

OPEN_CHAIN = Lattice.chain(0.1, (), 12).opened(0)
OPEN_NET = Lattice.square(0.1, (), (5, 6)).opened(1)


def some_fields(lattice: Lattice, seed: int = 0, batch: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.3, 0.6, (batch, lattice.n_sites, 2))
