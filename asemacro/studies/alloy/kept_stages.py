"""The stages of a diagram after its runs, kept in its checkpoint: an interrupted diagram does not do them twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asemacro.barriers.energy import energy_of, has_energy
from asemacro.files.arrays import read_arrays
from asemacro.macro.file import load_sde, save_sde
from asemacro.studies.alloy.campaign import pairs_of
from asemacro.studies.alloy.swap_equilibrium import SwapOrder
from asemacro.tasks.checkpoint import Checkpoint, arrays_of, items_of, write_arrays

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice
    from asemacro.macro.sde import NeuralSDE
    from asemacro.observables.alloy import WarrenCowley
    from asemacro.studies.alloy.record import Record


def kept_fit(
    checkpoint: Checkpoint,
    make: Callable[[], list[NeuralSDE]],
    *,
    records: Sequence[Record],
    labels: Sequence[str],
    sites: int,
    rng: np.random.Generator,
) -> list[NeuralSDE]:
    """The SDE and its bootstrap members: those in the checkpoint if they were learned from these runs, else made.

    Args:
        checkpoint: where they are kept.
        make: fits them.
        records: runs that they are learned from.
        labels: of the variables.
        sites: of the system that the noise belongs to.
        rng: what the fit will draw from, as it is before.
    """
    inputs = {"runs": [record.to_arrays() for record in records], "variables": labels, "sites": sites, "seed": rng}
    return checkpoint.keep("fit", inputs, make, write=save_sde, read=load_sde, suffix=".safetensors")


def kept_swaps(
    checkpoint: Checkpoint,
    make: Callable[[], list[SwapOrder]],
    *,
    lattice: Lattice,
    model: BarrierModel,
    temperatures_K: Sequence[float],
    counts: Mapping[str, int],
    sro: WarrenCowley,
    sweeps: int,
    rng: np.random.Generator,
) -> list[SwapOrder]:
    """Equilibrium by swaps at all temperatures: that in the checkpoint if nothing has changed, else made.

    Args:
        checkpoint: where it is kept.
        make: runs the swaps.
        lattice: the box.
        model: barriers; without an energy nothing is kept.
        temperatures_K: temperatures.
        counts: of each species and of vacancies in the box.
        sro: what is measured.
        sweeps: at each temperature.
        rng: what the chains will draw from, as it is before.
    """
    if not has_energy(model):
        return make()
    inputs = {
        "barriers": energy_of(model, lattice),
        "lattice": lattice,
        "composition": counts,
        "temperatures": [float(temperature) for temperature in temperatures_K],
        "pairs": pairs_of(sro),
        "sweeps": sweeps,
        "seed or list of temperatures": rng,
    }

    def read(path: Path) -> list[SwapOrder]:
        found = items_of(SwapOrder, read_arrays(path, "checkpoint"))
        if len(found) != len(temperatures_K):
            raise ValueError(f"it has {len(found)} temperatures, not {len(temperatures_K)}")
        return found

    return checkpoint.keep(
        "swaps", inputs, make, write=lambda path, made: write_arrays(path, arrays_of(made)), read=read
    )
