"""Rows of the result table: from the unlike pairs that the SDE carries to all pairs, delta and alpha."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.observables import WarrenCowley

if TYPE_CHECKING:
    from asemacro.lattice import Lattice

Floats = NDArray[np.float64]
TRUSTED_ERROR = 0.05  # a predicted error above it, and the point is drawn open


@dataclasses.dataclass(frozen=True)
class Point:
    """One row of sro.csv; the fields are its columns.

    Attributes:
        temperature_K: temperature.
        pair: like "Mo-Ta", the lower atomic number first; delta refers to the first.
        shell: 1 for nearest neighbours.
        state: "equilibrium" or "annealed".
        delta: p_ij - Z c_j.
        delta_err: one standard error.
        alpha: Warren-Cowley parameter 1 - p_ij / (Z c_j).
        alpha_err: its standard error.
        source: "sde" (learned), "kmc" (direct) or "mc" (canonical Monte Carlo of the model's energy).
        equilibrated: for equilibrium, whether the data or the simulation reached it; for annealed, whether they
            reached the anneal time or equilibrium.
        anneal_time_s: KMC time of the anneal, rescaled if a vacancy formation energy was given.
    """

    temperature_K: float
    pair: str
    shell: int
    state: str
    delta: float
    delta_err: float
    alpha: float
    alpha_err: float
    source: str
    equilibrated: bool
    anneal_time_s: float

    @property
    def trusted(self) -> bool:
        """Whether the point is drawn filled."""
        return self.equilibrated and self.delta_err <= TRUSTED_ERROR


@dataclasses.dataclass(frozen=True)
class PairTable:
    r"""All pairs of an alloy from its unlike pairs.

    With N_i atoms of species i and N_iV contacts of i with vacancies, the sum rule
    sum_j N_ij + N_iV = Z N_i gives delta_ii = -sum_{j != i} delta_ij - N_iV / N_i (`WarrenCowley.with_like`).

    Attributes:
        symbols: the species, by atomic number.
        labels: pairs (i <= j), the like ones included.
        species: index pairs of the labels, (n_pairs, 2).
        counts: (S,) atoms of each species.
        neighbours: Z.
    """

    symbols: tuple[str, ...]
    labels: tuple[str, ...]
    species: NDArray[np.intp]
    counts: Floats
    neighbours: int

    @classmethod
    def of(cls, sro: WarrenCowley, counts: Mapping[str, int], lattice: Lattice) -> PairTable:
        """The table of an observable of all pairs of one shell.

        Args:
            sro: measures all pairs.
            counts: atoms of each species in the box; other keys are ignored.
            lattice: the box.
        """
        atoms = np.array([counts[symbol] for symbol in lattice.species], dtype=float)
        return cls(sro.species, sro.labels, np.array(sro.pairs), atoms, lattice.shells(1)[0].offsets.shape[1])

    @property
    def unlike(self) -> NDArray[np.intp]:
        """Indices of the unlike pairs in `labels`."""
        return np.flatnonzero(self.species[:, 0] != self.species[:, 1])

    @property
    def random(self) -> Floats:
        """(n_pairs,) Z c_j."""
        return self.neighbours * (self.counts / self.counts.sum())[self.species[:, 1]]

    def _sums(self) -> Floats:
        """(n_pairs, n_unlike): how each pair follows from the unlike ones, without the vacancy contacts."""
        unlike = WarrenCowley(self.symbols)
        full = unlike.with_like(np.eye(unlike.dim), self.counts, 0.0)[:, 0]
        return full[:, self.species[:, 0], self.species[:, 1]].T

    def bounded(self, delta: Floats) -> Floats:
        """(..., n_unlike) unlike pairs, weakened until no atom has more unlike neighbours than neighbours.

        sum_{j != i} p_ij <= Z for every species i, so that no like pair has a negative probability.
        """
        first, second = self.species[self.unlike].T
        p = (delta + self.random[self.unlike]).clip(0)
        share = np.zeros((*p.shape[:-1], len(self.counts)))
        for column, (i, j) in enumerate(zip(first, second, strict=True)):
            share[..., i] += p[..., column] / self.neighbours
            share[..., j] += p[..., column] * self.counts[i] / self.counts[j] / self.neighbours
        excess = np.maximum(np.maximum(share[..., first], share[..., second]), 1.0)
        return p / excess - self.random[self.unlike]

    def contacts(self, order: Floats) -> Floats:
        """(n_pairs,) mean N_iV / N_i at the like pairs, 0 at the others, from measured order (..., n_pairs)."""
        mean = order.reshape(-1, len(self.labels)).mean(axis=0)
        missing = self._sums() @ mean[self.unlike] - mean
        missing[self.unlike] = 0.0
        return missing

    def complete(self, delta: Floats, error: Floats, contacts: Floats) -> tuple[Floats, Floats]:
        """All pairs and their errors from the unlike ones; errors of different pairs are taken as independent."""
        return self.all_pairs(delta, contacts), np.sqrt(self._sums() ** 2 @ error**2)

    def all_pairs(self, delta: Floats, contacts: Floats) -> Floats:
        """(..., n_pairs) all pairs from the unlike ones (..., n_unlike) and mean contacts with vacancies."""
        return delta @ self._sums().T - contacts

    def points(
        self,
        temperature_K: float,
        state: str,
        source: str,
        delta: Floats,
        error: Floats,
        *,
        equilibrated: bool,
        anneal_time_s: float,
    ) -> Iterator[Point]:
        """One Point a pair from (n_pairs,) delta and errors."""
        for label, random, value, sigma in zip(self.labels, self.random, delta, error, strict=True):
            yield Point(
                temperature_K=temperature_K,
                pair=label,
                shell=1,
                state=state,
                delta=float(value),
                delta_err=float(sigma),
                alpha=float(-value / random),
                alpha_err=float(sigma / random),
                source=source,
                equilibrated=equilibrated,
                anneal_time_s=anneal_time_s,
            )
