"""The alloy of a study: its lattice, its barriers, and the boxes that are simulated and predicted."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.inputs import Boxes, check_boxes, choose_barriers, choose_boxes
from asemacro.studies.alloy.start import random_alloy

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice

say = logging.getLogger("asemacro")


@dataclasses.dataclass(frozen=True)
class Alloy:
    """What all steps of a study share.

    Attributes:
        lattice: the input.
        model: barriers.
        boxes: the small box that is simulated and the large one that is predicted, at least two small ones.
    """

    lattice: Lattice
    model: BarrierModel
    boxes: Boxes

    @classmethod
    def of(
        cls,
        structure: Any,
        barriers: str | Path | BarrierModel | None,
        *,
        sites: int,
        small: int,
        vacancies: int | None = None,
        concentration: float | None = None,
        mix_sublattices: bool = False,
        shell_tolerance: float | None = None,
    ) -> Alloy:
        """Read a structure and choose barriers and boxes.

        Args:
            structure: ASE Atoms, pymatgen Structure or Lattice.
            barriers: see `inputs.choose_barriers`.
            sites: least number of sites of the large box.
            small: least number of sites of the small box.
            vacancies: in the large box, see `inputs.choose_boxes`.
            concentration: of vacancies instead.
            mix_sublattices: see `start.Start`.
            shell_tolerance: see `start.Start.read`.

        Raises:
            ValueError: one line on what is wrong with the input.
        """
        lattice = random_alloy(structure, mix_sublattices=mix_sublattices, shell_tolerance=shell_tolerance)
        if len(lattice.species) < 2:
            raise ValueError(
                f"{'-'.join(lattice.species) or 'no element'}: no unlike pairs, so there is no order to compute"
            )
        model = choose_barriers(barriers, lattice)
        boxes = choose_boxes(lattice, model, sites, small, vacancies, concentration)
        if boxes.copies == 1:  # from one run alone nothing can be told of its error
            one, cell = boxes.large.n_sites, boxes.small.n_sites
            # of the small box itself: a box of as many sites that is nearer to a cube may hold more
            boxes = choose_boxes(boxes.small, model, cell + 1, 1, vacancies, concentration)
            say.warning(
                "the predicted box is enlarged from %d to %d sites: it must hold two simulated boxes of %d sites at "
                "least",
                one,
                boxes.large.n_sites,
                cell,
            )
        return cls(lattice, model, boxes)

    def check(self, temperatures_K: Sequence[float], seeds: int = 1) -> None:
        """Refuse, before anything is run, what `inputs.check_boxes` refuses."""
        check_boxes(self.boxes, self.model, temperatures_K, seeds)

    @functools.cached_property
    def sro(self) -> WarrenCowley:
        """Measures all pairs of the first shell."""
        return WarrenCowley(self.lattice.species, shells=1, pairs="all")

    @property
    def random_order(self) -> NDArray[np.float64]:
        """(d,) mean order of the unlike pairs in a random alloy of the large box's composition."""
        return WarrenCowley(self.lattice.species).random_mean(self.boxes.large, list(self.boxes.large_counts.values()))
