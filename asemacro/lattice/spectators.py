"""The atoms beside a sublattice: they stay where they are, and stand in every structure that is written."""

from __future__ import annotations

import dataclasses

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.lattice.reading.elements import VACANCY
from asemacro.lattice.rounding import round_table
from asemacro.typing import Floats

_DRAWN = 0  # seed of what stands on sites with occupancies: the same in each structure that is written


@dataclasses.dataclass(frozen=True, eq=False)
class Spectators:
    """Atoms that no swap and no hop moves, in a box that repeats.

    Attributes:
        period: (3, 3) vectors of that box in rows, in fractions of the conventional cell vectors of the lattice.
        places: (n, 3) where they are, in the same fractions.
        held: what each place holds, {element: fraction} with vacancies as "X".
    """

    period: Floats
    places: Floats
    held: tuple[dict[str, float], ...]

    @property
    def elements(self) -> tuple[str, ...]:
        """Their elements, by atomic number."""
        there = {symbol for shares in self.held for symbol in shares if symbol != VACANCY}
        return tuple(sorted(there, key=atomic_numbers.__getitem__))

    def count(self, conventional: Floats, box: Floats) -> int:
        """How many places there are in a box (3, 3) of the lattice with these conventional cell vectors."""
        return len(self.places) * round(abs(np.linalg.det(box) / np.linalg.det(self.period @ conventional)))

    def in_box(self, conventional: Floats, box: Floats) -> Atoms:
        """The atoms in a box of the lattice with these conventional cell vectors, (3, 3) each, angstrom.

        Places with occupancies are filled at random in exact numbers, the same way each time. Vacancies are left out.

        Raises:
            ValueError: the atoms do not repeat so that they fit the box.
        """
        period = self.period @ conventional
        steps = box @ np.linalg.inv(period)
        if np.abs(steps - np.rint(steps)).max() > 1e-3:
            raise ValueError(
                f"the atoms of {', '.join(self.elements)} beside the sublattice repeat after "
                f"{_lengths(period)} angstrom, so that they do not fit a box of {_lengths(box)} angstrom"
            )
        bound_of_memory(150.0 * self.count(conventional, box), "atoms beside the sublattice")
        shifts = _inside(np.rint(steps).astype(np.int64)) @ period
        positions = (shifts[:, None] + (self.places @ conventional)[None]).reshape(-1, 3)
        numbers = self._numbers(len(shifts))
        return Atoms(numbers=numbers[numbers > 0], positions=positions[numbers > 0])

    def _numbers(self, copies: int) -> NDArray[np.int64]:
        """(copies * n,) atomic numbers, 0 for a vacancy."""
        symbols = (VACANCY, *self.elements)
        shares = np.array([[held.get(symbol, 0.0) for symbol in symbols] for held in self.held])
        kinds, kind = np.unique(np.round(shares, 9), axis=0, return_inverse=True)
        counts = round_table(kinds * (copies * np.bincount(kind.reshape(-1)))[:, None])
        rng = np.random.default_rng(_DRAWN)
        number = np.array([atomic_numbers[symbol] for symbol in symbols])
        found = np.empty((copies, len(self.held)), dtype=np.int64)
        for k, row in enumerate(counts):
            filled = np.repeat(number, row)
            found[:, kind.reshape(-1) == k] = rng.permutation(filled).reshape(copies, -1)
        return found.reshape(-1)


def in_smallest_box(spectators: Spectators, unit: Floats, conventional: Floats, tolerance: float) -> Spectators:
    """The same atoms in the unit cell (3, 3) of the lattice, if each of its copies holds the same.

    Args:
        spectators: in a box of whole unit cells.
        unit: vectors of the unit cell, angstrom.
        conventional: vectors of the conventional cell, angstrom.
        tolerance: how far copies may be from each other, angstrom.
    """
    copies = round(abs(np.linalg.det(spectators.period @ conventional) / np.linalg.det(unit)))
    each, rest = divmod(len(spectators.places), copies)
    if copies == 1 or rest:
        return spectators
    inside = spectators.places @ conventional @ np.linalg.inv(unit)
    left = np.arange(len(inside))
    places: list[Floats] = []
    held: list[dict[str, float]] = []
    while len(left):
        gap = inside[left] - inside[left[0]]
        gap -= np.rint(gap)
        same = np.linalg.norm(gap @ unit, axis=1) < tolerance
        alike = all(spectators.held[k] == spectators.held[left[0]] for k in left[same])
        if same.sum() != copies or not alike or len(places) == each:
            return spectators
        places.append(inside[left[0]] + gap[same].mean(0))
        held.append(spectators.held[left[0]])
        left = left[~same]
    back = unit @ np.linalg.inv(conventional)
    return Spectators(back, np.array(places) @ back, tuple(held))


def _inside(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 3) the whole numbers of steps that lead to the corners inside the box whose vectors are the rows."""
    low, high = np.minimum(steps, 0).sum(0), np.maximum(steps, 0).sum(0)
    if np.array_equal(steps, np.diag(np.abs(np.diag(steps)))):
        high = high - 1  # no more than there are
    axes = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    corners = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    fractions = corners @ np.linalg.inv(steps.astype(float))
    return corners[np.all((fractions > -1e-9) & (fractions < 1 - 1e-9), axis=1)]


def _lengths(vectors: Floats) -> str:
    return " x ".join(f"{length:.4g}" for length in np.linalg.norm(vectors, axis=1))
