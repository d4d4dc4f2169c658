"""Equimolar NbMoTa with the shipped barrier model `nbmota`: what figures 8a and 8c share.

Small cells of 1,024 sites and one vacancy run from random; the SDE learned from them is compared with direct runs of
larger boxes at the same composition and vacancy concentration. The paper's runs used the network that `nbmota` was
distilled from; its card states how far the two are apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from asemacro.barriers.load import load_barriers
from asemacro.lattice.lattice import Lattice
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.trajectories import simulate
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.campaign import Budget, Job, run_jobs
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.prediction import MEMBERS, learn
from asemacro.studies.alloy.record import Record
from asemacro.typing import Floats, Report

SPECIES = ("Nb", "Mo", "Ta")
SMALL = 1024
EDGES = {1024: 8, 8192: 16, 65536: 32}  # sites: conventional cells along an edge
COPIES = 8  # small cells in the system that the SDE is learned for
CLOCK = "The reference is direct KMC with the same barriers; KMC time, one vacancy for 1,024 sites."


@dataclasses.dataclass(frozen=True)
class Runs:
    """Runs from random of one size, one record a temperature.

    Attributes:
        sites: of the box.
        records: in the order of the temperatures.
        table: names of all pairs and how the like ones follow.
    """

    sites: int
    records: list[Record]
    table: PairTable

    def unlike(self, index: int) -> Floats:
        """(runs, n_times, 3) order of the unlike pairs at one temperature."""
        return self.records[index].order[:, :, self.table.unlike]


def share_of(progress: Report, begin: float, share: float, tasks: int) -> Report:
    """A report of this many tasks, also at once, that fills part of a figure's bar, from `begin` on."""
    done: dict[str, float] = {}

    def tell(task: str, fraction: float, text: str) -> None:
        done[task] = fraction
        progress("figure", begin + share * min(sum(done.values()) / tasks, 1.0), text)

    return tell


def run_from_random(
    temperatures_K: Sequence[float], sites: int, runs: int, hops: float, *, rng: np.random.Generator, report: Report
) -> Runs:
    """Vacancy KMC from random states of a box, one vacancy for 1,024 sites.

    Args:
        temperatures_K: temperatures.
        sites: of the box, a key of EDGES.
        runs: at each temperature.
        hops: of each run and vacancy.
        rng: source of randomness.
        report: progress.
    """
    lattice = Lattice.bcc(3.24, SPECIES, EDGES[sites])
    cells = sites // SMALL
    counts = {symbol: 341 * cells for symbol in SPECIES} | {"X": cells}
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    copies = COPIES if sites == SMALL else 1
    model = load_barriers("nbmota")
    jobs = [
        Job(lattice, model, kelvin, counts, runs, copies, sro, Budget(hops, relaxations=np.inf), stream)
        for kelvin, stream in zip(temperatures_K, rng.spawn(len(temperatures_K)), strict=True)
    ]
    records = run_jobs(jobs, None, None, report)
    return Runs(sites, records, PairTable.of(sro, counts, lattice))


def learn_from(
    small: Runs, *, copies: int = COPIES, members: int = MEMBERS, rng: np.random.Generator
) -> list[NeuralSDE]:
    """The SDE of a system of `copies` small cells (one copy: of the small cell itself), and its bootstrap members."""
    records = [dataclasses.replace(record, copies=copies) for record in small.records]
    unlike = small.table.unlike
    labels = [small.table.labels[k] for k in unlike]
    return learn(records, unlike, labels, copies * small.sites, members=members, rng=rng)


def from_random(
    sde: NeuralSDE,
    small: Runs,
    index: int,
    times_s: Floats,
    trajectories: int,
    sites: int,
    *,
    rng: np.random.Generator,
) -> Floats:
    """(trajectories, n_times, 3) order of the unlike pairs in a large system that starts from random.

    A random large state is as good as independent random small cells side by side, so the starts are means over as
    many random small starts as the system has cells (normal with their covariance where these are too few to draw).

    Args:
        sde: the learned model.
        small: runs that it was learned from.
        index: which temperature.
        times_s: ascending.
        trajectories: number of them.
        sites: size of the system.
        rng: source of randomness.
    """
    begin = small.unlike(index)[:, 0]
    spread = np.cov(begin.T) * (small.sites / sites)
    starts = rng.multivariate_normal(begin.mean(axis=0), spread, trajectories)
    kelvin = small.records[index].temperature_K if sde.n_conditions else None
    _, z = simulate(sde, starts, condition=kelvin, n_trajectories=trajectories, times_s=times_s, sites=sites, rng=rng)
    return z
