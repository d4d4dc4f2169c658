"""What spins give whose block fields are followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


class BlockSpins(Protocol):
    """Spins whose means in blocks are followed by `make_field_data`: KacIsing and Heisenberg.

    Attributes:
        block_component: which component of a spin is averaged; 0 of spins with one.
    """

    block_component: int

    @property
    def lattice(self) -> Lattice:
        """Where the spins live."""

    @property
    def temperature(self) -> float:
        """Temperature."""

    @property
    def block_field(self) -> float:
        """External field along the component that is averaged."""

    def checked(self, x: NDArray[Any]) -> NDArray[Any]:
        """States, after a look at them."""

    def independent(self, m: NDArray[np.floating[Any]], *, rng: np.random.Generator) -> NDArray[Any]:
        """States of independent spins with given local magnetisations (batch, n_sites)."""

    def evolve_counting(
        self, x: NDArray[Any], duration: ArrayLike, block: int, *, window: float | None, rng: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
        """States after a time, and how many spins flipped in each block; None where spins do not flip."""
