"""Have runs from a start away from equilibrium reached it? Their own relaxation time, and what still changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asemacro.analysis import autocorrelation_time

Floats = NDArray[np.float64]
STILL = 2.5  # a change of the mean counts from this many standard errors on
SMALLEST = 0.02  # and from this size on


def middle_of(times: Floats) -> int:
    """Index of the first of ascending times in the second half of the time."""
    return min(int(np.searchsorted(times, 0.5 * times[-1])), len(times) - 2)


def time_means(times: Floats, series: Floats) -> Floats:
    """(runs, d) time averages of (runs, n, d) over times (n,) that need not be even."""
    return np.trapezoid(series, times, axis=1) / (times[-1] - times[0])


def change_per_doubling(times: Floats, series: Floats) -> tuple[Floats, Floats]:
    """By how much the time average over the second half of runs differs from that over the quarter before it.

    Relaxation with many times goes on by nearly the same amount whenever the time doubles, which a comparison within
    the second half hardly sees.

    Args:
        times: (n,) from the start of the runs.
        series: (runs, n, d).

    Returns:
        The mean change (d,) and its standard error: from the spread of the runs, or of a single run from its
        autocorrelation.
    """
    middle = middle_of(times)
    quarter = middle_of(times[: middle + 1])
    before, after = series[:, quarter : middle + 1], series[:, middle:]
    change = time_means(times[middle:], after) - time_means(times[quarter : middle + 1], before)
    if len(series) > 1:
        return change.mean(axis=0), change.std(axis=0, ddof=1) / np.sqrt(len(series))
    slowest = slowest_time(times[middle:], after)
    length = times[-1] - times[middle]
    return change[0], after[0].std(axis=0) * np.sqrt(6 * slowest / length)


def slowest_time(times: Floats, series: Floats) -> float:
    """The slowest relaxation time of stationary (runs, n, d) at times (n,).

    The larger of two estimates: the integrated autocorrelation time, and the time tau for which the spread of the
    runs' own means, 2 tau Var / length, is what it is; the second sees what is slower than the runs are long.
    """
    even = np.linspace(times[0], times[-1], len(times))
    values = np.array([[np.interp(even, times, run[:, k]) for run in series] for k in range(series.shape[2])])
    length = even[-1] - even[0]
    slowest = max(autocorrelation_time(value) for value in values) * length / (len(even) - 1)
    if len(series) > 1:
        share = values.mean(axis=2).var(axis=1, ddof=1) / values.var(axis=(1, 2))
        slowest = max(slowest, float(np.median(share)) * length / 2)
    return slowest


def relaxation(times: Floats, series: Floats) -> tuple[float, float]:
    """Length of runs in relaxation times, 0 if their mean has not come to a stand; and that time.

    Args:
        times: (n,) from the start of the runs.
        series: (runs, n, d).
    """
    middle = middle_of(times)
    if len(times) - middle < 32:
        return 0.0, float("nan")
    slowest = slowest_time(times[middle:], series[:, middle:])
    change, error = change_per_doubling(times, series)
    stands = bool((np.abs(change) < np.maximum(STILL * error, SMALLEST)).all())
    return 2 * (times[-1] - times[middle]) / slowest if stands else 0.0, float(slowest)


def unsettled(times: Floats, series: Floats) -> Floats:
    """(d,) what the mean changed by in the last doubling of the time, beyond the noise of that change.

    An error of the late mean as an equilibrium value that neither the spread of the runs nor a bootstrap over them
    can see: all of them lag behind alike.
    """
    change, error = change_per_doubling(times, series)
    return np.sqrt(np.maximum(change**2 - error**2, 0.0))
