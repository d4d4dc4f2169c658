"""Side by side: a large system made of separate periodic cells, and observables of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.door import checked, whole
from asemacro.micro.protocol import SYSTEM, Events, MicroSystem, Motion, draw_from
from asemacro.observables.base import Observable, measured
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

_CHUNK_SITES = 1 << 23  # states are measured in chunks of about this many sites


@dataclasses.dataclass(frozen=True)
class BlockLattice:
    """`copies` separate periodic cells; site = block * block sites + site in the block.

    Attributes:
        block: lattice of one cell.
        copies: number of cells.
    """

    block: Lattice
    copies: int

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"copies must be at least 1, got {self.copies}")

    @property
    def n_sites(self) -> int:
        """Sites in all blocks."""
        return self.block.n_sites * self.copies

    @property
    def species(self) -> tuple[str, ...]:
        """Species of the block."""
        return self.block.species

    def split(self, x: NDArray[Any]) -> NDArray[Any]:
        """(batch, n_sites, ...) -> (batch * copies, block sites, ...), a view where possible."""
        if x.ndim < 2 or x.shape[1] != self.n_sites:
            raise ValueError(f"state has shape {x.shape}, expected (batch, {self.n_sites})")
        return x.reshape(len(x) * self.copies, self.block.n_sites, *x.shape[2:])


class Blocks(MicroSystem):
    """The system of independent cells side by side: each keeps its own periodic surroundings.

    Its generator is the sum over all carriers, so it is a micro system like any other; only the cells that hold
    an active carrier are evolved.

    Args:
        system: the micro system of one cell.
        copies: number of cells.
    """

    @checked(system=SYSTEM, copies=whole(1))
    def __init__(self, system: MicroSystem, copies: int) -> None:
        self.system = system
        self.lattice: BlockLattice = BlockLattice(system.lattice, copies)  # type: ignore[assignment]
        self.immobile, self.time_step, self.draws_blocks = system.immobile, system.time_step, system.draws_blocks

    def carriers(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Sites of the carriers, (batch, n); every cell must hold the same number."""
        own = np.asarray(self.system.carriers(self.lattice.split(x)), dtype=np.int64)
        own = own.reshape(len(x), self.lattice.copies, -1)
        shift = np.arange(self.lattice.copies) * self.lattice.block.n_sites
        return (own + shift[None, :, None]).reshape(len(x), -1)

    def draw_active(self, x: NDArray[Any], m: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
        """Sites (batch, m) of carriers that are to move: whole cells if m is a multiple of theirs, else a part of one.

        Each carrier has the same probability. Where a cell draws no blocks of neighbours, they are drawn one by one.

        Raises:
            ValueError: no carriers, or more than a cell's but not a multiple.
        """
        carriers = self.carriers(x)
        per_cell = carriers.shape[1] // self.lattice.copies
        if not self.draws_blocks or per_cell == 0:
            return draw_from(carriers, m, rng=rng)
        if m > per_cell and m % per_cell:
            raise ValueError(f"{m} active carriers are not a whole number of cells of {per_cell}")
        order = rng.permuted(np.broadcast_to(np.arange(self.lattice.copies), (len(x), self.lattice.copies)), axis=1)
        if m >= per_cell:
            grouped = carriers.reshape(len(x), self.lattice.copies, per_cell)
            return np.take_along_axis(grouped, order[:, : m // per_cell, None], axis=1).reshape(len(x), m)
        chosen = np.arange(len(x)) * self.lattice.copies + order[:, 0]
        return (
            self.system.draw_active(self.lattice.split(x)[chosen], m, rng=rng)
            + order[:, :1] * self.lattice.block.n_sites
        )

    def evolve(
        self,
        x: NDArray[Any],
        duration: ArrayLike,
        active: NDArray[np.integer] | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Advance by `duration` (scalar or (batch,)) with only the carriers at sites `active` (batch, m) moving."""
        cells = self.lattice.split(x)
        active = self.carriers(x) if active is None else np.asarray(active, dtype=np.int64)
        times = np.broadcast_to(np.asarray(duration, dtype=float), (len(x),))
        out = cells.copy()
        moved = active.copy()
        for chosen, members, sites in self._by_cell(active):
            new, now = self.system.evolve(cells[chosen], times[chosen // self.lattice.copies], sites, rng=rng)
            out[chosen] = new
            moved.reshape(-1)[members] = now + self._start(chosen)
        return out.reshape(x.shape), moved

    def events(self, x: NDArray[Any], active: NDArray[np.integer] | None = None) -> Events | Motion:
        """All that the active carriers (batch, m) can do next, carrier after carrier in their order.

        Raises:
            ValueError: the system of one cell has no `events`.
        """
        cells = self.lattice.split(x)
        active = self.carriers(x) if active is None else np.asarray(active, dtype=np.int64)
        kind: type[Events | Motion] = Events
        columns: dict[str, NDArray[Any]] = {}
        for chosen, members, local in self._by_cell(active):
            found = self.system.events(cells[chosen], local)
            kind = type(found)
            for name, part in found._asdict().items():
                if name == "sites":
                    start = self._start(chosen).reshape(-1, *(1,) * (part.ndim - 1))
                    part = part + np.where(part >= 0, start, 0)
                by_carrier = part.reshape(*members.shape, -1, *part.shape[2:])
                if name not in columns:
                    columns[name] = np.empty((active.size, *by_carrier.shape[2:]), dtype=part.dtype)
                columns[name][members] = by_carrier
        return kind(**{name: c.reshape(len(x), -1, *c.shape[2:]) for name, c in columns.items()})

    def _by_cell(
        self, active: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """Active carriers (batch, m) gathered by cell; cells with equally many of them come together.

        Yields:
            (n,) cells, (n, k) places of their carriers in the flat `active`, (n, k) sites inside the cell.
        """
        size = self.lattice.block.n_sites
        cell = np.arange(len(active))[:, None] * self.lattice.copies + active // size
        order = np.argsort(cell, axis=None, kind="stable")
        names, first, counts = np.unique(cell.reshape(-1)[order], return_index=True, return_counts=True)
        for count in np.unique(counts):
            members = order[first[counts == count][:, None] + np.arange(count)]
            yield names[counts == count], members, active.reshape(-1)[members] % size

    def _start(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n, 1) first site of cells in their states."""
        return (cells % self.lattice.copies * self.lattice.block.n_sites)[:, None]


def cells_of(lattice: Lattice | BlockLattice) -> tuple[Lattice, int]:
    """The periodic cell that a lattice consists of and how many of them; a lattice is one, but for `BlockLattice`."""
    return (lattice.block, lattice.copies) if isinstance(lattice, BlockLattice) else (lattice, 1)


def observe(phi: Observable, x: NDArray[Any], lattice: Lattice | BlockLattice) -> Floats:
    """phi of states (batch, n_sites), in chunks; on blocks the mean over the blocks, (batch, dim)."""
    block, copies = cells_of(lattice)
    rows = max(1, _CHUNK_SITES // max(1, lattice.n_sites))
    parts = [measured(phi, _cells(x[i : i + rows], lattice), block) for i in range(0, len(x), rows)]
    values = np.concatenate(parts) if parts else np.zeros((0, phi.dim))
    return values if copies == 1 else values.reshape(len(x), copies, -1).mean(axis=1)


def observed_bounds(phi: Observable, x: NDArray[Any], lattice: Lattice | BlockLattice) -> Floats:
    """(dim, 2) least and largest values of phi in states of the compositions of x, see `Observable.bounds`."""
    return np.asarray(phi.bounds(_cells(x, lattice), cells_of(lattice)[0]), dtype=float)


def _cells(x: NDArray[Any], lattice: Lattice | BlockLattice) -> NDArray[Any]:
    """The states of the cells that states consist of."""
    return lattice.split(x) if isinstance(lattice, BlockLattice) else x
