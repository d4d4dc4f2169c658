"""The samples: replica exchange of two boxes, each from a random and from an ordered start."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.micro.alloy.exchange import ExchangeRun, ReplicaExchange
from asemacro.micro.alloy.exchange_pause import ExchangePause
from asemacro.micro.alloy.state_energy import StateEnergy
from asemacro.observables.alloy import WarrenCowley
from asemacro.observables.sublattice_order import SublatticeOrder
from asemacro.studies.alloy.swap_equilibrium import DESCENT, Descent, descend, ladder
from asemacro.studies.alloy.swap_heat import RandomAlloys
from asemacro.studies.alloy.swap_order import BothChains
from asemacro.studies.ordering.boxes import Box
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.keeper import Keeper
from asemacro.tasks.patience import Patience
from asemacro.tasks.progress import silent
from asemacro.tasks.running import Task, kept_item, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from asemacro.barriers.base import BarrierModel

MARKS = 1000  # most states of a chain and temperature that are looked at
RANDOM_STATES = 400
STARTS = ("random", "ordered")
say = logging.getLogger("asemacro")


@dataclasses.dataclass(frozen=True)
class RandomOrder:
    """Order and energy of random alloys of a box.

    Attributes:
        delta: (D,) exact mean.
        delta_sd: (D,) standard deviation over RANDOM_STATES of them.
        waves: (W,) their mean order parameters and orders of pairs at the stars.
        waves_sd: (W,) standard deviation.
        energy_eV: mean energy above the zero of the chains.
        energy_error_eV: its standard error.
    """

    delta: Floats
    delta_sd: Floats
    waves: Floats
    waves_sd: Floats
    energy_eV: float
    energy_error_eV: float


@dataclasses.dataclass(frozen=True)
class Sampled:
    """What two chains saw in a box at n temperatures, m states of each.

    Attributes:
        box: the box.
        sro: measures the D pairs and shells.
        sublattices: measures the waves.
        levels_K: (n,) increasing, those that were asked for and those between.
        delta: (n, 2, m, D) order of all pairs.
        waves: (n, 2, m, W) long-range order.
        energy_eV: (n, 2, m) of the box, above the mean of random alloys.
        turnover: (n,) kT a site, of the chain that has less.
        arrivals: (n,) of the chain that has fewer.
        exchange_acceptance: (n - 1,) mean of both.
        random: random alloys.
    """

    box: Box
    sro: WarrenCowley
    sublattices: SublatticeOrder
    levels_K: Floats
    delta: Floats
    waves: Floats
    energy_eV: Floats
    turnover: Floats
    arrivals: NDArray[np.int64]
    exchange_acceptance: Floats
    random: RandomOrder


@dataclasses.dataclass(frozen=True)
class Plan:
    """How boxes are sampled.

    Attributes:
        model: with an energy.
        temperatures_K: increasing.
        shells: of the pairs.
        sweeps: of each chain at each temperature.
        workers: chains at once.
        streams: all randomness.
        checkpoint: where finished chains, and those on their way, are kept.
        progress: called with (task, fraction, text), see `stages`.
    """

    model: BarrierModel
    temperatures_K: Sequence[float]
    shells: int
    sweeps: int
    workers: int | None
    streams: Streams
    checkpoint: Checkpoint
    progress: Report

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process neither the store nor the progress is within reach: what is finished is kept here."""
        return Plan, (
            self.model, self.temperatures_K, self.shells, self.sweeps, 1, self.streams, Checkpoint(None), silent,
        )  # fmt: skip

    def inputs(self, box: Box, **more: Any) -> dict[str, Any]:
        """What the samples of a box depend on."""
        return {
            "energy": self.model.compile_energy(box.lattice), "lattice": box.lattice, "composition": box.named_counts,
            "temperatures": list(self.temperatures_K), "sweeps": self.sweeps, "seed": self.streams, **more,
        }  # fmt: skip


def stages(sites: tuple[float, float] = (432.0, 1024.0)) -> tuple[dict[str, float], ...]:
    """Tasks of `sample_boxes` that run side by side, with weights for a progress bar."""
    names = dict(zip(("small", "large"), sites, strict=True))
    down = {f"{name} box down": DESCENT * n for name, n in names.items()}
    return down, {f"{name} box from {start}": n for name, n in names.items() for start in STARTS}


