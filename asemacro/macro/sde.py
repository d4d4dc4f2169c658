"""NeuralSDE: dz = mu(z, T) dt + Sigma(z, T)^(1/2) dB, its likelihood, its trajectories. Arrays only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from asemacro.arguments.door import PAIRS, above_zero, array, checked, instance, many, text, whole
from asemacro.macro.base import Diffusion, Drift, Part
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.equation import Equation
from asemacro.macro.linear_drift import linear_fits, mean_slope
from asemacro.macro.polynomial import PolynomialDiffusion as PolynomialDiffusion  # known to saved models
from asemacro.macro.reversible import ReversibleDrift as ReversibleDrift
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.data import Pairs


def gaussian_nll(
    z0: Tensor, z1: Tensor, drift: Tensor, factor: Tensor, dt: Tensor, noise_scale: Tensor, *, epsilon: float = 1e-6
) -> Tensor:
    r"""-log N(z1; z0 + mu dt, lambda Sigma dt), natural logarithm, one value a pair.

    Args:
        z0: (N, d) start.
        z1: (N, d) end; for pairs by partial evolution z0 + K (phi(x1) - phi(x0)).
        drift: (N, d) mu.
        factor: (N, d, d) lower triangular F with Sigma = F F^T.
        dt: (N,) durations.
        noise_scale: (N,) lambda; the K of each pair makes the minimiser that of full evolution.
        epsilon: added to the diagonal of F, relative to its mean (an absolute floor would swamp Sigma, whose
            size goes as one over the number of sites).

    Returns:
        (N,) negative log-likelihoods.
    """
    d = z0.shape[1]
    diagonal = factor.diagonal(dim1=1, dim2=2)
    diagonal = diagonal + epsilon * diagonal.mean(dim=1, keepdim=True)
    spread = torch.sqrt(noise_scale * dt)
    residual = (z1 - z0 - drift * dt[:, None]) / spread[:, None]
    white: list[Tensor] = []  # forward substitution by columns: for a few variables faster than batched LAPACK
    for i in range(d):
        rest = residual[:, i]
        for j in range(i):
            rest = rest - factor[:, i, j] * white[j]
        white.append(rest / diagonal[:, i])
    squares = torch.stack(white, dim=1).square().sum(dim=1)
    return 0.5 * squares + diagonal.log().sum(dim=1) + d * (spread.log() + 0.5 * float(np.log(2 * np.pi)))


class Batch(NamedTuple):
    """Pairs in normalised units, in the precision of the SDE."""

    y0: Tensor  # (N, d)
    y1: Tensor  # (N, d)
    theta: Tensor  # (N, n_conditions)
    dt: Tensor  # (N,) durations over tau(T)
    K: Tensor  # (N,)

    def rows(self, index: Tensor) -> Batch:
        """Some of the pairs."""
        return Batch(*(column[index] for column in self))


class NeuralSDE(Equation):
    r"""A macroscopic SDE in physical units around a drift and a diffusion in normalised ones.

    With z = mean + scale y, theta = (1/T - m)/s and t = tau(T) t', the networks give dy = f(y, theta) dt' + ...,
    so mu = scale f / tau and Sigma = scale S scale / tau. log tau(T) is a polynomial of at most second degree in
    theta, measured from sum |dy|^2 / (K dt) per temperature and continued along its tangent outside the data
    (Arrhenius): decades of rate do not reach the networks. Without a condition tau is one number.

    Args:
        drift: of dimension d: OnsagerNet, PolynomialDrift, ReversibleDrift or a `Drift` of your own.
        diffusion: of the same dimension and number of conditions: FullDiffusion, PolynomialDiffusion or a `Diffusion`
            of your own; takes the precision of the drift.
        labels: names of the d variables.
        sites: number of sites of the system that Sigma belongs to; simulate rescales it to another size.

    Raises:
        ValueError: the two parts or the labels do not fit together.
    """

    word = "SDE"

    @checked(
        drift=instance("Drift"),
        diffusion=instance("Diffusion"),
        labels=many(text),
        sites=whole(1),
    )
    def __init__(
        self, drift: Drift, diffusion: Diffusion, *, labels: tuple[str, ...] = (), sites: int | None = None
    ) -> None:
        if (drift.dim, drift.n_conditions) != (diffusion.dim, diffusion.n_conditions):
            raise ValueError(
                f"drift has {drift.dim} variables and {drift.n_conditions} conditions, diffusion {diffusion.dim} and "
                f"{diffusion.n_conditions}; they must be equal"
            )
        super().__init__(drift, labels, [diffusion])
        self.diffusion_network, self.sites = diffusion.to(self.dtype), sites
        drift.attach(diffusion)

    @property
    def settings(self) -> dict[str, Any]:
        """JSON-ready description from which `load_sde` builds the same model."""
        own = super().settings
        labels = own.pop("labels")
        return {
            **own,
            "diffusion_type": self.diffusion_network.kind or type(self.diffusion_network).__name__,
            "diffusion": self.diffusion_network.settings,
            "labels": labels,
            "sites": self.sites,
        }

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its networks."""
        return (self.drift_network, self.diffusion_network)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The untrained model of `settings`; without types, as in older files, OnsagerNet and FullDiffusion."""
        drift = Drift.named(settings.get("drift_type", OnsagerNet.kind), "drift_type")
        diffusion = Diffusion.named(settings.get("diffusion_type", FullDiffusion.kind), "diffusion_type")
        parts = drift.from_settings(settings["drift"]), diffusion.from_settings(settings["diffusion"])
        return cls(*parts, labels=tuple(settings["labels"]), sites=settings["sites"])

    def reset(self, generator: torch.Generator, pairs: Pairs | None = None) -> None:
        """Draw new parameters of both networks; the scales stay.

        With pairs the drift starts as their least-squares fit -A (y - a) at each temperature, see `linear_fits`. Noisy
        labels then have little left to teach.
        """
        self.drift_network.reset(generator)
        self.diffusion_network.reset(generator)
        if pairs is None:
            return
        batch = self.batch(pairs)
        y0, y1, dt, k = (x.double().numpy() for x in (batch.y0, batch.y1, batch.dt, batch.K))
        groups, theta = self.groups(pairs.condition, pairs.weight)
        base = self.diffusion_network.base.double()
        weight = pairs.weight / (k * dt * float((base * base).sum()) / self.dim)
        slope, centre = (torch.from_numpy(a) for a in linear_fits(y0, y1 - y0, dt, weight, groups))
        self.drift_network.set_linear(slope, base @ base.T, centre, torch.from_numpy(theta))

    # --- scales -----------------------------------------------------------------------------------------------

    @torch.no_grad()
    @checked(pairs=PAIRS, noise_scale=above_zero)
    @one_thread()
    def measure_scales(self, pairs: Pairs, noise_scale: float | None = None) -> None:
        """Set the normalisation of z and T, tau(T) and the base of the diffusion (with lambda) from pairs.

        tau(T) = 1 / (g D(T)) with D = sum w |dy|^2 / (sum w K dt d); the constant g makes the slope of the drift along
        the direction in which z0 spreads most equal to -1 on average over the temperatures.
        """
        weight = pairs.weight / pairs.weight.mean()
        mean, scale = self.normalise(pairs.z0, pairs.condition, weight)
        groups, place = self.groups(pairs.condition, pairs.weight)
        y0, dy = (pairs.z0 - mean) / scale, (pairs.z1 - pairs.z0) / scale
        noise = weight * (dy * dy).sum(1) / self.dim
        time = weight * pairs.K * pairs.dt
        rate = np.array([noise[g].sum() / time[g].sum() for g in groups])
        if not (rate > 0).all():
            raise ValueError("z does not change in the pairs at one of the temperatures; take a longer dt")
        slope = mean_slope(y0, dy, pairs.dt, weight, groups, rate)
        self.set_time_scale(place, -np.log(slope * rate), np.array([time[g].sum() for g in groups]))
        tau = np.exp(self.log_tau(self.theta(pairs.condition, len(pairs))).numpy())
        scaled = pairs.K if noise_scale is None else np.full(len(pairs), noise_scale)
        rows = dy * np.sqrt(weight * tau / (scaled * pairs.dt))[:, None]
        covariance = rows.T @ rows / weight.sum()
        covariance += 1e-9 * np.trace(covariance) * np.eye(self.dim)
        self.diffusion_network.base = torch.from_numpy(np.linalg.cholesky(covariance)).to(self.dtype)

    # --- likelihood ---------------------------------------------------------------------------------------------

    def batch(self, pairs: Pairs) -> Batch:
        """The pairs in the units of the networks."""
        theta = self.theta(pairs.condition, len(pairs))
        y0, y1 = ((torch.tensor(z) - self.z_mean) / self.z_scale for z in (pairs.z0, pairs.z1))
        dt = torch.tensor(pairs.dt) / self.log_tau(theta).exp()
        columns = (y0, y1, theta, dt, torch.tensor(pairs.K))
        return Batch(*(column.to(self.dtype) for column in columns))

    @one_thread()
    def nll(self, batch: Batch, noise_scale: float | None = None) -> Tensor:
        r"""(N,) negative log-likelihood of normalised pairs, second order in rate x dt.

        The mean is z0 + mu(z0 + mu dt/2) dt and the covariance lambda dt F Sigma F^T with
        F = 1 + (1 + 1/K) dt J / 4, J = d mu/dz. For K independent OU coordinates of rate g, of which one moves, the
        mean decays by exp(-g dt) and the variance is K s^2 [2 (1-e) - (1-e)^2/K]/(2 g) with e = exp(-g dt); both
        agree to first order in g dt, where plain Euler is wrong by g dt / 2. F^-1 = 1 - (1 + 1/K) dt J / 4 is applied
        to the residual and its determinant counted: the value is that of a normalised density. The gradient of this
        small correction is left out, which leaves the expected gradient zero at the truth.

        Args:
            batch: from `batch`.
            noise_scale: lambda; default the K of each pair.
        """
        y0, theta, dt = batch.y0, batch.theta, batch.dt[:, None]
        start = self.drift_network(y0, theta)
        mean = self.drift_network(y0 + 0.5 * dt * start, theta)
        scale = batch.K if noise_scale is None else torch.full_like(batch.K, noise_scale)
        with torch.no_grad():
            change = (0.25 * (1 + 1 / batch.K) * batch.dt)[:, None, None] * self._jacobian(y0, theta, start)
            # bounded: a wild Jacobian early in training must not turn the residual round
            change = change * (0.5 / torch.linalg.matrix_norm(change).clamp(min=0.5))[:, None, None]
            correction = (change @ (batch.y1 - y0 - mean * dt).unsqueeze(2)).squeeze(2)
            log_det = torch.linalg.slogdet(torch.eye(self.dim) - change).logabsdet
        factor = self.diffusion_network.factor(y0, theta)
        return gaussian_nll(y0, batch.y1 - correction, mean, factor, batch.dt, scale) - log_det

    def _jacobian(self, y: Tensor, theta: Tensor, drift: Tensor, shift: float = 1e-2) -> Tensor:
        """(N, d, d) Jacobian of the normalised drift by forward differences, all columns in one call."""
        moved = (y[None] + shift * torch.eye(self.dim)[:, None]).reshape(-1, self.dim)
        there = self.drift_network(moved, theta.repeat(self.dim, 1)).reshape(self.dim, len(y), self.dim)
        return ((there - drift) / shift).permute(1, 2, 0)

    # --- the two coefficients in physical units -----------------------------------------------------------------

    @torch.no_grad()
    @checked(z=array(), condition=array())
    @one_thread()
    def diffusion(self, z: ArrayLike, condition: ArrayLike | None = None) -> Floats:
        """Sigma in units of z^2 per second, (n, d, d), for a system of `self.sites` sites."""
        y, theta, tau = self._normalised(z, condition)
        outer = self.z_scale[:, None] * self.z_scale[None, :]
        return (self.diffusion_network(y, theta).double() * outer / tau[:, None, None]).numpy()
