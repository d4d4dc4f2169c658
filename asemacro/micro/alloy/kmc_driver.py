"""Vacancy KMC of ASE atoms, driven as any dynamics of ASE."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from asemacro.arguments.door import ATOMS, checked, model
from asemacro.barriers.load import load_barriers
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.recognition.sublattice import ON_SITE
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.micro.driver import Driver

if TYPE_CHECKING:
    from pathlib import Path

    from asemacro.barriers.base import BarrierModel

say = logging.getLogger("asemacro")


class KMC(Driver):
    """`Driver` of `VacancyKMC` that moves your own atoms: each hop exchanges the symbols of an atom X and a neighbour.

    Positions stay as they are, distorted or not; vacancies are atoms X, so that an atom's number is that of its site.
    Sites without an atom are vacancies too: an X is added for each at the end of `atoms`, which is said.

    Args:
        atoms: a crystal, see `Lattice.from_atoms`; edited as the run goes on, as ASE's dynamics do.
        barriers: barrier model, or its name or file (`load_barriers`).
        temperature_K: temperature.
        attempt_frequency_Hz: see `VacancyKMC`.
        shell_tolerance: see `Lattice.from_atoms`.
        trajectory: see `Driver`.
        logfile: see `Driver`.
        loginterval: hops between two frames and two lines.
        append_trajectory: see `Driver`.
        rng: source of randomness.

    Raises:
        ValueError: no lattice or no vacancy, or a barrier model that is not made for the lattice.
    """

    @checked(atoms=ATOMS, barriers=model)
    def __init__(
        self,
        atoms: Atoms,
        barriers: BarrierModel | str | Path,
        temperature_K: float,
        attempt_frequency_Hz: float | None = None,
        *,
        shell_tolerance: float | None = None,
        trajectory: Any = None,
        logfile: Any = None,
        loginterval: int = 1,
        append_trajectory: bool = False,
        rng: np.random.Generator,
    ) -> None:
        lattice = Lattice.from_atoms(atoms, shell_tolerance=shell_tolerance)
        x = lattice.state(atoms)
        named = load_barriers(barriers) if isinstance(barriers, (str, os.PathLike)) else barriers
        system = VacancyKMC(lattice, named, temperature_K, attempt_frequency_Hz)
        system.carriers(x)  # refuses a state without vacancies before the atoms are touched
        self._own, self._site = _with_vacancies(atoms, lattice)
        self._on = np.flatnonzero(self._site >= 0)
        self._numbers = np.array([0, *(atomic_numbers[s] for s in lattice.species)])
        super().__init__(
            system,
            x,
            trajectory=trajectory,
            logfile=logfile,
            loginterval=loginterval,
            append_trajectory=append_trajectory,
            rng=rng,
        )

    def todict(self) -> dict[str, Any]:
        """What a trajectory keeps as its description."""
        system: Any = self.system
        return super().todict() | {"temperature_K": system.temperature_K, "barriers": system.barriers.name}

    def _first_atoms(self) -> Atoms:
        return self._own

    def _show(self) -> None:
        self.atoms.numbers[self._on] = self._numbers[self._steps.x[self._site[self._on]]]
        self.atoms.info.update(self._steps.time)


def _with_vacancies(atoms: Atoms, lattice: Lattice) -> tuple[Atoms, np.ndarray]:
    """The atoms with an X on each site that had none, and the site of each; -1 for atoms far from all sites or beside
    a sublattice."""
    site, distance = lattice.nearest_sites(atoms.positions)
    reach = 0.5 * lattice.shells(1)[0].distance
    if lattice.spectators is None:
        site = np.where(distance <= reach, site, -1)
    else:  # an X may be on a site of others, which can be as near as that
        own, empty = np.isin(atoms.symbols, lattice.species), atoms.numbers == 0
        site = np.where(own & (distance <= reach) | empty & (distance <= ON_SITE * 2 * reach), site, -1)
    empty = np.setdiff1d(np.arange(lattice.n_sites), site)
    if len(empty):
        atoms += Atoms(f"X{len(empty)}", positions=lattice.positions()[empty])
        say.info(
            "%d %s without an atom: X added at the end of the atoms",
            len(empty),
            "site" if len(empty) == 1 else "sites",
        )
    return atoms, np.concatenate([site, empty])