def sample_boxes(boxes: Sequence[Box], plan: Plan) -> list[Sampled]:
    """Both boxes: one chain of each down the temperatures, then two chains of all temperatures of each, side by side.

    As in `equilibrium_by_swaps`; temperatures are added wherever neighbours would exchange their states rarely.
    """
    firsts = [
        box.lattice.random_state(box.named_counts, batch=2, rng=plan.streams(box.name, "starts")) for box in boxes
    ]
    descents = [
        Task(
            f"{box.name} box down", partial(_down, box, first[0], plan), float(box.lattice.n_sites),
            kept_item(Descent, plan.inputs(box), "descent"),
        )
        for box, first in zip(boxes, firsts, strict=True)
    ]  # fmt: skip
    downs = run_tasks(descents, store=plan.checkpoint, progress=plan.progress, workers=plan.workers)
    levels = [ladder(down, 2 * len(down.temperatures_K), np.inf) for down in downs]
    tasks: list[Task[ExchangeRun]] = []
    for box, first, down, kelvin in zip(boxes, firsts, downs, levels, strict=True):
        for start, x in zip(STARTS, (first[1], down.x), strict=True):
            inputs = plan.inputs(box, shells=plan.shells, start=x, levels=kelvin)
            name = f"{box.name} box from {start}"
            tasks.append(
                Task(
                    name, partial(_chain, name, box, x, kelvin, plan, inputs), float(box.lattice.n_sites * len(kelvin)),
                    kept_item(ExchangeRun, inputs, "replica exchange"),
                )
            )  # fmt: skip
    runs = run_tasks(tasks, store=plan.checkpoint, progress=plan.progress, workers=plan.workers)
    return [
        _joined(box, plan, first, down, kelvin, runs[2 * k : 2 * k + 2])
        for k, (box, first, down, kelvin) in enumerate(zip(boxes, firsts, downs, levels, strict=True))
    ]


def _down(box: Box, x: NDArray[np.int8], plan: Plan, told: Report) -> Descent:
    """The chain that cools."""
    share = DESCENT / 2  # what `descend` reports at its end

    def shown(task: str, fraction: float, text: str) -> None:
        told(task, min(fraction / share, 1.0), text)

    return descend(
        box.lattice, plan.model, plan.temperatures_K, x, max(int(DESCENT * plan.sweeps), 4),
        rng=plan.streams(box.name, "descent"), progress=shown,
    )  # fmt: skip


def _looks(box: Box, shells: int) -> tuple[WarrenCowley, SublatticeOrder, Callable[[NDArray[np.int8]], Floats]]:
    """What is measured, and the function of a state (1, n_sites) that gives all of it."""
    sro, sublattices = WarrenCowley(box.lattice.species, shells, pairs="all"), SublatticeOrder(box.lattice, box.counts)
    return sro, sublattices, lambda x: np.concatenate([sro(x, box.lattice)[0], sublattices(x)])


def _chain(
    name: str, box: Box, x: NDArray[np.int8], kelvin: Floats, plan: Plan, inputs: dict[str, Any], told: Report
) -> ExchangeRun:
    """One chain of all temperatures; goes on from where the same one was stopped."""
    sro, sublattices, look = _looks(box, plan.shells)
    marks = np.unique(np.linspace(0, plan.sweeps, MARKS + 1).astype(int)[1:])
    n_bytes = len(kelvin) * (8.0 * len(marks) * (sro.dim + sublattices.dim + 1) + box.lattice.n_sites)
    entry = plan.checkpoint.entry(f"{name} on the way", inputs)
    keeper = Keeper(entry, ExchangePause.read, n_bytes, f"{len(marks)} states at {len(kelvin)} temperatures")
    if (before := keeper.before) is not None:
        say.info("%s: goes on after %d of %d sweeps", name, before.replicas.sweep, plan.sweeps)
    patience = Patience(f"{plan.sweeps} sweeps of {box.lattice.n_sites} sites at {len(kelvin)} temperatures")

    def shown(task: str, share: float, text: str) -> None:
        patience.done(share)
        told(task, share, f"{name}, {len(kelvin)} temperatures, {text}")

    with keeper, one_thread():
        return ReplicaExchange(box.lattice, plan.model, kelvin).run(
            x if before is None else before,
            record_sweeps=marks,
            observe=look,
            progress=shown,
            keep=keeper.take,
            rng=plan.streams(box.name, start_of(name)),
        )


def start_of(name: str) -> str:
    """The start in the name of a chain."""
    return name.rpartition(" ")[2]


def _joined(
    box: Box, plan: Plan, first: NDArray[np.int8], down: Descent, kelvin: Floats, runs: Sequence[ExchangeRun]
) -> Sampled:
    """Both chains on one scale of energies."""
    sro, sublattices, look = _looks(box, plan.shells)
    above = StateEnergy(box.lattice, plan.model, first[0])
    chains = BothChains.of(runs, [above(x) for x in (first[1], down.x)], plan.sweeps)
    random = _random(box, plan, above, look, sro)
    return Sampled(
        box=box,
        sro=sro,
        sublattices=sublattices,
        levels_K=kelvin,
        delta=chains.record[..., : sro.dim],
        waves=chains.record[..., sro.dim :],
        energy_eV=chains.energy_eV - random.energy_eV,
        turnover=chains.turnover,
        arrivals=chains.arrivals,
        exchange_acceptance=np.mean([run.exchange_acceptance for run in runs], axis=0),
        random=random,
    )


def _random(
    box: Box, plan: Plan, above: StateEnergy, look: Callable[[NDArray[np.int8]], Floats], sro: WarrenCowley
) -> RandomOrder:
    """Random alloys of the box; their mean delta is exact."""
    rng = plan.streams(box.name, "random alloys")
    found = RandomAlloys.of(box.lattice, box.named_counts, RANDOM_STATES, above, look, rng)
    (_, waves), (sd, waves_sd) = (np.split(each, [sro.dim]) for each in (found.mean, found.sd))
    mean = sro.random_mean(box.lattice, box.counts)
    return RandomOrder(mean, sd, waves, waves_sd, found.energy_eV, found.energy_error_eV)
