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
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.campaign import Job, run_jobs
from asemacro.studies.alloy.prediction import MEMBERS, learn, pairs_of
from asemacro.studies.alloy.simulated import Simulated
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

SPECIES = ("Nb", "Mo", "Ta")
SMALL = 1024
EDGES = {1024: 8, 8192: 16, 65536: 32}  # sites: conventional cells along an edge
COPIES = 8  # small cells in the system that the SDE is learned for
CLOCK = "The reference is direct KMC with the same barriers; KMC time, one vacancy for 1,024 sites."


def run_from_random(
    temperatures_K: Sequence[float], sites: int, runs: int, hops: float, *, streams: Streams, progress: Report
) -> list[Simulated]:
    """Vacancy KMC from random states of a box, one vacancy for 1,024 sites.

    Args:
        temperatures_K: temperatures.
        sites: of the box, a key of EDGES.
        runs: at each temperature.
        hops: of each run and vacancy.
        streams: of the figure.
        progress: called with (task, fraction, text).
    """
    lattice = Lattice.bcc(3.24, SPECIES, EDGES[sites])
    cells = sites // SMALL
    counts = {symbol: 341 * cells for symbol in SPECIES} | {"X": cells}
    copies = COPIES if sites == SMALL else 1
    budget, model = Budget(hops, relaxations=np.inf), load_barriers("nbmota")
    jobs = [Job(lattice, model, t, counts, runs, copies, budget, streams, f"{sites} sites") for t in temperatures_K]
    records = run_jobs(jobs, progress=progress)
    return [Simulated(table=job.table, runs=record) for job, record in zip(jobs, records, strict=True)]


def learn_from(
    small: Sequence[Simulated], *, copies: int = COPIES, members: int = MEMBERS, streams: Streams
) -> list[NeuralSDE]:
    """The SDE of a system of `copies` small cells (one copy: of the small cell itself), and its bootstrap members."""
    found = [dataclasses.replace(at, runs=dataclasses.replace(at.runs, copies=copies)) for at in small]
    pairs, rng = pairs_of(found, streams), streams("fit", copies)
    return learn(pairs, found[0].labels, copies * SMALL, members=members, rng=rng)


def from_random(
    sde: NeuralSDE, small: Simulated, times_s: Floats, trajectories: int, sites: int, *, rng: np.random.Generator
) -> Floats:
    """(trajectories, n_times, 3) order of the unlike pairs in a large system that starts from random.

    A random large state is as good as independent random small cells side by side, so the starts are means over as
    many random small starts as the system has cells (normal with their covariance where these are too few to draw).

    Args:
        sde: the learned model.
        small: runs at the temperature, that it was learned from.
        times_s: ascending.
        trajectories: number of them.
        sites: size of the system.
        rng: source of randomness.
    """
    begin = small.order[:, 0]
    spread = np.cov(begin.T) * (SMALL / sites)
    starts = rng.multivariate_normal(begin.mean(axis=0), spread, trajectories)
    kelvin = small.temperature_K if sde.n_conditions else None
    _, z = simulate(sde, starts, condition=kelvin, n_trajectories=trajectories, times_s=times_s, sites=sites, rng=rng)
    return z
