"""The product: equilibrium of an alloy over temperature from swaps alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import array, checked, instance, model, report, whole
from asemacro.barriers.compiled import PAIR_ENERGY
from asemacro.lattice.shells import MOST_SHELLS
from asemacro.studies.alloy.inputs import check_temperatures
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.alloy.swap_equilibrium import LEAST_SWEEPS
from asemacro.studies.ordering.boxes import Box, check_shells, choose_energy, two_boxes
from asemacro.studies.ordering.chains import RANDOM_STATES, Plan, sample_boxes
from asemacro.studies.ordering.levels import levels_of
from asemacro.studies.ordering.result import AlloyEquilibrium
from asemacro.studies.ordering.transition import curves_of, orderings_of
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import silent
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.studies.ordering.chains import Sampled
    from asemacro.studies.ordering.transition import Curves

SITES, SHELLS = 1024, 3
SWEEPS_OF_NETWORKS, SWEEPS_OF_PAIRS = 600, 3000  # about as long: a swap of pair energies costs a fifth
TEMPERATURES_K = tuple(range(400, 3001, 100))
say = logging.getLogger("asemacro")


@checked(
    barriers=model,
    checkpoint=instance("Checkpoint"),
    temperatures_K=array(None),
    shells=whole(1, MOST_SHELLS),
    sites=whole(1),
    sweeps=whole(LEAST_SWEEPS),
    workers=whole(1),
    progress=report,
    rng=generator_of,
)
def equilibrium(
    structure: Any,
    barriers: str | Path | BarrierModel | None = None,
    *,
    temperatures_K: Sequence[float] = TEMPERATURES_K,
    shells: int = SHELLS,
    sites: int = SITES,
    sweeps: int | None = None,
    workers: int | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Report | None = None,
    rng: np.random.Generator,
) -> AlloyEquilibrium:
    """Order, energy, heat capacity and temperature of order of an alloy, by swap Monte Carlo without any kinetics.

    Atoms exchange places anywhere in the box (`SwapMC`) at all temperatures side by side, which exchange their states
    (`ReplicaExchange`), in two boxes and from two starts each, one random and one cooled. The first half of each chain
    is left out. A temperature counts as equilibrium where both starts come to the same short- and long-range order.
    The heat capacity per atom, C / k_B = (<E^2> - <E>^2) / (N (kT)^2), is that of the arrangement of the atoms alone,
    on the rigid lattice of the model.

    Args:
        structure: ASE Atoms, pymatgen Structure or Lattice; it gives the lattice, the composition and, by its
            occupancies, the vacancies, which are swapped too; none otherwise. Structures that keep groups of species on
            sites of their own are refused; their Lattice is taken, swaps then mix them.
        barriers: model with an energy, its name or file; None for `refractory` where it knows the species.
        temperatures_K: temperatures.
        shells: neighbour shells of the pairs.
        sites: least number of the large box; the small one has about 0.4 times as many.
        sweeps: of each chain at each temperature; one is as many attempts as sites. None for 3000 of pair energies,
            600 of other models, which takes about as long.
        workers: chains at once (threads; the kernels release the lock). Results do not depend on it.
        checkpoint: where chains, finished and on their way, are kept, and found again.
        progress: called with (task, fraction, text); `chains.stages` names the tasks.
        rng: source of randomness; every chain has a stream of its own, named by its box and start (`Streams`).

    Raises:
        ValueError: one line on what is wrong with the input: a model without an energy, a single species ...
    """
    temperatures = check_temperatures(list(temperatures_K))
    lattice = random_alloy(structure)
    chosen = choose_energy(barriers, lattice)
    boxes = two_boxes(lattice, chosen, sites)
    check_shells(boxes, shells)
    if sweeps is None:
        pairs = chosen.compile_energy(boxes[0].lattice).kind == PAIR_ENERGY
        sweeps = SWEEPS_OF_PAIRS if pairs else SWEEPS_OF_NETWORKS
    plan = Plan(
        chosen, temperatures, shells, sweeps, workers, Streams.of(rng), checkpoint or Checkpoint(None),
        progress or silent,
    )  # fmt: skip
    sampled = sample_boxes(boxes, plan)
    levels = [levels_of(one) for one in sampled]
    curves = run_tasks(
        [Task(one.box.name, partial(_curves, one, of)) for one, of in zip(sampled, levels, strict=True)],
        workers=workers,
    )
    common, orderings = orderings_of(temperatures, sampled, levels, curves)
    return AlloyEquilibrium(temperatures, sampled, levels, curves, common, orderings, _about(boxes, plan))


@one_thread()
def _curves(sampled: Sampled, levels: Any, told: Report) -> Curves | None:
    return curves_of(sampled, levels)


def _about(boxes: Sequence[Box], plan: Plan) -> dict[str, Any]:
    """What was run."""
    lattice = boxes[1].lattice
    return {
        "barriers": plan.model.name,
        "species": list(lattice.species),
        "composition": {symbol: float(c) for symbol, c in lattice.composition.items()},
        "lattice": lattice.prototype,
        "sites": [box.lattice.n_sites for box in boxes],
        "vacancies": [int(box.counts[0]) for box in boxes],
        "shells": plan.shells,
        "sweeps": plan.sweeps,
        "random_states": RANDOM_STATES,
    }
