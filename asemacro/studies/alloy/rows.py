"""Rows of a diagram: the best value of each quantity, and the other estimates beside it."""

from __future__ import annotations

import numpy as np

from asemacro.statistics.averages import stationary_average
from asemacro.studies.alloy.at_temperature import AtTemperature
from asemacro.studies.alloy.course import SIMULATED
from asemacro.studies.alloy.equilibrium import LEARNED, SWAPS
from asemacro.studies.alloy.points import ANNEALED, EQUILIBRIUM, OTHER, Point
from asemacro.typing import Floats

DIRECT = "kmc"


def points_of(at: AtTemperature) -> list[Point]:
    """All rows of one temperature."""
    return best_points(at) + direct_points(at)


def best_points(at: AtTemperature) -> list[Point]:
    """Equilibrium and anneal, and the estimates of equilibrium that are not best."""
    found, course, swaps, table = at.equilibrium, at.course, at.swaps, at.table
    of_barriers = barrier_errors(at)
    points: list[Point] = []

    def add(state: str, source: str, delta: Floats, error: Floats, arrived: bool, extrapolated: bool) -> None:
        points.extend(
            table.points(
                at.temperature_K,
                state,
                source,
                delta,
                error,
                equilibrium_reached=arrived,
                extrapolated=extrapolated,
                anneal_time_s=course.anneal_s * course.thermal,
                barrier_error=of_barriers[state.removesuffix(OTHER)],
            )
        )

    learned = table.complete(found.learned, found.learned_error, at.contacts)
    best = table.complete(found.delta, found.error, at.contacts)
    if found.source == SWAPS and swaps is not None:
        best = swaps.delta, swaps.error
    add(EQUILIBRIUM, found.source, *best, found.simulated, not found.simulated)
    if found.source != LEARNED:
        add(EQUILIBRIUM + OTHER, LEARNED, *learned, found.reached, not found.reached)
    if found.source != SWAPS and swaps is not None:
        add(EQUILIBRIUM + OTHER, SWAPS, swaps.delta, swaps.error, False, True)
    order, error, standing = course.annealed
    beyond = course.arrived or course.anneal_s > course.runs_s
    kinetics = f"{LEARNED}+{SWAPS}" if found.source == SWAPS and beyond else LEARNED
    annealed = table.complete(order, error, at.contacts)
    add(ANNEALED, kinetics, *annealed, course.arrived, standing != SIMULATED)
    return points


def barrier_errors(at: AtTemperature) -> dict[str, Floats]:
    """(n_pairs,) error by the barriers of each state: it is the same, however the order of the mean model is found."""
    noise = at.equilibrium.shift_error
    return {
        EQUILIBRIUM: at.table.of_members(at.equilibrium.shift, noise),
        ANNEALED: at.table.of_members(at.course.annealed_shift, at.course.share * noise),
    }


def direct_points(at: AtTemperature) -> list[Point]:
    """Order in direct runs of the large box: at the anneal time, or at their end if they are shorter; and late.

    None without such runs. The error is the spread between runs, or for a single run that of its late time average.
    """
    record, anneal_s = at.direct, at.course.anneal_s
    if record is None:
        return []
    reached = anneal_s <= record.times_s[-1]
    index = int(np.searchsorted(record.times_s, anneal_s)) if reached else len(record.times_s) - 1
    late = stationary_average(record.late, discard=0.0)
    runs = len(record.order)
    annealed = record.order[:, index].mean(axis=0)
    spread = record.order[:, index].std(axis=0, ddof=1) / np.sqrt(runs) if runs > 1 else late.sd
    if not reached and record.relaxed:
        annealed, spread = late.mean, late.error
    late_error, of_barriers = np.hypot(late.error, record.lag), barrier_errors(at)
    points: list[Point] = []
    for state, delta, error, good in (
        (EQUILIBRIUM, late.mean, late_error, record.relaxed),
        (ANNEALED, annealed, spread, reached or record.relaxed),
    ):
        points += at.table.points(
            record.temperature_K,
            state + OTHER,
            DIRECT,
            delta,
            error,
            equilibrium_reached=record.relaxed,
            extrapolated=not good,
            anneal_time_s=anneal_s * at.course.thermal,
            barrier_error=of_barriers[state],
        )
    return points
