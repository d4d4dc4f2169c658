"""Trajectories of a polynomial SDE in NumPy, the polynomials written out as a matrix of features."""

from __future__ import annotations

import numpy as np
from numpy.polynomial.legendre import legvander

from asemacro.macro.polynomial import PolynomialBasis, PolynomialDiffusion, PolynomialDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.typing import Floats


def features(basis: PolynomialBasis, y: Floats) -> Floats:
    """(n, n_features) products of Legendre polynomials of y (n, d), cut off at the box of the basis."""
    lower, upper = basis.lower.numpy(), basis.upper.numpy()
    x = np.clip((2 * y - lower - upper) / (upper - lower), -1, 1)
    tables = legvander(x, basis.degree)
    out = np.ones((len(y), len(basis)))
    for k in range(basis.dim):
        out *= tables[:, k, basis.exponents[:, k].numpy()]
    return out


def drift(part: PolynomialDrift, y: Floats) -> Floats:
    """(n, d) polynomial, and outside the box of the data a pull back to it."""
    coefficients = (part.coefficients * part.allowed).detach().numpy()
    inside = np.clip(y, part.basis.lower.numpy(), part.basis.upper.numpy())
    found: Floats = features(part.basis, y) @ coefficients - part.pull.item() * (y - inside)
    return found


def factor(part: PolynomialDiffusion, y: Floats) -> Floats:
    """(n, d, d) F with Sigma = F F^T: a fixed factor times a triangle of polynomials, exponentials on its diagonal."""
    entries = features(part.basis, y) @ (part.coefficients * part.allowed).detach().numpy()
    rows, columns = np.tril_indices(part.dim)
    triangle = np.zeros((len(y), part.dim, part.dim))
    triangle[:, rows, columns] = np.where(rows == columns, np.exp(np.clip(entries, -6, 6)), entries)
    found: Floats = part.base.numpy() @ triangle
    return found


def trajectories(sde: NeuralSDE, z0: Floats, until: float, n: int, steps: int, *, rng: np.random.Generator) -> Floats:
    """(n, steps + 1, d) trajectories from z0 (d,) of a polynomial SDE without condition and without network.

    Steps as in `simulate`: y += f(y + f(y) h/2 + noise/2) h + noise, noise = F(y) sqrt(h) N(0, 1).

    Args:
        sde: from `polynomial_sde(..., hidden=0)`.
        z0: start of all of them.
        until: end.
        n: number of trajectories.
        steps: number of even steps.
        rng: source of randomness.

    Raises:
        ValueError: another kind of SDE.
    """
    f, s = sde.drift_network, sde.diffusion_network
    if not (isinstance(f, PolynomialDrift) and isinstance(s, PolynomialDiffusion)) or f.hidden or sde.n_conditions:
        raise ValueError("there is a plain version of polynomial SDEs only, without a network and without a condition")
    mean, scale = sde.z_mean.numpy(), sde.z_scale.numpy()
    h = until / steps / float(np.exp(sde.log_time[0].item()))
    y = np.tile((z0 - mean) / scale, (n, 1))
    path = [y]
    for _ in range(steps):
        noise = np.sqrt(h) * (factor(s, y) @ rng.standard_normal(y.shape)[..., None])[..., 0]
        y = y + noise + h * drift(f, y + 0.5 * h * drift(f, y) + 0.5 * noise)
        path.append(y)
    return mean + scale * np.stack(path, axis=1)
