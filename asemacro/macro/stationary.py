r"""What a fitted reversible SDE says without simulation: its stationary law and its relaxation rates.

With P the density and Sigma the covariance rate of the SDE, its generator is self-adjoint in L2(P), and for functions
f and g of z the Dirichlet form -E[f L g] = 1/2 E[grad f . Sigma grad g] holds. Both functions here integrate over the
box of the snapshots; what little P has outside, where the wall of `PolynomialDensity` leads back, is left out.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import linalg
from torch import Tensor

from asemacro.arguments.door import SDE, above_zero, array, checked, whole
from asemacro.macro.base import Density
from asemacro.macro.polynomial import PolynomialBasis
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.macro.sde import NeuralSDE

MOST_NODES, MOST_DEGREE = 4000, 100
NODES = {1: 2000, 2: 301, 3: 61}
"""Gauss-Legendre nodes along each axis."""


@dataclasses.dataclass(frozen=True)
class StationaryLaw:
    """Stationary law of a reversible SDE as states with probabilities.

    Attributes:
        z: (n, d) states, the nodes of a quadrature.
        probability: (n,), sum 1.
    """

    z: Floats
    probability: Floats

    @checked(values=array())
    def mean(self, values: ArrayLike) -> Floats:
        """Stationary mean of values (n, ...) at the states z."""
        return np.tensordot(self.probability, np.asarray(values, dtype=float), axes=1)


@checked(sde=SDE, condition=above_zero, nodes=whole(2, MOST_NODES))
@one_thread()
def stationary_law(sde: NeuralSDE, condition: float | None = None, *, nodes: int | None = None) -> StationaryLaw:
    """The stationary law of a fitted reversible SDE, without the sampling error of trajectories.

    Args:
        sde: fitted by `fit_reversible`; of up to 3 variables.
        condition: temperature in K, or None if the SDE has none.
        nodes: Gauss-Legendre nodes along each axis of the box of the snapshots; default 2000, 301, 61 in 1, 2, 3
            variables.

    Raises:
        ValueError: another kind of drift, more than 3 variables, too few nodes.
    """
    y, _, p = _quadrature(sde, condition, nodes)
    return StationaryLaw((sde.z_mean + sde.z_scale * y).numpy(), p.numpy())


@dataclasses.dataclass(frozen=True)
class RelaxationModes:
    r"""Slowest modes of a reversible SDE: Cov[z_i(0), z_i(t)] = Var z_i sum_k share_ki exp(-rate_k t).

    Attributes:
        rates: (m,) ascending, 1 / time, all positive.
        shares: (m, d) part of the variance of each variable that a mode carries.
    """

    rates: Floats
    shares: Floats

    @checked(times=array())
    def autocorrelation(self, times: ArrayLike) -> Floats:
        """(n_times, d) autocorrelation of the variables about their means, from these modes."""
        return np.exp(-np.multiply.outer(np.asarray(times, dtype=float), self.rates)) @ self.shares


@checked(sde=SDE, condition=above_zero, degree=whole(1, MOST_DEGREE), nodes=whole(2, MOST_NODES))
@one_thread()
def relaxation_modes(
    sde: NeuralSDE, condition: float | None = None, *, degree: int = 9, nodes: int | None = None
) -> RelaxationModes:
    """Relaxation rates by the Rayleigh-Ritz method: the eigenvalues of the Dirichlet form on polynomials.

    Every rate is an upper bound of that of the SDE (but for the quadrature) and falls to it as the degree grows; the
    slowest ones come first.

    Args:
        sde: fitted by `fit_reversible`; of up to 3 variables.
        condition: temperature in K, or None if the SDE has none.
        degree: largest total degree of the polynomials.
        nodes: as in `stationary_law`.

    Raises:
        ValueError: as for `stationary_law`, or a degree below 1.
    """
    if degree < 1:
        raise ValueError(f"relaxation modes need polynomials of degree 1 or more, got {degree}")
    y, c, p = _quadrature(sde, condition, nodes)
    basis = PolynomialBasis(sde.dim, 0, degree)
    basis.lower, basis.upper = _density(sde).box
    overlap = stiffness = torch.zeros(1, dtype=torch.float64)
    mean = torch.zeros(1, dtype=torch.float64)
    cross = torch.zeros(1, sde.dim, dtype=torch.float64)
    with torch.no_grad():
        sigma_of = sde.diffusion_network
        for rows in torch.split(torch.arange(len(y)), 1 << 14):
            values, slopes = basis.derivatives(y[rows], c[rows][:, :0])
            weighted = p[rows, None] * values
            spread = torch.einsum("nfi,nij,n->nfj", slopes, sigma_of(y[rows], c[rows]).double(), 0.5 * p[rows])
            overlap = overlap + weighted.T @ values
            stiffness = stiffness + torch.einsum("nfj,ngj->fg", spread, slopes)
            mean, cross = mean + weighted.sum(0), cross + weighted.T @ y[rows]
    centre = p @ y
    gram = (overlap - torch.outer(mean, mean)).numpy()[1:, 1:]  # without the constant, about the means
    along = (cross - torch.outer(mean, centre)).numpy()[1:]
    size, vectors = _kept(gram)
    reduced = vectors.T @ stiffness.numpy()[1:, 1:] @ vectors / np.sqrt(np.outer(size, size))
    rates, modes = linalg.eigh(0.5 * (reduced + reduced.T))
    amplitude = modes.T @ (vectors.T @ along / np.sqrt(size)[:, None])
    variance = (p @ (y - centre) ** 2).numpy()
    return RelaxationModes(rates / float(sde.time_scale(condition)[0]), amplitude**2 / variance)


def _kept(gram: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues and vectors of a Gram matrix but for the directions that rounding makes."""
    values, vectors = np.linalg.eigh(gram)
    used = values > 1e-11 * values[-1]
    return values[used], vectors[:, used]


def _density(sde: NeuralSDE) -> Density:
    density = sde.drift_network.stationary_density
    if density is None:
        raise ValueError("only an SDE of ReversibleDrift has a stationary law in closed form; simulate others")
    return density


def _quadrature(sde: NeuralSDE, condition: float | None, nodes: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes y (n, d) in normalised units, the normalised condition at each (n, n_conditions), and P (n,), sum 1."""
    density = _density(sde)
    if sde.dim not in NODES:
        raise ValueError(f"a quadrature over {sde.dim} variables is too large; simulate")
    count = NODES[sde.dim] if nodes is None else nodes
    if count < 2:
        raise ValueError(f"a quadrature needs at least 2 nodes along each axis, got {count}")
    x, w = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(count))
    low, high = density.box
    places = torch.cartesian_prod(*[x] * sde.dim).reshape(-1, sde.dim)
    log_weight = torch.cartesian_prod(*[w.log()] * sde.dim).reshape(-1, sde.dim).sum(1)
    y = 0.5 * (low + high) + 0.5 * (high - low) * places
    c = sde.theta(condition, 1).expand(len(y), -1)
    with torch.no_grad():
        log_p = density(y, c) + log_weight
        p = torch.softmax(log_p, dim=0)
    return y, c, p
