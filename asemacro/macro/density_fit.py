"""Fit a reversible SDE: its density to equilibrium snapshots, its covariance rate to moments."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import MOMENTS, SDE, array, checked, instance, text
from asemacro.data import condition_of, group_of
from asemacro.fitted import Fitted
from asemacro.macro.moment_fit import (
    MomentOptions,
    covariance_rates,
    fit_diffusion,
    folds_of,
    in_units,
    label_weights,
)
from asemacro.macro.reversible import PolynomialDensity, ReversibleDrift
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.data import Moments
    from asemacro.macro.sde import NeuralSDE

NODES = {1: 400, 2: 121, 3: 41}
"""Gauss-Legendre nodes along each axis of the box that the density is integrated over."""
_MARGIN = 0.03  # of the box around the snapshots, on each side
_ROWS = 20_000


@dataclasses.dataclass(frozen=True)
class DensityReport:
    """What `fit_reversible` did.

    Attributes:
        degree: total degree of ln P that was kept.
        scores: held-out loss of each degree tried, lower is better: mean negative log-likelihood, or Hyvarinen's score.
        diffusion_degree: degree kept for the mean covariance.
    """

    degree: int
    scores: dict[int, float]
    diffusion_degree: int


@dataclasses.dataclass(frozen=True)
class Ageing:
    """How far snapshots are from stationary under the dynamics that the moments describe; all 0 in equilibrium.

    Attributes:
        drift: (d,) mean drift E[b], z over time, and its standard error.
        drift_error: (d,).
        square: (d,) E[b_i z_i] + E[S_ii] / 2 over Var z_i with z from its mean, 1 / time: the rate at which the
            variance still grows, halved; and its standard error.
        square_error: (d,).
    """

    drift: Floats
    drift_error: Floats
    square: Floats
    square_error: Floats


@checked(moments=MOMENTS, centre=array(None))
def ageing(moments: Moments, centre: ArrayLike | None = None) -> Ageing:
    """The free test of snapshots that are meant to be in equilibrium, from their infinitesimal moments.

    Args:
        moments: of the snapshots, unselected and of equal weight.
        centre: (d,) point that variances are about, 0 for variables that are symmetric; default the mean.
    """
    middle = moments.z.mean(axis=0) if centre is None else np.asarray(centre, dtype=float)
    apart = moments.z - middle
    growth = moments.drift * apart + 0.5 * moments.covariance.diagonal(axis1=1, axis2=2)
    size = (apart**2).mean(axis=0)
    names, index = np.unique(moments.group, return_inverse=True)
    count = np.bincount(index)
    errors = []
    for values in (moments.drift, growth):
        rest = values - values.mean(axis=0)
        sums = np.stack([np.bincount(index, column) for column in rest.T], axis=1)
        errors.append(np.sqrt((sums**2).sum(axis=0)) / count.sum() * np.sqrt(len(names) / max(len(names) - 1, 1)))
    return Ageing(moments.drift.mean(axis=0), errors[0], growth.mean(axis=0) / size, errors[1] / size)


@checked(
    sde=SDE,
    snapshots=array(),
    moments=MOMENTS,
    condition=array(),
    group=array(None, kind="i"),
    weight=array(),
    method=text,
    options=instance("MomentOptions"),
    rng=generator_of,
)
@one_thread()
def fit_reversible(
    sde: NeuralSDE,
    snapshots: ArrayLike,
    moments: Moments,
    *,
    condition: ArrayLike | None = None,
    group: NDArray[np.int64] | None = None,
    weight: ArrayLike | None = None,
    method: str = "maximum_entropy",
    options: MomentOptions | None = None,
    rng: np.random.Generator,
) -> Fitted[NeuralSDE, DensityReport]:
    r"""Fit a reversible SDE in place: ln P to equilibrium snapshots, Sigma to the covariance labels of moments.

    "maximum_entropy" is the density exp(sum_k theta_k f_k) whose means of all features f_k are those of the snapshots:
    the most likely one, by Newton's method on a quadrature of the box of the data (d <= 3, no condition).
    "score_matching" minimises E[|grad ln P|^2 / 2 + Lap ln P], linear in theta, in any d and at several conditions;
    it asks less of the tails and is less exact where P is bimodal. Sources: Jaynes, Phys. Rev. 106, 620 (1957);
    Hyvarinen, J. Mach. Learn. Res. 6, 695 (2005). The degree is the one with the smallest held-out loss.

    Args:
        sde: a NeuralSDE of ReversibleDrift and PolynomialDiffusion.
        snapshots: (N, d) z of equilibrium snapshots of the size to simulate, of equal weight.
        moments: labels of Sigma, from these or any other snapshots that cover them; their drifts are not used.
        condition: temperatures of the snapshots, or None.
        group: (N,) snapshots with the same number are correlated and held out together.
        weight: (M,) of the moments; default 1 / K.
        method: "maximum_entropy" or "score_matching".
        options: settings of the diffusion's fit.
        rng: random generator.

    Returns:
        The model, the loss of the density on the snapshots held out (see `DensityReport`), and the report.

    Raises:
        ValueError: another kind of SDE, an unknown method, more variables than it integrates over, too few snapshots.
    """
    options = options or MomentOptions()
    drift = sde.drift_network
    if not isinstance(drift, ReversibleDrift):
        raise ValueError("fit_reversible fits a ReversibleDrift; use fit_moments or fit for other drifts")
    if method not in ("maximum_entropy", "score_matching"):
        raise ValueError(f'the method is "maximum_entropy" or "score_matching", not {method!r}')
    if method == "maximum_entropy" and (sde.dim not in NODES or sde.n_conditions):
        raise ValueError("maximum_entropy takes up to 3 variables and no condition; use score_matching")
    z = np.asarray(snapshots, dtype=float)
    if z.ndim != 2 or z.shape[1] != sde.dim or len(z) < 20 or not np.isfinite(z).all():
        raise ValueError(f"snapshots must be finite (N >= 20, {sde.dim}), got {z.shape}")
    density, n = drift.density, len(z)
    none = condition_of(condition, n)
    mean, scale = sde.normalise(z, none, np.ones(n), density.basis.odd)
    w = label_weights(moments, weight)
    groups, place, rate = covariance_rates(sde, moments, w, scale)
    # a Gaussian of variance 1 relaxes at half its covariance rate
    sde.set_time_scale(place, -np.log(0.5 * rate), np.array([w[g].sum() for g in groups]))
    y, c = torch.from_numpy((z - mean) / scale), sde.theta(none if sde.n_conditions else None, n)
    density.basis.set_box(y, c, margin=_MARGIN)
    fold = folds_of(group_of(group, n), options.folds, rng)
    fitted = _maximum_entropy if method == "maximum_entropy" else _score_matching
    coefficients, degree, scores = fitted(density, y, c, fold, options.folds)
    density.coefficients = torch.from_numpy(coefficients)
    seen, theta, _, covariance = in_units(sde, moments)
    fold = folds_of(moments.group, options.folds, rng)
    report = DensityReport(degree, scores, fit_diffusion(sde, seen, theta, covariance, w, fold, options))
    return Fitted(sde, {"density": scores[degree]}, report, _before=report)


@torch.no_grad()
def _score_matching(
    density: PolynomialDensity, y: Tensor, c: Tensor, fold: NDArray[np.int64], folds: int
) -> tuple[Floats, int, dict[int, float]]:
    """theta of the degree with the smallest held-out E[|grad ln P|^2 / 2 + Lap ln P], from sums over the folds."""
    n_features = len(density.basis)
    gram, bend = np.zeros((folds, n_features, n_features)), np.zeros((folds, n_features))
    for k in range(folds):
        members = np.flatnonzero(fold == k)
        for rows in np.split(members, range(_ROWS, len(members), _ROWS)):
            _, first, second = density.basis.derivatives(y[rows], c[rows], order=2)
            flat = first.permute(0, 2, 1).reshape(-1, n_features).numpy()
            gram[k] += flat.T @ flat
            bend[k] += second.sum(dim=(0, 2)).numpy()

    def solve(a: Floats, b: Floats, degree: int) -> Floats:
        used = np.flatnonzero((density.free & (density.basis.total <= degree)).numpy())
        out = np.zeros(n_features)
        inner = a[np.ix_(used, used)]
        out[used] = -np.linalg.solve(inner + 1e-8 * np.trace(inner) / len(used) * np.eye(len(used)), b[used])
        return out

    scores = {}
    for degree in _degrees(density):
        total = 0.0
        for k in range(folds):
            theta = solve(gram.sum(0) - gram[k], bend.sum(0) - bend[k], degree)
            total += 0.5 * theta @ gram[k] @ theta + theta @ bend[k]
        scores[degree] = float(total / len(y))
    best = min(scores, key=scores.__getitem__)
    return solve(gram.sum(0), bend.sum(0), best), best, scores


@torch.no_grad()
def _maximum_entropy(
    density: PolynomialDensity, y: Tensor, c: Tensor, fold: NDArray[np.int64], folds: int
) -> tuple[Floats, int, dict[int, float]]:
    """theta of the degree with the largest held-out likelihood; all features' means are then those of the data."""
    basis, d = density.basis, density.dim
    x, w = np.polynomial.legendre.leggauss(NODES[d])
    low, high = basis.lower.numpy(), basis.upper.numpy()
    nodes = np.array(list(itertools.product(x, repeat=d)))
    volume = np.prod(np.array(list(itertools.product(w, repeat=d))), axis=1) * np.prod((high - low) / 2)
    at = torch.from_numpy(0.5 * (low + high) + 0.5 * (high - low) * nodes)
    features = basis(at, torch.zeros(len(at), 0, dtype=torch.float64)).numpy()
    sums = np.zeros((folds, len(basis)))
    for k in range(folds):
        members = np.flatnonzero(fold == k)
        for rows in np.split(members, range(_ROWS, len(members), _ROWS)):
            sums[k] += basis(y[rows], c[rows]).sum(0).numpy()
    counts = np.bincount(fold, minlength=folds)

    def solve(mean: Floats, degree: int, start: Floats) -> tuple[Floats, float]:
        used = np.flatnonzero((density.free & (basis.total <= degree)).numpy())
        theta = np.zeros(len(basis))
        theta[used], log_z = _newton(features[:, used], volume, mean[used], start[used])
        return theta, log_z

    scores, start = {}, np.zeros(len(basis))
    for degree in _degrees(density):
        start, _ = solve(sums.sum(0) / counts.sum(), degree, start)
        total = 0.0
        for k in range(folds):
            theta, log_z = solve((sums.sum(0) - sums[k]) / (counts.sum() - counts[k]), degree, start)
            total += counts[k] * log_z - theta @ sums[k]
        scores[degree] = float(total / counts.sum())
    best = min(scores, key=scores.__getitem__)
    theta, _ = solve(sums.sum(0) / counts.sum(), best, np.zeros(len(basis)))
    return theta, best, scores


