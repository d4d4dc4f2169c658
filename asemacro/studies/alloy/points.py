"""Rows of the result table: from the unlike pairs that the SDE carries to all pairs, delta and alpha."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.observables.alloy import WarrenCowley, bounds_of_pairs
from asemacro.statistics.members import error_of_members
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

TRUSTED_ERROR = 0.05  # a standard error above it, and the point is drawn half filled
EDGE = 1e-3  # of the possible range: nearer, a value sits on the bound
LONGEST_ANNEAL_S = 4e17  # the age of the universe: an anneal beyond it is arithmetic, not a measurement
EQUILIBRIUM, ANNEALED = "equilibrium", "annealed"
OTHER = " (other estimate)"  # added to the state of what is not the best value


@dataclasses.dataclass(frozen=True)
class Point:
    """One row of sro.csv; the fields are its columns.

    A temperature and pair have one row "equilibrium" and one "annealed", the best value of each. Other estimates of the
    same quantity are under "equilibrium (other estimate)" and "annealed (other estimate)".

    Attributes:
        temperature_K: temperature.
        pair: like "Mo-Ta", the lower atomic number first; delta refers to the first.
        shell: 1 for nearest neighbours.
        state: see above.
        delta: p_ij - Z c_j.
        delta_err: one standard error of sampling and fit.
        delta_err_barrier: one standard error by what the members of the barrier model differ by; None where it is not
            known.
        delta_low: delta - delta_err, cut where the composition allows no less.
        delta_high: delta + delta_err, cut where the composition allows no more.
        at_bound: "lower" or "upper" if delta is as low or as high as the composition allows, else empty.
        alpha: Warren-Cowley parameter 1 - p_ij / (Z c_j).
        alpha_err: its standard error.
        source: "sde" (learned from the small runs), "kmc" (direct runs of the large system), "mc" (swap Monte Carlo of
            the model's energy), "extrapolated" (over temperature, from those that reached equilibrium), or "sde+mc"
            (an anneal learned from the small runs that ends at, or is on its way to, the equilibrium by swaps).
        equilibrium_reached: whether the order of this row is that of equilibrium, as far as the simulations tell.
        extrapolated: whether it lies beyond what was simulated: an anneal longer than the runs, or an equilibrium
            that nothing reached.
        anneal_time_s: KMC time of the anneal, rescaled if a vacancy formation energy was given.
    """

    temperature_K: float
    pair: str
    shell: int
    state: str
    delta: float
    delta_err: float
    delta_err_barrier: float | None
    delta_low: float
    delta_high: float
    at_bound: str
    alpha: float
    alpha_err: float
    source: str
    equilibrium_reached: bool
    extrapolated: bool
    anneal_time_s: float

    @property
    def beyond(self) -> bool:
        """Whether it lies beyond what was simulated, or beyond any anneal; drawn open."""
        return self.extrapolated or (self.anneal_time_s > LONGEST_ANNEAL_S and self.state.startswith(ANNEALED))

    @property
    def total_err(self) -> float:
        """One standard error of sampling, fit and barriers together, as far as they are known."""
        return math.hypot(self.delta_err, self.delta_err_barrier or 0.0)

    @property
    def trusted(self) -> bool:
        """Whether it was simulated and is known within `TRUSTED_ERROR`; drawn filled."""
        return not self.beyond and self.delta_err <= TRUSTED_ERROR


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
        vacancies: number of them.
    """

    symbols: tuple[str, ...]
    labels: tuple[str, ...]
    species: NDArray[np.intp]
    counts: Floats
    neighbours: int
    vacancies: int = 0

    @classmethod
    def of(cls, sro: WarrenCowley, counts: Mapping[str, int], lattice: Lattice) -> PairTable:
        """The table of an observable of all pairs of one shell.

        Args:
            sro: measures all pairs.
            counts: atoms of each species in the box; other keys are ignored.
            lattice: the box.
        """
        atoms = np.array([counts[symbol] for symbol in lattice.species], dtype=float)
        neighbours = lattice.shells(1)[0].offsets.shape[1]
        return cls(sro.species, sro.labels, np.array(sro.pairs), atoms, neighbours, counts.get("X", 0))

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

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """(n_pairs,) least and largest delta that the composition allows (`bounds_of_pairs`)."""
        low, high = bounds_of_pairs(self.species, self.counts, self.neighbours, self.vacancies).T
        return low, high

    def bounded(self, delta: Floats, contacts: Floats | float = 0.0) -> Floats:
        """(..., n_unlike) unlike pairs, weakened until no atom has more unlike neighbours than neighbours.

        sum_{j != i} p_ij + N_iV / N_i <= Z for every species i, so that no like pair has a negative probability.

        Args:
            delta: (..., n_unlike).
            contacts: (n_pairs,) with vacancies, from `contacts`.
        """
        first, second = self.species[self.unlike].T
        p = (delta + self.random[self.unlike]).clip(0)
        missing = np.zeros(len(self.counts))
        like = self.species[:, 0] == self.species[:, 1]
        missing[self.species[like, 0]] = np.broadcast_to(contacts, len(self.labels))[like]
        room = self.neighbours - missing
        share = np.zeros((*p.shape[:-1], len(self.counts)))
        for column, (i, j) in enumerate(zip(first, second, strict=True)):
            share[..., i] += p[..., column] / room[i]
            share[..., j] += p[..., column] * self.counts[i] / self.counts[j] / room[j]
        excess = np.maximum(np.maximum(share[..., first], share[..., second]), 1.0)
        return p / excess - self.random[self.unlike]

    def contacts(self, order: Floats) -> Floats:
        """(n_pairs,) mean N_iV / N_i at the like pairs, 0 at the others.

        Args:
            order: (..., n_pairs) measured; what is behind the pairs of the first shell is left alone.
        """
        mean = order.reshape(-1, order.shape[-1]).mean(axis=0)[: len(self.labels)]
        missing = self._sums() @ mean[self.unlike] - mean
        missing[self.unlike] = 0.0
        return missing

    def complete(self, delta: Floats, error: Floats, contacts: Floats) -> tuple[Floats, Floats]:
        """All pairs and their errors from the unlike ones; errors of different pairs are taken as independent."""
        return self.all_pairs(delta, contacts), np.sqrt(self._sums() ** 2 @ error**2)

    def of_members(self, shift: Floats, error: Floats) -> Floats:
        """(n_pairs,) error of all pairs by what members differ by in the unlike ones, (M, n_unlike) with errors."""
        sums = self._sums()
        return error_of_members(shift @ sums.T, np.sqrt(error**2 @ sums.T**2))

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
        equilibrium_reached: bool,
        extrapolated: bool,
        anneal_time_s: float,
        barrier_error: Floats | None = None,
    ) -> Iterator[Point]:
        """One Point a pair from (n_pairs,) delta and errors, cut at the bounds of the composition.

        The error of the barriers may be nan: not known.

        Raises:
            ValueError: a number that is not finite.
        """
        if not (np.isfinite(delta).all() and np.isfinite(error).all() and np.isfinite(anneal_time_s)):
            raise ValueError(
                f"the order at {temperature_K:g} K ({state}, {source}) is not a number: the runs are too few or too "
                "short; give more with --hops or --seeds"
            )
        low, high = self.bounds
        near = EDGE * (high - low)
        for k, (label, random) in enumerate(zip(self.labels, self.random, strict=True)):
            value = float(np.clip(delta[k], low[k], high[k]))
            at_bound = "lower" if value <= low[k] + near[k] else "upper" if value >= high[k] - near[k] else ""
            sigma = float(error[k])
            of_barriers = math.nan if barrier_error is None else float(barrier_error[k])
            yield Point(
                temperature_K=temperature_K,
                pair=label,
                shell=1,
                state=state,
                delta=value,
                delta_err=sigma,
                delta_err_barrier=of_barriers if math.isfinite(of_barriers) else None,
                delta_low=max(value - sigma, float(low[k])),
                delta_high=min(value + sigma, float(high[k])),
                at_bound=at_bound,
                alpha=float(-value / random),
                alpha_err=float(sigma / random),
                source=source,
                equilibrium_reached=equilibrium_reached,
                extrapolated=extrapolated,
                anneal_time_s=anneal_time_s,
            )
