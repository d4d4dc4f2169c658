"""From states with forces on a few carriers to a learned ODE: encoder, labels, and the fits of all seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from asemacro.arguments.answers import answer, real_numbers
from asemacro.arguments.checks import callable_of, choice_of, generator_of
from asemacro.arguments.door import FORCE_DATA, MOST_WIDTH, checked, flag_or_report, instance, optional, whole
from asemacro.closure.autoencoder import EncoderOptions, fit_encoder
from asemacro.closure.encoder import Encoder, condition
from asemacro.labels.attraction import Attraction, with_attraction
from asemacro.labels.forces import check_enough, force_labels, never_changing
from asemacro.macro.base import Drift
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.gfinn import GFINN
from asemacro.macro.linear_rates import labels_of_first
from asemacro.macro.mlp_drift import MLPDrift
from asemacro.macro.ode import NeuralODE
from asemacro.macro.ode_fit import OdeFitOptions, fit_ode
from asemacro.macro.training_file import Course
from asemacro.observables.differentiable import DifferentiableObservable, check_gradient, check_of_one_state
from asemacro.studies.forces.learned import ForcesReport, LearnedForces
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.closure.encoder_network import EncoderNetwork
    from asemacro.force_data import ForceData

DRIFTS = ("onsager", "mlp", "gfinn")
HIDDEN, DEPTH = 64, 2
_GRADIENT_BYTES = 2.5e8  # of phi' of those that gradients are taken of
_LOOKED_AT = 64  # states in which an observable is looked at before anything is learned
_BESIDE = 1e-3  # of the size of the numbers of a state: the distance of others beside it


class ForceFit(TypedDict, total=False):
    """How `learn_from_forces` goes about it.

    Attributes:
        states: what the encoder learns from, (n, N) or force data; default the states of the labels.
        network: of the encoder; default an MLPEncoder.
        encoder_options: of `fit_encoder`.
        space: "micro" for the loss L_x,p (L_x of all forces), "macro" for L_z, which needs all forces.
        fit_options: of `fit_ode`.
        kept: number of first variables, observables and learned ones, that the equation is of; the rates of the others
            are put in by least squares (`labels_of_first`), which takes noise away. Default: all are kept.
        weights: function of the variables (N, d), observables first, that gives the weight (N,) of each state in the
            loss; default all alike. Where rates grow without bound, few states hold most of the loss: weigh them less.
        attraction: of the states; without it (default) nothing says what the equation does beside them. The losses that
            are reported are then those of the displaced copies, too.
    """

    states: NDArray[Any] | ForceData | None
    network: EncoderNetwork | None
    encoder_options: EncoderOptions | None
    space: str
    fit_options: OdeFitOptions | None
    kept: int | None
    weights: Callable[[Floats], Floats] | None
    attraction: Attraction | None


def _states(value: Any, name: str) -> Any:
    return value if isinstance(value, np.ndarray) else FORCE_DATA(value, name)


def _drift(value: Any, name: str) -> Any:
    return choice_of(value, name, DRIFTS) if isinstance(value, str) else instance("Drift")(value, name)


@checked(
    data=FORCE_DATA,
    phi=instance("DifferentiableObservable"),
    dims=whole(0, MOST_WIDTH),
    drift=_drift,
    seeds=whole(1, 1000),
    rng=generator_of,
    progress=flag_or_report,
    states=optional(_states),
    network=optional(instance("EncoderNetwork")),
    encoder_options=optional(instance("EncoderOptions")),
    space=lambda value, name: choice_of(value, name, ("micro", "macro")),
    fit_options=optional(instance("OdeFitOptions")),
    kept=optional(whole(1)),
    weights=optional(callable_of),
    attraction=optional(instance("Attraction")),
)
@one_thread()
def learn_from_forces(
    data: ForceData,
    phi: DifferentiableObservable,
    dims: int = 2,
    *,
    drift: str | Drift = "onsager",
    seeds: int = 5,
    rng: np.random.Generator,
    progress: bool | Report = False,
    **fit: Unpack[ForceFit],
) -> LearnedForces:
    """Learn dz/dt = g(z), z = (phi(x), variables of an encoder), from forces on a part of the carriers.

    data = make_force_data(system, starts, times, fraction=0.2, rng=rng)
    learned = learn_from_forces(data, phi, 2, rng=rng)

    Args:
        data: states, each with the forces on some of its carriers.
        phi: the observables z*; or an `Encoder` that is learned already, with dims = 0.
        dims: number of variables that the encoder adds; 0 where z* needs none.
        drift: the form of g: "onsager" (what dissipates), "gfinn" (an energy stays, an entropy grows), "mlp" (a network
            without a structure), or a Drift of your own, of phi.dim + dims variables or as many as are `kept`.
        seeds: fits from different first parameters; all are trained together and kept.
        rng: source of randomness.
        progress: True for a bar, or a function called as progress(task, fraction, text), task "encoder" or "fit".
        **fit: see `ForceFit`.

    Raises:
        ValueError: an observable that is constant or has no gradient, fewer states than variables, L_z of a part of the
            forces, a drift of another dimension, or a loss that is not finite.
    """
    space, states, kept = fit.get("space", "micro"), fit.get("states"), fit.get("kept")
    check_variables(phi, dims, drift, kept)
    check_enough(data.n_configurations, data.fraction, phi.dim + dims, space)
    check_observable(data, phi)
    reconstruction = None
    with reporting(progress, *stages(dims)) as report:
        observed, encoder = _observed(phi), phi
        if dims:
            found = fit_encoder(
                data if states is None else states,
                phi,
                dims,
                network=fit.get("network"),
                needed=None if kept is None else 0,
                options=fit.get("encoder_options"),
                rng=rng,
                progress=part_of(report, "encoder"),
            )
            encoder, reconstruction = found.model, found.report.reconstruction
        report("fit", 0.0, "what the forces say")
        labels = force_labels(data, encoder, space=space)  # type: ignore[arg-type]
        if kept is not None:
            labels, encoder = labels_of_first(labels, kept), encoder.leading(kept)  # type: ignore[attr-defined]
        weights = fit.get("weights")
        if weights is not None:
            called = "the function weights"
            labels = labels.weighted(real_numbers(answer(called, weights, labels.z.copy()), called))
        seen, attraction = labels, fit.get("attraction")
        if attraction is not None:
            seen = with_attraction(labels, attraction, rng=rng)
        made = drift_named(drift, encoder.dim) if isinstance(drift, str) else drift
        ode = NeuralODE(made, labels=encoder.labels)
        fitted = fit_ode(
            ode, seen, seeds=seeds, rng=rng, options=fit.get("fit_options"), progress=part_of(report, "fit")
        )
    about = ForcesReport(
        fitted.report.losses,
        kappa_of(encoder, data),
        reconstruction,
        data.n_configurations,
        data.force_evaluations,
        data.n_configurations * data.layout.n_carriers,
    )
    runs = Course(data.group, data.times)
    return LearnedForces(fitted.model, labels.z, observed, encoder, fitted.members, about, runs=runs)


def check_variables(phi: DifferentiableObservable, dims: int, drift: str | Drift, kept: int | None = None) -> None:
    """Refuse, before anything is computed, variables of which the equation cannot be learned; see `learn_from_forces`.

    Raises:
        ValueError: one line; an encoder to be learned beside a learned one, two variables of one name, `kept` out of
            range, or a drift of another number of variables.
    """
    learned = isinstance(phi, Encoder)
    if learned and dims:
        raise ValueError(f"an Encoder takes dims=0: it has its learned variables already, got dims={dims}")
    if taken := set(phi.labels) & {f"encoder_{k + 1}" for k in range(dims)}:
        raise ValueError(f"the observable {min(taken)} has the name of a learned variable; give it another one")
    first, dim = _observed(phi), phi.dim + dims
    if kept is not None:
        if not (dims or learned):
            raise ValueError("kept leaves out variables of an encoder, and there is none; take dims above 0")
        if not first < kept <= dim:
            raise ValueError(
                f"kept {kept}: of {dim} variables the first {first} are observables; give from {first + 1} to {dim}"
            )
        dim = kept
    if drift == "gfinn" and dim < 2:
        raise ValueError(
            "drift gfinn needs two variables or more, an energy stays while they change; learn one beside the "
            "observable (dims=1, --closure 1) or take another drift (onsager, mlp)"
        )
    if not isinstance(drift, str) and drift.dim != dim:
        raise ValueError(f"the drift is one of {drift.dim} variables, there are {dim}")


def _observed(phi: DifferentiableObservable) -> int:
    """How many of the variables are not learned."""
    return phi.phi.dim if isinstance(phi, Encoder) else phi.dim


def stages(dims: int) -> list[dict[str, float]]:
    """Tasks of `learn_from_forces`, as `progress_bar` takes them."""
    return [*([{"encoder": 20.0}] if dims else []), {"fit": 20.0}]


def drift_named(name: str, dim: int, hidden: int = HIDDEN, depth: int = DEPTH) -> Drift:
    """The untrained drift of one of `DRIFTS`, of so many variables; width and number of its tanh layers."""
    if name == "onsager":
        return OnsagerNet(dim, 0, hidden=hidden, depth=depth)
    return MLPDrift(dim, hidden=hidden, depth=depth) if name == "mlp" else GFINN(dim, hidden=hidden, depth=depth)


def check_observable(data: ForceData, phi: DifferentiableObservable) -> None:
    """Refuse, before anything is learned, observables without a gradient and those that never change.

    Raises:
        ValueError: one line that names the observable.
    """
    x = _some_states(data)
    slope = _check_slope(phi, x)
    with torch.no_grad():
        z = phi(x).numpy()
    if len(z) > 1:
        expected = (slope * x.std(dim=0, correction=0)).square().sum(dim=2).mean(dim=0).sqrt().numpy()
        for k in never_changing(z, expected):
            raise ValueError(
                f"the observable {phi.labels[k]} is {z[0, k]:.6g} in all states: what never changes cannot be learned"
            )


def check_at_starts(phi: DifferentiableObservable, starts: Floats) -> None:
    """Refuse, before any run, observables without a gradient at starts (n, N) and a little beside them.

    At a start alone, as on a perfect lattice, the gradient may be zero for once.

    Raises:
        ValueError: one line that names the observable.
    """
    some = starts[:_LOOKED_AT]
    beside = some + _BESIDE * np.sqrt((some**2).mean()) * np.random.default_rng(0).standard_normal(some.shape)
    _check_slope(phi, torch.from_numpy(np.stack([some, beside], axis=1).reshape(-1, some.shape[1])))


def _check_slope(phi: DifferentiableObservable, x: torch.Tensor) -> torch.Tensor:
    """phi' (few, d, N) in as many of the states (b, N) as the memory holds gradients of, and whether phi will do."""
    few = max(2, int(_GRADIENT_BYTES / (8 * phi.dim * x.shape[1])))
    some = x[:few] if len(x) <= few else x[np.linspace(0, len(x) - 1, few).astype(int)]
    slope = check_gradient(phi, some).detach()
    check_of_one_state(phi, some, slope)
    return slope


@torch.no_grad()
def kappa_of(phi: DifferentiableObservable, data: ForceData) -> float:
    """Median over some of the states of the ratio of the extreme eigenvalues of phi' phi'^T."""
    x = _some_states(data)
    return float(condition(phi.linearised(x, torch.zeros(len(x), 0, dtype=torch.int64)).gram).median())


def _some_states(data: ForceData) -> torch.Tensor:
    """(b, N) states from all over the data."""
    rows = np.unique(np.linspace(0, len(data) - 1, _LOOKED_AT).astype(int))
    return torch.from_numpy(np.asarray(data.states(rows), dtype=float))
