"""Warren-Cowley short-range order: the macroscopic observables of an alloy.

With N_ij the number of ordered pairs (i, j) in a shell of Z sites, p_ij = N_ij / N_i and c_j = N_j / number of
atoms (vacancies are no atoms),

    delta_ij = p_ij - Z c_j        (positive: favoured)        alpha_ij = 1 - p_ij / (Z c_j) = -delta_ij / (Z c_j).

Pairs are named with the lower atomic number first, and delta_ij counts around that species;
N_j delta_ji = N_i delta_ij gives the other one. Exactly, with vacancies V, sum_j N_ij + N_iV = Z N_i, so that

    delta_ii = -sum_{j != i} delta_ij - N_iV / N_i.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import shown
from asemacro.arguments.door import CRYSTAL, SITES, array, checked, many, one_or_many, text, whole
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.shells import MOST_SHELLS
from asemacro.observables.base import Observable
from asemacro.observables.pair_counts import count_changes, count_each_change, count_pairs
from asemacro.observables.state_change import as_events, events_of
from asemacro.typing import Floats


class WarrenCowley(Observable):
    """The observable delta_ij of pairs of species in one or more shells, `phi(x, lattice) -> (batch, d)`.

    Args:
        species: chemical symbols in any order; they must be those of the lattice.
        shells: the number of shells from the first on, or a tuple of the shells themselves, (2,) for the second.
        pairs: "unlike" for the independent ones, i < j; "all" for the like ones too.

    Attributes:
        species: by atomic number.
        shells: shells counted, from 1.
        pairs: the pairs as indices into species, (i, j) with i <= j.
        labels: one for each component: "Mo-Ta" in the first shell, "Mo-Ta:2" in the second.

    Raises:
        ValueError: a single species and unlike pairs, a shell below 1, an unknown choice of pairs.
    """

    @checked(species=many(text), shells=one_or_many(whole(1, MOST_SHELLS)), pairs=text)
    def __init__(self, species: Sequence[str], shells: int | Sequence[int] = 1, pairs: str = "unlike"):
        self.species = tuple(sorted(set(species), key=lambda s: atomic_numbers.get(s, 0)))
        self.shells = tuple(range(1, shells + 1)) if isinstance(shells, int | np.integer) else tuple(shells)
        if not self.shells or min(self.shells) < 1 or len(set(self.shells)) < len(self.shells):
            raise ValueError(f"shells are counted from 1, each once, got {shells}")
        if pairs not in ("unlike", "all"):
            raise ValueError(f'pairs are "unlike" or "all", not {pairs!r}')
        n = len(self.species)
        both = itertools.combinations if pairs == "unlike" else itertools.combinations_with_replacement
        self.pairs = tuple(both(range(n), 2))
        if not self.pairs:
            raise ValueError(f"there are no unlike pairs in {', '.join(self.species) or 'a structure without atoms'}")
        self.labels = tuple(
            f"{self.species[i]}-{self.species[j]}" + (f":{shell}" if shell > 1 else "")
            for shell in self.shells
            for i, j in self.pairs
        )

    @checked(x=SITES, lattice=CRYSTAL)
    def __call__(self, x: NDArray[np.int8], lattice: Lattice) -> Floats:
        """delta_ij of states x (batch, n_sites) or (n_sites,); (batch, d), shells after one another."""
        counts = self.pair_counts(x, lattice)
        sizes = self.neighbours(lattice)
        atoms = counts[:, 0, 1:].sum(-1) / sizes[0]
        self._need_all(atoms)
        i, j = np.transpose(self.pairs)
        expected = sizes[None, :, None] * (atoms / atoms.sum(-1, keepdims=True))[:, None, j]
        return (counts[:, :, i + 1, j + 1] / atoms[:, None, i] - expected).reshape(len(counts), self.dim)

    @checked(x=SITES, lattice=CRYSTAL)
    def bounds(self, x: NDArray[np.int8], lattice: Lattice) -> Floats:
        """(d, 2) least and largest delta_ij that the compositions of the states x allow (`bounds_of_pairs`)."""
        n_values = len(self._checked(lattice).species) + 1
        rows = [np.bincount(row, minlength=n_values) for row in self._states(x, lattice)]
        if not rows:
            raise ValueError("bounds need at least one state x, its composition sets them")
        counts = np.unique(rows, axis=0).astype(float)
        self._need_all(counts[:, 1:])
        sizes = [int(z) for z in self.neighbours(lattice)]
        found = np.array([[bounds_of_pairs(self.pairs, row[1:], z, row[0]) for z in sizes] for row in counts]).reshape(
            len(counts), self.dim, 2
        )
        return np.stack([found[..., 0].min(axis=0), found[..., 1].max(axis=0)], axis=1)

    @checked(x0=SITES, lattice=CRYSTAL, sites=SITES, values=SITES)
    def change(
        self,
        x0: NDArray[np.int8],
        lattice: Lattice,
        sites: NDArray[np.integer],
        values: NDArray[np.int8],
    ) -> Floats:
        """phi(x1) - phi(x0) from the changed sites alone.

        Args:
            x0: (batch, n_sites) states before.
            lattice: their lattice.
            sites: (batch, m) sites, each at most once; negative ones are ignored, to fill up a row.
            values: (batch, m) what they hold afterwards; what they held is allowed.

        Returns:
            (batch, d), exactly the difference of two full counts up to rounding.

        Raises:
            ValueError: the numbers of atoms of the species change, or a site occurs twice.
        """
        x0 = self._states(x0, lattice)
        every, held = events_of(x0, lattice.n_sites, *as_events(x0, sites, values))
        sites, values = every[:, 0], self._held(every, held, lattice)[:, 0]
        n_values = len(self._checked(lattice).species) + 1
        shells = lattice.shells(max(self.shells))
        shape = np.array(lattice.shape)
        first, second = np.transpose(self.pairs) + 1
        result = np.empty((len(x0), self.dim))
        for k, x in enumerate(x0):
            used = np.flatnonzero(sites[k] >= 0)
            order = used[np.argsort(sites[k, used])]
            where, after = sites[k, order].astype(np.int64), values[k, order].astype(np.int8)
            if np.any(np.diff(where) == 0):
                raise ValueError("a site is given two values in one change of state")
            if np.any(np.bincount(x[where], minlength=n_values) != np.bincount(after, minlength=n_values)):
                raise ValueError("the change of state does not conserve the number of atoms of each species")
            atoms = np.array([np.count_nonzero(x == v) for v in range(n_values)])
            self._need_all(atoms[1:])
            rows = [count_changes(x, shape, shells[s - 1].offsets, where, after, n_values) for s in self.shells]
            result[k] = (np.array(rows)[:, first, second] / atoms[first]).reshape(-1)
        return result

    @checked(x0=SITES, lattice=CRYSTAL, sites=SITES, values=SITES)
    def changes(
        self, x0: NDArray[np.int8], lattice: Lattice, sites: NDArray[np.integer], values: NDArray[np.int8]
    ) -> Floats:
        """The change by each of several events that start from the same state: sites and values (batch, n_events, m).

        Returns:
            (batch, n_events, d); arguments and errors as in `change`.
        """
        x0 = self._states(x0, lattice)
        sites, values = events_of(x0, lattice.n_sites, sites, values)
        values = np.where(sites >= 0, self._held(sites, values, lattice), 0).astype(np.int8)
        n_values = len(self._checked(lattice).species) + 1
        shells = lattice.shells(max(self.shells))
        shape = np.array(lattice.shape)
        first, second = np.transpose(self.pairs) + 1
        result = np.empty((*sites.shape[:2], self.dim))
        for k, x in enumerate(x0):
            before = np.where(sites[k] >= 0, x[np.maximum(sites[k], 0)], 0)
            if np.any(np.sort(before) != np.sort(values[k])):
                raise ValueError("the change of state does not conserve the number of atoms of each species")
            ranked = np.sort(sites[k])
            if np.any((np.diff(ranked) == 0) & (ranked[:, 1:] >= 0)):
                raise ValueError("a site is given two values in one change of state")
            atoms = np.bincount(x, minlength=n_values)
            self._need_all(atoms[1:])
            counts = [
                count_each_change(x, shape, shells[s - 1].offsets, sites[k], values[k], n_values)[:, first, second]
                for s in self.shells
            ]
            result[k] = (np.stack(counts, axis=1) / atoms[first]).reshape(-1, self.dim)
        return result

    @checked(x=SITES, lattice=CRYSTAL)
    def pair_counts(self, x: NDArray[np.int8], lattice: Lattice) -> NDArray[np.int64]:
        """(batch, shells, S + 1, S + 1) ordered pair numbers N_ij, index 0 for vacancies."""
        x = self._states(x, lattice)
        n_values = len(lattice.species) + 1
        shells = lattice.shells(max(self.shells))
        shape = np.array(lattice.shape)
        found = [count_pairs(x, shape, lattice.n_basis, shells[s - 1].bonds, n_values) for s in self.shells]
        return np.stack(found, axis=1)

    @checked(lattice=CRYSTAL)
    def neighbours(self, lattice: Lattice) -> NDArray[np.int64]:
        """(shells,) number of sites Z in each shell."""
        found = lattice.shells(max(self.shells))
        return np.array([found[s - 1].offsets.shape[1] for s in self.shells])

    @checked(x=SITES, lattice=CRYSTAL)
    def vacancy_contacts(self, x: NDArray[np.int8], lattice: Lattice) -> Floats:
        """(batch, shells, S) vacancies next to an atom of each species, N_iV / N_i."""
        counts = self.pair_counts(x, lattice)
        atoms = counts[..., 1:, :].sum(-1) / self.neighbours(lattice)[:, None]
        self._need_all(atoms)
        return counts[..., 1:, 0] / atoms

    @checked(unlike=array(), counts=array(None), contacts=array())
    def with_like(self, unlike: ArrayLike, counts: ArrayLike, contacts: ArrayLike) -> Floats:
        """All pairs from the unlike ones, by the sum rule.

        Args:
            unlike: (..., d) delta_ij of an observable with pairs="unlike" and these species and shells.
            counts: (S,) numbers of atoms, or their fractions.
            contacts: (..., shells, S) N_iV / N_i, or its mean; zeros without vacancies.

        Returns:
            (..., shells, S, S) delta_ij for all i, j.
        """
        n, share = len(self.species), np.asarray(self._of_species(counts, "counts"))
        values, met = np.asarray(unlike), np.asarray(contacts)
        rows = (len(self.shells), n)
        if values.shape[-1:] != (len(self.shells) * n * (n - 1) // 2,) or (met.ndim and met.shape[-2:] != rows):
            raise ValueError(f"unlike {values.shape} and contacts {met.shape} are not those of {n} species")
        if met.ndim > 2 and met.shape[:-2] not in ((1,), values.shape[:-1]):
            raise ValueError(f"contacts {met.shape} do not belong to unlike {values.shape}")
        split = [(i, j) for i, j in itertools.combinations(range(n), 2)]
        values = values.reshape(*values.shape[:-1], len(self.shells), len(split))
        full = np.zeros((*values.shape[:-1], n, n))
        for k, (i, j) in enumerate(split):
            full[..., i, j] = values[..., k]
            full[..., j, i] = values[..., k] * share[i] / share[j]
        like = -full.sum(-1) - met
        full[..., range(n), range(n)] = like
        return full

    @checked(delta=array(), fractions=array(None), lattice=CRYSTAL)
    def alpha(self, delta: ArrayLike, fractions: ArrayLike, lattice: Lattice) -> Floats:
        """alpha_ij = -delta_ij / (Z c_j) of this observable's values (..., d), `fractions` (S,) of the atoms."""
        share = self._of_species(fractions, "fractions")
        j = np.array([pair[1] for pair in self.pairs])
        expected = (self.neighbours(lattice)[:, None] * (share / share.sum())[j]).reshape(-1)
        return -np.asarray(delta, dtype=float) / expected

    @checked(lattice=CRYSTAL, counts=array(None))
    def random_mean(self, lattice: Lattice, counts: ArrayLike) -> Floats:
        """(d,) exact mean of delta_ij over random states of this box.

        p_ij = Z N_j / (N - 1) and p_ii = Z (N_i - 1) / (N - 1) on N sites, vacancies included: not Z c_j. In a
        box so small that a site is its own neighbour, these Z0 of the Z sites hold its own species.

        Args:
            lattice: the box.
            counts: (S + 1,) numbers of vacancies and of atoms, as from `lattice.counts`.
        """
        if len(np.asarray(counts)) != len(self.species) + 1:
            raise ValueError(f"counts must be those of vacancies and {len(self.species)} species, got {shown(counts)}")
        atoms = np.asarray(counts, dtype=float)[1:]
        self._need_all(atoms)
        shape = np.array(lattice.shape)
        values = []
        for shell in self.shells:
            offsets = lattice.shells(shell)[shell - 1].offsets
            home = np.all(offsets[..., :3] % shape == 0, axis=-1)
            home &= offsets[..., 3] == np.arange(lattice.n_basis)[:, None]
            own, size = home.sum(1).mean(), offsets.shape[1]
            for i, j in self.pairs:
                others = max(lattice.n_sites - 1, 1)
                met = own * (i == j) + (size - own) * (atoms[j] - (i == j)) / others
                values.append(met - size * atoms[j] / atoms.sum())
        return np.array(values)

    def _states(self, x: NDArray[Any], lattice: Lattice) -> NDArray[np.int8]:
        """States as a contiguous (batch, n_sites) array of the values that the lattice has."""
        x, most = np.atleast_2d(x), len(self._checked(lattice).species)
        if x.ndim != 2 or x.shape[1] != lattice.n_sites:
            raise ValueError(
                f"the state has {x.shape[-1]} sites, the lattice {lattice.n_sites}; the shape is {x.shape}"
            )
        if x.size and not (x.min() >= 0 and x.max() <= most):
            raise ValueError(f"the state holds {x.min()} to {x.max()}, the lattice has values 0 to {most}")
        return np.ascontiguousarray(x, dtype=np.int8)

    def _held(self, sites: NDArray[np.int64], values: NDArray[Any], lattice: Lattice) -> NDArray[Any]:
        """What changed sites hold afterwards, if it is what the lattice has."""
        used, most = values[sites >= 0], len(self._checked(lattice).species)
        if used.size and not (used.min() >= 0 and used.max() <= most):
            raise ValueError(f"values holds {used.min()} to {used.max()}, the lattice has values 0 to {most}")
        return values

    def _checked(self, lattice: Lattice) -> Lattice:
        if lattice.species != self.species:
            raise ValueError(
                f"the observable counts {', '.join(self.species)}, the lattice holds {', '.join(lattice.species)}"
            )
        return lattice

    def _of_species(self, values: ArrayLike, name: str) -> Floats:
        """(S,) numbers of the species, not negative, at least one above 0."""
        found = np.asarray(values, dtype=float)
        if found.shape != (len(self.species),) or found.min() < 0 or not found.sum() > 0:
            raise ValueError(
                f"{name} must be {len(self.species)} numbers >= 0, one for each species, got {shown(values)}"
            )
        return found

    def _need_all(self, atoms: NDArray[np.floating] | NDArray[np.integer]) -> None:
        if np.any(atoms == 0):
            missing = self.species[int(np.argwhere(np.atleast_2d(atoms) == 0)[0, -1])]
            raise ValueError(f"no atom of {missing} in the state: its short-range order is not defined")


def bounds_of_pairs(pairs: ArrayLike, atoms: Floats, neighbours: int, vacancies: float) -> Floats:
    r"""(n_pairs, 2) least and largest delta_ij that a composition allows.

    0 <= N_ij <= Z min(N_i, N_j), so p_ij = N_ij / N_i lies between 0 and Z min(1, N_j / N_i); and the N - N_i other
    sites, vacancies among them, have Z (N - N_i) contacts, so by the sum rule N_ii >= Z (2 N_i - N).

    Args:
        pairs: (n_pairs, 2) indices of species.
        atoms: (S,) of each species.
        neighbours: Z.
        vacancies: number of them.
    """
    i, j = np.transpose(np.asarray(pairs))
    like = neighbours * (2 - (atoms.sum() + vacancies) / atoms[i])
    low = np.where(i == j, np.maximum(like, 0.0), 0.0)
    high = neighbours * np.minimum(1.0, atoms[j] / atoms[i])
    random = neighbours * (atoms / atoms.sum())[j]
    return np.stack([low - random, high - random], axis=1)
