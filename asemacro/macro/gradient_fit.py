"""Fit any drift and diffusion to drift and covariance labels, by L-BFGS over all their parameters."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asemacro.macro.base import Diffusion, Drift
from asemacro.macro.quasi_newton import fill, minimise
from asemacro.typing import Floats


def fit_any_drift(
    drift: Drift, y: Tensor, theta: Tensor, target: Tensor, weight: Floats, fold: NDArray[np.int64], steps: int
) -> Floats:
    """Weighted least squares of the labels, stopped where the first fold is predicted best.

    Args:
        drift: where the fit starts, edited.
        y: (N, d) normalised states.
        theta: (N, n_conditions) normalised conditions.
        target: (N, d) labels.
        weight: (N,) of the labels.
        fold: (N,) parts of the labels; the first, 0, is held out.
        steps: most L-BFGS steps.

    Returns:
        (d,) mean squared error of the held-out labels.
    """
    parameters = list(drift.parameters())
    dtype = next((p.dtype for p in parameters), torch.float64)
    w, points, places = torch.from_numpy(weight), y.to(dtype), theta.to(dtype)

    def errors(rows: Tensor) -> Tensor:
        squares = (drift(points[rows], places[rows]).double() - target[rows]).square()
        return (w[rows, None] * squares).sum(0) / w[rows].sum()

    learn, judge = (torch.from_numpy(np.flatnonzero(rows)) for rows in (fold != 0, fold == 0))
    if parameters:
        best = minimise(
            parameters, lambda: errors(learn).sum(), steps, judge=lambda: float(errors(judge).sum().detach())
        )
        fill(parameters, best)
    with torch.no_grad():
        return errors(judge).numpy()


def fit_any_diffusion(
    diffusion: Diffusion, y: Tensor, theta: Tensor, covariance: Tensor, weight: Floats, steps: int
) -> None:
    """Minimise the mean of tr(Sigma^-1 S) + ln det Sigma over labels S (N, d, d); its base is set."""
    parameters = list(diffusion.parameters())
    w, points, places = torch.from_numpy(weight), y.to(diffusion.base.dtype), theta.to(diffusion.base.dtype)

    def loss() -> Tensor:
        factor = diffusion.factor(points, places).double()
        half = torch.linalg.solve_triangular(factor, covariance, upper=False)
        both = torch.linalg.solve_triangular(factor, half.transpose(1, 2), upper=False)
        values = both.diagonal(dim1=1, dim2=2).sum(1) + 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        return (w * values).sum() / w.sum()

    if parameters:
        fill(parameters, minimise(parameters, loss, steps))
