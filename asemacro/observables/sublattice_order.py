"""Long-range order of an alloy: how much of its concentration lies in waves of the simple ordered structures."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.lattice.superstructures import superstructures
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


class SublatticeOrder:
    r"""Long-range order of states of one box, by the waves of concentration of each star of wave vectors k.

    With s_A(r) = 1 where site r holds A, else 0, and N_b sites on sublattice b of the primitive cell (one of bcc and
    fcc, two of hcp),

        A_b(k) = 1/N_b sum_{r in b} (s_A(r) - c_A) e^{-2 pi i k.r},    M_AB = mean_b sum_k Re A_b(k) B_b(k)*,
        order parameter = sqrt(sum_A M_AA / sum_A c_A (1 - c_A)),      pair order of A, B = M_AB / (c_A c_B).

    The square of the order parameter is the share of the star in all concentration waves: the shares of all wave
    vectors add up to 1. It is 1 in B2, L1_0, L1_2 and B32 of their compositions (star H, X, X, P), 1/3 at H and 2/3
    at P in D0_3. In a random alloy it is about n_arms n_sublattices / N: in larger boxes it vanishes without long-range
    order and stays with it. It is the height of the superstructure peak of the structure factor, all species together;
    1 is the largest value. The pair order is positive where A and B share sublattices, negative where they do not.
    Source: Khachaturyan, Prog. Mater. Sci. 22, 1 (1978) (concentration waves).

    Args:
        box: an even number of conventional cells along each axis, see `superstructures`.
        counts: (S + 1,) numbers of vacancies and of atoms of each species.

    Attributes:
        stars: names of the stars, one for each order parameter.
        structures: words on the ordered structures of each.
        pairs: unlike pairs of species, as "A-B".
        dim: numbers that a state gives: of each star the order parameter, then the order of each pair.
    """

    def __init__(self, box: Lattice, counts: Sequence[int] | NDArray[np.int64]) -> None:
        found = superstructures(box)
        self.stars = tuple(star.name for star in found.stars)
        self.structures = tuple(star.structures for star in found.stars)
        atoms = np.asarray(counts, dtype=float)[1:]
        self._share = atoms / box.n_sites
        self._species = np.arange(1, len(atoms) + 1, dtype=np.int8)
        self._pairs = np.array(list(itertools.combinations(range(len(atoms)), 2)), dtype=np.int64).reshape(-1, 2)
        self.pairs = tuple(f"{box.species[i]}-{box.species[j]}" for i, j in self._pairs)
        arms = np.concatenate([star.arms for star in found.stars])
        self._starts = np.cumsum([0, *(len(star.arms) for star in found.stars)])[:-1]
        self._sites = [np.flatnonzero(found.sublattice == b) for b in range(int(found.sublattice.max()) + 1)]
        angles = [2 * np.pi * arms @ found.coordinates[sites].T for sites in self._sites]
        self._waves = [np.concatenate([np.cos(angle), np.sin(angle)]) / angle.shape[1] for angle in angles]
        self.dim = len(self.stars) * (1 + len(self.pairs))

    def __call__(self, x: NDArray[np.int8]) -> Floats:
        """(dim,) of a state (1, n_sites) or (n_sites,): order parameters, then the pairs of each star."""
        held = (x.reshape(-1)[:, None] == self._species) - self._share
        product = np.zeros((len(self._starts), len(self._share), len(self._share)))
        for sites, waves in zip(self._sites, self._waves, strict=True):
            amplitude = (waves @ held[sites]).reshape(2, -1, len(self._share))
            each = np.einsum("cks,ckt->kst", amplitude, amplitude)
            product += np.add.reduceat(each, self._starts, axis=0) / len(self._sites)
        power = np.trace(product, axis1=1, axis2=2) / (self._share * (1 - self._share)).sum()
        i, j = self._pairs.T
        pairs = product[:, i, j] / (self._share[i] * self._share[j])
        return np.concatenate([np.sqrt(power), pairs.ravel()])
