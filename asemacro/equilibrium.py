"""Equilibrium order at all temperatures: learned where the runs reached it, continued from there where they did not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.approach import Approach, Growth, approach, smooth
from asemacro.campaign import RELAXED
from asemacro.extrapolation import LEAST_REACHED, quasi_chemical
from asemacro.points import PairTable
from asemacro.prediction import Prediction
from asemacro.record import Record

Floats = NDArray[np.float64]
NEAR = 0.15  # runs that lag by less than this are not there, but say enough to weigh in an extrapolation, lag as error
AGREE = 0.05  # learned equilibrium and late data may differ by this, or by three standard errors


@dataclasses.dataclass(frozen=True)
class Equilibrium:
    """Unlike pairs by increasing temperature.

    Attributes:
        delta: (n, d) order.
        error: (n, d) one standard error, what the runs still owe included.
        reached: (n,) whether the runs got there.
        approach: what this was judged by.
    """

    delta: Floats
    error: Floats
    reached: NDArray[np.bool_]
    approach: Approach


def equilibrium_of(table: PairTable, records: Sequence[Record], predictions: Sequence[Prediction]) -> Equilibrium:
    """Judge all temperatures together and continue what they know.

    Reached is equilibrium where the runs are RELAXED relaxation times long, their mean stands (`approach`), the
    stationary mean of the SDE is theirs, and hotter runs got there as well. The error there is what a few bootstrap
    members differ by, or the standard error of the runs' late mean where that is larger, and the lag.
    Elsewhere the order is extrapolated from the temperatures that reached it, if there are enough, and those that are
    near, as far as their errors let them count (`quasi_chemical`).
    """
    found = approach([Growth.of(record.times_s, record.order[:, :, table.unlike]) for record in records])
    delta = np.array([p.equilibrium for p in predictions])
    late = np.array([record.late[:, :, table.unlike].mean(axis=(0, 1)) for record in records])
    # a model that knows little of its mean is no reason to believe it
    agrees = (np.abs(delta - late) < np.maximum(AGREE, 3 * found.error)).all(axis=1)
    long = (found.length >= RELAXED) & agrees
    reached = without_outliers(found.stands & long)
    # three members tell their spread within a factor of two
    spread = smooth(np.array([p.equilibrium_error for p in predictions]))
    error = np.hypot(np.maximum(spread, found.error), found.lag)
    if LEAST_REACHED <= reached.sum() < len(reached):
        kelvin = np.array([record.temperature_K for record in records])
        random = table.random[table.unlike]
        near = without_outliers(reached | (long & (found.lag < NEAR).all(axis=1)))
        values, errors = quasi_chemical(kelvin, delta, error, near, random, table.neighbours)
        delta = np.where(reached[:, None], delta, table.bounded(values))
        error = np.where(reached[:, None], error, errors)
    return Equilibrium(delta, error, reached, found)


def exact_where_known(equilibrium: Equilibrium, exact: Sequence[tuple[Floats, Floats] | None]) -> Equilibrium:
    """Equilibrium with order and error (d,) replaced where they are known from elsewhere, as by swap Monte Carlo.

    Whether the runs got there stays as it was judged.
    """
    delta, error = equilibrium.delta.copy(), equilibrium.error.copy()
    for k, known in enumerate(exact):
        if known is not None:
            delta[k], error[k] = known
    return dataclasses.replace(equilibrium, delta=delta, error=error)


def without_outliers(reached: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Equilibrium at increasing temperatures, believed only if one of the next two hotter ones reached it as well.

    Relaxation slows down on cooling, so a cold run that stands still while hotter ones do not is only slow.
    """
    believed = np.array(reached, dtype=bool)
    for k in range(len(believed) - 2, -1, -1):
        believed[k] &= believed[k + 1 : k + 3].any()
    return believed


def beyond_the_runs(
    path: Floats, path_error: Floats, equilibrium: Equilibrium, k: int, doublings: float
) -> tuple[Floats, Floats]:
    r"""Order (d,) at temperature k after an anneal that lasts longer than runs that did not reach equilibrium.

    The path of the SDE settles where its data end, too early: slow relaxation is not in it. The order goes on from
    there towards equilibrium, by a share u of the way. In the doublings n that are left the order grows by at most
    (1 + s)^n, s the most that it can have grown by in the last one, which bounds u from above; the lag of the runs is
    an estimate from below.
    The middle of the two is quoted, and the error is that of knowing only that the order lies between the path and the
    upper bound, a uniform distribution.

    Args:
        path: (d,) of the SDE at the end of the anneal.
        path_error: (d,).
        equilibrium: at all temperatures.
        k: index of the temperature.
        doublings: log2 of the anneal time over the length of the runs.
    """
    way = equilibrium.delta[k] - path
    length = max(float(np.linalg.norm(way)), 1e-12)
    approached = equilibrium.approach
    growth = float(np.linalg.norm(path)) * np.expm1(doublings * np.log1p(approached.most[k]))
    most = min(growth / length, 1.0)
    least = min(float(np.linalg.norm(approached.lag[k])) / length, most)
    share = (least + most) / 2
    error = np.sqrt(path_error**2 + (most * way) ** 2 / 12 + (share * equilibrium.error[k]) ** 2)
    return path + share * way, error