def _newton(features: Floats, volume: Floats, mean: Floats, start: Floats) -> tuple[Floats, float]:
    """Minimum of log Z(theta) - theta . mean, a convex function, and log Z there.

    Raises:
        ValueError: the means cannot be those of a density on the box to the accuracy of the quadrature.
    """

    def dual(theta: Floats) -> tuple[float, float, Floats]:
        exponent = features @ theta
        shift = exponent.max()
        p = volume * np.exp(exponent - shift)
        log_z = shift + np.log(p.sum())
        return log_z - theta @ mean, log_z, p / p.sum()

    theta = start.copy()
    value, log_z, p = dual(theta)
    for _ in range(200):
        average = p @ features
        gradient = average - mean
        if np.abs(gradient).max() < 1e-9:
            return theta, log_z
        apart = features - average
        curvature = (apart * p[:, None]).T @ apart
        curvature += 1e-12 * np.trace(curvature) / len(theta) * np.eye(len(theta))
        step = -np.linalg.solve(curvature, gradient)
        length = 1.0
        while length > 1e-8:
            trial = theta + length * step
            next_value, next_log_z, next_p = dual(trial)
            if next_value <= value + 1e-4 * length * float(gradient @ step) + 1e-14 * abs(value):
                break
            length *= 0.5
        theta, value, log_z, p = trial, next_value, next_log_z, next_p
    raise ValueError("the density of the snapshots did not converge; lower the degree or use score_matching")


def _degrees(density: PolynomialDensity) -> list[int]:
    """Even degrees: an odd leading term cannot confine."""
    return list(range(2, density.basis.degree + 1, 2))
