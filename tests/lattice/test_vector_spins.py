"""Random directions of a given mean, and vector spins as pseudo-atoms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from scipy import stats

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.vector_spins import inverse_langevin, random_vectors, vectors_from_atoms, vectors_to_atoms
from asemacro.testing import ALPHA, chi_square

BCC = Lattice.bcc(1.0, "X", 3)
SIGMAS = stats.norm.isf(ALPHA / 2)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("mean", [0.0, 1e-8, 0.3, -0.7, 0.99, 1.0, -1.0])
def test_directions_have_the_mean(mean: float) -> None:
    x = random_vectors(BCC, mean, 400, rng=rng())
    assert x.shape == (400, 54, 3)
    np.testing.assert_allclose(np.linalg.norm(x, axis=2), 1.0, atol=1e-15)
    z = x[..., 2].reshape(-1)
    assert abs(z.mean() - mean) <= SIGMAS * z.std() / np.sqrt(len(z))
    assert abs(x[..., 0].mean()) < SIGMAS / np.sqrt(len(z))


def test_directions_are_of_largest_entropy() -> None:
    z = random_vectors(BCC, 0.6, 400, rng=rng())[..., 2].reshape(-1)
    kappa = float(inverse_langevin(0.6))
    edges = np.linspace(-1, 1, 17)
    assert chi_square(np.histogram(z, edges)[0], np.diff(np.exp(kappa * edges)) / 2 / np.sinh(kappa)) > ALPHA
    z = random_vectors(BCC, 0.0, 400, rng=rng())[..., 2].reshape(-1)
    assert chi_square(np.histogram(z, edges)[0], np.full(16, 1 / 16)) > ALPHA


def test_a_mean_for_each_state_or_site() -> None:
    states = random_vectors(BCC, [-0.9, 0.9], rng=rng())
    assert states[0, :, 2].mean() < -0.7 < 0.7 < states[1, :, 2].mean()
    field = np.where(np.arange(54) < 27, -1.0, 1.0)[None]
    assert np.array_equal(random_vectors(BCC, field, 2, rng=rng())[..., 2], np.repeat(field, 2, axis=0))


@pytest.mark.parametrize("mean", [1e-12, 1e-4, 0.0033, 0.2, 0.5, 0.9, 0.979, 0.981, 0.9999])
def test_inverse_langevin(mean: float) -> None:
    kappa = float(inverse_langevin(mean))
    back = kappa / 3 if kappa < 1e-3 else 1 / np.tanh(kappa) - 1 / kappa
    assert back == pytest.approx(max(mean, 1e-9), rel=1e-6)


def test_pseudo_atoms_both_ways(tmp_path: Path) -> None:
    x = random_vectors(BCC, 0.3, 1, rng=rng())
    atoms = vectors_to_atoms(x, BCC)
    assert atoms.get_initial_magnetic_moments().shape == (54, 3)
    np.testing.assert_allclose(vectors_from_atoms(atoms, BCC), x, atol=1e-15)
    shuffled = atoms[rng().permutation(54)]
    shuffled.set_initial_magnetic_moments(2.2 * shuffled.get_initial_magnetic_moments())
    np.testing.assert_allclose(vectors_from_atoms(shuffled, BCC), x, atol=1e-15)
    ase.io.write(tmp_path / "x.extxyz", [atoms, atoms])
    back = ase.io.read(tmp_path / "x.extxyz", "1")
    np.testing.assert_allclose(vectors_from_atoms(back, BCC), x, atol=2e-8)
    ase.io.write(tmp_path / "x.traj", atoms)
    np.testing.assert_allclose(vectors_from_atoms(ase.io.read(tmp_path / "x.traj"), BCC), x, atol=1e-15)


@pytest.mark.parametrize(
    ("moments", "kept", "message"),
    [
        (np.ones((54, 3)), 53, "53 atoms for 54 sites"),
        (np.ones(54), 54, "that is a vector"),
        (np.zeros((54, 3)), 54, "that is a vector, not 0"),
        (None, 54, "that is a vector"),
    ],
)
def test_bad_atoms(moments: np.ndarray | None, kept: int, message: str) -> None:
    atoms = BCC.to_atoms(np.zeros(54, np.int8))
    if moments is not None:
        atoms.set_initial_magnetic_moments(moments)
    with pytest.raises(ValueError, match=message):
        vectors_from_atoms(atoms[:kept], BCC)


@pytest.mark.parametrize(
    ("magnetisation", "batch", "message"),
    [
        (1.5, 1, r"must lie in \[-1, 1\]"),
        ([0.1, 0.2], 3, "do not make 3 states"),
        (np.zeros((2, 5)), 2, "do not make 2 states"),
        (0.0, 10**15, "memory"),
    ],
)
def test_bad_magnetisations(magnetisation: Any, batch: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_vectors(BCC, magnetisation, batch, rng=rng())
