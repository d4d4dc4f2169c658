"""The error that the spread of a few members of an ensemble tells."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, stdtrit

from asemacro.typing import Floats


def error_of_members(values: Floats, noise: Floats | float = 0.0) -> Floats:
    r"""(...) half the width of a bar round the mean of a few members that holds 68.3 % of further ones.

        error = t sqrt(1 + 1/n) s,    s^2 = sum_m (v_m - mean)^2 / (n - 1) - mean_m noise_m^2, at least 0

    t is the place up to which Student's distribution with n - 1 degrees of freedom holds 84.1 %, and sqrt(1 + 1/n)
    counts that the mean of few is uncertain itself. Two members have t sqrt(1 + 1/n) = 2.25, three 1.53, many 1. So
    the error is right, if the members and the truth are draws from one normal distribution. What members have in common
    (their data, the form of their network) is not in it.

    Args:
        values: (n, ...) of each member; n < 2, or nan, gives nan.
        noise: (n, ...) standard errors of the values, independent of each other.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 2:
        return np.full(values.shape[1:], np.nan)
    own = np.broadcast_to(np.asarray(noise, dtype=float) ** 2, values.shape).mean(axis=0)
    spread = np.sqrt(np.maximum(values.var(axis=0, ddof=1) - own, 0.0))
    return np.asarray(stdtrit(n - 1, ndtr(1.0)) * np.sqrt(1 + 1 / n) * spread)
