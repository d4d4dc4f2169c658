"""How a run begins: from the atoms of a structure, from its occupancies site by site, or from a random alloy.

Atoms that are there for certain are taken as they are or refused. Occupancies are drawn, each site from its own, so
that every kind of site gets its share. Runs of a diagram begin from the random alloy of the structure's composition.

Sublattices. Vacancies carry atoms to any site of the lattice. Where a structure says that they must not, it is refused
unless the caller allows it: a disordered one whose species fall into groups that never share a site (Ti and Al here, N
there), and a definite one in which metals have nothing but nonmetals around them and the reverse (rock salt). Ordered
alloys of metals (B2, L1_0, L1_2) are one lattice, whose order the hops make and unmake. A structure that names one
sublattice (`sublattice_of`) is that lattice alone, and nothing is mixed.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.recognition.crystal import read_crystal
from asemacro.lattice.rounding import round_table
from asemacro.lattice.site_fractions import site_fractions
from asemacro.studies.alloy.inputs import vacancies_in
from asemacro.typing import Floats

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

NONMETALS = frozenset(("H", "B", "C", "N", "O", "F", "P", "S", "Cl", "As", "Se", "Br", "Te", "I"))
say = logging.getLogger("asemacro")


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """A structure as the beginning of runs.

    Attributes:
        lattice: that its atoms are on.
        state: (n_sites,) of the lattice; None if the structure is disordered.
        fractions: (n_sites, S + 1) of vacancies and species on each site; of a definite one ones and zeros.
    """

    lattice: Lattice
    state: NDArray[np.int8] | None
    fractions: Floats

    @classmethod
    def read(
        cls, structure: Atoms | Structure, *, mix_sublattices: bool = False, shell_tolerance: float | None = None
    ) -> Start:
        """Find the lattice and what its sites hold.

        Args:
            structure: ASE Atoms or pymatgen Structure.
            mix_sublattices: let hops carry atoms to sites that the structure keeps for other species.
            shell_tolerance: see `Lattice.from_atoms`.

        Raises:
            ValueError: no lattice, atoms that are on no site of it or share one, sublattices that hops would mix.
        """
        lattice = Lattice.from_atoms(structure, shell_tolerance=shell_tolerance)
        fractions = site_fractions(lattice, structure)
        definite = read_crystal(structure).occupancy is None
        groups = _alternating(lattice, fractions) if definite else _separate(lattice, fractions)
        if len(groups) > 1:
            apart = " and of ".join(", ".join(group) for group in groups)
            _, largest = max((len(group), group) for group in groups)
            if not mix_sublattices:
                raise ValueError(
                    f"hops would mix the sublattices of {apart}, which never share a site; name the one that is "
                    f"meant, --sublattice {','.join(largest)} (sublattice_of), or allow it with "
                    "--mix-sublattices (mix_sublattices=True)"
                )
            say.warning("hops mix the sublattices of %s", apart)
        return cls(lattice, fractions.argmax(1).astype(np.int8) if definite else None, fractions)

    @property
    def vacant(self) -> float:
        """Fraction of the sites that the structure leaves vacant."""
        return float(self.fractions[:, 0].mean())

    def draw(
        self, box: Lattice, vacancies: int | None, concentration: float | None, *, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """(1, n_sites) a state of a box that the lattice tiles.

        A definite structure keeps its atoms, repeated; if it has no vacancy, or more are asked for, atoms are taken out
        at random sites. A disordered one is drawn site by site with exact counts for every kind of site, with the
        vacancies that its occupancies leave unless a number is asked for.

        Args:
            box: a multiple of the lattice.
            vacancies: number in the box; None to use the concentration.
            concentration: per site; None for what the structure has, 1/1024 if it has none.
            rng: source of randomness.

        Raises:
            ValueError: numbers of vacancies that the structure does not allow.
        """
        asked = vacancies is not None or concentration is not None
        if self.state is not None:
            present = int((self.state == 0).sum()) * (box.n_sites // self.lattice.n_sites)
            wanted = vacancies_in(box.n_sites, vacancies, concentration) if asked or present == 0 else present
            return self._definite(box, present, wanted, rng)
        implied = round(self.vacant * box.n_sites)
        if asked or self.vacant == 0:
            wanted = vacancies_in(box.n_sites, vacancies, concentration)
        else:
            wanted = max(1, implied)
            say.info("the occupancies leave %.4g %% of the sites vacant: %d vacancies", 100 * self.vacant, wanted)
        classes, of_site = np.unique(np.round(self.fractions, 9), axis=0, return_inverse=True)
        if len(classes) == 1:
            say.info("the run starts from a random alloy of the composition of the structure")
            return box.random_state(vacancies=wanted, batch=1, rng=rng)
        say.info("drawn site by site: %d kinds of site with occupancies of their own", len(classes))
        return self._by_class(box, classes, of_site.reshape(1, -1), wanted, rng)

    def _definite(self, box: Lattice, present: int, wanted: int, rng: np.random.Generator) -> NDArray[np.int8]:
        assert self.state is not None
        copies = box.n_sites // self.lattice.n_sites
        own = present // copies
        if wanted < present:
            smaller = f"--sites {self.lattice.n_sites} for the cell as it is, " if copies > 1 else ""
            repeated = f", so {present} in the box of {box.n_sites} sites" if copies > 1 else ""
            raise ValueError(
                f"the structure has {own} {'vacancy' if own == 1 else 'vacancies'} on {self.lattice.n_sites} sites"
                f"{repeated}; {wanted} asked for: give {smaller}--vacancies {present} or more, or fill vacant sites in "
                "the structure"
            )
        larger = f", repeated {copies} times, to {box.n_sites} sites with {present} vacant" if copies > 1 else ""
        taken = wanted - present
        out = f"; {taken} {'atom' if taken == 1 else 'atoms'} taken out at random for vacancies" if taken else ""
        say.info("the run starts from the atoms of the structure%s%s", larger, out)
        state = self.lattice.tile(self.state[None], box)[0]
        filled = np.flatnonzero(state)
        state[rng.choice(filled, wanted - present, replace=False)] = 0
        return state[None]

    def _by_class(
        self, box: Lattice, classes: Floats, of_site: NDArray[np.int64], wanted: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Each kind of site filled with its own species in exact counts, at random among its sites."""
        kind = self.lattice.tile(of_site, box)[0]
        sizes = np.bincount(kind, minlength=len(classes))
        table = round_table(_shares_with_vacancies(classes, sizes, wanted))
        state = np.empty(box.n_sites, dtype=np.int8)
        for k, counts in enumerate(table):
            state[kind == k] = rng.permutation(np.repeat(np.arange(len(counts), dtype=np.int8), counts))
        return state[None]


