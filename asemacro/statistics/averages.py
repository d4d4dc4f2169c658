"""Averages over trajectories, with errors that know about autocorrelation, and how far two mean trajectories are."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.door import above_zero, array, checked, number, real
from asemacro.typing import Floats


@checked(series=array(finite=False), window=above_zero)
def autocorrelation_time(series: ArrayLike, *, window: float = 6.0) -> float:
    r"""Integrated autocorrelation time tau in steps: the variance of a mean of n steps is 2 tau Var / n.

    tau = 1/2 + sum_{k=1}^{W} rho(k), W the first lag >= `window` tau (Sokal, in Functional Integration, 1997);
    rho from all runs together. White noise has 1/2, an exponential decay over s >> 1 steps has s.

    Args:
        series: (n,) or (n_runs, n) at even times; runs share one mean.
        window: c of the window rule.

    Returns:
        tau, at least 1/2; 1/2 too for a constant series.

    Raises:
        ValueError: fewer than 4 steps, or values that are not finite.
    """
    x = np.atleast_2d(np.asarray(series, dtype=float))
    if x.ndim != 2 or x.shape[1] < 4 or not x.size:
        raise ValueError(f"autocorrelation needs (n,) or (n_runs, n) with n >= 4, got {np.shape(series)}")
    if not np.isfinite(x).all():
        raise ValueError("the series holds a value that is not finite")
    n = x.shape[1]
    x = x - x.mean()
    power = np.abs(np.fft.rfft(x, n=2 * n, axis=1)) ** 2
    covariance = np.fft.irfft(power, axis=1)[:, :n].mean(axis=0) / (n - np.arange(n))
    if covariance[0] <= 1e-300 or covariance[0] <= 1e-28 * float(np.max(np.abs(np.asarray(series)))) ** 2:
        return 0.5
    tau = 0.5 + np.cumsum(covariance[1:] / covariance[0])
    enough = np.flatnonzero(np.arange(1, n) >= window * np.maximum(tau, 0.5))
    return float(max(0.5, tau[enough[0] if len(enough) else -1]))


@dataclasses.dataclass(frozen=True)
class StationaryAverage:
    """Time averages of d variables over stationary runs.

    Attributes:
        mean: (d,).
        error: (d,) standard error of the mean.
        sd: (d,) standard deviation of the variable itself.
        sd_error: (d,) standard error of sd (for Gaussian variables).
        autocorrelation_time: (d,) in units of the sampling interval.
        effective_samples: (d,) number of independent values that the mean is worth.
    """

    mean: Floats
    error: Floats
    sd: Floats
    sd_error: Floats
    autocorrelation_time: Floats
    effective_samples: Floats


@checked(z=array(), discard=real)
def stationary_average(z: ArrayLike, *, discard: float = 0.5) -> StationaryAverage:
    r"""Means over the end of trajectories saved at even times.

    The error is sqrt(2 tau Var / N) with N all values kept and tau the integrated autocorrelation time, or the
    spread of the runs' own means over sqrt(runs) where that is larger and there are at least 8 runs.

    Args:
        z: (n_runs, n_times, d), (n_times, d) or (n_times,); even times, each state weighted by the time it lasts.
        discard: fraction of the times left out at the start.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, fewer than 4 times left.
    """
    values = np.asarray(z, dtype=float)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or not 0 <= discard < 1:
        raise ValueError(f"z must be (n_runs, n_times, d) and discard in [0, 1), got {values.shape} and {discard}")
    kept = values[:, int(np.ceil(discard * values.shape[1])) :]
    if kept.shape[1] < 4:
        raise ValueError(f"only {kept.shape[1]} times are left to average over; save at least 4")
    runs, n, d = kept.shape
    tau = np.array([autocorrelation_time(kept[:, :, k]) for k in range(d)])
    mean, sd = kept.mean(axis=(0, 1)), kept.std(axis=(0, 1), ddof=1)
    effective = np.maximum(runs * n / (2 * tau), 1.0)
    error = sd / np.sqrt(effective)
    if runs >= 8:
        error = np.maximum(error, kept.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(runs))
    # squares of a Gaussian decorrelate twice as fast, at most to white noise
    sd_error = sd / np.sqrt(2 * np.minimum(2 * effective, runs * n))
    return StationaryAverage(mean, error, sd, sd_error, tau, effective)


@dataclasses.dataclass(frozen=True)
class MeanErrors:
    """How far mean trajectories are from reference ones, for each start and variable.

    A relative error is sum (m_hat - m)^2 / sum m^2 over the times: large where m passes through zero, whatever the
    model. The rms of m_hat - m has the unit of m and no such trouble.

    Attributes:
        transient: (n_starts, d) relative squared error up to the split.
        equilibrium: (n_starts, d) relative squared error after it.
        total: (n_starts, d) relative squared error over all times.
        rms_transient: (n_starts, d) absolute.
        rms_equilibrium: (n_starts, d) absolute.
    """

    transient: Floats
    equilibrium: Floats
    total: Floats
    rms_transient: Floats
    rms_equilibrium: Floats


@checked(model=array(finite=False), reference=array(finite=False), times=array(), split=number())
def mean_errors(model: ArrayLike, reference: ArrayLike, times: ArrayLike, split: float) -> MeanErrors:
    """Relative squared and absolute errors of mean trajectories, transient and equilibrium apart.

    Args:
        model: (n_starts, n_times, d), (n_times, d) or (n_times,) means of the model.
        reference: the same of the truth.
        times: (n_times,).
        split: last time of the transient.

    Raises:
        ValueError: shapes that differ, values that are not finite, no time on one side of the split.
    """
    shown, true, t = (np.asarray(a, dtype=float) for a in (model, reference, times))
    if shown.shape != true.shape or not (np.isfinite(shown).all() and np.isfinite(true).all()):
        raise ValueError(f"means must be finite and of one shape, got {shown.shape} and {true.shape}")
    if t.ndim != 1:
        raise ValueError(f"times must be (n_times,), got {t.shape}")
    shape = {1: (1, -1, 1), 2: (1, *shown.shape)}.get(shown.ndim, shown.shape)
    shown, true = shown.reshape(shape), true.reshape(shape)
    early = t <= split
    if shown.ndim != 3 or shown.shape[1] != len(t) or early.all() or not early.any():
        raise ValueError(f"{len(t)} times, split at {split:g}, do not fit means of shape {np.shape(model)}")
    square, size = (shown - true) ** 2, true**2

    def relative(rows: NDArray[np.bool_]) -> Floats:
        return square[:, rows].sum(axis=1) / np.maximum(size[:, rows].sum(axis=1), np.finfo(float).tiny)

    return MeanErrors(
        relative(early),
        relative(~early),
        relative(np.ones(len(t), dtype=bool)),
        np.sqrt(square[:, early].mean(axis=1)),
        np.sqrt(square[:, ~early].mean(axis=1)),
    )
