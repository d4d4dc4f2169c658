"""The order of an alloy at equilibrium by an ensemble of networks, and how uncertain the barriers leave it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley
from asemacro.statistics.members import error_of_members
from asemacro.studies.alloy.swap_equilibrium import equilibrium_by_swaps
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report


@dataclasses.dataclass(frozen=True)
class Order:
    """Order at some temperatures, delta of all unlike pairs.

    Attributes:
        delta: (n_T, D) by the mean of the members.
        sampling: (n_T, D) one standard error of the simulation.
        members: (n_T, D) what the members leave open, see `error_of_members`; nan where there is no equilibrium.
        settled: (n_T,) whether the simulation came to an equilibrium.
    """

    delta: Floats
    sampling: Floats
    members: Floats
    settled: NDArray[np.bool_]

    @property
    def bar(self) -> Floats:
        """(n_T, D) both errors together."""
        return np.hypot(self.sampling, self.members)


def order_of(
    model: BarrierGNN,
    lattice: Lattice,
    temperatures_K: Sequence[float],
    sweeps: int,
    workers: int,
    streams: Streams,
    progress: Report,
) -> Order:
    """Order by swap Monte Carlo with one vacancy in the box, by the mean of a network, and what its members make of it.

    Args:
        model: of the consistent form, two members or more.
        lattice: the box.
        temperatures_K: increasing.
        sweeps: of each chain at each temperature, see `equilibrium_by_swaps`.
        workers: threads.
        streams: of this simulation.
        progress: told of "swaps".
    """
    sro = WarrenCowley(lattice.species)
    counts = dict(zip(("X", *lattice.species), lattice.counts(vacancies=1).tolist(), strict=True))
    found = equilibrium_by_swaps(
        lattice, model, temperatures_K, counts, sro, sweeps=sweeps, workers=workers, streams=streams, progress=progress
    )
    return Order(
        delta=np.array([at.delta for at in found]),
        sampling=np.array([at.error for at in found]),
        members=np.array([error_of_members(at.shift, at.shift_error) for at in found]),
        settled=np.array([at.equilibrated for at in found]),
    )
