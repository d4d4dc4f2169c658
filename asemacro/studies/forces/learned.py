"""LearnedForces: a macroscopic ODE that was learned from forces, with its encoder, its training states and files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

import numpy as np

from asemacro.arguments.door import ODE, check_fields, checked, instance, many, optional, path
from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_file import load_encoder, save_encoder
from asemacro.macro.file import fingerprint, load_ode, save_ode
from asemacro.macro.ode import NeuralODE
from asemacro.macro.training_file import Course, load_training
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.studies.forces.starts import Start, learned_at_start
from asemacro.studies.learn.model import TRAINING_FILE, LearnedModel, say
from asemacro.tasks.publication import Files
from asemacro.typing import Floats

ENCODER_FILE = "encoder.safetensors"


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

    @property
    def best(self) -> int:
        """Number of the seed that did best on the trajectories held out: the model."""
        return int(np.argmin(self.losses)) if self.losses else 0


@dataclasses.dataclass(frozen=True)
class LearnedForces(LearnedModel):
    """A learned macroscopic ODE and what it was learned from.

    Attributes:
        ode: dz/dt = g(z), of the seed that did best on the trajectories held out.
        z: (N, d) training states, in the order of `labels`; none if unknown.
        n_observed: the first variables, given by the user: z*; the others are those of the encoder.
        encoder: z = phi(x), all variables; None for a model that was read without its observables.
        members: the models of all seeds, in their order; none if unknown.
        report: of the fit, if known.
        bounds: (d, 2) least and largest values of the variables, infinite where not known; None if none is known.
        runs: runs of the training states, and their times in them; None if they are not known.
    """

    FILE: ClassVar[str] = "ode.safetensors"
    SOMETIMES: ClassVar[tuple[str, ...]] = (ENCODER_FILE,)
    NEAREST: ClassVar[int] = 1  # a mean over several paths is on none of them
    ode: NeuralODE
    z: Floats
    n_observed: int
    encoder: DifferentiableObservable | None = None
    members: tuple[NeuralODE, ...] = ()
    report: ForcesReport | None = None
    bounds: Floats | None = None
    runs: Course | None = None

    def __post_init__(self) -> None:
        check_fields(self, ode=ODE, members=many(ODE), encoder=optional(instance("DifferentiableObservable")))
        check_fields(self, report=optional(instance("ForcesReport")))
        check_fields(self, runs=optional(instance("Course")))
        self.check_states()

    def __repr__(self) -> str:
        """One line; the attributes hold the rest."""
        about = f"{type(self.ode.drift_network).__name__}, {len(self.members)} fits, {len(self.z)} training states"
        return f"<LearnedForces {', '.join(self.labels)}: {about}>"

    def course(self) -> Course | None:
        """Runs and times of the training states, if they are known."""
        return self.runs

    def _learned_at(self, at: Floats, nearest: int) -> Floats:
        """Learned variables beside values of z*, as runs of the training start; a line in the log says which."""
        start = self.like_runs(at, nearest)
        if start is None:
            say.info("which training states runs start with is not known: starts as the nearest of all")
            return super()._learned_at(at, nearest)
        (say.info if start.usual else say.warning)(start.words)
        return start.learned

    def like_runs(self, at: Floats, nearest: int = NEAREST) -> Start | None:
        """Which states of the training a start with values z* is like; None if their runs are not known."""
        if self.runs is None or not len(self.z):
            return None
        labels = self.labels[: self.n_observed]
        return learned_at_start(self.z, self.runs.group, self.runs.times, at, labels, nearest)

    @property
    def equation(self) -> NeuralODE:
        """The ODE."""
        return self.ode

    def files(self) -> Files:
        """What `save` writes, by name: the models, the training states, and the encoder if one was learned."""
        encoder, model = self.encoder, fingerprint(self.ode)
        learned = isinstance(encoder, Encoder)
        return {
            self.FILE: lambda path: save_ode(path, [self.ode, *self.members]),
            **self.training_file(),
            **({ENCODER_FILE: lambda path: save_encoder(path, encoder, model)} if learned else {}),  # type: ignore[arg-type]
        }

    @classmethod
    @checked(directory=path, phi=optional(instance("DifferentiableObservable")))
    def load(cls, directory: str | Path, phi: DifferentiableObservable | None = None) -> LearnedForces:
        """Read what `save` wrote, or any folder with an ode.safetensors.

        Args:
            directory: the folder.
            phi: the observables z*, for the encoder of states; without them the model starts from values of z*.

        Raises:
            FileNotFoundError: no such folder or model.
            ValueError: one line; a file is damaged, is not the one that run.json lists, or they do not belong together.
        """
        folder = cls.folder_with(directory, ENCODER_FILE)
        ode, *members = load_ode(folder / cls.FILE)
        encoder = phi
        if phi is not None and (folder / ENCODER_FILE).is_file():
            encoder = load_encoder(folder / ENCODER_FILE, phi, fingerprint(ode))
        if encoder is not None and encoder.labels != ode.labels:
            raise ValueError(f"{folder} holds a model of {', '.join(ode.labels)}, not of {', '.join(encoder.labels)}")
        if not (folder / TRAINING_FILE).is_file():
            return cls(ode, np.zeros((0, ode.dim)), ode.dim, encoder, tuple(members))
        found = load_training(folder / TRAINING_FILE, ode.dim, ode.n_conditions, model=fingerprint(ode))
        model = cls(ode, found.z, found.n_observed, encoder, tuple(members))
        return dataclasses.replace(model, bounds=found.bounds, runs=found.course)
