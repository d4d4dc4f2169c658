"""LearnedForces: a macroscopic ODE that was learned from forces, with its encoder and its training states."""

from __future__ import annotations

import dataclasses

from asemacro.arguments.door import ODE, array, check_fields, instance, many, optional, whole
from asemacro.macro.ode import NeuralODE
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.typing import Floats


@dataclasses.dataclass(frozen=True)
class ForcesReport:
    """How well an ODE was learned from forces, and what that took.

    Attributes:
        losses: mean loss of the trajectories held out, of each seed, see `OdeFitReport`.
        kappa: median over states of the ratio of the extreme eigenvalues of phi' phi'^T.
        reconstruction: of the autoencoder, see `EncoderReport`; None if none was fitted.
        n_states: states with forces.
        force_evaluations: forces on one carrier that were computed.
        full_force_evaluations: those of the same states on all carriers, what the loss L_z would have needed.
    """

    losses: tuple[float, ...]
    kappa: float
    reconstruction: float | None
    n_states: int
    force_evaluations: int
    full_force_evaluations: int


@dataclasses.dataclass(frozen=True)
class LearnedForces:
    """A learned macroscopic ODE and what it was learned from.

    Attributes:
        ode: dz/dt = g(z), of the seed that did best on the trajectories held out.
        z: (N, d) training states, in the order of `labels`.
        n_observed: the first variables, given by the user: z*; the others are those of the encoder.
        encoder: z = phi(x), all variables.
        members: the models of all seeds, in their order.
        report: of the fit.
    """

    ode: NeuralODE
    z: Floats
    n_observed: int
    encoder: DifferentiableObservable
    members: tuple[NeuralODE, ...] = ()
    report: ForcesReport | None = None

    def __post_init__(self) -> None:
        check_fields(self, ode=ODE, members=many(ODE), encoder=instance("DifferentiableObservable"))
        check_fields(self, z=array(None, self.ode.dim), n_observed=whole(1, self.ode.dim))
        check_fields(self, report=optional(instance("ForcesReport")))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all variables."""
        return self.ode.labels
