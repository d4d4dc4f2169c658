"""How the learned models of the spin figures are made: snapshots of small systems, labels, fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from asemacro.data import Moments, Pairs
from asemacro.labels.moments import patch_moments
from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.spins import random_spins
from asemacro.macro.moment_fit import fit_noise, moments_from_pairs
from asemacro.macro.sde import NeuralSDE
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.observables.base import Observable
from asemacro.studies.paper.published import closed_moments, closed_pairs, sweep_pairs, sweep_trajectories
from asemacro.studies.paper.spin_transients import (
    Law,
    Setting,
    Stage,
    fit_labels,
    large_snapshots,
    predict,
)
from asemacro.tasks.parts import part
from asemacro.typing import Floats
from asemacro.upsampling.ensemble import LargeSnapshots

# A mosaic ages while it relaxes, so young states relax little. Late ones have the time, and need it: cells of 16^2 left
# the metastable side one by one, so at the same (M, rho) a mosaic of them has domains that the large system has not.
ISING_STAGES = (
    Stage((0.0, 0.1, 0.2, 0.4), 0.0),
    Stage((0.7, 1.0, 1.5, 2.0, 3.0, 5.0), 0.5),
    Stage(tuple(np.linspace(8, 96, 12)), 30.0),
)
CURIE_WEISS_STAGES = (Stage((0.0, 0.5, 1.0, 2.0, 4.0), 0.0),)  # without distances there are no seams
# Of sampled pairs, recorded at half of it too. A frozen Curie-Weiss patch relaxes at the rate 1, so Richardson's
# extrapolation leaves dt^2 / 12 = 3 % of the drift; its noise, 5 K Sigma / dt, is what limits the late mean.
PAIR_TIME = 0.6


@dataclasses.dataclass(frozen=True)
class Effort:
    """Cost of a model: starts of the small runs, large snapshots for each start and age, patches of each snapshot."""

    n_starts: int
    per_age: int
    draws: int


@dataclasses.dataclass(frozen=True)
class Data:
    """What labels are made from: the system and its snapshots, the size and number of patches, a random generator."""

    setting: Setting
    made: LargeSnapshots
    n_s: int
    draws: int
    rng: np.random.Generator

    @property
    def fraction(self) -> float:
        """1 / K."""
        return self.n_s / self.setting.system.lattice.n_sites

    @property
    def weight(self) -> Floats:
        """(n_snapshots,) of labels: in Ising each state counts for the time between its age and the next.

        States at even times would be weighted by the time that the system spends in them; young ages are taken more
        densely than that because the start is fast. For Curie-Weiss, where M decides everything, all count the same.
        """
        if isinstance(self.setting.system, CurieWeiss):
            return np.ones(len(self.made))
        ages = np.unique(self.made.age)
        return np.interp(self.made.age, ages, np.gradient(ages))

    def pairs(self, draw: Callable[[], Pairs]) -> Pairs:
        """One pair of each snapshot, drawn several times; those of one start stay one group."""
        joined = Pairs.concat([part("pairs", draw, rng=self.rng, kinds=(Pairs,)) for _ in range(self.draws)])
        return dataclasses.replace(joined, group=np.tile(self.made.start, self.draws))

    def moments(self, draw: Callable[[], Moments]) -> Moments:
        """Labels of each snapshot, drawn several times; those of one start stay one group."""
        joined = Moments.concat([part("moments", draw, rng=self.rng, kinds=(Moments,)) for _ in range(self.draws)])
        return dataclasses.replace(joined, group=np.tile(self.made.start, self.draws))


def make_data(setting: Setting, n_s: int, effort: Effort, *, rng: np.random.Generator) -> Data:
    """Snapshots from systems of n_s spins."""
    stages = CURIE_WEISS_STAGES if isinstance(setting.system, CurieWeiss) else ISING_STAGES
    made = large_snapshots(setting, n_s, stages, effort.n_starts, effort.per_age, rng=rng)
    return Data(setting, made, n_s, effort.draws, rng)


def frozen_rates(data: Data) -> Moments:
    """Exact moments of patches with their surroundings as they are; of all spins, once, if the patch is everything."""
    system, phi, x = data.made.system, data.setting.phi, data.made.x
    if data.fraction == 1:
        return all_rates(data)
    return data.moments(lambda: patch_moments(system, x, phi, data.fraction, rng=data.rng))


def all_rates(data: Data, phi: Observable | None = None) -> Moments:
    """Exact moments of all spins: no noise of patches, and no simulation of anything large.

    Args:
        data: snapshots.
        phi: the observable; default that of the setting.
    """
    wanted = data.setting.phi if phi is None else phi
    return patch_moments(data.made.system, data.made.x, wanted, rng=data.rng, group=data.made.start)


def frozen_pairs(data: Data, dt: float) -> Moments:
    """Richardson's labels of sampled pairs, recorded at dt / 2 and dt, surroundings frozen."""

    def draw() -> Moments:
        moves = partial_evolution(data.made.system, data.made.x, [dt / 2, dt], data.fraction, rng=data.rng)
        whole = moves.pairs(data.setting.phi)
        return moments_from_pairs(whole, moves.pairs_from(whole.z0, data.setting.phi, time=0))

    return data.moments(draw)


