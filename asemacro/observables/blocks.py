"""Block averages: the mean of a spin or a field in each cube of B x B x B cells of a periodic lattice."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.door import CRYSTAL, LATTICE, SITES, STATES, checked, whole
from asemacro.lattice.lattice import Lattice
from asemacro.observables.base import Observable
from asemacro.observables.state_change import different, events_of
from asemacro.typing import Floats

_SHOWN = 4  # edges that a message names on either side of one that does not fit


class BlockMeans(Observable):
    """Mean in each block of B cells along each axis, `phi(x, lattice) -> (batch, n_blocks)`.

    Blocks are numbered like sites: the last axis first. Spins, (batch, n_sites), and fields, (batch, n_sites,
    n_fields), are taken, of these one component.

    Args:
        lattice: where the states live; blocks know its size.
        block: B, which divides the lattice along each axis that it repeats.
        component: of fields, which of them; left alone for spins.

    Attributes:
        grid: blocks along each axis, (3,), one along axes that the lattice does not repeat.
        sites: V, sites of a block.

    Raises:
        ValueError: a block that does not divide the lattice.
    """

    @checked(lattice=CRYSTAL, block=whole(1), component=whole())
    def __init__(self, lattice: Lattice, block: int, component: int = 0) -> None:
        self.block, self.component = block, component
        self._shape, self._edges = lattice.shape, block_edges(lattice, block)
        self.grid = tuple(n // b for n, b in zip(lattice.shape, self._edges, strict=True))
        self.axes = tuple(k for k, repeated in enumerate(lattice.pbc) if repeated)
        self.sites = math.prod(self._edges) * lattice.n_basis

    @property
    def labels(self) -> tuple[str, ...]:  # type: ignore[override]
        """m[i,j], the numbers of the block along the axes that the lattice repeats."""
        places = itertools.product(*(range(self.grid[k]) for k in self.axes))
        return tuple(f"m[{','.join(map(str, place))}]" for place in places)

    @property
    def dim(self) -> int:
        """Number of blocks."""
        return math.prod(self.grid)

    @checked(x=STATES, lattice=LATTICE)
    def __call__(self, x: NDArray[Any], lattice: Any) -> Floats:
        """Means in the blocks of states x (batch, n_sites[, n_fields]): (batch, n_blocks)."""
        return self._means(x, lattice, np.float64).reshape(len(x), self.dim)

    @checked(x=STATES, lattice=LATTICE)
    def fields(self, x: NDArray[Any], lattice: Any) -> NDArray[np.float32]:
        """The same as grids in single precision, (batch, *grid), without axes that the lattice does not repeat."""
        return self._means(x, lattice, np.float32).reshape(len(x), *(self.grid[k] for k in self.axes))

    @checked(x=STATES, lattice=LATTICE)
    def bounds(self, x: NDArray[Any], lattice: Any) -> Floats:
        """(n_blocks, 2) least and largest values: -1 and 1 of spins, infinite of fields."""
        self._component(x, lattice)
        most = 1.0 if x.dtype.kind == "i" else np.inf
        return np.tile([-most, most], (self.dim, 1))

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=STATES)
    def changes(self, x0: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]) -> Floats:
        """The change by each of several events, (batch, n_events, n_blocks); see `Observable.changes`."""
        state = self._component(x0, lattice)
        where, what = events_of(x0, lattice.n_sites, sites, values)
        different(where)
        after = (what[..., self.component] if x0.ndim == 3 else what).astype(float)
        before = state[np.arange(len(x0))[:, None, None], np.maximum(where, 0)]
        cell = np.unravel_index(np.maximum(where, 0) // lattice.n_basis, self._shape)
        block = np.ravel_multi_index(tuple(c // b for c, b in zip(cell, self._edges, strict=True)), self.grid)
        out = np.zeros((*where.shape[:2], self.dim))
        event = np.indices(where.shape[:2])[..., None]
        np.add.at(out, (event[0], event[1], block), np.where(where >= 0, after - before, 0.0) / self.sites)
        return out

    def _means(self, x: NDArray[Any], lattice: Any, dtype: Any) -> NDArray[Any]:
        """Means (batch, n1, n2, n3) in a type of real numbers."""
        state = self._component(x, lattice)
        split = [side for n, b in zip(self.grid, self._edges, strict=True) for side in (n, b)]
        cells = state.reshape(len(x), *split, lattice.n_basis)
        if state.dtype.kind == "i":  # added up from the last axis, which lies together in memory
            sums = cells.sum(axis=(6, 7), dtype=np.int64)
            return (sums.sum(axis=(2, 4)) / self.sites).astype(dtype)
        return cells.mean(axis=(2, 4, 6, 7), dtype=np.float64).astype(dtype)

    def _component(self, x: NDArray[Any], lattice: Any) -> NDArray[Any]:
        """(batch, n_sites) the numbers that are averaged."""
        if tuple(lattice.shape) != self._shape:
            raise ValueError(f"these blocks belong to a lattice of {self._shape} cells, got one of {lattice.shape}")
        if x.ndim not in (2, 3) or x.shape[1] != lattice.n_sites:
            raise ValueError(f"states must have the shape (batch, {lattice.n_sites}[, n_fields]), got {x.shape}")
        if x.ndim == 2:
            return x
        if self.component >= x.shape[2]:
            raise ValueError(f"there is no component {self.component} of states with {x.shape[2]} fields")
        return x[..., self.component]


def block_edges(lattice: Lattice, block: int) -> tuple[int, int, int]:
    """Cells of a block along each axis: B along those that the lattice repeats, 1 along the others.

    Raises:
        ValueError: B does not divide the lattice; the message names edges that do.
    """
    for axis, (n, repeated) in enumerate(zip(lattice.shape, lattice.pbc, strict=True)):
        if repeated and n % block:
            common = math.gcd(*(m for m, p in zip(lattice.shape, lattice.pbc, strict=True) if p))
            fits = [b for b in range(1, common + 1) if common % b == 0]
            near = [b for b in fits if b < block][-_SHOWN:] + [b for b in fits if b > block][:_SHOWN]
            raise ValueError(
                f"blocks of {block} do not divide the {n} cells of the lattice along axis {axis + 1}; choose "
                f"{', '.join(map(str, near))}, or another lattice"
            )
    first, second, third = (block if repeated else 1 for repeated in lattice.pbc)
    return first, second, third
