"""Short-range order as waves: the Fourier transform of alpha_ij over all shells, of every pair of species at once."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from asemacro.lattice.boxes import in_conventional_cells
from asemacro.lattice.grid import need_memory
from asemacro.lattice.superstructures import symmetry_of
from asemacro.lattice.waves import Waves, fitting
from asemacro.typing import Floats, Integers

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


class PairWaves:
    r"""alpha_ij(k) = sum_R alpha_ij(R) exp(-i k.R) (its real part) of states of one box, unlike pairs of species.

    With s_i(r) = 1 where an atom i is on the site r, else 0, n(r) = 1 where any atom is, N atoms and c_i = N_i / N,

        A_i(k) = N^(-1/2) sum_r (s_i(r) - c_i n(r)) exp(-i k.r),      alpha_ij(k) = -Re A_i(k) A_j(k)* / (c_i c_j).

    Without vacancies this is the Fourier series of the Warren-Cowley parameters of all shells, alpha_ij(R) = 1 -
    p_ij(R) / c_j, with alpha_ij(0) = 1; the images that a small box repeats are counted in it. 1 for a random alloy, on
    average (N / (N - 1) exactly, since the composition is fixed). A vacancy holds the mean atom: it adds nothing.
    Sites are those of the lattice: displacements of atoms are left out. One FFT over the box a species.

    Args:
        box: the lattice.
        waves: wave vectors of the box.
        symmetric: average over the wave vectors that the point group of the crystal carries each one to, as far as
            they fit the box. Equilibrium is the same at all of them; the noise of a single state is not.

    Attributes:
        pairs: unlike pairs (i, j), i < j, as indices into the species of the box.
        arms: (n,) over how many operations each value is averaged, an operation and its product with inversion as one.
    """

    def __init__(self, box: Lattice, waves: Waves, *, symmetric: bool) -> None:
        self._box, self._hkl = box, waves.hkl
        self._turns = _turns(box) if symmetric else np.eye(3)[None]
        self.pairs = tuple(itertools.combinations(range(len(box.species)), 2))
        self.arms = np.sum([fitting(box, waves.hkl @ turn)[1] for turn in self._turns], axis=0)

    def __call__(self, x: NDArray[np.int8]) -> Floats:
        """(n, pairs) of one state (n_sites,)."""
        box = self._box
        need_memory(box, 16.0 * (len(box.species) + 2), "waves")
        share = np.bincount(x, minlength=len(box.species) + 1)[1:] / np.count_nonzero(x)
        grids = np.array([self._transformed((x == s + 1) - c * (x > 0)) for s, c in enumerate(share)])
        found = np.zeros((len(self.arms), len(self.pairs)))
        for turn in self._turns:
            steps, fits = fitting(box, self._hkl @ turn)
            amplitudes = self._amplitudes(grids, steps[fits])
            for p, (i, j) in enumerate(self.pairs):
                found[fits, p] -= (amplitudes[i] * amplitudes[j].conj()).real / (share[i] * share[j])
        return found / (self.arms[:, None] * np.count_nonzero(x))

    def _transformed(self, values: Floats) -> NDArray[np.complex128]:
        """(n_basis, N1, N2, N3 / 2 + 1) transforms of values (n_sites,), each sublattice of the unit cell by itself."""
        grid = np.moveaxis(values.reshape(*self._box.shape, self._box.n_basis), -1, 0)
        return np.asarray(fft.rfftn(grid, axes=(1, 2, 3)))

    def _amplitudes(self, grids: NDArray[np.complex128], steps: Integers) -> NDArray[np.complex128]:
        """(S, n) sums over the sites of value exp(-i k.r), of transforms (S, ...) as `_transformed` gives them."""
        shape = np.array(self._box.shape)
        index = steps % shape
        folded = index[:, 2] > shape[2] // 2  # the transform of real numbers holds half of the waves
        index[folded] = -index[folded] % shape
        values = grids[:, :, index[:, 0], index[:, 1], index[:, 2]]
        values[:, :, folded] = values[:, :, folded].conj()
        phases = np.exp(-2j * np.pi * self._box.basis @ (steps / shape).T)
        return np.asarray(np.einsum("sbn,bn->sn", values, phases))


def _turns(box: Lattice) -> Floats:
    """(n, 3, 3) what the point group does to wave vectors; k and -k are one wave, so of each such two one is kept."""
    kept: list[Floats] = []
    for turn in np.linalg.inv(symmetry_of(in_conventional_cells(box))[0]):
        if not any(np.allclose(turn, -other) for other in kept):
            kept.append(turn)
    return np.array(kept)
