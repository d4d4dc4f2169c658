"""From large snapshots to a learned SDE: labels by exact rates or by sampled pairs, the fit, and its files.

made = snapshots(Ising(lattice, 2.5, field=0.1), magnetised(rng.uniform(-1, 1, 64)), log_ages(0.1, 60, 16),
                 copies=16, how=mosaic, rng=rng)
learned = learn_from_rates(made.system, made.x, phi, 1 / 16, group=made.start, rng=rng)
times, z = simulate(learned.sde, learned.start([0.4, 0.42]), until_s=50, n_trajectories=100, rng=rng)
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import fraction_of, generator_of
from asemacro.arguments.door import (
    MOMENTS,
    MOST_WIDTH,
    SDE,
    STATES,
    above_zero,
    array,
    check_fields,
    checked,
    flag,
    instance,
    many,
    optional,
    path,
    text,
    whole,
)
from asemacro.data import Moments
from asemacro.labels.moments import patch_moments
from asemacro.labels.transitions import partial_evolution
from asemacro.macro.file import fingerprint, load_sde, save_sde
from asemacro.macro.moment_fit import MomentOptions, MomentReport, fit_moments, moments_from_pairs
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.training_file import load_training
from asemacro.micro.blocks import observed_bounds
from asemacro.micro.protocol import SYSTEM
from asemacro.observables.base import OBSERVABLE, Observable
from asemacro.studies.learn.model import TRAINING_FILE, LearnedModel
from asemacro.tasks.publication import Files
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.micro.protocol import MicroSystem

DEGREES = {1: (9, 6), 2: (7, 4), 3: (5, 3)}  # largest degree of drift and diffusion; the fit chooses up to it
MORE_VARIABLES = (3, 2)  # the same for four variables and more: 35 and 15 features of four
HIDDEN = 16


@dataclasses.dataclass(frozen=True)
class Learned(LearnedModel):
    """A learned macroscopic model with noise and what it was learned from.

    Attributes:
        sde: the model.
        z: (N, d) training states, in the order of `labels`; none if unknown.
        condition: (N, 0 or 1) their temperatures.
        n_observed: the first variables, given by the user: z*; the others are closure variables.
        report: of the fit, if known.
        bounds: (d, 2) least and largest values of the variables, infinite where not known; None if none is known.
    """

    FILE: ClassVar[str] = "sde.safetensors"
    NEAREST: ClassVar[int] = 32
    sde: NeuralSDE
    z: Floats
    condition: Floats
    n_observed: int
    report: MomentReport | None = None
    bounds: Floats | None = None

    def __post_init__(self) -> None:
        check_fields(self, sde=SDE, report=optional(instance("MomentReport")))
        self.check_states()
        check_fields(self, condition=array(len(self.z), self.sde.n_conditions))

    @property
    def equation(self) -> NeuralSDE:
        """The SDE."""
        return self.sde

    def conditions(self) -> Floats:
        """(N, 0 or 1) temperatures of the training states."""
        return self.condition

    @property
    def sites(self) -> int | None:
        """Sites of the system that the noise belongs to."""
        return self.sde.sites

    def files(self) -> Files:
        """What `save` writes, by name."""
        return {self.FILE: lambda path: save_sde(path, self.sde), **self.training_file(self.report)}

    @classmethod
    @checked(directory=path)
    def load(cls, directory: str | Path) -> Learned:
        """Read what `save` wrote, or any folder with an sde.safetensors (its first member, no training states).

        Raises:
            FileNotFoundError: no such folder or model.
            ValueError: one line; a file is damaged, is not the one that run.json lists, or the two do not belong
                together.
        """
        folder = cls.folder_with(directory)
        sde = load_sde(folder / cls.FILE)[0]
        path = folder / TRAINING_FILE
        if not path.is_file():
            return cls(sde, np.zeros((0, sde.dim)), np.zeros((0, sde.n_conditions)), sde.dim)
        found = load_training(path, sde.dim, sde.n_conditions, model=fingerprint(sde))
        return cls(sde, found.z, found.condition, found.n_observed, found.report, found.bounds)


class Fit(TypedDict, total=False):
    """What the three ways to learn share: how the labels are fitted."""

    n_observed: int | None
    sde: NeuralSDE | None
    options: MomentOptions | None


FIT = {"n_observed": optional(whole(1)), "sde": optional(SDE), "options": optional(instance("MomentOptions"))}


@checked(
    large=SYSTEM,
    x=STATES,
    phi=OBSERVABLE,
    fraction=fraction_of,
    group=array(None, kind="i"),
    condition=array(),
    rng=generator_of,
    **FIT,
)
@one_thread()
def learn_from_rates(
    large: MicroSystem,
    x: NDArray[Any],
    phi: Observable,
    fraction: float = 1.0,
    *,
    group: NDArray[np.int64] | None = None,
    condition: ArrayLike | None = None,
    rng: np.random.Generator,
    **fit: Unpack[Fit],
) -> Learned:
    """Learn from the exact infinitesimal moments of a random part of each snapshot (`patch_moments`).

    The way for systems with `events`: no bias of a finite duration and no noise of sampled events.

    Args:
        large: the large micro system.
        x: (N, n_sites[, n_fields]) snapshots, from far out of equilibrium into it.
        phi: the observable z, closure variables last.
        fraction: part of the carriers summed over, 1 / K; 1 for all: labels without noise at K times the work.
        group: (N,) states made from the same small runs (`LargeSnapshots.start`).
        condition: temperature, a scalar or (N,), if the model is to depend on it.
        rng: source of randomness.
        **fit: n_observed, how many of the first variables are z*, default all; sde, the model to fit, default
            `polynomial_sde`; options of `fit_moments`.

    Raises:
        ValueError: as `patch_moments` and `fit_moments`.
    """
    moments = patch_moments(large, x, phi, fraction, rng=rng, condition=condition, group=group)
    return _learn(moments, large, x, phi, rng, fit)


@checked(
    large=SYSTEM,
    x=STATES,
    phi=OBSERVABLE,
    fraction=fraction_of,
    dt=above_zero,
    richardson=flag,
    group=array(None, kind="i"),
    condition=array(),
    rng=generator_of,
    **FIT,
)
@one_thread()
def learn_from_pairs(
    large: MicroSystem,
    x: NDArray[Any],
    phi: Observable,
    fraction: float,
    dt: float,
    *,
    richardson: bool = True,
    group: NDArray[np.int64] | None = None,
    condition: ArrayLike | None = None,
    rng: np.random.Generator,
    **fit: Unpack[Fit],
) -> Learned:
    """Learn from partial evolutions of duration dt, one of each snapshot; other arguments as in `learn_from_rates`.

    Args:
        fraction: part of the carriers that moves, 1 / K.
        dt: duration of an evolution, in the system's unit of time.
        richardson: record dt / 2 too and extrapolate to duration 0: no bias of first order in dt, noise
            about twice as large.
    """
    times = [dt / 2, dt] if richardson else [dt]
    moves = partial_evolution(large, x, times, fraction, rng=rng, group=group)
    whole = moves.pairs(phi, condition)
    half = moves.pairs_from(whole.z0, phi, condition, time=0) if richardson else None
    return _learn(moments_from_pairs(whole, half), large, x, phi, rng, fit)


def _learn(
    moments: Moments, large: MicroSystem, x: NDArray[Any], phi: Observable, rng: np.random.Generator, fit: Fit
) -> Learned:
    """What a large system's labels give: its size, its names and the bounds of its observables go with the model."""
    bounds = observed_bounds(phi, x, large.lattice)
    return learn_from_moments(moments, phi.labels, large.lattice.n_sites, bounds=bounds, rng=rng, **fit)


