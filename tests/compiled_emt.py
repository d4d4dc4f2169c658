"""ASE's effective-medium theory compiled by numba, for tests that need 10^5 energies or more.

`asemacro barriers label ... --calculator compiled_emt:calculator` gives the barriers of `--calculator emt`; from
other folders, with this one in PYTHONPATH.
"""

from __future__ import annotations

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT, beta
from numba import njit
from numpy.typing import NDArray

from asemacro.lattice.lattice import Lattice
from asemacro.typing import Floats, Integers


def calculator() -> CompiledEMT:
    """A new calculator."""
    return CompiledEMT()


def tables(atoms) -> tuple[Floats, Integers, Floats]:  # type: ignore[no-untyped-def]
    """(S, 9) parameters of the species of atoms, (n,) their indices, (midpoint, slope, end) of the cutoff."""
    emt = EMT()
    emt.initialize(atoms)
    names = ("E0", "s0", "V0", "eta2", "kappa", "lambda", "n0", "inv12gamma1", "neghalfv0overgamma2")
    parameters = np.array([emt.par[name] for name in names]).T.copy()
    return parameters, np.asarray(emt.ia2iz, dtype=np.int64), np.array([emt.rc, emt.acut, emt.rc_list])


class CompiledEMT(Calculator):
    """Energy and forces of `ase.calculators.emt.EMT` at its defaults."""

    implemented_properties = ["energy", "free_energy", "forces"]  # noqa: RUF012
    nolabel = True

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:  # type: ignore[no-untyped-def]
        super().calculate(atoms, properties, system_changes)
        if "numbers" in system_changes:
            self._tables = tables(self.atoms)
        parameters, kinds, cutoff = self._tables
        cell, pbc = self.atoms.cell.array, self.atoms.pbc
        heights = self.atoms.cell.volume / np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
        most = np.where(pbc, np.ceil(cutoff[2] / heights), 0).astype(np.int64)
        inside = self.atoms.get_scaled_positions(wrap=True) @ cell
        energy, forces = _evaluate(inside, cell, most, kinds, parameters, cutoff)
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}


@njit(cache=True)
def density(p: NDArray, a: int, b: int, r: float, w: float) -> float:
    """What an atom of kind b at distance r adds to sigma_1 of one of kind a."""
    return p[b, 6] / p[a, 6] * np.exp(-p[b, 3] * (r - beta * p[b, 1])) * w


@njit(cache=True)
def pair(p: NDArray, a: int, b: int, r: float, w: float) -> float:
    """Pair energy of an atom of kind a from one of kind b; that of b from a comes in addition."""
    return p[a, 8] * p[b, 6] / p[a, 6] * np.exp(-p[b, 4] * (r / beta - p[b, 1])) * w


@njit(cache=True)
def embedding(p: NDArray, a: int, sigma: float) -> tuple[float, float]:
    """Energy of an atom of kind a without that of its pairs, and its derivative with respect to sigma_1."""
    s = -np.log(sigma * p[a, 7]) / (beta * p[a, 3])
    decay, rise = np.exp(-p[a, 5] * s), 6.0 * p[a, 2] * np.exp(-p[a, 4] * s)
    energy = p[a, 0] * ((1.0 + p[a, 5] * s) * decay - 1.0) + rise
    slope = -p[a, 0] * p[a, 5] ** 2 * s * decay - p[a, 4] * rise
    return energy, -slope / (beta * p[a, 3] * sigma)


@njit(cache=True)
def theta(cutoff: NDArray, r: float) -> float:
    """Smooth end of all functions of the distance."""
    return 1.0 / (1.0 + np.exp(cutoff[1] * (r - cutoff[0])))