def _shares_with_vacancies(classes: Floats, sizes: NDArray[np.int64], wanted: int) -> Floats:
    """(classes, S + 1) vacancies and atoms on each kind of site, not yet whole numbers, `wanted` vacancies in all."""
    weights = sizes * classes[:, 0] if classes[:, 0].any() else sizes.astype(float)
    empty = wanted * weights / weights.sum()
    atoms = 1 - classes[:, 0]
    if np.any(empty > sizes) or np.any((atoms == 0) & (empty < sizes)):
        raise ValueError(f"{wanted} vacancies do not go with the occupancies of the structure; give another number")
    scale = np.divide(sizes - empty, atoms, out=np.zeros(len(sizes)), where=atoms > 0)
    return np.column_stack([empty, classes[:, 1:] * scale[:, None]])


def random_alloy(
    structure: Atoms | Structure | Lattice, *, mix_sublattices: bool = False, shell_tolerance: float | None = None
) -> Lattice:
    """The lattice of a structure whose composition runs start from at random; says what of the structure is not used.

    Args:
        structure: ASE Atoms, pymatgen Structure, or a Lattice (returned as it is).
        mix_sublattices: see `Start.read`.
        shell_tolerance: see `Start.read`.

    Raises:
        ValueError: see `Start.read`.
    """
    if isinstance(structure, Lattice):
        return structure
    start = Start.read(structure, mix_sublattices=mix_sublattices, shell_tolerance=shell_tolerance)
    if start.state is not None:
        vacant = int((start.state == 0).sum())
        own = "its own arrangement" + (f" and its {vacant} vacancies are" if vacant else " is")
        say.info("the runs start from random alloys of the structure's composition, %s not used", own)
    elif np.ptp(start.fractions, axis=0).max() > 1e-9:
        say.info(
            "the runs start from random alloys of the whole composition, the occupancies of single sites are not used"
        )
    return start.lattice


def _separate(lattice: Lattice, fractions: Floats) -> list[list[str]]:
    """Groups of species that share sites with each other and none with other groups."""
    there = fractions[:, 1:] > 0
    linked = there.T.astype(int) @ there.astype(int) > 0
    groups: list[list[str]] = []
    left = list(range(len(lattice.species)))
    while left:
        group = {left[0]}
        while (larger := group | {int(k) for g in group for k in np.flatnonzero(linked[g])}) != group:
            group = larger
        groups.append([lattice.species[k] for k in sorted(group)])
        left = [k for k in left if k not in group]
    return groups


def _alternating(lattice: Lattice, fractions: Floats) -> list[list[str]]:
    """Metals and nonmetals of a definite structure in which neither has neighbours of its own kind; else one group."""
    nonmetal = np.array([symbol in NONMETALS for symbol in lattice.species], dtype=bool)
    everything = [list(lattice.species)]
    if nonmetal.all() or not nonmetal.any():
        return everything
    value = fractions.argmax(1)
    kind = np.array([0, *np.where(nonmetal, 2, 1)])[value]  # 0 vacant, 1 metal, 2 nonmetal
    around = kind[lattice.neighbours(lattice.shells(1)[0].offsets)]
    if np.any((kind[:, None] > 0) & (around == kind[:, None])):
        return everything
    return [[s for s, n in zip(lattice.species, nonmetal, strict=True) if n == flag] for flag in (False, True)]
