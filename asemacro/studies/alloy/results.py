"""Rows of a diagram: the best value of each quantity, and the other estimates beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from asemacro.statistics.averages import stationary_average
from asemacro.studies.alloy.course import SIMULATED, Course
from asemacro.studies.alloy.equilibrium import LEARNED, SWAPS, Equilibrium
from asemacro.studies.alloy.points import ANNEALED, EQUILIBRIUM, OTHER, PairTable, Point
from asemacro.studies.alloy.prediction import Prediction
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.swap_equilibrium import SwapOrder
from asemacro.typing import Floats

DIRECT = "kmc"


def best_points(
    table: PairTable,
    record: Record,
    course: Course,
    equilibrium: Equilibrium,
    swaps: SwapOrder | None,
    k: int,
) -> list[Point]:
    """All that is known at one temperature: equilibrium and anneal, and the estimates of equilibrium that are not best.

    Args:
        table: of the pairs.
        record: small runs, for the contacts of like pairs with vacancies.
        course: of this temperature.
        equilibrium: of all temperatures.
        swaps: of this temperature; None for a model without an energy.
        k: index of the temperature.
    """
    contacts, source = table.contacts(record.late), equilibrium.source[k]
    reached, simulated = bool(equilibrium.reached[k]), bool(equilibrium.simulated[k])
    points: list[Point] = []

    def add(state: str, source: str, delta: Floats, error: Floats, arrived: bool, extrapolated: bool) -> None:
        points.extend(
            table.points(
                record.temperature_K,
                state,
                source,
                delta,
                error,
                equilibrium_reached=arrived,
                extrapolated=extrapolated,
                anneal_time_s=course.anneal_s * course.thermal,
            )
        )

    learned = table.complete(equilibrium.learned[k], equilibrium.learned_error[k], contacts)
    best = table.complete(equilibrium.delta[k], equilibrium.error[k], contacts)
    if source == SWAPS and swaps is not None:
        best = swaps.delta, swaps.error
    add(EQUILIBRIUM, source, *best, simulated, not simulated)
    if source != LEARNED:
        add(EQUILIBRIUM + OTHER, LEARNED, *learned, reached, not reached)
    if source != SWAPS and swaps is not None:
        add(EQUILIBRIUM + OTHER, SWAPS, swaps.delta, swaps.error, False, True)
    order, error, standing = course.annealed
    beyond = course.arrived or course.anneal_s > course.runs_s
    kinetics = f"{LEARNED}+{SWAPS}" if source == SWAPS and beyond else LEARNED
    annealed = table.complete(order, error, contacts)
    add(ANNEALED, kinetics, *annealed, course.arrived, standing != SIMULATED)
    return points


def direct_points(table: PairTable, record: Record, anneal_s: float, thermal: float) -> list[Point]:
    """Order in direct runs of the large box: at the anneal time, or at their end if they are shorter; and late.

    The error is the spread between runs, or for a single run that of its late time average.
    """
    reached = anneal_s <= record.times_s[-1]
    index = int(np.searchsorted(record.times_s, anneal_s)) if reached else len(record.times_s) - 1
    late = stationary_average(record.late, discard=0.0)
    runs = len(record.order)
    annealed = record.order[:, index].mean(axis=0)
    spread = record.order[:, index].std(axis=0, ddof=1) / np.sqrt(runs) if runs > 1 else late.sd
    if not reached and record.relaxed:
        annealed, spread = late.mean, late.error
    late_error = np.hypot(late.error, record.lag)
    points: list[Point] = []
    for state, delta, error, good in (
        (EQUILIBRIUM, late.mean, late_error, record.relaxed),
        (ANNEALED, annealed, spread, reached or record.relaxed),
    ):
        points += table.points(
            record.temperature_K,
            state + OTHER,
            DIRECT,
            delta,
            error,
            equilibrium_reached=record.relaxed,
            extrapolated=not good,
            anneal_time_s=anneal_s * thermal,
        )
    return points


def record_summary(
    record: Record, prediction: Prediction, equilibrium: Equilibrium, swaps: SwapOrder | None, k: int
) -> dict[str, Any]:
    """What run.json says of one temperature, the k-th."""
    return {
        "temperature_K": record.temperature_K,
        "runs": len(record.order),
        "hops_per_run_and_vacancy": float(record.hops[:, -1].mean()),
        "time_s": float(record.times_s[-1]),
        "mean_time_per_hop_s": float(record.times_s[-1] / record.hops[:, -1].mean()),
        "equilibrium_source": equilibrium.source[k],
        "equilibrium_reached_by_runs": bool(equilibrium.reached[k]),
        "growth_in_last_doubling": float(equilibrium.approach.rate[k]),
        "length_in_relaxation_times": float(equilibrium.approach.length[k]),
        "relaxation_time_runs_s": record.relaxation_time_s if math.isfinite(record.relaxation_time_s) else None,
        "relaxation_time_sde_s": prediction.relaxation_time_s,
        "cache_hit_rate": record.hit_rate,
        "clamped_fraction": record.clamped,
        "adjacent_vacancies_fraction_of_time": record.adjacent,
        "swaps": None if swaps is None else swap_summary(swaps),
    }


def swap_summary(swaps: SwapOrder) -> dict[str, Any]:
    """What run.json says of the swaps at one temperature."""
    return {
        "equilibrium_reached": swaps.equilibrated,
        "why_not": swaps.why or None,
        "largest_difference_of_two_starts": float(swaps.gap.max()),
        "uphill_energy_accepted_kT_per_site": swaps.turnover,
        "replicas_from_the_hottest_temperature": swaps.arrivals,
    }


def not_reached(
    temperatures_K: Sequence[float], equilibrium: Equilibrium, swaps: Sequence[SwapOrder]
) -> dict[str, list[float]]:
    """Temperatures at which runs, and swaps, did not reach equilibrium: what a larger budget could change."""
    by_runs = [float(t) for t, reached in zip(temperatures_K, equilibrium.reached, strict=True) if not reached]
    by_swaps = [float(t) for t, order in zip(temperatures_K, swaps, strict=False) if not order.equilibrated]
    return {"runs": by_runs, "swaps": by_swaps}
