"""What a network is told about an element: which one it is, and where it stands in the periodic table.

With only a one-hot code a network has no idea what a crystal rich in one element is like if none was in its data.
Shared descriptors let it carry over what it learned from the neighbours in the table (Nb from Ta and V); in
cross-validation by composition this is worth a fifth of the error.
"""

from __future__ import annotations

import numpy as np
from ase.data import atomic_numbers, covalent_radii, reference_states
from numpy.typing import NDArray

STRENGTH = 2.0
"""Standard deviation of the descriptors among the species of a model."""
OWN = 0.3
"""Size of the one-hot code beside them: the smaller, the less elements are told apart in their own right."""
_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)
_PER_CELL = {"bcc": 2, "fcc": 4, "diamond": 8, "sc": 1}


def period_and_group(number: int) -> tuple[int, int]:
    """Row and column of the periodic table; lanthanides and actinides in column 3."""
    period = next(i for i, z in enumerate(_NOBLE) if number <= z)
    column = number - _NOBLE[period - 1]
    length = _NOBLE[period] - _NOBLE[period - 1]
    if length == 32:
        return period, column if column < 3 else max(3, column - 14)
    if column == 1 or length == 18 or (column == 2 and length > 2):
        return period, column
    return period, column + 18 - length


def size(number: int) -> float:
    """Cube root of the volume per atom of the element's crystal, A; twice the covalent radius if it is not simple."""
    state = reference_states[number]
    if state is not None and state.get("symmetry") in _PER_CELL:
        return float(state["a"]) / _PER_CELL[state["symmetry"]] ** (1 / 3)
    if state is not None and state.get("symmetry") == "hcp":
        return float((state["a"] ** 3 * state["c/a"] * 3**0.5 / 4) ** (1 / 3))
    return 2.0 * float(covalent_radii[number])


def describe(species: tuple[str, ...]) -> NDArray[np.float64]:
    """(S + 1, S + 4) code of the vacancy (row 0) and of the species.

    A one-hot code (OWN for atoms, 1 for the vacancy), then group, period and size with mean 0 and deviation STRENGTH.
    """
    numbers = [atomic_numbers[s] for s in species]
    table = np.array([[*reversed(period_and_group(z)), size(z)] for z in numbers], dtype=np.float64)
    spread = table.std(axis=0)
    table = STRENGTH * (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.hstack([np.diag([1.0, *(OWN for _ in species)]), np.vstack([np.zeros(3), table])])
