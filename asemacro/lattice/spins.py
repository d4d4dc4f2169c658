"""States of spins: random ones, and as pseudo-atoms that ase gui and OVITO draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import bound_of_memory, generator_of, shown
from asemacro.arguments.door import ATOMS, CRYSTAL, LATTICE, STATES, array, checked, whole
from asemacro.typing import Integers, Spins

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


@checked(lattice=LATTICE, magnetisation=array(finite=False), batch=whole(1), rng=generator_of)
def random_spins(
    lattice: Lattice, magnetisation: ArrayLike = 0.0, batch: int | None = None, *, rng: np.random.Generator
) -> Spins:
    """Spins on random sites with an exact magnetisation, rounded to the nearest one that n sites allow.

    Args:
        lattice: where the spins live.
        magnetisation: sum of spins per site in [-1, 1], a scalar or one for each state, (batch,).
        batch: number of states; default one for each magnetisation.
        rng: source of randomness.

    Returns:
        (batch, n_sites) int8 of -1 and 1.

    Raises:
        ValueError: a magnetisation outside [-1, 1], or a batch that does not fit it.
    """
    wanted = np.asarray(magnetisation, dtype=float)
    if not (np.abs(wanted) <= 1).all() or wanted.ndim > 1:
        raise ValueError(f"magnetisations must lie in [-1, 1], a number or a list of them, got {shown(wanted)}")
    count = wanted.size if batch is None else batch
    if count < 1 or wanted.size not in (1, count):
        raise ValueError(f"{wanted.size} magnetisations do not make {count} states")
    n = lattice.n_sites
    bound_of_memory(2.0 * count * n, f"{count} states of {n} spins")
    up = np.broadcast_to(np.rint(n * (1 + wanted) / 2).astype(np.int64), (count,))
    states = np.where(np.arange(n) < up[:, None], 1, -1).astype(np.int8)
    return rng.permuted(states, axis=1, out=states)


@checked(m=array(None, None, kind="n"), rng=generator_of)
def spins_at(m: NDArray[np.floating[Any]], *, rng: np.random.Generator) -> Spins:
    """Independent spins, each up with probability (1 + m) / 2, for local magnetisations m (batch, n_sites).

    Raises:
        ValueError: a magnetisation outside [-1, 1].
    """
    if m.size and not abs(m).max() <= 1:
        raise ValueError(f"magnetisations must lie in [-1, 1], got {m.min():g} to {m.max():g}")
    up = rng.random(m.shape, dtype=np.float32) < (1 + m) / 2
    return np.where(up, np.int8(1), np.int8(-1))


@checked(x=STATES, lattice=CRYSTAL)
def spins_to_atoms(x: Spins, lattice: Lattice) -> Atoms:
    """Pseudo-atoms X with initial magnetic moments -1 and 1, in the order of the sites.

    Args:
        x: (n_sites,) or (1, n_sites) spins.
        lattice: where they live.

    Raises:
        ValueError: another number of spins than sites.
    """
    values = np.asarray(x).reshape(-1)
    if len(values) != lattice.n_sites:
        raise ValueError(f"the state has {len(values)} spins, the lattice {lattice.n_sites} sites")
    atoms = lattice.to_atoms(np.zeros(lattice.n_sites, dtype=np.int8))
    atoms.set_initial_magnetic_moments(values.astype(float))
    return atoms


@checked(atoms=ATOMS, lattice=CRYSTAL)
def spins_from_atoms(atoms: Atoms, lattice: Lattice) -> Spins:
    """(1, n_sites) spins of atoms with initial magnetic moments: their signs, at the nearest sites.

    Args:
        atoms: one atom a site in any order, of any element.
        lattice: the sites.

    Raises:
        ValueError: a site without or with two atoms, an atom far from all sites, or one without a moment.
    """
    site = one_atom_a_site(atoms, lattice)
    moments = atoms.get_initial_magnetic_moments()
    if moments.ndim > 1 or (moments == 0).any():
        raise ValueError("every atom needs an initial magnetic moment, a number that is not 0")
    x = np.empty((1, lattice.n_sites), dtype=np.int8)
    x[0, site] = np.sign(moments)
    return x


def one_atom_a_site(atoms: Atoms, lattice: Lattice) -> Integers:
    """(n_sites,) the site of each atom.

    Raises:
        ValueError: a site without or with two atoms, or an atom far from all sites.
    """
    if len(atoms) != lattice.n_sites:
        raise ValueError(f"there are {len(atoms)} atoms for {lattice.n_sites} sites")
    site, distance = lattice.nearest_sites(atoms.get_positions())
    limit = 0.25 * lattice.shells(1)[0].distance
    if distance.max() > limit:
        raise ValueError(f"atom {int(distance.argmax())} lies {distance.max():.3g} A from the nearest site")
    if len(np.unique(site)) < len(site):
        raise ValueError("two atoms belong to the same site of the lattice")
    return site
