"""Predator-prey fields of 50 cells, 100 numbers: means of prey and predators learned from a part of their rates.

Published (Chen and Li 2024, tables 1 and 2): an autoencoder with two closure variables on 480,000 snapshots of 1600
trajectories; labels from the first n / 300 of them; error of 100 fresh trajectories to t = 30. At 3000 full
equivalents, n p = 3000, it is 3.19e-3 by L_z and 1.34e-3 by L_x,p with p = 1/5.

As there: equations, starts, snapshots, the size of the latent space, the data that each loss sees, the metric.
Other: the encoder starts at principal components (see `MLPEncoder`), the drift is the OnsagerNet of this package,
scales come from states and partial forces alone, carriers are drawn without replacement.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from asemacro.closure.autoencoder import EncoderOptions, fit_encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE
from asemacro.micro.force_runs import make_force_data
from asemacro.observables.species_means import SpeciesMeans
from asemacro.studies.forces.errors import encode_along
from asemacro.studies.paper.partial.cost import Meter
from asemacro.studies.paper.partial.world import Test, World
from asemacro.tasks.progress import part_of, silent
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

PHI = SpeciesMeans()
CLOSURES = 2
SNAPSHOTS = 300  # of a trajectory
TIMES: Floats = 0.1 * np.arange(SNAPSHOTS, dtype=float)
STEPS_BETWEEN = 2  # of the learned equation
WIDTH = 32


@dataclasses.dataclass(frozen=True)
class Budget:
    """What states and variables cost.

    Attributes:
        trajectories: whose snapshots the autoencoder sees.
        tests: fresh trajectories.
        epochs: of the autoencoder.
        conditioning: weight of the condition in its loss.
        at_random: whether it starts at random, as published, and not at principal components.
    """

    trajectories: int = 1600
    tests: int = 100
    epochs: int = 2
    conditioning: float = 1e-5
    at_random: bool = False


FULL = Budget()
QUICK = Budget(trajectories=200, tests=20, epochs=4)


def prepare(budget: Budget, *, folder: Path, streams: Streams, progress: Report = silent) -> World:
    """Training snapshots, the autoencoder, test trajectories (Runge-Kutta, as published).

    Args:
        budget: their cost.
        folder: not needed: the snapshots stay in memory.
        streams: random streams.
        progress: told how far snapshots and autoencoder are.
    """
    system = PredatorPreyODE()
    starts = system.initial(budget.trajectories, rng=streams("training starts"))
    with Meter() as states:
        data = make_force_data(
            system,
            starts,
            TIMES,
            fraction=1 / system.n_carriers,
            dtype="float32",
            rng=streams("carriers"),
            progress=part_of(progress, "figure", 0.0, 0.5),
        )
    options = EncoderOptions(
        hidden=(WIDTH, WIDTH), batch_size=512, epochs=budget.epochs, conditioning=budget.conditioning
    )
    network = MLPEncoder(system.n_components, CLOSURES, options.hidden, at_random=budget.at_random)
    with Meter() as encoding:
        told = part_of(progress, "figure", 0.5, 0.5)
        fitted = fit_encoder(
            data, PHI, CLOSURES, network=network, options=options, rng=streams("encoder"), progress=told
        )
    exact = PredatorPreyODE(scheme="rk4")
    tests = exact.initial(budget.tests, rng=streams("test starts"))
    test = Test(tests, TIMES, encode_along(PHI, exact.states_at(tests, TIMES)), steps=STEPS_BETWEEN)
    return World(
        system, data, fitted.model, fitted.report, fitted.model.dim, test, WIDTH, states.seconds, encoding.seconds
    )
