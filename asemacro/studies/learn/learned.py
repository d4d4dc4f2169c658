"""From large snapshots to a learned SDE: labels by exact rates or by sampled pairs, the fit, and its files.

made = snapshots(Ising(lattice, 2.5, field=0.1), magnetised(rng.uniform(-1, 1, 64)), log_ages(0.1, 60, 16),
                 copies=16, how=mosaic, rng=rng)
learned = learn_from_rates(made.system, made.x, phi, 1 / 16, group=made.start, rng=rng)
times, z = simulate(learned.sde, learned.start([0.4, 0.42]), until_s=50, n_trajectories=100, rng=rng)
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

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
from asemacro.macro.training_file import load_training, save_training
from asemacro.micro.blocks import observed_bounds
from asemacro.micro.protocol import SYSTEM
from asemacro.observables.base import OBSERVABLE, Observable
from asemacro.tasks.publication import Files, check_files, publish
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.micro.protocol import MicroSystem

DEGREES = {1: (9, 6), 2: (7, 4), 3: (5, 3)}  # largest degree of drift and diffusion; the fit chooses up to it
MORE_VARIABLES = (3, 2)  # the same for four variables and more: 35 and 15 features of four
HIDDEN = 16
NEAREST = 32
KEPT_STATES = 20_000  # training states in a file
SPREADS = 5
say = logging.getLogger("asemacro")
SDE_FILE, TRAINING_FILE = "sde.safetensors", "training.safetensors"


@dataclasses.dataclass(frozen=True)
class Learned:
    """A learned macroscopic model and what it was learned from.

    Attributes:
        sde: the model.
        z: (N, d) training states, in the order of `labels`; none if unknown.
        condition: (N, 0 or 1) their temperatures.
        n_observed: the first variables, given by the user: z*; the others are closure variables.
        report: of the fit, if known.
        bounds: (d, 2) least and largest values of the variables, infinite where not known; None if none is known.
    """

    sde: NeuralSDE
    z: Floats
    condition: Floats
    n_observed: int
    report: MomentReport | None = None
    bounds: Floats | None = None

    def __post_init__(self) -> None:
        check_fields(self, sde=SDE, n_observed=whole(1, self.sde.dim if isinstance(self.sde, NeuralSDE) else 1))
        check_fields(self, z=array(None, self.sde.dim), report=optional(instance("MomentReport")))
        check_fields(self, condition=array(len(self.z), self.sde.n_conditions))
        check_fields(self, bounds=optional(array(self.sde.dim, 2, finite=False)))
        if self.bounds is not None and not np.isfinite(self.bounds).any():
            object.__setattr__(self, "bounds", None)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all variables."""
        return self.sde.labels

    @property
    def sites(self) -> int | None:
        """Sites of the system that the noise belongs to."""
        return self.sde.sites

    @checked(z=array(), condition=above_zero, nearest=whole(1))
    def start(self, z: ArrayLike, condition: float | None = None, nearest: int = NEAREST) -> Floats:
        """(d,) z* completed by closure variables: their mean over the training states nearest in z*.

        Distances are in units of the spread of each variable in training, the temperature counting like another one.

        Args:
            z: (n_observed,) values of z*.
            condition: the temperature, of models that have one.
            nearest: number of training states.

        Raises:
            ValueError: another number of values, values that are not finite or that no state has, or no training
                states. Values unlike those of the training states are a line in the log.
        """
        given = np.asarray(z, dtype=float).reshape(-1)
        if len(given) != self.n_observed:
            names = ", ".join(self.labels[: self.n_observed])
            raise ValueError(f"a start has {self.n_observed} values ({names}), got {len(given)}")
        if not np.isfinite(given).all():
            raise ValueError(f"a start must be finite, got {given}")
        self._check_range(given)
        if self.n_observed == self.sde.dim:
            return given
        if not len(self.z):
            raise ValueError("the training states are not known, so closure variables have no start; give all of them")
        if (condition is not None) != (self.sde.n_conditions > 0):
            raise ValueError("a start needs the temperature if, and only if, the model depends on it")
        at = np.append(given, [] if condition is None else [condition])
        seen = np.concatenate([self.z[:, : self.n_observed], self.condition], axis=1)
        spread = np.maximum(seen.std(axis=0), np.finfo(float).tiny)
        order = np.argsort((((seen - at) / spread) ** 2).sum(axis=1), kind="stable")[:nearest]
        return np.concatenate([given, self.z[order, self.n_observed :].mean(axis=0)])

    def _check_range(self, given: Floats) -> None:
        """Refuse values of z* that no state has; say which lie outside of what the model was learned from."""
        names = self.labels or tuple(f"z{k + 1}" for k in range(self.sde.dim))
        for name, value, (low, high) in zip(names, given, [] if self.bounds is None else self.bounds, strict=False):
            slack = 1e-9 * max(abs(low), abs(high)) if np.isfinite(low + high) else 0.0
            if not low - slack <= value <= high + slack:
                raise ValueError(f"a start with {name} = {value:g} is impossible: {_limits(name, low, high)}")
        ranges = np.stack([self.z.min(axis=0), self.z.max(axis=0)], axis=1) if len(self.z) else self._scales()
        outside = [
            f"{name} = {value:g} (learned from {low:.3g} to {high:.3g})"
            for name, value, (low, high) in zip(names, given, ranges, strict=False)
            if not low <= value <= high
        ]
        if outside:
            say.warning("the start lies outside the states that the model was learned from: %s", ", ".join(outside))

    def _scales(self) -> Floats:
        """(d, 2) where the training states were, as far as the model alone tells: mean -+ 5 standard deviations."""
        mean, sd = self.sde.z_mean.numpy(), self.sde.z_scale.numpy()
        return np.stack([mean - SPREADS * sd, mean + SPREADS * sd], axis=1)

    @checked(directory=path)
    def save(self, directory: str | Path) -> list[Path]:
        """Write sde.safetensors and training.safetensors (at most 20,000 states, evenly taken), together or not at all.

        A run record in the folder that lists one of them is removed.
        """
        return publish(directory, self.files())

    def files(self) -> Files:
        """What `save` writes, by name."""
        rows = np.unique(np.linspace(0, max(len(self.z) - 1, 0), min(len(self.z), KEPT_STATES)).astype(int))
        training = (self.z[rows], self.condition[rows], self.n_observed, self.report)
        return {
            SDE_FILE: lambda path: save_sde(path, self.sde),
            TRAINING_FILE: lambda path: save_training(path, *training, bounds=self.bounds, model=fingerprint(self.sde)),
        }

    @classmethod
    @checked(directory=path)
    def load(cls, directory: str | Path) -> Learned:
        """Read what `save` wrote, or any folder with an sde.safetensors (its first member, no training states).

        Raises:
            FileNotFoundError: no such folder or model.
            ValueError: one line; a file is damaged, is not the one that run.json lists, or the two do not belong
                together.
        """
        folder = Path(directory)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder; `asemacro learn` makes one")
        if not (folder / SDE_FILE).is_file():
            raise FileNotFoundError(f"{folder} is not a learned model: it has no {SDE_FILE}")
        check_files(folder, [SDE_FILE, TRAINING_FILE])
        sde = load_sde(folder / SDE_FILE)[0]
        path = folder / TRAINING_FILE
        if not path.is_file():
            return cls(sde, np.zeros((0, sde.dim)), np.zeros((0, sde.n_conditions)), sde.dim)
        return cls(sde, *load_training(path, sde.dim, sde.n_conditions, model=fingerprint(sde)))


def _limits(name: str, low: float, high: float) -> str:
    """Bounds of a variable in words."""
    if np.isfinite(low) and np.isfinite(high):
        return f"{name} lies from {low:.4g} to {high:.4g}"
    return f"{name} is at least {low:.4g}" if np.isfinite(low) else f"{name} is at most {high:.4g}"


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
