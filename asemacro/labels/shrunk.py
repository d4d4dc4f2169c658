"""Pairs of a large system from all small runs at once: the runs, nearer to their mean."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.data import Pairs
from asemacro.labels.transitions import pairs_from_runs
from asemacro.typing import Floats


def pairs_from_shrunk_runs(
    values: Floats, times_s: Floats, copies: int, condition: float | None = None, *, step_s: float
) -> Pairs:
    """Pairs of runs whose distances from their mean are divided by the root of `copies`, as those of large systems are.

    They know the drift better than the blocks of `pairs_from_runs`: there a step is as noisy as that of one run and
    starts from the mean of `copies`, whose variance is a `copies`-th; here step and start are of one size.
    Runs are taken as sums of independent parts, whose distances from the mean path are nearly Gaussian. The mean of n
    runs fluctuates too, so noise and scatter of the pairs are K = 1 + copies / n times those of the large system. All
    runs share that mean: do not draw bootstrap samples of these pairs, the spread would be too small.

    Args:
        values: (n, n_times, d) variables of each small run, two runs at least.
        times_s: (n_times,) ascending.
        copies: small runs in the large system.
        condition: temperature in K, or None.
        step_s: duration of pairs, see `pairs_from_runs`.
    """
    n, mean = len(values), values.mean(axis=0)
    shrunk = mean + (values - mean) * np.sqrt(n / (n - 1) / copies)
    pairs = pairs_from_runs(shrunk, times_s, 1, condition, step_s=step_s, rng=np.random.default_rng(0))
    return dataclasses.replace(pairs, K=np.full(len(pairs), 1 + copies / n))
