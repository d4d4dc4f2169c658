"""Fit closure variables to snapshots, one after another: each carries what z* and those before it lack."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import (
    LATTICE,
    MOMENTS,
    MOST_WIDTH,
    array,
    batch,
    check_fields,
    checked,
    either,
    instance,
    real,
    text,
    whole,
)
from asemacro.closure.data import FieldData, SpinData, snapshots
from asemacro.closure.network import MOST_SHELLS, LocalNetwork
from asemacro.closure.objectives import FieldPseudoLikelihood, Objective, OneStepLikelihood, SpinPseudoLikelihood
from asemacro.closure.selection import Gain, gain, one_step_losses, selection_folds, whitened
from asemacro.closure.variables import Closure, closure_of
from asemacro.data import group_of
from asemacro.fitted import Fitted
from asemacro.macro.moment_fit import folds_of
from asemacro.macro.quasi_newton import fill, minimise
from asemacro.micro.blocks import observe
from asemacro.observables.base import OBSERVABLE
from asemacro.tasks.parts import part
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.data import Moments
    from asemacro.observables.base import Observable

MOST_DIMS = 20
_SAME = 1e-6  # z* is a mean of products if they reproduce it to this fraction of its spread


@dataclasses.dataclass(frozen=True)
class ClosureOptions:
    """Settings of `fit_closure`.

    Attributes:
        shells: reach of the network, 1 to 3; the pseudo-likelihood conditions on at most the first two.
        width: of the hidden layers of the local network.
        messages: channels of the learned messages between the sites of fields.
        decoder: width of the network of z that ends in the prediction.
        steps: most L-BFGS steps of a variable.
        patience: steps without a lower held-out loss after which it stops.
        restarts: from other first weights; the lowest held-out loss is kept.
        validation: fraction of the snapshots (whole groups) that judges when to stop and which restart is kept.
        most_dims: variables that "auto" tries.
        most_sites: of fields, the sites that the fit sees in all; each snapshot gives the same number of them.

    Raises:
        ValueError: a setting is out of range.
    """

    shells: int = 3
    width: int = 32
    messages: int = 8
    decoder: int = 16
    steps: int = 1500
    patience: int = 100
    restarts: int = 2
    validation: float = 0.2
    most_dims: int = 3
    most_sites: int = 100_000

    def __post_init__(self) -> None:
        for names, check in (
            (("width", "messages", "decoder"), whole(1, MOST_WIDTH)),
            (("patience", "restarts", "most_sites"), whole(1)),
        ):
            check_fields(self, **dict.fromkeys(names, check))
        check_fields(self, shells=whole(1, MOST_SHELLS), most_dims=whole(1, MOST_DIMS), steps=whole(), validation=real)
        if not 0 < self.validation <= 0.5:
            raise ValueError(f"validation must lie in (0, 0.5], got {self.validation}")


@dataclasses.dataclass(frozen=True)
class ClosureReport:
    """What `fit_closure` found.

    Attributes:
        gains: fall of the held-out one-step loss of z* with each variable that was tried; empty without moments.
    """

    gains: tuple[Gain, ...]


@checked(
    x=batch,
    lattice=LATTICE,
    z_star=OBSERVABLE,
    dims=either("auto", whole(1, MOST_DIMS)),
    objective=text,
    moments=MOMENTS,
    group=array(None, kind="i"),
    options=instance("ClosureOptions"),
    rng=generator_of,
)
@one_thread()
def fit_closure(
    x: NDArray[Any],
    lattice: Any,
    z_star: Observable,
    dims: int | Literal["auto"] = 1,
    *,
    objective: Literal["pseudo-likelihood", "one-step"] = "pseudo-likelihood",
    moments: Moments | None = None,
    group: NDArray[np.int64] | None = None,
    options: ClosureOptions | None = None,
    rng: np.random.Generator,
) -> Fitted[Closure, ClosureReport] | None:
    r"""Closure variables phi_hat of snapshots; `Observables([z_star, fitted.model])` is then the whole z.

    With the pseudo-likelihood, phi_hat is what best helps, beside z*, to tell a spin (the fields of a site) from the
    sums over its first two shells: -log p(s_i | neighbours, z*, phi_hat), mean over all sites and snapshots. It thus
    learns how the local statistics of the snapshots differ at equal z*, from snapshots alone. Give snapshots of
    different starts and ages: in equilibrium alone there is little to learn but fluctuations. With "one-step" it is
    what best predicts the drift labels of z*.

    Each variable is trained with those before it held, so the first is the same whatever `dims` is; all parameters by
    L-BFGS in float64. Over the snapshots every variable has mean 0 and variance 1, and its linear part on z* and on the
    variables before it is removed: a polynomial of nearly collinear variables is badly conditioned, and starts of an
    SDE at phi_hat = 0 then make sense. A z* that is not a mean of local products (a site with itself and with its
    shells: magnetisation, walls, energy, means of fields are) cannot be removed, the mean and variance still hold. The
    first variable grows with the number of walls.

    Args:
        x: (N, n_sites) int8 spins of -1 and 1, or (N, n_sites, n_fields) float64 fields.
        lattice: theirs; blocks side by side may be.
        z_star: the observables that are given.
        dims: number of variables; "auto" for the smallest whose successor does not lower the held-out one-step loss
            of z* by more than two standard errors (None if not even one does).
        objective: what is minimised.
        moments: labels of z* at the same snapshots (`patch_moments(system, x, z_star, ...)`, or `moments_from_pairs`);
            for "auto" and "one-step".
        group: (N,) snapshots with the same number are correlated (of one run); default that of the moments, or none.
        options: settings.
        rng: random generator; the same seed gives the same closure.

    Returns:
        The closure as the model, the objective's held-out loss without and with each variable (in nats a site, or per
        unit of time), and in the report the gain of the one-step likelihood with each where there are moments. The
        `notes` of the closure, which go to its file, hold the same. None if "auto" finds no variable that helps.

    Raises:
        ValueError: shapes that do not fit, too few snapshots, labels that are missing or of other snapshots, or
            snapshots that do not differ.
    """
    options = options or ClosureOptions()
    if objective not in ("pseudo-likelihood", "one-step"):
        raise ValueError(f'the objective is "pseudo-likelihood" or "one-step", not {objective!r}')
    if moments is None and (dims == "auto" or objective == "one-step"):
        raise ValueError('"auto" and the one-step objective need moments of z*; make them with patch_moments')
    z = observe(z_star, x, lattice)
    if moments is not None and (moments.z.shape != z.shape or not np.allclose(moments.z, z)):
        raise ValueError("the moments are not those of z_star at these snapshots")
    if len(z) < 20:
        raise ValueError(f"{len(z)} snapshots are too few to fit a closure; take at least 20")
    group = group_of(moments.group if group is None and moments is not None else group, len(z))
    data = snapshots(x, lattice, options.shells, options.most_sites, rng=rng)
    parts = max(2, round(1 / options.validation))
    held = folds_of(np.asarray(group), parts, rng) == 0
    fold = None if moments is None else selection_folds(moments, rng=rng)
    found = _Found(data, z)
    notes: dict[str, Any] = {"objective": objective, "z_star": list(z_star.labels), "snapshots": len(z), "loss": []}
    steps = [] if moments is None or fold is None else [one_step_losses(z, moments, fold)]
    gains: list[Gain] = []
    for _ in range(options.most_dims if dims == "auto" else dims):
        network, losses = _train(data, found, moments if objective == "one-step" else None, held, options, rng)
        variable = found.with_network(network)
        if moments is not None and fold is not None:
            steps.append(one_step_losses(np.column_stack([z, *variable.values]), moments, fold))
            gains.append(gain(steps[-2], steps[-1], moments.group))
            if dims == "auto" and not gains[-1].significant:
                break
        found = variable
        notes["loss"] = losses if not notes["loss"] else [*notes["loss"], losses[1]]
    if gains:
        notes["one_step_loss"] = [float(s.mean()) for s in steps]
        notes["one_step_gain"] = [{"value": g.value, "error": g.error} for g in gains]
    if not found.networks:
        return None
    closure = found.closure(notes)
    held_out = {f"with {k} variables" if k else "without variables": loss for k, loss in enumerate(notes["loss"])}
    return Fitted(closure, held_out, ClosureReport(tuple(gains)), _before=closure)


@dataclasses.dataclass(frozen=True)
class _Found:
    """The variables so far.

    Attributes:
        data: of the snapshots.
        z: (N, d*) z*.
        networks: their networks.
        values: their normalised values, (N,) each.
        rows: for each variable its row of A, of B, and b, as in `Closure`.
    """

    data: SpinData | FieldData
    z: Floats
    networks: tuple[LocalNetwork, ...] = ()
    values: tuple[Floats, ...] = ()
    rows: tuple[tuple[Floats, Floats, float], ...] = ()

    @property
    def known(self) -> Floats:
        """(N, d) z* and the values, with mean 0 and variance 1."""
        z = np.column_stack([self.z, *self.values])
        return (z - z.mean(axis=0)) / np.maximum(z.std(axis=0), 1e-12)

    def with_network(self, network: LocalNetwork) -> _Found:
        """With one more variable: the mean over sites of the network, normalised."""
        with torch.no_grad():
            raw = self.data.means(network).numpy()
        p = self.data.product_means.numpy()
        spread = np.maximum(self.z.std(axis=0), 1e-300)
        centred = p - p.mean(axis=0)
        recipe = np.linalg.lstsq(centred, self.z - self.z.mean(axis=0), rcond=1e-10)[0]
        left = (self.z - self.z.mean(axis=0) - centred @ recipe).std(axis=0)
        recipe = recipe[:, left < _SAME * spread]
        known = np.column_stack([p @ recipe, *self.values])
        linear, *_ = np.linalg.lstsq(known - known.mean(axis=0), raw - raw.mean(), rcond=1e-10)
        rest = raw - known @ linear
        scale = rest.std() * (1 if np.cov(rest, p[:, max(1, self.data.n_fields)])[0, 1] <= 0 else -1)
        if not abs(scale) > 1e-12 * max(1e-300, float(np.abs(raw).max())):
            raise ValueError("the snapshots do not differ beyond z*; there is nothing for a closure variable to carry")
        of_z, of_values = linear[: recipe.shape[1]], linear[recipe.shape[1] :]
        mix, skip, offset = np.zeros(len(self.rows) + 1), -recipe @ of_z, 0.0
        mix[-1] = 1.0
        for factor, (a, b, c) in zip(of_values, self.rows, strict=True):
            mix[: len(a)] -= factor * a
            skip -= factor * b
            offset -= factor * c
        # values before have mean 0, so `rest` and mix f + skip p + offset agree up to the mean that is removed
        row = (mix / scale, skip / scale, (offset - rest.mean()) / scale)
        new = (rest - rest.mean()) / scale
        return _Found(self.data, self.z, (*self.networks, network), (*self.values, new), (*self.rows, row))

    def closure(self, notes: dict[str, Any]) -> Closure:
        """The observable."""
        mix = np.zeros((len(self.rows), len(self.rows)))
        for k, (a, _, _) in enumerate(self.rows):
            mix[k, : len(a)] = a
        skip, offset = np.stack([b for _, b, _ in self.rows]), np.array([c for _, _, c in self.rows])
        return closure_of(self.networks, mix, skip, offset, notes=notes)


def _objective(data: SpinData | FieldData, moments: Moments | None, dim: int, options: ClosureOptions) -> Objective:
    if moments is not None:
        return OneStepLikelihood(*whitened(moments), dim, options.decoder)
    if isinstance(data, SpinData):
        return SpinPseudoLikelihood(data, dim, options.decoder)
    return FieldPseudoLikelihood(data, dim, options.decoder)


def _train(
    data: SpinData | FieldData,
    found: _Found,
    moments: Moments | None,
    held: NDArray[np.bool_],
    options: ClosureOptions,
    rng: np.random.Generator,
) -> tuple[LocalNetwork, list[float]]:
    """One more network, and the held-out losses without and with it."""
    known = torch.from_numpy(found.known)
    learn, judge = (torch.from_numpy(np.flatnonzero(rows)) for rows in (~held, held))
    linear, _ = torch.linalg.qr(torch.cat([torch.ones(len(known), 1, dtype=torch.float64), known], dim=1))
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))

    def run(objective: Objective, network: LocalNetwork | None) -> float:
        parameters = list(objective.parameters()) + (list(network.parameters()) if network is not None else [])

        def z() -> Tensor:
            if network is None:
                return known
            value = data.means(network)
            value = value - linear @ (linear.T @ value)
            return torch.cat([known, (value / (value.std() + 1e-12)).unsqueeze(1)], dim=1)

        def judged() -> float:
            return float(objective.losses(z(), judge).mean().detach())

        def least() -> Floats:
            return minimise(
                parameters, lambda: objective.losses(z(), learn).mean(), options.steps, judged, options.patience
            )

        best = part("closure", least)
        with torch.no_grad():
            fill(parameters, best)
            return judged()

    dim = known.shape[1]
    plain = _objective(data, moments, dim, options)
    plain.reset(generator)
    without = run(plain, None)
    lowest, kept = np.inf, None
    for _ in range(options.restarts):
        objective = _objective(data, moments, dim + 1, options)
        network = LocalNetwork(data.n_fields, data.neighbours, options.width, options.messages)
        objective.reset(generator)
        network.reset(generator)
        value = run(objective, network)
        if value < lowest:
            lowest, kept = value, copy.deepcopy(network)
    if kept is None:
        raise ValueError("the loss of the closure is not finite; look at the snapshots")
    return kept, [without, lowest]
