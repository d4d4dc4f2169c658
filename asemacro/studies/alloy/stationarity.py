"""What runs say of their own approach to equilibrium: relaxation time, and what the last doublings of time changed."""

from __future__ import annotations

import numpy as np

from asemacro.statistics.averages import autocorrelation_time
from asemacro.typing import Floats

LONGEST_MEMORY = 0.8  # largest ratio of the changes in two doublings of the time
LEAST_TIMES = 32  # in the second half of runs, to speak of their relaxation time
STAND = 0.05  # a mean that is expected to change by less than this has come to a stand


def middle_of(times: Floats) -> int:
    """Index of the first of ascending times in the second half of the time."""
    return min(int(np.searchsorted(times, 0.5 * times[-1])), len(times) - 2)


def time_means(times: Floats, series: Floats) -> Floats:
    """(runs, d) time averages of (runs, n, d) over times (n,) that need not be even."""
    return np.trapezoid(series, times, axis=1) / (times[-1] - times[0])


def changes_of_runs(times: Floats, series: Floats) -> Floats:
    """(runs, d) time average over the second half of each run, less that over the quarter before.

    Args:
        times: (n,) from the start of the runs.
        series: (runs, n, d).
    """
    middle = middle_of(times)
    quarter = middle_of(times[: middle + 1])
    before = time_means(times[quarter : middle + 1], series[:, quarter : middle + 1])
    return time_means(times[middle:], series[:, middle:]) - before


def change_per_doubling(times: Floats, series: Floats) -> tuple[Floats, Floats]:
    """The mean of `changes_of_runs` (d,) and its standard error.

    The error is that from the spread of the runs, or of a single run from its autocorrelation.

    Args:
        times: (n,) from the start of the runs.
        series: (runs, n, d).
    """
    change = changes_of_runs(times, series)
    if len(series) > 1:
        return change.mean(axis=0), change.std(axis=0, ddof=1) / np.sqrt(len(series))
    middle = middle_of(times)
    after = series[:, middle:]
    slowest = slowest_time(times[middle:], after)
    length = times[-1] - times[middle]
    return change[0], after[0].std(axis=0) * np.sqrt(6 * slowest / length)


def lag(times: Floats, series: Floats) -> Floats:
    r"""(d,) how far the late mean of runs may still be from where it goes.

    With a the change of the time average in the last doubling of the time, beyond its noise, and b that in the
    doubling before, the doublings to come add a (q + q^2 + ...) = a q / (1 - q) with q = a / b, at most 0.8. For an
    exponential decay q soon vanishes. Relaxation on many time scales, as of traps, goes on by nearly the same amount
    in each doubling; within the second half it looks like a stand, and as all runs lag behind alike, neither their
    spread nor a bootstrap over them shows it.
    """
    now, error = change_per_doubling(times, series)
    middle = middle_of(times)
    # noise must not make the earlier change small, and with it the ratio large
    before = np.hypot(*change_per_doubling(times[: middle + 1], series[:, : middle + 1]))
    size = np.sqrt(np.maximum(now**2 - error**2, 0.0))
    ratio = np.minimum(size / np.maximum(before, 1e-300), LONGEST_MEMORY)
    return size * ratio / (1 - ratio)


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
