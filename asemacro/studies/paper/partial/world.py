"""What all fits of one system share: training states, variables, fresh trajectories to judge by."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asemacro.closure.autoencoder import EncoderReport
from asemacro.closure.encoder import Encoder
from asemacro.force_data import ForceData
from asemacro.labels.attraction import Attraction
from asemacro.macro.ode import NeuralODE
from asemacro.micro.force_system import ForceSystem
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.studies.forces.errors import trajectory_error
from asemacro.studies.forces.learning import DEPTH
from asemacro.typing import Floats


@dataclasses.dataclass(frozen=True)
class Test:
    """Trajectories that nothing was learned from.

    Attributes:
        starts: (n, N) microscopic states at time 0.
        times: (n_times,) from 0.
        observed: (n, n_times, s) observables along them.
        steps: of the Runge-Kutta rule between two times, by which a learned equation is solved.
        counted: (n,) how many times of each trajectory count; default all.
    """

    starts: Floats
    times: Floats
    observed: Floats
    steps: int = 1
    counted: NDArray[np.int64] | None = None

    def error(self, ode: NeuralODE, encoder: DifferentiableObservable, *, steps: float | None = None) -> Floats:
        """(n,) relative errors of the trajectories from these starts, sum_t |z* - z*_true| / sum_t |z*_true|.

        Args:
            ode: the learned equation.
            encoder: all of its variables.
            steps: between two times, instead of those of the test; below 1 a step goes over several times.
        """
        steps = self.steps if steps is None else steps
        every = max(1, round(1 / steps))
        counted = None if self.counted is None else -(-self.counted // every)
        times = self.times[::every]
        n_steps = max(1, round((len(times) - 1) * steps * every))
        observed = self.observed[:, ::every]
        return trajectory_error(ode, encoder, self.starts, times, observed, n_steps=n_steps, counted=counted)


@dataclasses.dataclass(frozen=True)
class World:
    """A system of the paper, ready to be learned.

    Attributes:
        system: dx/dt = f(x).
        data: training states, trajectory after trajectory; fits draw the carriers of their forces themselves.
        encoder: all variables.
        report: of its fit.
        kept: number of first variables that the equations are of; the others only take noise from the rates.
        test: what models are judged by.
        width: of the layers of all drifts.
        states_s: wall time of the training trajectories.
        encoder_s: of the autoencoder.
        depth: number of layers of all drifts.
        weights: of states in the losses of all fits, of the kept variables (N, d); default all alike.
        attraction: of the states, in all fits.
    """

    system: ForceSystem
    data: ForceData
    encoder: Encoder
    report: EncoderReport
    kept: int
    test: Test
    width: int
    states_s: float
    encoder_s: float
    depth: int = DEPTH
    weights: Callable[[Floats], Floats] | None = None
    attraction: Attraction | None = None

    @functools.cached_property
    def variables(self) -> Encoder:
        """Those of the equations."""
        return self.encoder.leading(self.kept)
