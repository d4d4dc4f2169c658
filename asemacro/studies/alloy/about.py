"""What a diagram says of itself: what was run, what it reached, and what it did not."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from asemacro.barriers.compiled import UNCERTAIN_EV
from asemacro.files.store import without_nan
from asemacro.observables.sublattice_order import SublatticeOrder
from asemacro.plot.written_numbers import written
from asemacro.studies.alloy.alloy import Alloy
from asemacro.studies.alloy.anneal import Anneal
from asemacro.studies.alloy.at_temperature import AtTemperature
from asemacro.studies.alloy.equilibrium import EXTRAPOLATED
from asemacro.studies.alloy.inputs import listed
from asemacro.studies.alloy.points import LONGEST_ANNEAL_S
from asemacro.studies.alloy.swap_heat import waves_of
from asemacro.studies.alloy.swap_order import SwapOrder
from asemacro.studies.alloy.visited import within

FEW = 5  # members: of fewer the spread itself is hardly known
say = logging.getLogger("asemacro")


def about_of(alloy: Alloy, anneal: Anneal, sweeps: int, found: Sequence[AtTemperature]) -> dict[str, Any]:
    """For captions and run.json.

    A budget was quick if equilibrium was not reached at some temperature, whatever was asked for.

    Args:
        alloy: lattice, barriers and boxes.
        anneal: that the diagram shows.
        sweeps: of the swaps at each temperature.
        found: at all temperatures.
    """
    boxes, shell = alloy.boxes, alloy.lattice.shells(1)[0]
    unknown = [at.temperature_K for at in found if not at.equilibrium.simulated]
    with_swaps = [at for at in found if at.swaps is not None]
    waves = waves_of(boxes.small, boxes.counts) if with_swaps else None
    return {
        "barriers": alloy.model.name,
        "barrier_members": max(len(alloy.model.members()), 1),
        "species": list(alloy.lattice.species),
        "composition": {symbol: float(c) for symbol, c in alloy.lattice.composition.items()},
        "lattice": alloy.lattice.prototype,
        "sites": boxes.large.n_sites,
        "small_sites": boxes.small.n_sites,
        "vacancies": boxes.vacancies,
        "copies": boxes.copies,
        "small_cell": {symbol: int(count) for symbol, count in boxes.counts.items()},
        "neighbours": shell.offsets.shape[1],
        "neighbour_distance_A": shell.distance,
        "quick_budget": bool(unknown),
        "equilibrium_not_simulated_K": unknown,
        "equilibrium_extrapolated": any(at.equilibrium.source == EXTRAPOLATED for at in found),
        # what a larger budget could change
        "equilibrium_not_reached_K": {
            "runs": [at.temperature_K for at in found if not at.equilibrium.reached],
            "swaps": [at.temperature_K for at in with_swaps if at.exact is None],
        },
        "temperatures": [summary(at, waves) for at in found],
        "sweeps": sweeps if with_swaps else None,
        "vacancy_formation_energy_eV": anneal.formation_energy_eV,
        "anneal": anneal.text,
    }


def summary(at: AtTemperature, waves: SublatticeOrder | None) -> dict[str, Any]:
    """What run.json says of one temperature."""
    record, found = at.runs, at.equilibrium
    return {
        "temperature_K": at.temperature_K,
        "runs": len(record.order),
        "hops_per_run_and_vacancy": float(record.hops[:, -1].mean()),
        "time_s": float(record.times_s[-1]),
        "mean_time_per_hop_s": float(record.times_s[-1] / record.hops[:, -1].mean()),
        "equilibrium_source": found.source,
        "equilibrium_reached_by_runs": found.reached,
        "growth_in_last_doubling": found.growth,
        "length_in_relaxation_times": found.length,
        "relaxation_time_runs_s": without_nan(record.relaxation_time_s),
        "relaxation_time_sde_s": at.prediction.relaxation_time_s,
        "cache_hit_rate": record.hit_rate,
        "clamped_fraction": record.clamped,
        "adjacent_vacancies_fraction_of_time": record.adjacent,
        "time_factor_of_barriers": without_nan(at.time_factor),
        "uncertain_jumps_fraction": without_nan(record.uncertain),
        "swaps": None if at.swaps is None else swap_summary(at.swaps, waves),
    }


def swap_summary(swaps: SwapOrder, waves: SublatticeOrder | None) -> dict[str, Any]:
    """What run.json says of the swaps at one temperature."""
    return {
        "equilibrium_reached": swaps.equilibrated,
        "why_not": swaps.why or None,
        "long_range_order": swaps.long_range.text(waves) or None,
        "largest_difference_of_two_starts": float(swaps.gap.max()),
        "uphill_energy_accepted_kT_per_site": swaps.turnover,
        "replicas_from_the_hottest_temperature": swaps.arrivals,
        "members_reweighted": swaps.reweighted if len(swaps.shift) and swaps.equilibrated else None,
        "effective_states_of_members": without_nan(swaps.effective),
    }


def say_what_was_done(about: dict[str, Any], found: Sequence[AtTemperature]) -> None:
    """One line for each thing that a reader of the figures must know."""
    unknown = about["equilibrium_not_simulated_K"]
    if unknown:
        how = "extrapolated from hotter ones" if about["equilibrium_extrapolated"] else "that of runs on their way"
        say.warning(
            "equilibrium was not reached at %s K: there it is %s; more --hops%s give more",
            listed(unknown),
            how,
            " and --sweeps" if about["sweeps"] else "",
        )
    for one in about["temperatures"]:
        if (swaps := one["swaps"]) is not None and swaps["why_not"]:
            order = f"; {swaps['long_range_order']}" if swaps["long_range_order"] else ""
            say.warning(
                "%g K: swap Monte Carlo gives no equilibrium: %s%s", one["temperature_K"], swaps["why_not"], order
            )
    times_s = {at.temperature_K: at.course.anneal_s * at.course.thermal for at in found}
    endless = [at for at in found if times_s[at.temperature_K] > LONGEST_ANNEAL_S]
    if endless:
        longest = max(endless, key=lambda at: times_s[at.temperature_K])
        say.warning(
            "an anneal of %s takes up to %s s%s at %s K, longer than the age of the universe: drawn open",
            about["anneal"],
            written(times_s[longest.temperature_K]),
            within(longest.time_factor),
            listed([at.temperature_K for at in endless]),
        )
    say.info("%s", what_members_say(about, found))


def what_members_say(about: dict[str, Any], found: Sequence[AtTemperature]) -> str:
    """One line on the uncertainty of the barriers: where it comes from, what it does, and what it misses."""
    name, number = about["barriers"], about["barrier_members"]
    if number == 1:
        return f"barrier model {name} has one member: the uncertainty of its barriers is not known, no bar holds it"
    known = [at for at in found if at.exact is not None]
    by_weight = [at.temperature_K for at in known if at.swaps is not None and at.swaps.reweighted]
    again = [at.temperature_K for at in known if at.temperature_K not in by_weight]
    parts = []
    if by_weight:
        parts.append(f"order of each at {listed(by_weight)} K from the states of their mean, reweighted")
    if again:
        parts.append(f"order of each at {listed(again)} K by swaps that ran again")
    if not known:
        why = "swaps reached no equilibrium" if about["sweeps"] else "without an energy no swaps can tell it"
        parts.append(f"what they do to the order is not known, {why}")
    factors = {at.temperature_K: at.time_factor for at in found if math.isfinite(at.time_factor)}
    if factors:
        low, high = min(factors, key=lambda k: factors[k]), max(factors, key=lambda k: factors[k])
        span = f"{factors[low]:.2g} ({low:g} K)" + (f" to {factors[high]:.2g} ({high:g} K)" if high != low else "")
        parts.append(f"times are known within a factor of {span}")
    shares = [at.runs.uncertain for at in found if math.isfinite(at.runs.uncertain)]
    if shares:
        parts.append(
            f"in {100 * sum(shares) / len(shares):.2g} % of the jumps that were made the members differ by more than "
            f"{UNCERTAIN_EV:g} eV, beyond what its labels cover"
        )
    return f"barrier model {name} has {number} members{' (few)' if number < FEW else ''}: {'; '.join(parts)}"
