"""What a diffusion study simulates: the box, its barriers, and the states that its runs begin from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.lattice.lattice import Lattice
from asemacro.studies.alloy.inputs import choose_barriers, concentration_of, large_enough, vacancies_in
from asemacro.studies.alloy.mobility import check_mobile
from asemacro.studies.alloy.start import Start
from asemacro.studies.transport.walked import RECORDS

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel

_BYTES_A_RECORD = 36.0  # of a site: its displacement, and those of one lag as they are multiplied


@dataclasses.dataclass(frozen=True)
class Setup:
    """The box of all runs.

    Attributes:
        box: lattice.
        model: barriers.
        definite: (1, n_sites) state that all runs begin from, of a structure whose atoms are definite; else None.
        counts: of each species and of vacancies ("X").
    """

    box: Lattice
    model: BarrierModel
    definite: NDArray[np.int8] | None
    counts: dict[str, int]

    @classmethod
    def of(
        cls,
        structure: Any,
        barriers: str | Path | BarrierModel | None,
        *,
        sites: int,
        vacancies: int | None,
        concentration: float | None,
        mix_sublattices: bool,
        shell_tolerance: float | None,
        rng: np.random.Generator,
    ) -> Setup:
        """Read a structure; atoms that are there for certain stay where they are until the vacancies move them.

        Raises:
            ValueError: one line on what is wrong with the input.
        """
        begin = None
        if isinstance(structure, Lattice):
            lattice = structure
        else:
            begin = Start.read(structure, mix_sublattices=mix_sublattices, shell_tolerance=shell_tolerance)
            lattice = begin.lattice
        if not lattice.species:
            raise ValueError("the lattice holds no species, so nothing diffuses")
        model = choose_barriers(barriers, lattice)
        box = large_enough(lattice.at_least(sites), model)
        bound_of_memory(_BYTES_A_RECORD * RECORDS * box.n_sites, f"the displacements on {box.n_sites} sites")
        if begin is not None and begin.state is not None:
            definite = begin.draw(box, vacancies, concentration, rng=rng)
            number = np.bincount(definite[0], minlength=len(box.species) + 1)
        else:
            definite = None
            concentration = concentration_of(lattice, vacancies, concentration, "so does the box")
            number = box.counts(vacancies=vacancies_in(box.n_sites, vacancies, concentration))
        counts = {name: int(n) for name, n in zip(("X", *box.species), number, strict=True)}
        absent = [name for name, n in counts.items() if n == 0]
        if absent:
            raise ValueError(
                f"{counts['X']} vacancies on {box.n_sites} sites leave no atom of {', '.join(absent)}; give fewer "
                "vacancies or more --sites"
            )
        return cls(box, model, definite, counts)

    @property
    def vacancies(self) -> int:
        """In the box."""
        return self.counts["X"]

    @property
    def concentration(self) -> float:
        """Vacancies per site."""
        return self.vacancies / self.box.n_sites

    def draw(self, rng: np.random.Generator) -> NDArray[np.int8]:
        """(n_sites,) the state that a run begins from."""
        return self.box.random_state(self.counts, rng=rng)[0] if self.definite is None else self.definite[0].copy()

    def check(self, temperatures_K: Sequence[float]) -> None:
        """Refuse temperatures at which nothing moves; looks at typical barriers, on which no result depends."""
        check_mobile(self.model, self.box, self.draw(np.random.default_rng(0))[None], temperatures_K)
