"""States of vector spins: random directions of a given mean, and as pseudo-atoms with vector magnetic moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike

from asemacro.arguments.checks import bound_of_memory, generator_of, shown
from asemacro.arguments.door import ATOMS, CRYSTAL, LATTICE, array, checked, whole
from asemacro.lattice.spins import one_atom_a_site
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

_LEAST = 1e-9  # means below it are none
_NEWTON_STEPS = 6


@checked(lattice=LATTICE, magnetisation=array(), batch=whole(1), rng=generator_of)
def random_vectors(
    lattice: Lattice, magnetisation: ArrayLike = 0.0, batch: int | None = None, *, rng: np.random.Generator
) -> Floats:
    """Independent unit vectors whose z component has a given mean, and that know nothing else.

    The density on the sphere is that of largest entropy, proportional to exp(kappa s_z) with coth(kappa) - 1 / kappa
    the mean: uniform for 0, all along z for 1. The sum over a state scatters around its mean, unlike that of
    `random_spins`.

    Args:
        lattice: where the spins live.
        magnetisation: mean of s_z in [-1, 1]: a scalar, one for each state (batch,), or one for each site of each
            state (batch, n_sites).
        batch: number of states; default one for each magnetisation.
        rng: source of randomness.

    Returns:
        (batch, n_sites, 3) float64.

    Raises:
        ValueError: a magnetisation outside [-1, 1], or one of another shape.
    """
    wanted = np.asarray(magnetisation, dtype=float)
    n = lattice.n_sites
    count = (len(wanted) if wanted.ndim else 1) if batch is None else batch
    if wanted.shape not in ((), (1,), (count,), (1, n), (count, n)):
        raise ValueError(f"magnetisations of the shape {wanted.shape} do not make {count} states of {n} spins")
    if not (np.abs(wanted) <= 1).all():
        raise ValueError(f"magnetisations must lie in [-1, 1], got {shown(wanted)}")
    bound_of_memory(80.0 * count * n, f"{count} states of {n} vectors")
    kappa = inverse_langevin(np.abs(wanted) if wanted.ndim == 2 else np.abs(wanted).reshape(-1, 1))
    sign = np.sign(wanted if wanted.ndim == 2 else wanted.reshape(-1, 1))
    share = 1 - rng.random((count, n))  # in (0, 1]
    along = np.where(sign == 0, 2 * share - 1, sign * (1 + np.log1p((1 - share) * np.expm1(-2 * kappa)) / kappa))
    angle = rng.uniform(0.0, 2 * np.pi, (count, n))
    across = np.sqrt(np.maximum(1 - along**2, 0.0))
    return np.stack([across * np.cos(angle), across * np.sin(angle), along], axis=2)


def inverse_langevin(mean: ArrayLike) -> Floats:
    """kappa with coth(kappa) - 1 / kappa = mean for means in [0, 1]; inf at 1, never below 3 x 10^-9."""
    m = np.maximum(np.asarray(mean, dtype=float), _LEAST)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kappa = m * (3 - m**2) / (1 - m**2)
        for _ in range(_NEWTON_STEPS):
            small = kappa < 1e-2
            value = np.where(small, kappa / 3 - kappa**3 / 45, 1 / np.tanh(kappa) - 1 / kappa)
            slope = np.where(small, 1 / 3 - kappa**2 / 15, 1 / kappa**2 - 1 / np.sinh(kappa) ** 2)
            kappa = kappa + (m - value) / slope
        return np.where(m > 0.98, 1 / (1 - m), kappa)  # coth is 1 there


@checked(x=array(), lattice=CRYSTAL)
def vectors_to_atoms(x: Floats, lattice: Lattice) -> Atoms:
    """Pseudo-atoms X whose initial magnetic moments (n_sites, 3) are the spins, in the order of the sites.

    Args:
        x: (n_sites, 3) or (1, n_sites, 3) vectors.
        lattice: where they live.

    Raises:
        ValueError: another shape.
    """
    if x.shape not in ((lattice.n_sites, 3), (1, lattice.n_sites, 3)):
        raise ValueError(f"a state of vectors must have the shape ({lattice.n_sites}, 3), got {x.shape}")
    atoms = lattice.to_atoms(np.zeros(lattice.n_sites, dtype=np.int8))
    atoms.set_initial_magnetic_moments(np.array(x.reshape(-1, 3)))
    return atoms


@checked(atoms=ATOMS, lattice=CRYSTAL)
def vectors_from_atoms(atoms: Atoms, lattice: Lattice) -> Floats:
    """(1, n_sites, 3) directions of the initial magnetic moments of atoms, at the nearest sites.

    Args:
        atoms: one atom a site in any order, of any element, with moments that are vectors.
        lattice: the sites.

    Raises:
        ValueError: a site without or with two atoms, an atom far from all sites, or one without a vector.
    """
    site = one_atom_a_site(atoms, lattice)
    moments: Any = atoms.get_initial_magnetic_moments()
    length = np.linalg.norm(moments, axis=1, keepdims=True) if moments.ndim == 2 else np.zeros(1)
    if moments.ndim != 2 or not (np.isfinite(length) & (length > 0)).all():
        raise ValueError("every atom needs an initial magnetic moment that is a vector, not 0")
    x = np.empty((1, lattice.n_sites, 3))
    x[0, site] = moments / length
    return x
