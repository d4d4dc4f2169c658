"""Predator-prey fields of 200 points, learned from runs of 100: what figure 2 is made of.

Published form and settings (arXiv 2511.12842): a = 3, b = .4, D = (0, 1) without 1/dx^2, noise .02 sqrt(dt) a point,
Euler-Maruyama with dt = .01 to t = 30, open ends, starts u = c2 + c1 cos(10 pi x), v = 1 - u. Lengths do not enter that
form, so interpolation to twice the points doubles the domain: a wave of 20 points becomes one of 40, whose v diffuses
four times more slowly, and points between two others have half their noise. Snapshots are therefore taken at several
times after interpolation, while the 200 points go on by themselves; those at time 0 are interpolated exactly.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from asemacro.data import Pairs
from asemacro.labels.moments import patch_moments
from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.macro.moment_fit import MomentOptions, fit_moments, fit_noise
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.trajectories import simulate
from asemacro.micro.fields.predator_prey import PredatorPrey, cosine_fields, random_cosines
from asemacro.micro.sampling import sample
from asemacro.observables.base import Observable
from asemacro.observables.field_covariance import FieldCovariance
from asemacro.observables.field_mean import FieldMean
from asemacro.observables.joined import Observables
from asemacro.tasks.parts import part
from asemacro.typing import Floats
from asemacro.upsampling.interpolation import interpolate

SMALL, LARGE, K = 100, 200, 5
END = 30.0
STARTS = tuple((c1, c2) for c1 in (0.05, 0.10, 0.15) for c2 in (0.45, 0.50, 0.55))
AGES = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0)
RELAX = (0.0, 0.5, 1.0, 2.0, 4.0)
PAIR_TIME = 0.01  # one step of Euler-Maruyama
STEP = 1 / 20  # of the learned SDE: a fifth of its fastest time
DRIFT_ONLY = MomentOptions(diffusion_steps=0)
NOISE = MomentOptions(diffusion_rows=10_000, diffusion_steps=20)
DEGREE = 2
"""Of the drift: the means' equations are of second degree in means and covariances, and so are those of the covariances
of Gaussian fields."""
NOISE_DEGREE = 1  # Sigma of the means is constant, that of the covariances proportional to them
MEANS = Observables([FieldMean()])
CLOSED = Observables([FieldMean(), FieldCovariance()])


def chain(points: int) -> PredatorPrey:
    """The published system on a chain with open ends, in a box of length 1."""
    return PredatorPrey(Lattice.chain(1 / points, (), points).opened(0))


def direct(c1: float, c2: float, times: Floats, runs: int, *, rng: np.random.Generator) -> Floats:
    """(runs, n_times, 2) means of 200 points from one start, at ascending times from 0 on."""
    system = chain(LARGE)
    x = cosine_fields(system.lattice, np.full(runs, c1), c2)
    means = []
    for pause in np.diff(times, prepend=0.0):
        x, _ = system.evolve(x, pause, rng=rng)
        means.append(MEANS(x, system.lattice))
    return np.stack(means, axis=1)


@dataclasses.dataclass(frozen=True)
class Learned:
    """One drift of an observable, and the pairs from which the noise is learned.

    Attributes:
        phi: the observable: the means, alone or with the covariances.
        sde: drift from exact moments of patches; its diffusion is only the start of `with_noise`.
        pairs: partial evolutions of PAIR_TIME.
    """

    phi: Observable
    sde: NeuralSDE
    pairs: Pairs

    def with_noise(self, noise_scale: float, *, rng: np.random.Generator) -> NeuralSDE:
        """The same drift with the diffusion that the likelihood with lambda = `noise_scale` gives."""
        sde = copy.deepcopy(self.sde)
        fit_noise(sde, self.pairs, noise_scale=noise_scale, options=NOISE, rng=rng)
        return sde


def snapshots(runs: int, *, rng: np.random.Generator) -> tuple[PredatorPrey, Floats]:
    """The large system and its snapshots (runs x ages x relaxations, 200, 2) from runs of the small one."""
    small = chain(SMALL)
    states = sample(small, random_cosines(small.lattice, runs, rng=rng), AGES, rng=rng).x
    ages = states.swapaxes(0, 1).reshape(-1, SMALL, 2)
    system, x = interpolate(small, ages, LARGE // SMALL, len(ages), rng=rng)
    parts = []
    for pause in np.diff(RELAX, prepend=0.0):
        x, _ = system.evolve(x, pause, rng=rng)
        parts.append(x)
    return system, np.concatenate(parts)


def learn(system: PredatorPrey, x: Floats, phi: Observable, draws: int, *, rng: np.random.Generator) -> Learned:
    """Drift from exact moments of one patch of each snapshot, pairs for the noise from `draws` patches of each."""
    group = np.arange(len(x)) % (len(x) // len(RELAX))  # relaxed from one interpolated state
    moments = patch_moments(system, x, phi, 1 / K, rng=rng, group=group)
    drift = PolynomialDrift(phi.dim, degree=DEGREE, hidden=0)
    sde = NeuralSDE(drift, PolynomialDiffusion(phi.dim, degree=NOISE_DEGREE), labels=phi.labels, sites=LARGE)
    fit_moments(sde, moments, options=DRIFT_ONLY, rng=rng)
    moves = (partial_evolution(system, x, [PAIR_TIME], 1 / K, rng=rng, group=group) for _ in range(draws))
    order = rng.permutation(draws * len(x))  # the fit of the noise looks closely at the first ones only
    return Learned(phi, sde, Pairs.concat([move.pairs(phi) for move in moves]).take(order))


def predict(
    sde: NeuralSDE,
    phi: Observable,
    starts: Sequence[tuple[float, float]],
    counts: Sequence[int],
    times: Floats,
    *,
    rng: np.random.Generator,
) -> list[Floats]:
    """Means of u and v by the SDE, (counts[i], n_times, 2) for each start, from `phi` of the fields there."""
    lattice = chain(LARGE).lattice
    first = np.concatenate([phi(cosine_fields(lattice, *start), lattice) for start in starts])
    z0 = np.repeat(first, counts, axis=0)
    steps = round(float(times[-1]) / STEP)
    go_on: dict[str, Any] = {"times_s": times, "n_trajectories": len(z0), "n_steps": steps}
    z = part("paths", lambda: simulate(sde, z0, **go_on, rng=rng)[1], rng=rng)
    return np.split(z[:, :, :2], np.cumsum(counts)[:-1])
