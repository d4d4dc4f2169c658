"""Which jumps kinetic Monte Carlo meets in an alloy at equilibrium, and how uncertain their barriers are.

At each temperature runs of one vacancy begin in states that swaps have brought to equilibrium, cooled through the
hotter temperatures. States on their paths are cut out around the vacancy, to the size of a cell that can be labelled.
All jumps out of such a state are looked at, not only the one that the run made: a barrier that is wrongly thought to be
high would never be found otherwise.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.compiled import UNCERTAIN_EV
from asemacro.barriers.data.cells import Cell
from asemacro.barriers.data.ensemble import spread_of
from asemacro.barriers.gnn.cell import minimum_shape
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.gnn.placement import Environments
from asemacro.barriers.labelling.bands import Jump
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.labelling.cells import random_cell, states_on_path
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

PATHS = 2  # at each temperature
SWEEPS = 20  # of swaps at each temperature on the way down


@dataclasses.dataclass(frozen=True)
class VisitedJumps:
    """States on paths of kinetic Monte Carlo, and the jumps out of them.

    Attributes:
        x: (n, n_sites) int8 the states, one vacancy in each.
        jumping: (n, Z) sites of the atoms that can jump.
        spread: (n, Z) standard deviation of the barriers over the members of the network, eV; nan where a site has
            fewer jumps than Z.
        path: (n,) number of the path of each state.
    """

    x: NDArray[np.int8]
    jumping: NDArray[np.int64]
    spread: Floats
    path: NDArray[np.int64]

    @property
    def uncertain(self) -> float:
        """Share of the jumps whose barrier spreads by more than 0.1 eV."""
        return float((self.spread[np.isfinite(self.spread)] > UNCERTAIN_EV).mean())

    def spread_of(self, jumps: Sequence[Jump]) -> float:
        """Root mean square of the spread of some of the jumps; nan of none."""
        state = {x.tobytes(): k for k, x in enumerate(self.x)}
        rows = [state[jump.x.tobytes()] for jump in jumps]
        found = [self.spread[k][self.jumping[k] == jump.jumping] for k, jump in zip(rows, jumps, strict=True)]
        return float(np.sqrt(np.mean(np.square(found)))) if found else np.nan

    @property
    def rms_spread_eV(self) -> float:
        """Root mean square of the spread."""
        return float(np.sqrt(np.nanmean(self.spread**2)))


def running_box(box: Lattice) -> Lattice:
    """The smallest box around a cell in which graph networks of its crystal can drive kinetic Monte Carlo."""
    unit = dataclasses.replace(box, shape=(1, 1, 1), _memo={})
    times = minimum_shape(unit)
    first, second, third = (max(a, b) for a, b in zip(times, box.shape, strict=True))
    return dataclasses.replace(box, shape=(first, second, third), _memo={})


def visit(
    model: BarrierGNN,
    box: Lattice,
    larger: Lattice,
    temperatures_K: Sequence[float],
    states: int,
    streams: Streams,
    workers: int,
    progress: Report,
) -> VisitedJumps:
    """States that a network visits at equilibrium.

    Args:
        model: two members or more, of the consistent form.
        box: the cells that states are cut out as.
        larger: the box that runs take place in, see `running_box`.
        temperatures_K: of the runs.
        states: how many at least, divided evenly among the paths.
        streams: every path has one, named by its temperature and number.
        workers: paths that run at once, in threads.
        progress: told of the paths.
    """
    each = math.ceil(states / (PATHS * len(temperatures_K)))
    kmc = VacancyKMC(larger, model, temperatures_K[0])
    tasks = [
        Task(f"path at {kelvin:g} K, {k}", partial(_path, kmc, box, temperatures_K, kelvin, each, streams, k))
        for kelvin in temperatures_K
        for k in range(PATHS)
    ]
    paths = run_tasks(tasks, progress=progress, workers=workers)
    x = np.concatenate(paths)
    jumping, spread = jumps_out_of(model, box, x)
    return VisitedJumps(x, jumping, spread, np.repeat(np.arange(len(paths)), [len(path) for path in paths]))


def jumps_out_of(model: BarrierGNN, box: Lattice, x: NDArray[np.int8]) -> tuple[NDArray[np.int64], Floats]:
    """(n, Z) sites of the atoms beside the vacancy of each state (n, n_sites), and the spread of their barriers, eV."""
    around, jumping = surroundings(model, box, x)
    spread = spread_of(model, around)
    return jumping, np.where(np.take_along_axis(x, jumping, axis=1) > 0, spread, np.nan)


def surroundings(model: BarrierGNN, box: Lattice, x: NDArray[np.int8]) -> tuple[Environments, NDArray[np.int64]]:
    """What a network is given of the vacancies of states (n, n_sites), and (n, Z) the sites that they jump to."""
    sites, kinds, _ = Cell(box, np.arange(box.n_sites)).around(model.jumps, "the cell")
    vacancy = (x == 0).argmax(axis=1)
    index = np.array([0, *(1 + model.species.index(s) for s in box.species)], dtype=np.int8)
    env = index[np.take_along_axis(x, sites[vacancy], axis=1)]
    z = model.graph.n_jumps
    return Environments(env, kinds[vacancy], np.tile(np.arange(z), (len(x), 1))), sites[vacancy, 1 : 1 + z]


def _path(
    kmc: VacancyKMC,
    box: Lattice,
    temperatures_K: Sequence[float],
    kelvin: float,
    states: int,
    streams: Streams,
    number: int,
    progress: Report,
) -> NDArray[np.int8]:
    """(states, n_sites) states on one path."""
    rng = streams(kelvin, number)
    x = random_cell(kmc.lattice, rng)
    x[rng.integers(len(x))] = 0
    for hotter in sorted((t for t in temperatures_K if t >= kelvin), reverse=True):
        x = SwapMC(kmc.lattice, kmc.barriers, hotter).run(x, SWEEPS, progress=progress, rng=rng).x
    path = states_on_path(kmc.at(kelvin), x, box, rng)
    return np.array(list(itertools.islice(path, states)), dtype=np.int8)
