"""Points of a diagram from what was learned, from direct KMC, and from swap Monte Carlo."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.analysis import stationary_average
from asemacro.barriers.energy import has_energy
from asemacro.equilibrium import Equilibrium, beyond_the_runs
from asemacro.micro.swap import SwapMC
from asemacro.points import PairTable, Point
from asemacro.prediction import Prediction
from asemacro.progress import Report
from asemacro.record import Record

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice import Lattice
    from asemacro.observables import WarrenCowley

Floats = NDArray[np.float64]
REACH = 1.5  # a path may go this much beyond the data's time before it counts as extrapolated
MARKS = 1000  # times that a chain of swaps is looked at
STILL = 4.0  # standard errors by which two halves may differ, the largest of all pairs


def learned_points(
    table: PairTable,
    records: Sequence[Record],
    predictions: Sequence[Prediction],
    equilibrium: Equilibrium,
    goal: Equilibrium,
    anneals_s: Sequence[float],
    thermal: Sequence[float],
) -> list[Point]:
    """Equilibrium and annealed order of the SDE at all temperatures.

    The annealed order counts as reached if the runs were as long as the anneal, or equilibrium is reached; after a path
    has settled it is that of equilibrium where this is known, and otherwise somewhere on the way to it
    (`beyond_the_runs`).

    Args:
        table: of the pairs.
        records: small runs.
        predictions: of the SDE.
        equilibrium: as learned.
        goal: equilibrium that an anneal goes to: as learned, or by swaps.
        anneals_s: durations in the clock of the runs.
        thermal: factors to the clock of thermal vacancies.
    """
    points: list[Point] = []
    for k, (record, prediction) in enumerate(zip(records, predictions, strict=True)):
        reached, longer = bool(equilibrium.reached[k]), anneals_s[k] / record.times_s[-1]
        annealed, annealed_error = prediction.annealed, prediction.annealed_error
        if reached and prediction.settled:
            annealed, annealed_error = goal.delta[k], goal.error[k]
        elif not reached and longer > 1:
            annealed, annealed_error = beyond_the_runs(
                annealed, annealed_error, goal, k, doublings=float(np.log2(longer))
            )
        for state, delta, error, good in (
            ("equilibrium", equilibrium.delta[k], equilibrium.error[k], reached),
            ("annealed", annealed, annealed_error, reached or longer <= REACH),
        ):
            all_delta, all_error = table.complete(delta, error, table.contacts(record.late))
            points += table.points(
                record.temperature_K,
                state,
                "sde",
                all_delta,
                all_error,
                equilibrated=good,
                anneal_time_s=anneals_s[k] * thermal[k],
            )
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
        ("equilibrium", late.mean, late_error, record.relaxed),
        ("annealed", annealed, spread, reached or record.relaxed),
    ):
        points += table.points(
            record.temperature_K, state, "kmc", delta, error, equilibrated=good, anneal_time_s=anneal_s * thermal
        )
    return points


@dataclasses.dataclass(frozen=True)
class SwapOrder:
    """Equilibrium order by swap Monte Carlo at one temperature, all pairs."""

    delta: Floats
    error: Floats
    equilibrated: bool


def equilibrium_by_swaps(
    lattice: Lattice,
    model: BarrierModel,
    temperatures_K: Sequence[float],
    counts: Mapping[str, int],
    sro: WarrenCowley,
    *,
    sweeps: int,
    workers: int | None,
    rng: np.random.Generator,
    report: Report,
) -> list[SwapOrder]:
    """Canonical equilibrium of the model's energy at the KMC's composition; empty if it has none.

    Two chains go from the highest temperature down, each starting from the state of the temperature above. The first
    half at each temperature is left out; equilibrium counts as reached if the two quarters left agree.

    Args:
        lattice: the box.
        model: barrier model.
        temperatures_K: increasing.
        counts: of each species and of vacancies ("X") in the box.
        sro: measures all pairs.
        sweeps: at each temperature and chain.
        workers: 1 for one chain after the other, else both at once.
        rng: source of randomness.
        report: progress.
    """
    if not has_energy(model):
        return []
    states = list(lattice.random_state(counts, batch=2, rng=rng))
    streams = rng.spawn(2)
    marks = np.unique(np.linspace(0, sweeps, MARKS + 1).astype(int)[1:])
    found: list[SwapOrder] = []
    for done, temperature in enumerate(reversed(temperatures_K)):
        chain = SwapMC(lattice, model, temperature)
        follow = partial(chain.run, record_sweeps=marks, observe=lambda x: sro(np.atleast_2d(x), lattice)[0])
        with ThreadPoolExecutor(min(2, workers or 2)) as pool:
            futures = [pool.submit(follow, x, rng=stream) for x, stream in zip(states, streams, strict=True)]
            runs = [future.result() for future in futures]
        states = [run.x for run in runs]
        order = np.array([run.record for run in runs])
        report("swaps", (done + 1) / len(temperatures_K), f"swap Monte Carlo, {temperature:g} K")
        average = stationary_average(order)
        kept = order[:, order.shape[1] // 2 :]
        half = kept.shape[1] // 2
        change = np.abs(kept[:, half:].mean(axis=(0, 1)) - kept[:, :half].mean(axis=(0, 1)))
        # a mean over half as much has sqrt(2) times the error, the difference of two of them twice the error
        stands = bool((change < np.maximum(2 * STILL * average.error, 0.02)).all())
        found.append(SwapOrder(average.mean, average.error, stands))
    return found[::-1]


def swap_points(table: PairTable, order: SwapOrder, temperature_K: float, anneal_time_s: float) -> list[Point]:
    """Points of `equilibrium_by_swaps`."""
    return list(
        table.points(
            temperature_K,
            "equilibrium",
            "mc",
            order.delta,
            order.error,
            equilibrated=order.equilibrated,
            anneal_time_s=anneal_time_s,
        )
    )


def record_summary(record: Record, prediction: Prediction, equilibrium: Equilibrium, k: int) -> dict[str, Any]:
    """What run.json says of one temperature, the k-th."""
    return {
        "temperature_K": record.temperature_K,
        "runs": len(record.order),
        "hops_per_run_and_vacancy": float(record.hops[:, -1].mean()),
        "time_s": float(record.times_s[-1]),
        "mean_time_per_hop_s": float(record.times_s[-1] / record.hops[:, -1].mean()),
        "equilibrium_reached_by_runs": bool(equilibrium.reached[k]),
        "growth_in_last_doubling": float(equilibrium.approach.rate[k]),
        "length_in_relaxation_times": float(equilibrium.approach.length[k]),
        "relaxation_time_runs_s": record.relaxation_time_s,
        "relaxation_time_sde_s": prediction.relaxation_time_s,
        "cache_hit_rate": record.hit_rate,
        "clamped_fraction": record.clamped,
        "adjacent_vacancies_fraction_of_time": record.adjacent,
    }
