"""What each site of a lattice holds in a structure, for certain or by its occupancies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asemacro.lattice.reading.elements import VACANCY
from asemacro.lattice.reading.occupancy import ROUNDING
from asemacro.lattice.recognition.atoms_to_grid import read_state
from asemacro.lattice.recognition.crystal import Crystal, read_crystal
from asemacro.lattice.recognition.placement import Places, nearest_sites
from asemacro.typing import Floats

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    from asemacro.lattice.lattice import Lattice


def site_fractions(lattice: Lattice, source: Atoms | Structure | Crystal, places: Places | None = None) -> Floats:
    """(n_sites, S + 1) how much of each site is vacant (column 0) or of a species; rows add up to 1.

    `places` are those of the atoms on this lattice, if they are known.

    Raises:
        ValueError: atoms that are on no site of the lattice or share one, see `Lattice.state`.
    """
    crystal = read_crystal(source)
    if crystal.occupancy is None:
        return np.eye(len(lattice.species) + 1)[read_state(lattice, crystal, lattice.shells(1)[0].distance, places)[0]]
    return _shared_sites(lattice, crystal, places or nearest_sites(lattice, crystal.positions))


def _shared_sites(lattice: Lattice, crystal: Crystal, places: Places) -> Floats:
    site = places.site
    placed = places.distance <= 0.5 * lattice.shells(1)[0].distance  # others are left out, as `recognise` says
    columns = {s: k + 1 for k, s in enumerate(lattice.species)}
    filled = np.zeros((lattice.n_sites, len(lattice.species) + 1))
    for s, on_site, held in zip(site, placed, crystal.occupancy or (), strict=True):
        for symbol, fraction in held.items():
            if symbol != VACANCY and on_site:
                filled[s, columns[symbol]] += fraction
    total = filled.sum(1)
    if total.max() > 1 + ROUNDING * (1 + 1e-9):
        crowd = crystal.numbers_in_file(np.flatnonzero((site == total.argmax()) & placed))
        raise ValueError(
            f"sites {', '.join(map(str, crowd))} of the structure (counted from 0) are on the same lattice site, with "
            f"occupancies that add up to {total.max():g}, more than one atom"
        )
    filled[:, 0] = np.maximum(1 - total, 0)
    filled[:, 0][np.abs(total - 1) < 1e-12] = 0
    return filled
