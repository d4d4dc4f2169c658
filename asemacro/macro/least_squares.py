"""Least squares on a polynomial basis from sums over the labels, the degree chosen on those held out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from asemacro.macro.polynomial import PolynomialBasis
from asemacro.typing import Floats

RIDGE = 1e-8
"""Added to the Gram matrix, relative to its mean diagonal: coefficients that no label constrains stay small."""
_TIE = 0.5
"""A lower degree is kept if its held-out error is this near to the lowest, in standard errors of the difference."""
_ROWS = 20_000  # features of this many labels are held at a time


class Normal(NamedTuple):
    """Sums over the labels of each fold: all that least squares and held-out errors need.

    Attributes:
        gram: (folds, F, F) sum w f f^T.
        right: (folds, F, m) sum w f t.
        square: (folds, m) sum w t^2.
        weight: (folds,) sum w.
    """

    gram: Floats
    right: Floats
    square: Floats
    weight: Floats

    def solve(self, allowed: NDArray[np.bool_]) -> Floats:
        """(F, m) coefficients of all folds together, each target on its allowed features (F, m)."""
        return _solve(self.gram.sum(0), self.right.sum(0), allowed)


class Chosen(NamedTuple):
    """Coefficients (F, m) of the degrees (m,) kept, and held-out mean squared errors (m,)."""

    coefficients: Floats
    degrees: tuple[int, ...]
    errors: Floats


@torch.no_grad()
def accumulate(
    basis: PolynomialBasis,
    y: torch.Tensor,
    c: torch.Tensor,
    targets: Floats,
    weight: Floats,
    fold: NDArray[np.int64],
    folds: int,
) -> Normal:
    """The sums for targets (N, m) at y (N, d), c (N, n_conditions) in folds (N,)."""
    n_features, m = len(basis), targets.shape[1]
    gram, right = np.zeros((folds, n_features, n_features)), np.zeros((folds, n_features, m))
    square, total = np.zeros((folds, m)), np.zeros(folds)
    for k in range(folds):
        members = np.flatnonzero(fold == k)
        for rows in np.split(members, range(_ROWS, len(members), _ROWS)):
            features = basis(y[rows], c[rows]).numpy()
            weighted = weight[rows, None] * features
            gram[k] += weighted.T @ features
            right[k] += weighted.T @ targets[rows]
            square[k] += weight[rows] @ targets[rows] ** 2
            total[k] += weight[rows].sum()
    return Normal(gram, right, square, total)


def choose_degrees(
    sums: Normal, basis: PolynomialBasis, allowed: NDArray[np.bool_], largest: int | None = None
) -> Chosen:
    """For each target the degree with the smallest held-out error (a lower one if it ties), fitted to all labels.

    Args:
        sums: of at least two folds.
        basis: whose features they are.
        allowed: (F, m) features that a target may use.
        largest: degree of all targets, instead of the choice.
    """
    total = basis.total.numpy()
    folds, m = len(sums.weight), allowed.shape[1]
    degrees = range(basis.degree + 1) if largest is None else [largest]
    errors = np.zeros((len(degrees), folds, m))
    gram, right = sums.gram.sum(0), sums.right.sum(0)
    for row, degree in enumerate(degrees):
        usable = allowed & (total <= degree)[:, None]
        for k in range(folds):
            c = _solve(gram - sums.gram[k], right - sums.right[k], usable)
            errors[row, k] = sums.square[k] - 2 * (c * sums.right[k]).sum(0) + (c * (sums.gram[k] @ c)).sum(0)
    each, best = np.arange(m), errors.sum(axis=1).argmin(axis=0)
    gap = errors - errors[best, :, each].T
    ties = gap.sum(axis=1) <= _TIE * np.sqrt(folds) * gap.std(axis=1, ddof=1)
    ties[best, each] = True
    rows = ties.argmax(axis=0)
    kept = np.array(degrees)[rows]
    return Chosen(
        _solve(gram, right, allowed & (total[:, None] <= kept[None, :])),
        tuple(int(k) for k in kept),
        np.maximum(errors.sum(axis=1)[rows, each], 0.0) / sums.weight.sum(),
    )


def _solve(gram: Floats, right: Floats, allowed: NDArray[np.bool_]) -> Floats:
    out = np.zeros_like(right)
    for j in range(right.shape[1]):
        used = np.flatnonzero(allowed[:, j])
        if len(used) == 0:
            continue
        inner = gram[np.ix_(used, used)]
        ridge = RIDGE * np.trace(inner) / len(used)
        out[used, j] = np.linalg.solve(inner + ridge * np.eye(len(used)), right[used, j])
    return out
