r"""How much closure variables help to predict z*: the held-out one-step likelihood, from drift labels.

An increment dz* over a short time dt has -log N(dz*; mu dt, K Sigma dt); of it, the label b = E[dz*] / dt of a snapshot
leaves dt (b - mu)^T Sigma^-1 (b - mu) / (2 K) for the drift mu(z) to lower. Losses are given over dt: nats per unit of
time, for pairs of one patch out of K, Sigma being the mean of the covariance labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from asemacro.macro.moment_fit import folds_of
from asemacro.macro.polynomial import PolynomialBasis
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.data import Moments

_FOLDS, _DEGREE, _RIDGE = 5, 6, 1e-8
_LABELS_A_FEATURE = 10  # polynomials have at most one coefficient for so many labels


class Gain(NamedTuple):
    """Fall of the held-out loss, nats per unit of time, and its standard error."""

    value: float
    error: float

    @property
    def significant(self) -> bool:
        """Whether it exceeds two standard errors."""
        return self.value > 2 * self.error


def whitened(moments: Moments) -> tuple[Floats, Floats]:
    """Drift labels (N, d) in units in which the mean covariance label is 1, and weights 1 / K (N,).

    Raises:
        ValueError: covariances that are not positive definite on average.
    """
    mean = np.average(moments.covariance, axis=0, weights=1 / moments.K)
    try:
        factor = np.linalg.cholesky(mean)
    except np.linalg.LinAlgError:
        raise ValueError("the covariance labels are not positive definite on average; take more of them") from None
    return np.linalg.solve(factor, moments.drift.T).T, 1 / moments.K


@one_thread()
def one_step_losses(z: Floats, moments: Moments, fold: NDArray[np.int64]) -> Floats:
    """(N,) losses of the drift labels, each predicted by a polynomial of z (N, k) fitted to the other folds.

    The total degree, at most 6, is that of the smallest mean.
    """
    target, weight = whitened(moments)
    k = z.shape[1]
    y = torch.from_numpy((z - z.mean(axis=0)) / np.maximum(z.std(axis=0), 1e-300))
    none = torch.zeros(len(z), 0, dtype=torch.float64)
    bases = [PolynomialBasis(k, 0, degree) for degree in range(_DEGREE + 1)]
    basis = max((b for b in bases if len(b) * _LABELS_A_FEATURE <= len(z)), key=len, default=bases[0])
    basis.set_box(y, none)
    features, total = basis(y, none).numpy(), basis.total.numpy()
    weighted = [(weight[:, None] * features)[fold == f] for f in range(_FOLDS)]
    gram = np.stack([w.T @ features[fold == f] for f, w in enumerate(weighted)])
    right = np.stack([w.T @ target[fold == f] for f, w in enumerate(weighted)])
    best = np.full(len(z), np.inf)
    for degree in range(basis.degree + 1):
        used = total <= degree
        losses = np.empty(len(z))
        for f in range(_FOLDS):
            inner = (gram.sum(0) - gram[f])[used][:, used]
            outer = (right.sum(0) - right[f])[used]
            ridge = _RIDGE * np.trace(inner) / len(inner) * np.eye(len(inner))
            rows = fold == f
            mean = features[rows][:, used] @ np.linalg.solve(inner + ridge, outer)
            losses[rows] = 0.5 * weight[rows] * ((target[rows] - mean) ** 2).sum(axis=1)
        if losses.mean() < best.mean():
            best = losses
    return best


def gain(before: Floats, after: Floats, group: NDArray[np.int64]) -> Gain:
    """Mean fall from losses (N,) to losses (N,), its error from the spread of the sums over groups."""
    names, index = np.unique(group, return_inverse=True)
    sums, counts = np.bincount(index, weights=before - after), np.bincount(index)
    mean = sums.sum() / counts.sum()
    spread = ((sums - mean * counts) ** 2).sum() * len(names) / max(1, len(names) - 1)
    return Gain(float(mean), float(np.sqrt(spread) / counts.sum()))


def selection_folds(moments: Moments, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) the fold of each label; groups stay together."""
    return folds_of(moments.group, _FOLDS, rng)
