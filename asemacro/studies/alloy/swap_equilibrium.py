"""Equilibrium of a model's lattice energy at all temperatures by swaps, and whether it can be believed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.arguments.checks import MOST_KELVIN
from asemacro.micro.alloy.exchange import ExchangeRun, ReplicaExchange
from asemacro.micro.alloy.state_energy import StateEnergy
from asemacro.micro.alloy.swap import SwapMC
from asemacro.studies.alloy.member_swaps import AGAIN, Watched, follow, run_again
from asemacro.studies.alloy.swap_heat import RandomAlloys, parameters, waves_of
from asemacro.studies.alloy.swap_order import BothChains, Seen, SwapOrder
from asemacro.tasks.parts import part
from asemacro.tasks.progress import part_of
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice
    from asemacro.observables.alloy import WarrenCowley

MARKS = 1000  # times that a chain is looked at
LEAST_SWEEPS = 40  # fewer leave too few states to average over
EASY = 0.05  # turnover (kT a site and sweep) above which a temperature needs no help from hotter ones
FREE = 0.9  # acceptance above which it needs none either: energies are small beside kT, and so is the turnover
HEATING = 1.25  # ratio of temperatures that are added above the list until swaps are easy
MOST_HEATINGS = 40
ENERGY_GAP = 2.0  # (1/kT - 1/kT') (E' - E) of neighbours: exchanges are then accepted in a third of all cases
MOST_RUNGS = 12  # temperatures added within the list, or as many as the list has
DESCENT = 0.25  # of the sweeps go to the descent
RANDOM_STATES = 100  # random alloys, to measure energy and long-range order from
MEMBERS_SHARE = 0.2  # of the work, for the progress


def equilibrium_by_swaps(
    lattice: Lattice,
    model: BarrierModel,
    temperatures_K: Sequence[float],
    counts: Mapping[str, int],
    sro: WarrenCowley,
    *,
    sweeps: int,
    workers: int | None,
    streams: Streams,
    progress: Report,
) -> list[SwapOrder]:
    """Canonical equilibrium of the model's energy at the KMC's composition.

    One chain first goes down the temperatures. It gives an ordered state and says where swaps are rare: there
    temperatures are added, so that neighbours exchange their states (`ReplicaExchange`). Then two chains of all
    temperatures run, one from random and one from the ordered state, and equilibrium counts as reached where both end
    at the same order (`SwapOrder`). The first half is left out. Where they do, the order of each member of the model,
    if it has any, comes from the states of these chains, or from chains of its own (`member_swaps`).

    Args:
        lattice: the box.
        model: barrier model with an energy.
        temperatures_K: increasing.
        counts: of each species and of vacancies ("X") in the box.
        sro: measures all pairs.
        sweeps: of each chain at each temperature.
        workers: 1 for one chain after the other, else both at once.
        streams: of the study.
        progress: called as progress("swaps", fraction, text).

    Raises:
        ValueError: too few sweeps.
    """
    if sweeps < LEAST_SWEEPS:
        raise ValueError(f"{sweeps} sweeps are too few to tell an equilibrium; give at least {LEAST_SWEEPS}")
    rng = streams("swaps", "descent")
    first, second = lattice.random_state(counts, batch=2, rng=rng)
    cool = partial(descend, lattice, model, temperatures_K, first, max(int(DESCENT * sweeps), 4), rng=rng)
    down = part("cooling", partial(cool, progress=progress), kinds=(Descent,))
    levels = ladder(down, max(MOST_RUNGS, len(temperatures_K)))
    exchange, members, waves = ReplicaExchange(lattice, model, levels), model.members(), waves_of(lattice, counts)
    marks = np.unique(np.linspace(0, sweeps, MARKS + 1).astype(int)[1:])
    starts = {"from random": second, "from ordered": down.x}
    share = 1 - DESCENT / 2 - (MEMBERS_SHARE if members else 0.0)
    both = part_of(progress, "swaps", DESCENT / 2, share, len(starts))
    tasks, where = [], f"swap Monte Carlo, {len(levels)} temperatures"
    for name, x in starts.items():
        watched = Watched(lattice, sro, waves, (model, *members), first, len(levels), len(marks))
        work = partial(follow, name, where, exchange, x, marks, watched, streams("swaps", name))
        tasks.append(Task(name, work, part=(ExchangeRun,)))
    runs = run_tasks(tasks, progress=both, workers=workers)
    above = StateEnergy(lattice, model, first)
    chains = BothChains.of(runs, [above(x) for x in starts.values()], sweeps)
    stream = streams("swaps", "random alloys")
    random = RandomAlloys.of(lattice, counts, RANDOM_STATES, above, partial(parameters, waves), stream)
    seen = Seen(levels, chains, sro.dim, random, sum(counts[name] for name in lattice.species))
    found = [seen.at(kelvin, bool(members)) for kelvin in temperatures_K]
    if members:
        last = part_of(progress, "swaps", 1 - MEMBERS_SHARE, MEMBERS_SHARE, len(members))

        def again(most: float) -> tuple[Floats, Floats]:
            chosen = levels[: int(np.searchsorted(levels, most)) + 2]  # a hotter one renews the states
            count = max(int(AGAIN * sweeps), LEAST_SWEEPS)
            return run_again(
                lattice, members, chosen, runs, sro, sweeps=count, workers=workers, streams=streams, progress=last
            )

        found = with_members(found, temperatures_K, levels, again)
    progress("swaps", 1.0, "")
    return found


def with_members(
    found: Sequence[SwapOrder],
    temperatures_K: Sequence[float],
    levels: Floats,
    again: Callable[[float], tuple[Floats, Floats]],
) -> list[SwapOrder]:
    """The order of the members: as weighted where that leaves enough states, else run again; none without equilibrium.

    Args:
        found: with the order of the members as it is weighted, at each temperature.
        temperatures_K: increasing.
        levels: (n,) temperatures of the swaps, these among them.
        again: gives the order of the members (M, n_T, D) and its error at all levels up to a temperature.
    """
    few = [at.equilibrated and not at.reweighted for at in found]
    if any(few):
        mean, error = again(max(kelvin for kelvin, run in zip(temperatures_K, few, strict=True) if run))
    done = []
    for kelvin, at, run in zip(temperatures_K, found, few, strict=True):
        if run:
            level = int(np.flatnonzero(levels == kelvin)[0])
            at = dataclasses.replace(at, shift=mean[:, level] - at.delta, shift_error=error[:, level])
        elif not at.equilibrated:
            at = dataclasses.replace(at, shift=np.full_like(at.shift, np.nan))
        done.append(at)
    return done


@dataclasses.dataclass(frozen=True)
class Descent:
    """What a chain saw on its way down.

    Attributes:
        temperatures_K: (n,) increasing, some above the list included.
        energy_eV: (n,) of the box, from an arbitrary zero.
        turnover: (n,) kT a site and sweep.
        x: (n_sites,) the state at the lowest temperature.
    """

    temperatures_K: Floats
    energy_eV: Floats
    turnover: Floats
    x: NDArray[np.int8]


def descend(
    lattice: Lattice,
    model: BarrierModel,
    temperatures_K: Sequence[float],
    x: NDArray[np.int8],
    sweeps: int,
    *,
    rng: np.random.Generator,
    progress: Report,
) -> Descent:
    """Cool one chain, from temperatures where swaps are easy; above the list if they are not at its highest."""
    above: list[Any] = [temperatures_K[-1]]
    while len(above) < MOST_HEATINGS and HEATING * above[-1] <= MOST_KELVIN:
        run = SwapMC(lattice, model, above[-1]).run(x, sweeps, rng=rng)
        if run.turnover >= EASY or run.acceptance >= FREE:
            break
        above.append(HEATING * above[-1])
    kelvin = np.array([*reversed(above[1:]), *reversed(temperatures_K)], dtype=float)
    energies, turnover, energy = [], [], 0.0
    for done, temperature in enumerate(kelvin):
        chain = SwapMC(lattice, model, temperature)
        ends, moved = [], []
        for _ in range(4):
            run = chain.run(x, max(sweeps // 4, 1), rng=rng)
            x, energy = run.x, energy + run.energy_change_eV
            ends.append(energy)
            moved.append(run.turnover)
        energies.append(np.mean(ends[1:]))
        turnover.append(np.mean(moved))
        progress("swaps", DESCENT / 2 * (done + 1) / len(kelvin), f"swap Monte Carlo, down to {temperature:g} K")
    return Descent(kelvin[::-1], np.array(energies)[::-1], np.array(turnover)[::-1], x)


def ladder(down: Descent, most: int, easy: float = EASY) -> Floats:
    """Temperatures of a descent and those to add between them, at most `most`, the hot ones first.

    Neighbours exchange their states where (1/kT - 1/kT') (E' - E) is about 1; it falls with the square of the number
    of steps. Where swaps are easy at the lower of two temperatures (a turnover of `easy`), nothing is added.
    """
    levels, beta = list(down.temperatures_K), 1 / (kB * down.temperatures_K)
    for low in range(len(beta) - 2, -1, -1):
        if down.turnover[low] >= easy:
            continue
        gap = (beta[low] - beta[low + 1]) * max(down.energy_eV[low + 1] - down.energy_eV[low], 0.0)
        steps = min(int(np.ceil(np.sqrt(gap / ENERGY_GAP))), most + 1)
        if steps > 1:
            between = np.linspace(beta[low], beta[low + 1], steps + 1)[1:-1]
            levels.extend(1 / (kB * between))
            most -= steps - 1
    return np.array(sorted(levels))
