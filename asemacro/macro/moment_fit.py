"""Fit an SDE to drift and covariance rates: least squares first, then a network for what the polynomial leaves.

Labels are exact infinitesimal moments (`moments.patch_moments`) or rates of sampled pairs (`moments_from_pairs`).
Full batches, float64 and second-order steps instead of the loop of `train`: noise then is all that limits the fit.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import MOMENTS, PAIRS, SDE, array, check_fields, checked, instance, number, whole
from asemacro.data import Moments, column_of
from asemacro.fitted import Fitted
from asemacro.macro.gradient_fit import fit_any_diffusion, fit_any_drift
from asemacro.macro.least_squares import Normal, accumulate, choose_degrees
from asemacro.macro.linear_drift import linear_fits, mean_slope
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.quasi_newton import fill, flat_of, minimise
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.data import Pairs
    from asemacro.macro.sde import NeuralSDE

_LEAST_SHARE = 0.02  # of the mean covariance that the start of a diffusion keeps in every direction


@dataclasses.dataclass(frozen=True)
class MomentOptions:
    """Settings of `fit_moments`.

    Attributes:
        folds: parts of the labels (whole groups) that take turns in judging the degree of the polynomials.
        network_steps: most L-BFGS steps of the network; 0 leaves it out.
        network_rows: labels that the network is trained on, at most.
        diffusion_steps: most L-BFGS steps of the diffusion.
        diffusion_rows: labels that these steps see, at most.

    Raises:
        ValueError: a setting is out of range.
    """

    folds: int = 5
    network_steps: int = 200
    network_rows: int = 50_000
    diffusion_steps: int = 60
    diffusion_rows: int = 200_000

    def __post_init__(self) -> None:
        check_fields(self, folds=whole(2), network_rows=whole(20), diffusion_rows=whole(20))
        check_fields(self, network_steps=whole(), diffusion_steps=whole())


@dataclasses.dataclass(frozen=True)
class MomentReport:
    """What `fit_moments` did.

    Attributes:
        degrees: degree of the polynomial kept for each component of the drift; 0 for a drift that is no polynomial.
        noise: (d,) rms of the drift labels about the fit, held out, in units of z over time.
        network_kept: whether the network lowered the held-out error by more than two standard errors.
        diffusion_degree: degree kept for the mean covariance.
    """

    degrees: tuple[int, ...]
    noise: Floats
    network_kept: bool
    diffusion_degree: int


@dataclasses.dataclass(frozen=True)
class NoiseReport:
    """What `fit_noise` did.

    Attributes:
        diffusion_degree: degree kept for the mean covariance.
    """

    diffusion_degree: int


@checked(pairs=PAIRS, half=PAIRS)
def moments_from_pairs(pairs: Pairs, half: Pairs | None = None) -> Moments:
    r"""Labels from sampled pairs: b = dz / dt and S = dz dz^T / (K dt).

    With the same evolutions recorded at dt / 2 they are Richardson's, 2 b(dt/2) - b(dt) and 2 S(dt/2) - S(dt): their
    means are those of the infinitesimal moments up to O(dt^2) instead of O(dt). Frozen surroundings relax a patch
    at its own rate, so this bias is larger than the macroscopic rate suggests.

    Args:
        pairs: evolutions of duration dt, with frozen surroundings or whole (K = 1).
        half: the same evolutions at dt / 2, as from `Transitions.pairs(phi, time=0)` of times (dt / 2, dt).

    Raises:
        ValueError: the two sets are not the same evolutions at dt / 2 and dt.
    """
    drift, covariance = _rates(pairs)
    if half is not None:
        same = len(half) == len(pairs) and np.array_equal(half.z0, pairs.z0) and np.allclose(half.K, pairs.K)
        if not (same and np.allclose(2 * half.dt, pairs.dt, rtol=1e-9)):
            raise ValueError("Richardson's labels need the same evolutions at dt / 2 and at dt")
        half_drift, half_covariance = _rates(half)
        drift, covariance = 2 * half_drift - drift, 2 * half_covariance - covariance
    return Moments(pairs.z0, drift, covariance, pairs.K, pairs.condition, pairs.group)


def _rates(pairs: Pairs) -> tuple[Floats, Floats]:
    dz = pairs.z1 - pairs.z0
    return dz / pairs.dt[:, None], dz[:, :, None] * dz[:, None, :] / (pairs.K * pairs.dt)[:, None, None]


@checked(sde=SDE, moments=MOMENTS, weight=array(), options=instance("MomentOptions"), rng=generator_of)
@one_thread()
def fit_moments(
    sde: NeuralSDE,
    moments: Moments,
    *,
    weight: ArrayLike | None = None,
    options: MomentOptions | None = None,
    rng: np.random.Generator,
) -> Fitted[NeuralSDE, MomentReport]:
    r"""Fit drift and diffusion of an SDE to labels of both, in place.

    The drift's polynomial is the weighted least-squares fit, its degree (for each component) the one with the smallest
    held-out error, or a lower one within half a standard error of it. The network then learns the residual by L-BFGS
    and is kept only if it lowers the held-out error by more than two of its standard errors. The diffusion minimises
    the mean of tr(Sigma^-1 S) + ln det Sigma over the labels S: the minimiser over all functions is E[S | z], whatever
    the noise of S, and S need not be positive. Drifts and diffusions that are no polynomials are fitted by L-BFGS over
    all their parameters: the drift to least squares, from its linear start and as far as the first fold is predicted
    better, the diffusion as above.

    Args:
        sde: a NeuralSDE; polynomials are the fastest to fit.
        moments: labels; groups stay together in the judging.
        weight: (N,) of the labels; default 1 / K, the inverse variance where few carriers make the noise. For pairs
            dt / K.
        options: settings.
        rng: random generator (folds, the network's first weights).

    Returns:
        The model, the mean squared error of each component of the drift over the labels held out, with their noise,
        in units of z over time squared, and the report.

    Raises:
        ValueError: a reversible SDE, too few labels, or covariances that are not positive on average.
    """
    options = options or MomentOptions()
    drift = sde.drift_network
    w = label_weights(moments, weight)
    mean, scale = sde.normalise(moments.z, moments.condition, w, drift.odd)
    groups, place, rate = covariance_rates(sde, moments, w, scale)
    slope = mean_slope((moments.z - mean) / scale, moments.drift / scale, np.ones(len(moments)), w, groups, rate)
    sde.set_time_scale(place, -np.log(slope * rate), np.array([w[g].sum() for g in groups]))
    y, theta, target, covariance = in_units(sde, moments)
    drift.reset(torch.Generator().manual_seed(int(rng.integers(2**62))))
    fold = folds_of(moments.group, options.folds, rng)
    if isinstance(drift, PolynomialDrift):
        degrees, errors, kept = _fit_polynomial(drift, y, theta, target, w, fold, options)
    else:
        degrees, kept = (0,) * sde.dim, True
        slopes, centres = linear_fits(y.numpy(), target.numpy(), np.ones(len(y)), w, groups)
        mean_covariance = torch.from_numpy(np.average(covariance.numpy(), axis=0, weights=w))
        drift.set_linear(torch.from_numpy(slopes), mean_covariance, torch.from_numpy(centres), torch.from_numpy(place))
        errors = fit_any_drift(drift, y, theta, target, w, fold, options.network_steps)
    diffusion_degree = fit_diffusion(sde, y, theta, covariance, w, fold, options)
    unit = scale / float(sde.log_tau(theta).mean().exp())
    report = MomentReport(degrees, np.sqrt(errors) * unit, kept, diffusion_degree)
    names = sde.labels or tuple(f"z{k + 1}" for k in range(sde.dim))
    held_out = {f"drift of {name}": float(rms) ** 2 for name, rms in zip(names, report.noise, strict=True)}
    return Fitted(sde, held_out, report, _before=report)


@checked(sde=SDE, pairs=PAIRS, noise_scale=number(1), options=instance("MomentOptions"), rng=generator_of)
@one_thread()
def fit_noise(
    sde: NeuralSDE,
    pairs: Pairs,
    *,
    noise_scale: float | None = None,
    options: MomentOptions | None = None,
    rng: np.random.Generator,
) -> Fitted[NeuralSDE, NoiseReport]:
    r"""Fit the diffusion alone to what pairs do about the drift that the SDE already has, in place.

    With the residual r = z1 - z0 - mu(z0) dt this minimises the mean of tr(Sigma^-1 S) + ln det Sigma, S = r r^T /
    (lambda dt): the likelihood N(z1; z0 + mu dt, lambda Sigma dt) over Sigma. S also holds (drift of the patch
    - mu)^2 dt / lambda: take short pairs. (Richardson's S is free of it, but not positive: a likelihood of few pairs is
    then unbounded.)

    Args:
        sde: an SDE whose drift and scales are fitted.
        pairs: evolutions, with frozen surroundings or whole.
        noise_scale: lambda; default the K of each pair. Sigma is then that of the whole system; another lambda
            gives K / lambda times it.
        options: settings.
        rng: random generator (folds).

    Returns:
        The model and the report.

    Raises:
        ValueError: another kind of diffusion, a noise_scale below 1, or labels without a positive mean.
    """
    options = options or MomentOptions()
    drift = sde.drift(pairs.z0, pairs.condition if sde.n_conditions else None)
    scale = pairs.K if noise_scale is None else np.full(len(pairs), float(noise_scale))
    about_drift = dataclasses.replace(pairs, z1=pairs.z1 - drift * pairs.dt[:, None], K=scale)
    labels = moments_from_pairs(about_drift)
    w = label_weights(labels, np.ones(len(labels)))
    y, theta, _, covariance = in_units(sde, labels)
    degree = fit_diffusion(sde, y, theta, covariance, w, folds_of(labels.group, options.folds, rng), options)
    return Fitted(sde, {}, NoiseReport(degree), _before=degree)


def folds_of(group: NDArray[np.int64], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) which fold each row is in; rows of one group share theirs.

    Raises:
        ValueError: fewer groups than folds.
    """
    names, index = np.unique(group, return_inverse=True)
    if len(names) < folds:
        raise ValueError(f"{len(names)} independent labels are too few for {folds} folds; give more")
    return rng.permutation(np.arange(len(names)) % folds)[index]


def label_weights(moments: Moments, weight: ArrayLike | None) -> Floats:
    """(N,) weights of mean 1; default 1 / K."""
    w = 1 / moments.K if weight is None else column_of(weight, "weight", len(moments))
    if len(moments) < 20 or not (np.isfinite(w).all() and (w >= 0).all() and w.sum() > 0):
        raise ValueError(f"a fit takes at least 20 labels with weights >= 0, got {len(moments)}")
    return w / w.mean()


def covariance_rates(
    sde: NeuralSDE, moments: Moments, weight: Floats, scale: Floats
) -> tuple[list[NDArray[np.intp]], Floats, Floats]:
    """Rows of each temperature, its normalised value, and its mean covariance rate of variables over their scale.

    Raises:
        ValueError: a rate that is not positive.
    """
    groups, place = sde.groups(moments.condition, weight)
    trace = (moments.covariance.diagonal(axis1=1, axis2=2) / scale**2).mean(axis=1)
    rate = np.array([np.average(trace[g], weights=weight[g]) for g in groups])
    if not (rate > 0).all():
        raise ValueError("the covariance labels are not positive on average; take more of them or a shorter dt")
    return groups, place, rate


def in_units(sde: NeuralSDE, moments: Moments) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """y (N, d), theta (N, n_conditions), drift and covariance labels in the normalised units of the SDE."""
    theta = sde.theta(moments.condition, len(moments))
    tau, scale = sde.log_tau(theta).exp(), sde.z_scale
    y = (torch.from_numpy(moments.z) - sde.z_mean) / scale
    drift = torch.from_numpy(moments.drift) / scale * tau[:, None]
    return y, theta, drift, torch.from_numpy(moments.covariance) / torch.outer(scale, scale) * tau[:, None, None]


def _fit_polynomial(
    drift: PolynomialDrift,
    y: Tensor,
    theta: Tensor,
    target: Tensor,
    weight: Floats,
    fold: NDArray[np.int64],
    options: MomentOptions,
) -> tuple[tuple[int, ...], Floats, bool]:
    """Least squares, then the network; the degrees kept, their held-out errors, whether the network is kept."""
    drift.basis.set_box(y, theta)
    sums = accumulate(drift.basis, y, theta, target.numpy(), weight, fold, options.folds)
    chosen = choose_degrees(sums, drift.basis, drift.allowed.numpy() > 0)
    with torch.no_grad():
        drift.coefficients.copy_(torch.from_numpy(chosen.coefficients))
    drift.pull = torch.tensor(max(1.0, _stiffness(sums, drift)), dtype=torch.float64)
    kept = bool(drift.hidden and options.network_steps) and _fit_rest(drift, y, theta, target, weight, fold, options)
    return chosen.degrees, chosen.errors, kept


def _stiffness(sums: Normal, drift: PolynomialDrift) -> float:
    """Largest rate of the linear least-squares drift, in normalised units."""
    linear = choose_degrees(sums, drift.basis, drift.allowed.numpy() > 0, largest=min(1, drift.basis.degree))
    centre = torch.zeros(1, drift.dim, dtype=torch.float64), torch.zeros(1, drift.n_conditions, dtype=torch.float64)
    _, first = drift.basis.derivatives(*centre)
    return float(np.linalg.norm(np.einsum("fk,fj->jk", first[0].numpy(), linear.coefficients), 2))


def _fit_rest(
    drift: PolynomialDrift,
    y: Tensor,
    theta: Tensor,
    target: Tensor,
    weight: Floats,
    fold: NDArray[np.int64],
    options: MomentOptions,
) -> bool:
    """Train the network on the residual of all folds but the first; keep it if the first is predicted better."""
    with torch.no_grad():
        residual = target - drift(y, theta)
    w = torch.from_numpy(weight)
    learn, judge = (torch.from_numpy(np.flatnonzero(rows)[: options.network_rows]) for rows in (fold != 0, fold == 0))

    def loss(rows: Tensor) -> Tensor:
        error = (residual[rows] - drift.rest(y[rows], theta[rows])).square().sum(1)
        return (w[rows] * error).sum() / w[rows].sum()

    parameters = list(drift.network.parameters())
    first = flat_of(parameters)
    best = minimise(parameters, lambda: loss(learn), options.network_steps, judge=lambda: float(loss(judge).detach()))
    with torch.no_grad():
        fill(parameters, best)
        after = (residual[judge] - drift.rest(y[judge], theta[judge])).square().sum(1)
        gain = (w[judge] * (residual[judge].square().sum(1) - after)).numpy()
        if gain.mean() > 2 * gain.std() / np.sqrt(len(gain)):
            return True
        fill(parameters, first)
    return False


def fit_diffusion(
    sde: NeuralSDE,
    y: Tensor,
    theta: Tensor,
    covariance: Tensor,
    weight: Floats,
    fold: NDArray[np.int64],
    options: MomentOptions,
) -> int:
    """Fit the diffusion to normalised covariance labels (N, d, d); the degree kept for their mean.

    Raises:
        ValueError: labels whose mean is not positive definite.
    """
    diffusion = sde.diffusion_network
    w, d = torch.from_numpy(weight), sde.dim
    mean = (w[:, None, None] * covariance).sum(0) / w.sum()
    odd = torch.tensor([k in diffusion.odd for k in range(d)])
    mean = torch.where(odd[:, None] == odd[None, :], mean, torch.zeros_like(mean))
    if not float(torch.linalg.eigvalsh(mean).min()) > 0:
        raise ValueError("the covariance labels are not positive definite on average; take more of them")
    diffusion.base = torch.linalg.cholesky(mean).to(diffusion.base.dtype)
    if not isinstance(diffusion, PolynomialDiffusion):
        fit_any_diffusion(diffusion, y, theta, covariance, weight, options.diffusion_steps)
        return 0
    inverse = torch.linalg.inv(diffusion.base)
    white = inverse @ covariance @ inverse.T
    rows, columns = diffusion.lower
    diffusion.basis.set_box(y, theta)
    allowed = diffusion.allowed.numpy() > 0
    entries = white[:, rows, columns].numpy()
    chosen = choose_degrees(
        accumulate(diffusion.basis, y, theta, entries, weight, fold, options.folds), diffusion.basis, allowed
    )
    some = torch.arange(min(len(y), options.diffusion_rows))
    features = diffusion.basis(y[some], theta[some])
    start = torch.zeros(len(some), d, d, dtype=torch.float64)
    start[:, rows, columns] = start[:, columns, rows] = features @ torch.from_numpy(chosen.coefficients)
    logs = _log_cholesky(start)[:, rows, columns]
    zero = np.zeros(len(some), dtype=np.int64)
    sums = accumulate(diffusion.basis, y[some], theta[some], logs.numpy(), weight[some.numpy()], zero, 1)
    with torch.no_grad():
        diffusion.coefficients.copy_(torch.from_numpy(sums.solve(allowed)))

    def loss() -> Tensor:
        factor = inverse @ diffusion.factor_of(features)
        half = torch.linalg.solve_triangular(factor, white[some], upper=False)
        both = torch.linalg.solve_triangular(factor, half.transpose(1, 2), upper=False)
        values = both.diagonal(dim1=1, dim2=2).sum(1) + 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        return (w[some] * values).sum() / w[some].sum()

    fill([diffusion.coefficients], minimise([diffusion.coefficients], loss, options.diffusion_steps))
    return max(chosen.degrees)


def _log_cholesky(matrices: Tensor) -> Tensor:
    """Cholesky factors of nearly positive matrices (N, d, d) of mean 1, with the logarithm of their diagonal."""
    values, vectors = torch.linalg.eigh(matrices)
    factor = torch.linalg.cholesky((vectors * values.clamp(min=_LEAST_SHARE)[:, None, :]) @ vectors.transpose(1, 2))
    return torch.tril(factor, -1) + torch.diag_embed(factor.diagonal(dim1=1, dim2=2).log())
