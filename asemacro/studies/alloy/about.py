"""What a diagram says of itself: what was run, what it reached, and what it did not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asemacro.plot.written_numbers import written
from asemacro.studies.alloy.course import Course
from asemacro.studies.alloy.equilibrium import EXTRAPOLATED, Equilibrium
from asemacro.studies.alloy.inputs import Boxes
from asemacro.studies.alloy.points import LONGEST_ANNEAL_S
from asemacro.studies.alloy.prediction import Prediction
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.results import not_reached, record_summary
from asemacro.studies.alloy.swap_equilibrium import SwapOrder

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice

say = logging.getLogger("asemacro")


def about_of(
    model: BarrierModel,
    lattice: Lattice,
    boxes: Boxes,
    records: Sequence[Record],
    predictions: Sequence[Prediction],
    equilibrium: Equilibrium,
    swaps: Sequence[SwapOrder],
) -> dict[str, Any]:
    """For captions and run.json.

    A budget was quick if equilibrium was not reached at some temperature, whatever was asked for.

    Args:
        model: barriers.
        lattice: the input.
        boxes: small and large.
        records: small runs.
        predictions: of the SDE.
        equilibrium: at all temperatures.
        swaps: at all temperatures, empty for a model without an energy.
    """
    kelvin = [record.temperature_K for record in records]
    unknown = [float(t) for t, simulated in zip(kelvin, equilibrium.simulated, strict=True) if not simulated]
    return {
        "barriers": model.name,
        "species": list(lattice.species),
        "composition": {symbol: float(c) for symbol, c in lattice.composition.items()},
        "lattice": lattice.prototype,
        "sites": boxes.large.n_sites,
        "small_sites": boxes.small.n_sites,
        "vacancies": boxes.vacancies,
        "copies": boxes.copies,
        "quick_budget": bool(unknown),
        "equilibrium_not_simulated_K": unknown,
        "equilibrium_extrapolated": EXTRAPOLATED in equilibrium.source,
        "equilibrium_not_reached_K": not_reached(kelvin, equilibrium, swaps),
        "temperatures": [
            record_summary(record, prediction, equilibrium, swaps[k] if swaps else None, k)
            for k, (record, prediction) in enumerate(zip(records, predictions, strict=True))
        ],
    }


def say_what_was_done(about: dict[str, Any], swaps: Sequence[SwapOrder], courses: Sequence[Course]) -> None:
    """One line for each thing that a reader of the figures must know."""
    unknown = about["equilibrium_not_simulated_K"]
    if unknown:
        how = "extrapolated from hotter ones" if about["equilibrium_extrapolated"] else "that of runs on their way"
        say.warning(
            "equilibrium was not reached at %s K: there it is %s; more --hops%s give more",
            listed(unknown),
            how,
            " and --sweeps" if swaps else "",
        )
    for course, order in zip(courses, swaps, strict=False):
        if order.why:
            say.warning("%g K: swap Monte Carlo gives no equilibrium: %s", course.temperature_K, order.why)
    endless = [c.temperature_K for c in courses if c.anneal_s * c.thermal > LONGEST_ANNEAL_S]
    if endless:
        longest = max(c.anneal_s * c.thermal for c in courses)
        say.warning(
            "an anneal of %s takes up to %s s at %s K, longer than the age of the universe: drawn open",
            about["anneal"],
            written(longest),
            listed(endless),
        )


def listed(temperatures_K: Sequence[float]) -> str:
    """Temperatures as words: 400, 600 and 800."""
    *first, last = (f"{t:g}" for t in temperatures_K)
    return f"{', '.join(first)} and {last}" if first else last
