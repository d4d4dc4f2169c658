"""Predator-prey fields of 50 cells, 100 numbers: means of prey and predators learned from a part of their rates.

Published (Chen and Li 2024, tables 1 and 2): an autoencoder with two closure variables on 480,000 snapshots of 1600
trajectories; labels from the first n / 300 of them; error of 100 fresh trajectories to t = 30. At 3000 full
equivalents, n p = 3000, it is 3.19e-3 by L_z and 1.34e-3 by L_x,p with p = 1/5.

As there are: equations, starts, snapshots, the size of the latent space, the data that each loss sees, the metric.
Other: the encoder starts at principal components (see `MLPEncoder`), the drift is the OnsagerNet of this package,
scales come from states and partial forces alone, carriers are drawn without replacement.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import torch

from asemacro.closure.autoencoder import EncoderOptions, EncoderReport, fit_encoder
from asemacro.closure.encoder import Encoder
from asemacro.fitted import Fitted
from asemacro.macro.base import Drift
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.ode_fit import OdeFitOptions
from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE
from asemacro.micro.force_runs import make_force_data
from asemacro.observables.species_means import SpeciesMeans
from asemacro.studies.forces.errors import trajectory_error
from asemacro.studies.forces.learned import LearnedForces
from asemacro.studies.forces.learning import learn_from_forces
from asemacro.tasks.progress import silent
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

PHI = SpeciesMeans()
CLOSURES = 2
TIMES: Floats = 0.1 * np.arange(300, dtype=float)  # of the snapshots of a trajectory
TEST_STEPS = 600
PUBLISHED = {"L_z": 3.19e-3, "1/5": 1.34e-3}
"""Errors at 3000 full equivalents."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """What the study costs.

    Attributes:
        trajectories: whose snapshots the autoencoder sees.
        epochs: of the autoencoder.
        steps: of the fits of the drift.
        seeds: of each fit.
        tests: fresh trajectories.
    """

    trajectories: int = 1600
    epochs: int = 2
    steps: int = 3000
    seeds: int = 5
    tests: int = 100


FULL = Budget()
QUICK = Budget(trajectories=200, epochs=4, steps=500, seeds=3, tests=20)


@dataclasses.dataclass(frozen=True)
class World:
    """What all fits share.

    Attributes:
        starts: (trajectories, 100) of the training trajectories, in their order.
        encoder: all four variables.
        report: of its fit.
        test_starts: (tests, 100).
        exact: (tests, 300, 2) means along the test trajectories.
    """

    starts: Floats
    encoder: Encoder
    report: EncoderReport
    test_starts: Floats
    exact: Floats


def prepare(budget: Budget, *, streams: Streams, progress: Report = silent) -> World:
    """Training snapshots, the autoencoder, test trajectories (Runge-Kutta, as published)."""
    system = PredatorPreyODE()
    starts = system.initial(budget.trajectories, rng=streams("training starts"))
    x = np.concatenate([states.astype(np.float32) for states in system.states_at(starts, TIMES)])
    fitted = learn_encoder(x, budget, streams=streams, progress=progress)
    exact = PredatorPreyODE(scheme="rk4")
    tests = exact.initial(budget.tests, rng=streams("test starts"))
    means = [PHI(torch.from_numpy(states)).numpy() for states in exact.states_at(tests, TIMES)]
    return World(starts, fitted.model, fitted.report, tests, np.stack(means, axis=1))


def learn_encoder(
    x: Floats, budget: Budget, *, conditioning: float = 1e-5, streams: Streams, progress: Report = silent
) -> Fitted[Encoder, EncoderReport]:
    """The autoencoder of snapshots (n, 100); table 3 varies the weight of its condition."""
    options = EncoderOptions(hidden=(32, 32), batch_size=512, epochs=budget.epochs, conditioning=conditioning)
    return fit_encoder(x, PHI, CLOSURES, options=options, rng=streams("encoder", conditioning), progress=progress)


def learn(
    world: World,
    budget: Budget,
    n: int,
    fraction: float,
    *,
    space: Literal["micro", "macro"] = "micro",
    drift: Drift | None = None,
    streams: Streams,
    progress: Report = silent,
) -> tuple[Floats, LearnedForces]:
    """A drift from n configurations, those of the first n / 300 trajectories, and the error of each seed.

    Args:
        world: from `prepare`.
        budget: steps and seeds.
        n: configurations.
        fraction: p.
        space: "micro" for L_x,p (p = 1: L_x), "macro" for L_z.
        drift: what is learned; default an OnsagerNet.
        streams: random streams.
        progress: told how far the fit is.

    Returns:
        Mean error of the test trajectories, (seeds,), none left out; the learned ODEs.
    """
    starts = world.starts[: -(-n // len(TIMES))]
    data = make_force_data(PredatorPreyODE(), starts, TIMES, fraction=fraction, rng=streams("forces", n, fraction))
    learned = learn_from_forces(
        data.take(np.arange(n)),
        world.encoder,
        0,
        drift=drift or OnsagerNet(world.encoder.dim, 0, hidden=32),
        seeds=budget.seeds,
        space=space,
        fit_options=OdeFitOptions(steps=budget.steps),
        rng=streams("fit", n, fraction, space),
        progress=progress,
    )
    tests = world.encoder, world.test_starts, TIMES, world.exact
    errors = [trajectory_error(member, *tests, n_steps=TEST_STEPS).mean() for member in learned.members]
    return np.array(errors), learned