@checked(
    moments=MOMENTS,
    labels=many(text),
    sites=whole(1),
    bounds=array(None, 2, finite=False),
    rng=generator_of,
    **FIT,
)
@one_thread()
def learn_from_moments(
    moments: Moments,
    labels: tuple[str, ...],
    sites: int,
    *,
    bounds: Floats | None = None,
    rng: np.random.Generator,
    **fit: Unpack[Fit],
) -> Learned:
    """Learn from labels, which may be joined from several systems (temperatures) by `Moments.concat`.

    Args:
        moments: drift and covariance rates of all variables.
        labels: names of the variables.
        sites: of the large system.
        bounds: (d, 2) least and largest values of the variables, infinite where not known.
        rng: source of randomness.
        **fit: n_observed, how many of the first variables are z*, default all; sde, the model to fit in place, default
            `polynomial_sde`; options of `fit_moments`.

    Raises:
        ValueError: labels that do not fit the moments, or as `fit_moments`.
    """
    d = moments.z.shape[1]
    observed, sde = fit.get("n_observed") or d, fit.get("sde")
    if len(labels) != d or not 1 <= observed <= d:
        raise ValueError(f"{len(labels)} labels, {observed} of them observed, do not fit {d} variables")
    model = polynomial_sde(labels, sites, moments.condition.shape[1]) if sde is None else sde
    report = fit_moments(model, moments, options=fit.get("options"), rng=rng).report
    return Learned(model, moments.z, moments.condition, observed, report, bounds)


@checked(labels=many(text, least=1), sites=whole(1), n_conditions=whole(0, 1), hidden=whole(0, MOST_WIDTH))
def polynomial_sde(
    labels: tuple[str, ...],
    sites: int,
    n_conditions: int = 0,
    *,
    degrees: tuple[int, int] | None = None,
    hidden: int = HIDDEN,
    odd: tuple[int, ...] = (),
) -> NeuralSDE:
    """The model that `fit_moments` fits: polynomials up to a degree that falls with the number of variables, a network.

    Args:
        labels: names of the variables.
        sites: of the large system.
        n_conditions: 1 for a model that depends on temperature.
        degrees: largest ones of drift and diffusion; default by the number of variables. Lower ones where the states
            fill little of the space of z (few starts, narrow bundles of paths): what a high degree does between them
            no label sees.
        hidden: width of the network that learns what the polynomial leaves; 0 for none.
        odd: variables that change sign together under a symmetry of the system.
    """
    d = len(labels)
    drift_degree, diffusion_degree = degrees or DEGREES.get(d, MORE_VARIABLES)
    drift = PolynomialDrift(d, n_conditions, degree=drift_degree, hidden=hidden, odd=odd)
    diffusion = PolynomialDiffusion(d, n_conditions, degree=diffusion_degree, odd=odd)
    return NeuralSDE(drift, diffusion, labels=labels, sites=sites)
