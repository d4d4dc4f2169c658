"""Fields on a lattice: their means as the macroscopic observable, and the fields as pseudo-atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from asemacro.arguments.door import ATOMS, CRYSTAL, LATTICE, SITES, STATES, array, checked, many, text
from asemacro.observables.state_change import as_events, different, events_of

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

Floats = NDArray[np.float64]


class FieldMean:
    """Mean of each field over the sites, `phi(x, lattice) -> (batch, n_fields)`.

    Args:
        labels: names of the fields, in the order of the last axis of a state.

    Raises:
        ValueError: no name, or one name twice.
    """

    @checked(labels=many(text))
    def __init__(self, labels: Sequence[str] = ("u", "v")) -> None:
        self.labels = tuple(labels)
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"fields need different names, got {self.labels}")

    @property
    def dim(self) -> int:
        """Number of fields."""
        return len(self.labels)

    @checked(x=STATES, lattice=LATTICE)
    def __call__(self, x: Floats, lattice: Any) -> Floats:
        """Means of states x (batch, n_sites, n_fields) or (n_sites, n_fields)."""
        return self._batch(x, lattice).mean(axis=1)

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=array())
    def change(self, x0: Floats, lattice: Any, sites: NDArray[np.integer], values: Floats) -> Floats:
        """phi(x1) - phi(x0) from the changed sites alone.

        Args:
            x0: (batch, n_sites, n_fields) or (n_sites, n_fields) states before.
            lattice: their lattice.
            sites: (batch, m) or (m,) sites, each at most once; negative ones are ignored, to fill up a row.
            values: (batch, m, n_fields) or (m, n_fields) what they hold afterwards.

        Returns:
            (batch, n_fields).

        Raises:
            ValueError: a site occurs twice.
        """
        x0 = self._batch(x0, lattice)
        return self.changes(x0, lattice, *as_events(x0, sites, values))[:, 0]

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=array())
    def changes(self, x0: Floats, lattice: Any, sites: NDArray[np.integer], values: Floats) -> Floats:
        """The change by each of several events that start from the same state.

        Args:
            x0: (batch, n_sites, n_fields) states before.
            lattice: their lattice.
            sites: (batch, n_events, m) sites; negative ones are ignored.
            values: (batch, n_events, m, n_fields) what they hold afterwards.

        Returns:
            (batch, n_events, n_fields).

        Raises:
            ValueError: a site occurs twice in an event.
        """
        x0 = self._batch(x0, lattice)
        sites, values = events_of(x0, lattice.n_sites, sites, values)
        different(sites)
        before = x0[np.arange(len(x0))[:, None, None], np.maximum(sites, 0)]
        return np.where(sites[..., None] >= 0, values - before, 0.0).sum(axis=2) / x0.shape[1]

    def _batch(self, x: Floats, lattice: Any) -> Floats:
        x = np.asarray(x, dtype=float)
        x = x[None] if x.ndim == 2 else x
        if x.ndim != 3 or x.shape[1:] != (lattice.n_sites, self.dim):
            raise ValueError(f"fields must have the shape (batch, {lattice.n_sites}, {self.dim}), got {x.shape}")
        return x


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
