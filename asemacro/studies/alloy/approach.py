"""How far runs from random are from equilibrium, judged from the runs of all temperatures together.

Eight short runs say little about their own drift: where it is hot, what their mean changed in the last doubling of the
time is mostly noise. But relaxation is the faster the hotter it is, so the relative growth of the order per doubling of
the time does not rise with temperature, and neighbouring temperatures share what they know.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from asemacro.studies.alloy.stationarity import (
    LEAST_TIMES,
    LONGEST_MEMORY,
    STAND,
    changes_of_runs,
    lag,
    middle_of,
    slowest_time,
)
from asemacro.typing import Floats

RELAXED = 5.0  # runs that stand still and are that many relaxation times long have reached equilibrium
DOUBLINGS = 3
CONTRADICTION = 3.0  # standard errors by which runs must contradict the other temperatures to be heard alone
SURELY = 2.0  # standard errors above the pooled growth that bound it
STILL_GROWING = 0.1  # order that surely grows by more than this share per doubling is on its way, however small it is


@dataclasses.dataclass(frozen=True)
class Growth:
    """How the order of runs at one temperature grew in the last doublings of their time.

    Attributes:
        late: (d,) mean over the second half of the time.
        late_error: (d,) its standard error, from the spread of the runs.
        change: (d,) of the time average, from the quarter before to the second half.
        change_error: (d,) its standard error.
        rate: (DOUBLINGS,) growth along `late`, relative to it, in the last doubling, the one before, and so on.
        rate_error: (DOUBLINGS,) standard errors.
        length: of the runs, in relaxation times; 0 if they are too short to tell.
    """

    late: Floats
    late_error: Floats
    change: Floats
    change_error: Floats
    rate: Floats
    rate_error: Floats
    length: float

    @classmethod
    def of(cls, times: Floats, series: Floats) -> Growth:
        r"""Measure runs.

        The relative growth s is the least-squares solution of change = s late with the variances v of the order:
        s = sum_k change_k late_k / v_k / sum_k late_k^2 / v_k.

        Args:
            times: (n,) from the start of the runs.
            series: (runs, n, d), at least two runs.
        """
        root = np.sqrt(len(series))
        middle = middle_of(times)
        half = series[:, middle:]
        means = half.mean(axis=1)
        late = means.mean(axis=0)
        weighted = late / (half.var(axis=(0, 1)) + 1e-300)
        direction = weighted / max(float(weighted @ late), 1e-300)
        end, changes = len(times), []
        for _ in range(DOUBLINGS):
            changes.append(changes_of_runs(times[:end], series[:, :end]))
            end = middle_of(times[:end]) + 1
        along = np.array(changes) @ direction
        enough = len(times) - middle >= LEAST_TIMES
        return cls(
            late=late,
            late_error=means.std(axis=0, ddof=1) / root,
            change=changes[0].mean(axis=0),
            change_error=changes[0].std(axis=0, ddof=1) / root,
            rate=along.mean(axis=1),
            rate_error=along.std(axis=1, ddof=1) / root,
            length=float((times[-1] - times[0]) / slowest_time(times[middle:], half)) if enough else 0.0,
        )


@dataclasses.dataclass(frozen=True)
class Approach:
    """What all temperatures together say of each, by increasing temperature.

    Attributes:
        rate: (n,) relative growth of the order in the last doubling of the time, as far as it is beyond noise.
        most: (n,) growth that it does not exceed: what noise may hide included.
        lag: (n, d) how far the late mean may still be from equilibrium.
        error: (n, d) standard error of the late mean.
        length: (n,) of the runs, in relaxation times.
        stands: (n,) the mean has come to a stand.
    """

    rate: Floats
    most: Floats
    lag: Floats
    error: Floats
    length: Floats
    stands: NDArray[np.bool_]


def approach(growths: Sequence[Growth]) -> Approach:
    r"""Pool the growth at increasing temperatures.

    As in `stationarity.lag`, the doublings to come add a (q + q^2 + ...) = a q / (1 - q), with a the growth in the last
    doubling, beyond its noise, and q, at most LONGEST_MEMORY, the ratio of successive ones: the smaller of a / b and
    (a / c)^(1/2), with b and c the growth in the doublings before, because noise makes either too large. All of them
    fall with temperature (`falling`). Where the runs of one temperature grew by surely more than that, along the order
    or in one component of it, what is beyond CONTRADICTION standard errors counts.

    Order in equilibrium grows on cooling. Runs with surely less of it than hotter ones (`behind`) are on their way, and
    stand alone: trapped vacancies make them as still as equilibrium does, which says nothing of hotter runs.
    """
    rates, errors = np.array([g.rate for g in growths]), np.array([g.rate_error for g in growths])
    late, late_error = np.array([g.late for g in growths]), np.array([g.late_error for g in growths])
    change, change_error = np.array([g.change for g in growths]), np.array([g.change_error for g in growths])
    together = ~behind(late, late_error)
    pooled, noise = falling(rates[:, 0], errors[:, 0], together)
    before, noise_before = falling(rates[:, 1], errors[:, 1], together)
    first = np.hypot(*falling(rates[:, 2], errors[:, 2], together))
    # noise must not make an earlier growth small, and with it the ratio large
    earlier = np.maximum(np.hypot(before, noise_before), 1e-300)
    beyond_noise = np.sqrt(np.maximum(np.maximum(pooled, 0.0) ** 2 - noise**2, 0.0))
    growth = np.maximum(beyond_noise, rates[:, 0] - CONTRADICTION * errors[:, 0])
    ratio = np.minimum(growth / earlier, np.sqrt(growth / np.maximum(first, 1e-300))).clip(max=LONGEST_MEMORY)
    ratio = falling(ratio, np.hypot(noise, noise_before) / earlier, together)[0]
    alone = np.abs(change) - CONTRADICTION * change_error
    owed = np.maximum(growth[:, None] * np.abs(late), alone) * (ratio / (1 - ratio))[:, None]
    lengths = np.maximum([g.length for g in growths], 1e-3)
    return Approach(
        rate=growth,
        most=np.maximum(np.maximum(pooled, 0.0) + SURELY * noise, growth),
        lag=owed,
        error=smooth(late_error),
        length=np.exp(-falling(-np.log(lengths), np.ones(len(growths)), together)[0]),
        stands=(owed < STAND).all(axis=1) & (pooled - CONTRADICTION * noise < STILL_GROWING) & together,
    )


def relaxation(times: Floats, series: Floats) -> tuple[float, float]:
    """Length of runs in relaxation times, 0 if their mean has not come to a stand; and that time.

    Args:
        times: (n,) from the start of the runs.
        series: (runs, n, d).
    """
    middle = middle_of(times)
    if len(times) - middle < LEAST_TIMES:
        return 0.0, float("nan")
    slowest = slowest_time(times[middle:], series[:, middle:])
    if len(series) > 1:
        stands = bool(approach([Growth.of(times, series)]).stands[0])
    else:
        stands = bool((lag(times, series) < STAND).all())
    return float((times[-1] - times[0]) / slowest) if stands else 0.0, float(slowest)


def behind(late: Floats, error: Floats) -> NDArray[np.bool_]:
    """(n,) whether runs at increasing temperatures have surely less order, late and error (n, d), than hotter ones.

    Compared along the order of the hotter ones, by more than CONTRADICTION standard errors of the difference.
    """
    found = np.zeros(len(late), dtype=bool)
    for hot in range(1, len(late)):
        size = float(np.linalg.norm(late[hot]))
        along = late[hot] / max(size, 1e-300)
        noise = np.sqrt((error[: hot + 1] ** 2) @ along**2)
        found[:hot] |= late[:hot] @ along + CONTRADICTION * np.hypot(noise[:hot], noise[hot]) < size
    return found


def falling(values: Floats, errors: Floats, use: NDArray[np.bool_] | slice = slice(None)) -> tuple[Floats, Floats]:
    """Weighted least-squares fit of (n,) values by a sequence that nowhere rises, and its standard errors.

    Only `use` (n,), at least one, takes part; the others stay as they are. Pool adjacent violators (Barlow et al.,
    Statistical Inference under Order Restrictions, 1972). Errors from few runs are noisy themselves: the weights take
    their running geometric mean.
    """
    padded = np.pad(np.log(np.maximum(errors[use], 1e-12)), 1, mode="edge")
    weights = np.exp(-2 * (padded[:-2] + padded[1:-1] + padded[2:]) / 3)
    fit = isotonic_regression(values[use], weights=weights, increasing=False)
    fitted, noise = values.copy(), errors.copy()
    fitted[use], noise[use] = fit.x, np.repeat(fit.weights**-0.5, np.diff(fit.blocks))
    return fitted, noise


def smooth(errors: Floats) -> Floats:
    """Standard errors (n, d) at neighbouring temperatures: the root of the running mean of three squares."""
    padded = np.pad(errors**2, ((1, 1), (0, 0)), mode="edge")
    return np.sqrt((padded[:-2] + padded[1:-1] + padded[2:]) / 3)
