"""The kernel from changes of block fields: Gauss-Newton on their exact relaxation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from asemacro.macro.spde.block_kernel import from_orbits, orbit_sums, orbits
from asemacro.macro.spde.entropy import EntropySlope
from asemacro.macro.spde.kernel_prior import WEAK, KernelPrior
from asemacro.macro.spde.window import Relaxation, changes, parts_of
from asemacro.tasks.interrupts import stop_if_told
from asemacro.tasks.progress import silent
from asemacro.typing import Floats, Integers, Report

if TYPE_CHECKING:
    from asemacro.field_data import FieldData

_MOST_STEPS = 25
_CONVERGED = 0.02  # of a standard error, the largest move of the last step
_WORSE = 1e-2  # of the mean squared residual plus the logarithm of its variance: a step that is halved
_FLIPS = 2.0  # the least variance of a block is that of this many flips over V^2


@dataclasses.dataclass(frozen=True)
class DriftFit:
    """A relaxation fitted to changes.

    Attributes:
        relaxation: kernel with errors, entropy, rate.
        errors: standard errors of the coefficients of the entropy.
        total_error: standard error of J0.
        chi2: mean of the squared residuals over the variance of independent spins; 1 if that is all the noise.
        steps: of Gauss-Newton.
        normal: (n, n) normal equations of the unknowns, without their prior.
        solution: (n,) J of the orbits, then the coefficients of the entropy.
    """

    relaxation: Relaxation
    errors: Floats
    total_error: float
    chi2: float
    steps: int
    normal: Floats
    solution: Floats


def fit_relaxation(
    data: FieldData,
    reach: int,
    *,
    symmetry: str = "square",
    entropy_terms: int = 0,
    rate: float = 1.0,
    prior: KernelPrior | None = None,
    progress: Report = silent,
) -> DriftFit:
    r"""The kernel (and s') for which m relaxes to tanh u as it was seen to, without a bias of strong fields.

    (m(t) - m e^-t) / (1 - e^-t) = tanh(beta (J * m + h) - s'(m) + atanh m), weighted by the inverse variance of
    frozen spins, (2 dt / V) (1 - m tanh u) at short times; m on the right is the mean path over the window, so that
    the duration need not be short. Unknown: J on the orbits of the lags, and the coefficients of s'.

    Args:
        data: field data.
        reach: longest lag.
        symmetry: of the lags, see `orbits`.
        entropy_terms: coefficients of s'; with none it is atanh.
        rate: attempts on a spin in a unit of time.
        prior: of the kernel, `best_prior`; default next to none.
        progress: told of the steps.

    Raises:
        ValueError: a grid too small for the reach, or changes that no kernel explains.
    """
    dim = data.before.ndim - 1
    lags, orbit = orbits(reach, dim, symmetry)
    n_orbits = int(orbit.max()) + 1
    x: Floats = np.zeros(n_orbits + entropy_terms)
    q = WEAK * np.eye(len(x)) if prior is None else prior.precision
    best = np.inf
    step: Floats = np.zeros_like(x)
    normal: Floats = np.eye(len(x))
    done, chi2 = 0, np.inf
    for done in range(1, _MOST_STEPS + 1):
        stop_if_told()
        relaxation = Relaxation(from_orbits(x[:n_orbits], orbit, reach, dim), EntropySlope(x[n_orbits:]), rate)
        h, gradient, chi2, surprise = _normal_equations(data, relaxation, lags, orbit)
        if not np.isfinite(surprise):
            raise ValueError("the changes of the fields cannot be fitted by any kernel; look for outliers")
        if surprise > best + _WORSE:
            step = step / 2
            x = x - step
        else:
            best, normal = surprise, h
            step = np.asarray(np.linalg.solve(h + q, gradient - q @ x), dtype=np.float64)
            step[n_orbits:] = np.clip(step[n_orbits:], -1, 1)
            x = x + step
        progress("kernel", done / _MOST_STEPS, f"step {done}, chi2 {chi2:.4f}")
        if (np.abs(step) <= _CONVERGED * np.sqrt(np.diag(np.linalg.inv(normal + q)))).all():
            break
    covariance = np.linalg.inv(normal + q) * max(1.0, chi2)
    errors = np.sqrt(np.diag(covariance))
    size = np.bincount(orbit, minlength=n_orbits)
    total_error = float(np.sqrt(size @ covariance[:n_orbits, :n_orbits] @ size))
    kernel = from_orbits(x[:n_orbits], orbit, reach, dim, errors[:n_orbits])
    fitted = Relaxation(kernel, EntropySlope(x[n_orbits:]), rate)
    return DriftFit(fitted, errors[n_orbits:], total_error, chi2, done, normal, x)


def _normal_equations(
    data: FieldData, relaxation: Relaxation, lags: Integers, orbit: Integers
) -> tuple[Floats, Floats, float, float]:
    """J^T W J and J^T W r of the residuals r, the mean of r^2 W, and that of r^2 W - log W."""
    n_orbits, terms = int(orbit.max()) + 1, len(relaxation.entropy.coefficients)
    normal = np.zeros((n_orbits + terms,) * 2)
    gradient = np.zeros(n_orbits + terms)
    squares, logarithms, blocks = 0.0, 0.0, 0
    for part in parts_of(data, 16 + n_orbits):
        before, after = changes(part)
        window = relaxation.over(part)
        spread = np.sqrt(residual_variance(window.variance(before), window.left, data.sites))
        r = ((after - window.expected(before)) / spread).ravel()
        slope = (1 - window.target**2) * (1 - window.left) / spread
        design = np.empty((n_orbits + terms, r.size), dtype=np.float32)
        sums = orbit_sums(window.state.astype(np.float32), lags, orbit)
        np.multiply(sums, (slope / window.temperature).astype(np.float32), out=design[:n_orbits].reshape(sums.shape))
        for j, part_of_slope in enumerate(relaxation.entropy.gradients(window.state)):
            design[n_orbits + j] = (-slope * part_of_slope).ravel()
        normal += design @ design.T
        gradient += design @ r.astype(np.float32)
        squares, blocks = squares + float(r @ r), blocks + r.size
        logarithms += 2 * float(np.log(spread).sum())
    return normal, gradient, squares / blocks, (squares + logarithms) / blocks


def residual_variance(times_sites: Floats, left: Floats, sites: int) -> Floats:
    """Variance of a block at the end, never below that of two flips in the mean."""
    return np.asarray(np.maximum(times_sites, _FLIPS * (1 - left) / sites) / sites)


def chi2_of(data: FieldData, relaxation: Relaxation) -> tuple[float, float]:
    """Mean of the squared residuals over their variance, of rows that were not fitted, and its standard error."""
    sums = []
    for part in parts_of(data):
        before, after = changes(part)
        window = relaxation.over(part)
        variance = residual_variance(window.variance(before), window.left, data.sites)
        r = (after - window.expected(before)) ** 2 / variance
        sums.append(r.reshape(len(before), -1).mean(axis=1))
    rows = np.concatenate(sums)
    return float(rows.mean()), float(rows.std() / np.sqrt(len(rows)))
