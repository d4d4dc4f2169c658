"""Allen-Cahn interfaces on 200 x 200 cells: the energy, learned from the rates of one cell in 25.

Published (Chen and Li 2024, table 1): rings of random radii that shrink and vanish; z* = E, the Ginzburg-Landau energy,
with 15 closure variables and an OnsagerNet; rates of 1600 random cells of each of 40,000 states; error of 50 fresh
trajectories up to t = 0.1, as long as E is above 1e-4.

As there: equation, starts, energy, interval of the states, number of rates, metric. Other: steps of 0.25 h^2 instead of
0.1 h^2 (`error_of_steps` compares them); rates are those of the equation and not increments of a step. The states
depend on two numbers, the radii: three closure variables tell them apart. The rate of E has a peak where the hole
closes, which a network without a structure follows better than an OnsagerNet (errors of 1 % and 14 % on 100 x 100
cells).

Discs that shrink are a line in the space of four variables, and an error of the equation beside it grew along some
trajectories, by up to 50 % of the energy. So the equation is led back to the states (`Attraction`): of one set of
labels, five seeds had errors of 0.89, 1.29, 1.52, 2.97 and 6.17 % without it, and of 0.28 to 0.35 % with it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from asemacro.closure.autoencoder import EncoderOptions, fit_encoder
from asemacro.labels.attraction import Attraction
from asemacro.micro.fields.allen_cahn import AllenCahn
from asemacro.micro.force_runs import make_force_data
from asemacro.observables.ginzburg_landau import GinzburgLandauEnergy
from asemacro.studies.forces.errors import encode, encode_along
from asemacro.studies.paper.partial.cost import Meter
from asemacro.studies.paper.partial.learning import Effort
from asemacro.studies.paper.partial.world import Test, World
from asemacro.tasks.progress import part_of, silent
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

INTERVAL = 2.5e-4  # of the states, 100 published steps
UNTIL = 0.1
STEPS = 2  # of a learned equation in an interval
LEAST_ENERGY = 1e-4  # states below are empty
STEP = 0.25  # h^2
PUBLISHED_STEP = 0.1  # h^2
FRACTION = 1 / 25
WIDTH = 128
DRIFT = "mlp"
EFFORT = Effort(30_000, learning_rate=2e-3)
ATTRACTION = Attraction(rate=1000.0)  # discs that shrink are a line in the space of four variables
LEAST_WEIGHT = 1e-2  # root of the smallest weight of a state


@dataclasses.dataclass(frozen=True)
class Budget:
    """What states and variables cost.

    Attributes:
        n: cells along an edge.
        trajectories: that are learned from.
        tests: other trajectories.
        every: intervals between two states that are learned from.
        closures: variables of the encoder.
        encoded: one state in so many teaches the autoencoder.
        epochs: of the autoencoder.
        batch_size: states a step of it.
        on_disk: whether the states are streamed from a file.
    """

    n: int = 200
    trajectories: int = 165
    tests: int = 50
    every: int = 1
    closures: int = 3
    encoded: int = 4
    epochs: int = 20
    batch_size: int = 128
    on_disk: bool = True


def prepare(budget: Budget, *, folder: Path, streams: Streams, progress: Report = silent) -> World:
    """Trajectories, autoencoder and test trajectories.

    Args:
        budget: their cost.
        folder: for states that are streamed from a file.
        streams: random streams.
        progress: told how far trajectories and autoencoder are.
    """
    system = AllenCahn(budget.n, time_step=STEP / budget.n**2)
    phi = GinzburgLandauEnergy(budget.n, system.epsilon)
    times = np.arange(0.0, UNTIL, INTERVAL * budget.every)
    with Meter() as states:
        data = make_force_data(
            system,
            system.initial(budget.trajectories, rng=streams("starts")),
            times,
            fraction=FRACTION,
            keep=lambda x: encode(phi, x)[:, 0] > LEAST_ENERGY,
            path=folder / "allen-cahn.zarr" if budget.on_disk else None,
            dtype="float32",
            rng=streams("carriers"),
            progress=part_of(progress, "figure", 0.0, 0.5),
        )
    options = EncoderOptions(epochs=budget.epochs, batch_size=budget.batch_size)
    some = data.take(np.arange(0, len(data), budget.encoded))
    with Meter() as encoding:
        told = part_of(progress, "figure", 0.5, 0.4)
        fitted = fit_encoder(some, phi, budget.closures, options=options, rng=streams("encoder"), progress=told)
    starts = system.initial(budget.tests, rng=streams("test starts"))
    observed = encode_along(phi, system.states_at(starts, times))
    counted = (observed[:, :, 0] > LEAST_ENERGY).sum(axis=1)
    test = Test(starts, times, observed, steps=STEPS * budget.every, counted=counted)
    dim = fitted.model.dim
    spent = states.seconds, encoding.seconds
    return World(
        system, data, fitted.model, fitted.report, dim, test, WIDTH, *spent, weights=by_energy, attraction=ATTRACTION
    )


def by_energy(z: Floats) -> Floats:
    """Weights of states: the square of their energy, at least 1e-4 of the largest.

    The energy of a disc falls as its radius r, its rate grows as 1 / r: without weights the last percent of the states
    has half of the loss and little of the error.
    """
    return np.square(np.maximum(z[:, 0], LEAST_WEIGHT * z[:, 0].max()))


def error_of_steps(n: int, *, streams: Streams) -> float:
    """Largest difference of the energy by steps of 0.25 h^2 and 0.1 h^2, of its start, along one trajectory."""
    times = np.arange(0.0, UNTIL / 4, 10 * INTERVAL)
    one = AllenCahn(n).initial(1, rng=streams("steps"))
    phi = GinzburgLandauEnergy(n, AllenCahn(n).epsilon)
    e = [
        encode_along(phi, AllenCahn(n, time_step=part / n**2).states_at(one, times)) for part in (STEP, PUBLISHED_STEP)
    ]
    return float(np.abs(e[0] - e[1]).max() / e[1].max())
