"""One fit: which states and which of their forces it sees, the errors of all seeds, and what it takes."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asemacro.macro.ode import NeuralODE
from asemacro.macro.ode_fit import OdeFitOptions
from asemacro.micro.force_runs import redraw_forces
from asemacro.studies.forces.learning import drift_named, learn_from_forces
from asemacro.studies.paper.partial.cost import Meter
from asemacro.studies.paper.partial.world import World
from asemacro.tasks.progress import silent
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

Space = Literal["micro", "macro"]


@dataclasses.dataclass(frozen=True)
class Lesson:
    """What a fit sees.

    Attributes:
        n: states.
        fraction: p, part of the carriers whose forces are computed.
        space: "micro" for L_x,p, L_x if p = 1; "macro" for L_z.
        spread: whether the states are taken evenly from all trajectories, or, as published, the first n.
        drift: name of the drift, of `DRIFTS`.
    """

    n: int
    fraction: float = 1.0
    space: Space = "micro"
    spread: bool = False
    drift: str = "onsager"

    def rows(self, n_all: int) -> NDArray[np.intp]:
        """Numbers of the states."""
        return np.linspace(0, n_all - 1, self.n).round().astype(np.intp) if self.spread else np.arange(self.n)


@dataclasses.dataclass(frozen=True)
class Effort:
    """What a fit costs: gradient steps, the same for all fits that are compared, their batches, and seeds."""

    steps: int
    seeds: int = 5
    batch_size: int = 512
    learning_rate: float = 5e-3


@dataclasses.dataclass(frozen=True)
class Found:
    """What a fit gives.

    Attributes:
        errors: (seeds,) mean relative error of the test trajectories of each seed, none left out.
        states: with forces.
        trajectories: that they are from.
        force_evaluations: forces on one carrier that were computed.
        all_forces: those of the same states on all carriers.
        steps: of the fit.
        forces_s: wall time of the forces.
        fit_s: of the labels and the fit of all seeds.
        peak_gb: largest memory of the process meanwhile.
        states_s: wall time of the trajectories of all states, which other fits share.
        encoder_s: of the autoencoder, shared too.
        loss: median over seeds of the loss held out, see `OdeFitReport`.
        kappa: of the autoencoder, see `EncoderReport`.
    """

    errors: Floats
    states: int
    trajectories: int
    force_evaluations: int
    all_forces: int
    steps: int
    forces_s: float
    fit_s: float
    peak_gb: float
    states_s: float
    encoder_s: float
    loss: float
    kappa: float

    @property
    def median(self) -> float:
        """Of the errors."""
        return float(np.median(self.errors))

    @property
    def spread(self) -> float:
        """Standard deviation of the errors, 0 for a single seed; inf if a model ran away."""
        if not np.isfinite(self.errors).all():
            return float("inf")
        return float(np.std(self.errors, ddof=1)) if len(self.errors) > 1 else 0.0


def learn(
    world: World, lesson: Lesson, effort: Effort, *, streams: Streams, progress: Report = silent
) -> tuple[Found, tuple[NeuralODE, ...]]:
    """Compute the forces of a lesson, learn from them, judge all seeds.

    Args:
        world: the system.
        lesson: what the fit sees.
        effort: what it costs.
        streams: random streams; equal lessons draw the same numbers.
        progress: told how far the fit is.

    Returns:
        What was found, and the models of all seeds.

    Raises:
        ValueError: more states than there are.
    """
    if lesson.n > len(world.data):
        raise ValueError(f"{lesson.n} states are asked for, there are {len(world.data)}")
    labels = (lesson.n, lesson.fraction, lesson.space, str(lesson.spread))
    chosen = world.data.take(lesson.rows(len(world.data)))
    with Meter() as forces:
        data = redraw_forces(world.system, chosen, fraction=lesson.fraction, rng=streams("forces", *labels))
    with Meter() as fit:
        learned = learn_from_forces(
            data,
            world.encoder,
            0,
            drift=drift_named(lesson.drift, world.kept, world.width, world.depth),
            seeds=effort.seeds,
            space=lesson.space,
            kept=world.kept,
            weights=world.weights,
            attraction=world.attraction,
            fit_options=OdeFitOptions(
                steps=effort.steps, batch_size=effort.batch_size, learning_rate=effort.learning_rate
            ),
            rng=streams("fit", lesson.drift, *labels),
            progress=progress,
        )
    errors = np.array([world.test.error(member, world.variables).mean() for member in learned.members])
    losses = learned.report.losses if learned.report is not None else ()
    return Found(
        errors,
        len(data),
        len(np.unique(data.group)),
        data.force_evaluations,
        len(data) * data.layout.n_carriers,
        effort.steps,
        forces.seconds,
        fit.seconds,
        max(forces.peak_gb, fit.peak_gb),
        world.states_s,
        world.encoder_s,
        float(np.median(losses)) if losses else 0.0,
        world.report.kappa,
    ), learned.members
