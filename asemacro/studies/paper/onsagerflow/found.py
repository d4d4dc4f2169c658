"""All that the figure found."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from asemacro.studies.paper.onsagerflow.equilibrium import Law, Scatter
from asemacro.studies.paper.onsagerflow.kinetics import Flips, Growth
from asemacro.studies.paper.onsagerflow.large import Coarsening, Quench, Speed
from asemacro.studies.paper.onsagerflow.learning import Learned, Lesson


class Edges(NamedTuple):
    """Of what was simulated, in sites: of the spins, and of fields the spins that they stand for."""

    quench: int
    coarsening: int
    field: int
    speed: int


@dataclasses.dataclass(frozen=True)
class Found:
    """What there is to be told.

    Attributes:
        learned: equations of blocks of 4, which are judged.
        long: equations of blocks of 16 and 128.
        scatter: S(k).
        growth: of waves.
        laws: of the magnetisation, by temperature, the single well first.
        flips: changes of the well.
        quench: beside the largest lattice of spins.
        coarsening: over a long time.
        field: the largest one, over a short time.
        speeds: by block.
        edges: of all these.
    """

    learned: dict[Lesson, Learned]
    long: dict[Lesson, Learned]
    scatter: dict[Lesson, Scatter]
    growth: dict[Lesson, Growth]
    laws: dict[float, Law]
    flips: Flips
    quench: Quench
    coarsening: Coarsening
    field: Coarsening
    speeds: dict[int, Speed]
    edges: Edges