@njit(cache=True)
def _evaluate(
    x: NDArray, cell: NDArray, most: NDArray, kinds: NDArray, p: NDArray, cutoff: NDArray
) -> tuple[float, NDArray]:
    n = len(x)
    images = np.empty(((2 * most[0] + 1) * (2 * most[1] + 1) * (2 * most[2] + 1), 3))
    m = 0
    for i in range(-most[0], most[0] + 1):
        for j in range(-most[1], most[1] + 1):
            for k in range(-most[2], most[2] + 1):
                for c in range(3):
                    images[m, c] = i * cell[0, c] + j * cell[1, c] + k * cell[2, c]
                m += 1
    # of each pair: its ends, the way, and the derivatives of both densities and of the pair energy
    near, apart, slopes = np.empty((n * 100, 2), dtype=np.int64), np.empty((n * 100, 3)), np.empty((n * 100, 3))
    sigma, energy, found = np.zeros(n), 0.0, 0
    for a in range(n):
        for b in range(a + 1):
            for m in range(len(images) if b < a else len(images) // 2):
                d0 = x[b, 0] - x[a, 0] + images[m, 0]
                d1 = x[b, 1] - x[a, 1] + images[m, 1]
                d2 = x[b, 2] - x[a, 2] + images[m, 2]
                r2 = d0 * d0 + d1 * d1 + d2 * d2
                if r2 < cutoff[2] ** 2:
                    r, s, t = np.sqrt(r2), kinds[a], kinds[b]
                    w = theta(cutoff, r)
                    fall = cutoff[1] * (w - 1.0)
                    to_a, to_b = density(p, s, t, r, w), density(p, t, s, r, w)
                    of_a, of_b = pair(p, s, t, r, w), pair(p, t, s, r, w)
                    sigma[a] += to_a
                    sigma[b] += to_b
                    energy += of_a + of_b
                    near[found], apart[found] = (a, b), (d0 / r, d1 / r, d2 / r)
                    slopes[found, 0], slopes[found, 1] = to_a * (fall - p[t, 3]), to_b * (fall - p[s, 3])
                    slopes[found, 2] = of_a * (fall - p[t, 4] / beta) + of_b * (fall - p[s, 4] / beta)
                    found += 1
    slope, forces = np.zeros(n), np.zeros((n, 3))
    for a in range(n):
        if sigma[a] > 0.0:
            own, slope[a] = embedding(p, kinds[a], sigma[a])
            energy += own
    for i in range(found):
        a, b = near[i]
        change = slope[a] * slopes[i, 0] + slope[b] * slopes[i, 1] + slopes[i, 2]
        for c in range(3):
            forces[a, c] += change * apart[i, c]
            forces[b, c] -= change * apart[i, c]
    return energy, forces


def on_lattice(lattice: Lattice) -> tuple[Integers, Floats, Floats, Floats]:
    """What `swaps` needs of a lattice: neighbours (n, m), densities and pair energies (S, S, m), parameters."""
    atoms = lattice.to_atoms(1 + np.arange(lattice.n_sites, dtype=np.int8) % len(lattice.species))
    parameters, kinds, cutoff = tables(atoms)
    parameters = parameters[[kinds[lattice.species.index(s)] for s in lattice.species]]
    shells = [shell for shell in lattice.shells(8) if shell.distance < cutoff[2]]
    near = np.concatenate([lattice.neighbours(shell.offsets) for shell in shells], axis=1)
    apart = np.repeat([shell.distance for shell in shells], [shell.offsets.shape[1] for shell in shells])
    each = range(len(lattice.species))
    densities, pairs = (
        np.array([[[f(parameters, a, b, r, theta(cutoff, r)) for r in apart] for b in each] for a in each])
        for f in (density, pair)
    )
    return near, densities, pairs, parameters


@njit(cache=True)
def lattice_energy(x: NDArray, near: NDArray, densities: NDArray, pairs: NDArray, parameters: NDArray) -> float:
    """Energy of a state (n,) without vacancies, species counted from 1."""
    energy = 0.0
    for i in range(len(x)):
        a, sigma = x[i] - 1, 0.0
        for k in range(near.shape[1]):
            b = x[near[i, k]] - 1
            sigma += densities[a, b, k]
            energy += pairs[a, b, k]
        energy += embedding(parameters, a, sigma)[0]
    return energy


@njit(cache=True)
def swaps(
    x: NDArray,
    near: NDArray,
    densities: NDArray,
    pairs: NDArray,
    parameters: NDArray,
    beta: float,
    attempts: int,
    rng: np.random.Generator,
) -> NDArray:
    """State after attempted swaps of random unlike sites at a fixed cell: canonical Monte Carlo on EMT itself."""
    x, n = x.copy(), len(x)
    energy = lattice_energy(x, near, densities, pairs, parameters)
    for _ in range(attempts):
        a, b = np.int64(rng.random() * n), np.int64(rng.random() * n)
        while x[b] == x[a]:
            b = np.int64(rng.random() * n)
        x[a], x[b] = x[b], x[a]
        new = lattice_energy(x, near, densities, pairs, parameters)
        if new <= energy or rng.random() < np.exp(-beta * (new - energy)):
            energy = new
        else:
            x[a], x[b] = x[b], x[a]
    return x
