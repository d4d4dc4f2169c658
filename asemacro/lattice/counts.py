"""How many atoms of each species a box holds: from fractions by largest remainder, or the counts themselves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import count_of
from asemacro.lattice.grid import Grid

VACANCY = "X"


def counts_of(lattice: Grid, composition: Mapping[str, float], vacancies: int) -> NDArray[np.int64]:
    """(S + 1,) number of vacancies and of atoms of each species; see `Lattice.random_state`.

    Raises:
        ValueError: an unknown species, counts that do not add up to the sites, fractions that do not add up to 1.
    """
    wanted = dict(composition)
    unknown = [s for s in wanted if s not in (*lattice.species, VACANCY)]
    if unknown:
        raise ValueError(f"the lattice has no species {unknown[0]}, only {', '.join(lattice.species)}")
    values = np.array([wanted.get(s, 0) for s in lattice.species], dtype=float)
    empty = count_of(wanted.get(VACANCY, vacancies), "vacancies")
    if not 0 <= empty < lattice.n_sites:
        raise ValueError(f"{empty} vacancies do not fit on {lattice.n_sites} sites with at least one atom")
    if not np.all(np.isfinite(values)) or values.min(initial=0) < 0 or values.sum() <= 0:
        raise ValueError(f"a composition needs fractions that are not negative and not all zero, got {wanted}")
    atoms = lattice.n_sites - empty
    integers = bool(np.all(values == np.rint(values)))
    if VACANCY in wanted or (integers and values.sum() == atoms):
        if not integers or values.sum() != atoms:
            raise ValueError(f"counts {wanted} do not add up to the {lattice.n_sites} sites of the lattice")
        return np.array([empty, *values.astype(np.int64)])
    if abs(values.sum() - 1) > 0.02:
        raise ValueError(f"the fractions of the composition add up to {values.sum():g}, not to 1: {wanted}")
    share = values / values.sum() * atoms
    counts = np.floor(share + 1e-9).astype(np.int64)
    # rounded, so that equal remainders go to the first species whatever the last bit
    order = np.argsort(-np.round(share - counts, 6), kind="stable")
    counts[order[: atoms - counts.sum()]] += 1
    return np.array([empty, *counts])