def closed_rates(data: Data) -> Moments:
    """Exact moments of patches closed into boxes of their own."""
    return data.moments(lambda: closed_moments(data.made.system, data.made.x, data.setting.phi, data.n_s, rng=data.rng))


def closed_richardson(data: Data, dt: float) -> Moments:
    """Richardson's labels of sampled pairs of closed patches."""

    def draw() -> Moments:
        pairs = closed_pairs(data.made.system, data.made.x, data.setting.phi, data.n_s, [dt / 2, dt], rng=data.rng)
        return moments_from_pairs(pairs[1], pairs[0])

    return data.moments(draw)


def one_sweep(data: Data, *, closed: bool, naive: bool = False) -> Pairs:
    """Published pairs: as many flips as the patch has spins."""
    return data.pairs(
        lambda: sweep_pairs(
            data.made.system, data.made.x, data.setting.phi, data.n_s, closed=closed, naive=naive, rng=data.rng
        )
    )


def law_of(data: Data, moments: Moments, trajectories: int) -> Law:
    """Mean and spread of the SDE learned from labels of the setting's observable."""

    def law() -> Law:
        return predict(fit_of(data, moments), data.setting, data.setting.phi, trajectories, rng=data.rng)

    return part("law", law, rng=data.rng, kinds=(Law,))


def law_of_sweeps(data: Data, pairs: Pairs, trajectories: int) -> Law:
    """The same of one-sweep pairs, with their first-order likelihood and one Euler step of their mean duration."""
    setting, rng = data.setting, data.rng
    sde = fit_of(data, moments_from_pairs(pairs), pairs.dt)
    fit_noise(sde, pairs, rng=rng)  # about the drift: that of a sweep is not small beside its noise
    step, lattice = float(pairs.dt.mean()), setting.system.lattice
    n_steps = int(setting.times[-1] / step)
    starts = (random_spins(lattice, m0, trajectories, rng=rng) for m0 in setting.starts)
    z = np.stack([sweep_trajectories(sde, setting.phi(x, lattice), step, n_steps, rng=rng) for x in starts])
    times = np.linspace(0.0, n_steps * step, n_steps + 1)
    return Law(times, z.mean(axis=1), z.std(axis=1), trajectories)


def fit_of(data: Data, moments: Moments, weight: Floats | float = 1.0) -> NeuralSDE:
    """The SDE of labels of the setting's observable, by the weights of the snapshots times that of the labels."""
    weights = np.tile(data.weight, len(moments) // len(data.made)) * weight
    return fit_labels(moments, data.setting.phi.labels, data.setting.system.lattice.n_sites, weights, rng=data.rng)
