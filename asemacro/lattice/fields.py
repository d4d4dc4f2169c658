"""Fields on a lattice as pseudo-atoms, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from asemacro.arguments.door import ATOMS, CRYSTAL, array, checked, many, text
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


@checked(lattice=CRYSTAL, x=array(), labels=many(text, least=1))
def fields_to_atoms(lattice: Lattice, x: Floats, labels: Sequence[str] = ("u", "v")) -> Atoms:
    """One state, (n_sites, n_fields) or (1, n_sites, n_fields), as pseudo-atoms X with an array for each field.

    extxyz keeps the arrays; .traj and POSCAR files drop them.
    """
    if x.size != lattice.n_sites * len(labels) or x.shape[-1] != len(labels):
        raise ValueError(f"a state x must have the shape ({lattice.n_sites}, {len(labels)}), got {x.shape}")
    values = x.reshape(-1, len(labels))
    box = lattice.cell * np.array(lattice.shape)[:, None]
    pbc = np.array(lattice.pbc) & ~np.array(lattice.open_axes)
    atoms = Atoms(numbers=np.zeros(lattice.n_sites, int), positions=lattice.positions(), cell=box, pbc=pbc)
    for name, field in zip(labels, values.T, strict=True):
        atoms.set_array(name, field.copy())
    return atoms


@checked(lattice=CRYSTAL, atoms=ATOMS, labels=many(text, least=1))
def fields_from_atoms(lattice: Lattice, atoms: Atoms, labels: Sequence[str] = ("u", "v")) -> Floats:
    """(1, n_sites, n_fields) the state that pseudo-atoms hold, in any order of the atoms.

    Raises:
        ValueError: an array is missing, or the atoms are not one on each site of the lattice.
    """
    missing = [name for name in labels if name not in atoms.arrays]
    if missing:
        raise ValueError(f"the atoms have no array {missing[0]!r}; extxyz files keep arrays, .traj and POSCAR do not")
    site, distance = lattice.nearest_sites(atoms.positions)
    if len(np.unique(site)) < lattice.n_sites or len(site) > lattice.n_sites:
        raise ValueError(f"{len(atoms)} atoms are not one on each of the {lattice.n_sites} sites of the lattice")
    if distance.max() > 0.25 * lattice.shells(1)[0].distance:
        raise ValueError("the atoms do not sit on the sites of the lattice")
    x = np.empty((1, lattice.n_sites, len(labels)))
    for k, name in enumerate(labels):
        x[0, site, k] = atoms.arrays[name]
    return x
