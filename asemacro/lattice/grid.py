"""Unit cell x grid: the fields of a lattice, what they must be, and the memory that arrays over its sites take."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from asemacro.arguments.checks import MOST_COUNT, bound_of_memory
from asemacro.arguments.door import (
    MOST_CELLS,
    array,
    check_fields,
    checked,
    dictionary,
    flag,
    many,
    number,
    one_or_many,
    text,
    whole,
)
from asemacro.lattice.spectators import Spectators


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """N1 x N2 x N3 unit cells: the fields of a `Lattice`, described there, for the functions that it is made of."""

    cell: NDArray[np.float64]
    basis: NDArray[np.float64]
    shape: tuple[int, int, int]
    pbc: tuple[bool, bool, bool]
    species: tuple[str, ...]
    composition: dict[str, float]
    prototype: str
    conventional: NDArray[np.float64]
    ideal: NDArray[np.float64]
    vacant: float = 0.0
    open_axes: tuple[bool, bool, bool] = (False, False, False)
    _spectators: Spectators | None = dataclasses.field(default=None, repr=False)  # no result of a run depends on them
    _memo: dict[Any, Any] = dataclasses.field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        check_form(self)

    @property
    def spectators(self) -> Spectators | None:
        """The atoms beside a sublattice, which stay where they are; None if the lattice is that of all atoms."""
        return self._spectators

    @property
    def n_beside(self) -> int:
        """Places of atoms beside the sublattice."""
        box = self.cell * np.array(self.shape)[:, None]
        return 0 if self._spectators is None else self._spectators.count(self.conventional, box)

    @property
    def n_basis(self) -> int:
        """Sites in a unit cell."""
        return len(self.basis)

    @property
    def n_sites(self) -> int:
        """Sites in all."""
        return math.prod(self.shape) * self.n_basis

    @checked(times=one_or_many(whole(1, MOST_CELLS)))
    def repeat(self, times: int | Sequence[int]) -> Self:
        """The same crystal in a box (m1, m2, m3) times as large."""
        m = [times if p else 1 for p in self.pbc] if isinstance(times, int) else list(times)
        if len(m) != 3:
            raise ValueError(f"repeat takes one or three positive integers, got {times}")
        shape = tuple(n * k for n, k in zip(self.shape, m, strict=True))
        return dataclasses.replace(self, shape=shape)  # type: ignore[arg-type]


def check_form(lattice: Grid) -> None:
    """Check the fields of a lattice; arrays become read-only, sequences tuples.

    Raises:
        TypeError: a field of another kind.
        ValueError: vectors that are not independent, shapes that do not fit, species out of order.
    """
    square = array(3, 3)
    check_fields(lattice, cell=square, conventional=square, ideal=square, basis=array(None, 3), prototype=text)
    for name in ("cell", "basis", "conventional", "ideal"):
        value = np.array(getattr(lattice, name))
        value.setflags(write=False)
        object.__setattr__(lattice, name, value)
        if name != "basis" and not abs(np.linalg.det(value)) > 0:
            raise ValueError(f"the vectors of the {name} of a lattice must span a volume, got {value.tolist()}")
    check_fields(lattice, shape=many(whole(1, MOST_CELLS)), pbc=many(flag), open_axes=many(flag), species=many(text))
    check_fields(lattice, composition=dictionary(number(0)))
    lengths = [len(axes) for axes in (lattice.shape, lattice.pbc, lattice.open_axes)]
    if lengths != [3, 3, 3] or not len(lattice.basis):
        raise ValueError(f"shape, pbc and open_axes of a lattice have 3 members, its basis at least 1, got {lengths}")
    if math.prod(lattice.shape) * len(lattice.basis) > MOST_COUNT:
        raise ValueError(f"a lattice of shape {lattice.shape} has more sites than can be counted")
    if any(n > 1 and not p for n, p in zip(lattice.shape, lattice.pbc, strict=True)):
        raise ValueError(f"shape {lattice.shape} repeats an axis without lattice translations (pbc {lattice.pbc})")
    beyond = any(e > p for e, p in zip(lattice.open_axes, lattice.pbc, strict=True))
    if any(lattice.open_axes) and (lattice.species or beyond):
        raise ValueError("only periodic axes of a lattice without species can be opened: atoms wrap around")
    numbers = [atomic_numbers.get(s, 0) for s in lattice.species]
    if 0 in numbers or numbers != sorted(set(numbers)):
        raise ValueError(f"species must be elements in the order of their atomic numbers, got {lattice.species}")
    if len(lattice.species) > 120:
        raise ValueError(f"{len(lattice.species)} species do not fit the int8 state")


def need_memory(lattice: Grid, bytes_a_site: float, what: str) -> None:
    """Refuse arrays over the sites that do not fit the memory; see `bound_of_memory`."""
    bound_of_memory(bytes_a_site * lattice.n_sites, f"{what} of {lattice.n_sites} sites")
