"""Order over a furnace programme, from a learned diagram."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import checked, path, real, report
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.furnace.annealed import Annealed
from asemacro.studies.furnace.cells import Cells, log_mean
from asemacro.studies.furnace.cooling import cooling
from asemacro.studies.furnace.kinetics import Kinetics
from asemacro.studies.furnace.notes import say_what_was_done
from asemacro.studies.furnace.order import StageSummary
from asemacro.studies.furnace.scatter import scatter
from asemacro.studies.furnace.schedule import Schedule
from asemacro.studies.furnace.vacancies import EVERYWHERE, Vacancies
from asemacro.studies.furnace.walk import Walked, intervals_of, kmc_time, mover, reduced, walk
from asemacro.tasks.progress import silent
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

UNSURE_eV = 0.1  # of a formation energy, by which the sensitivity is told
ROUGH = 0.4  # largest rate times step where cooling rates are looked for: decades are told apart
TASKS = {"order": 3.0, "specimens": 2.0, "cooling rates": 3.0}
"""What `anneal` reports, and the seconds that it takes."""


def schedule_of(value: Any, name: str) -> Schedule:
    """A programme, or the text of one."""
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a Schedule or a text, got {type(value).__name__}")
    return Schedule.parse(value)


def kinetics_of(value: Any, name: str) -> Kinetics:
    """What a diagram knows, from it or from its folder."""
    if isinstance(value, Kinetics):
        return value
    if not isinstance(value, PhaseDiagram):
        value = path(value, f"{name} must be a PhaseDiagram or the folder of one; it")
    return Kinetics.of(value)


@checked(
    known=kinetics_of,
    schedule=schedule_of,
    vacancy_formation_energy_eV=real,
    vacancy_formation_entropy_kB=real,
    sinks_m=real,
    progress=report,
    rng=generator_of,
)
def anneal(
    known: Kinetics | PhaseDiagram | str | Path,
    schedule: Schedule | str,
    *,
    vacancy_formation_energy_eV: float | None = None,
    vacancy_formation_entropy_kB: float = 0.0,
    sinks_m: float = EVERYWHERE,
    progress: Report | None = None,
    rng: np.random.Generator,
) -> Annealed:
    r"""Short-range order of an alloy over a furnace programme, from random, with error bars.

    The order z follows the learned equation at the temperature of the furnace, with a clock that goes with the number
    of vacancies c(t): dz = s mu(z, T) dt + (s Sigma(z, T))^(1/2) dB, s = c(t) / c_KMC, that is the equation itself in
    the time of the simulations, the integral of s dt. The vacancies follow a rate equation of their own (`Vacancies`).
    Where a stretch of the programme is longer than twelve relaxation times (four, of an alloy that was at equilibrium
    before it) the order after it is that of equilibrium and no steps are made: the work does not grow with the length
    of the programme.
    At temperatures at which the simulations arrived at equilibrium the equation is led to it; at others it is followed
    as long as they lasted, and then goes on towards equilibrium with an error to match, as in the diagram (`Local`).
    Outside of the simulated temperatures the rates go on by Arrhenius, and the order tends to that of the nearest, with
    an error that holds the trend of equilibrium in 1/T beyond it.

    Args:
        known: a diagram (`phase_diagram`), the folder of `asemacro phase-diagram`, or what is known of one.
        schedule: the programme, or its text, as in "1200K 1h; cool 5K/s to 900K; 900K 100h".
        vacancy_formation_energy_eV: E_f of a vacancy; None if it is not known, then there are as many vacancies as in
            the simulations, always.
        vacancy_formation_entropy_kB: its entropy over k.
        sinks_m: distance of the sinks of vacancies in m; 0 for equilibrium at every moment, inf for a constant number.
        progress: called with (task, fraction, text), tasks of TASKS.
        rng: source of randomness, of the scatter between specimens.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: one line on what is wrong with the input.
    """
    assert isinstance(schedule, Schedule)
    assert isinstance(known, Kinetics)
    kinetics, tell, streams = known, progress or silent, Streams.of(rng)
    energy, entropy = vacancy_formation_energy_eV, vacancy_formation_entropy_kB
    vacancies = Vacancies(energy, entropy, sinks_m, kinetics.concentration)
    vacancies.check(schedule.highest_K)
    cells = Cells.of(schedule)
    shifts = [0.0] if energy is None else [0.0, UNSURE_eV, -UNSURE_eV] if energy > UNSURE_eV else [0.0, UNSURE_eV]
    kmc_s = np.stack([
        kmc_time(cells, v.follow(cells, kinetics.vacancy_diffusion), v) for v in map(vacancies.shifted, shifts)
    ])  # fmt: skip
    intervals = intervals_of(kinetics, cells, kmc_s[0])
    model, *members = kinetics.ensemble
    kelvin = np.array([interval.at.temperature_K for interval in intervals])
    start = intervals[0].at.start

    def followed(of: Any, times: Floats, name: str) -> Walked:
        durations = reduced(kinetics, of, cells, times) / kinetics.rate(of, kelvin)
        return walk(intervals, durations, start, mover(of, streams(name), noise=False))

    tell("order", 0.0, "order")
    walked = followed(model, kmc_s, "mean")
    others = []
    for k, member in enumerate(members):
        tell("order", (k + 1) / (len(members) + 1), "order")
        others.append(followed(member, kmc_s[:1], f"member {k}").order[0])
    spread = np.std(others, axis=0, ddof=1) if len(others) > 1 else np.zeros_like(walked.order[0])
    tell("specimens", 0.0, "specimens")
    covariance = scatter(model, intervals, walked.steps, kinetics, streams("specimens"))
    tell("cooling rates", 0.0, "cooling rates")
    hot, cold = float(kinetics.inside(schedule.highest_K)), float(kinetics.inside(schedule.stages[-1].to_K))
    critical = cooling(kinetics, vacancies, hot, cold, mover(model, streams("cooling"), noise=False, rate_step=ROUGH))
    for task in TASKS:
        tell(task, 1.0, "")
    error = np.maximum(walked.error[0], spread)
    found = _joined(kinetics, schedule, vacancies, cells, kmc_s[0], walked, error, covariance, shifts, critical)
    say_what_was_done(found, kinetics)
    return found


def _joined(
    kinetics: Kinetics,
    schedule: Schedule,
    vacancies: Vacancies,
    cells: Cells,
    kmc_s: Floats,
    walked: Walked,
    error: Floats,
    covariance: Floats,
    shifts: list[float],
    critical: Any,
) -> Annealed:
    """All pairs from the unlike ones, and the clocks at the saved times."""
    table = kinetics.table
    contacts = np.mean([course.contacts for course in kinetics.courses], axis=0)
    population = vacancies.follow(cells, kinetics.vacancy_diffusion)
    hops = kmc_s / log_mean(kinetics.hop_s(cells.from_K), kinetics.hop_s(cells.to_K))
    saved = np.append(-1, np.flatnonzero(cells.saved)) + 1

    def summed(values: Floats) -> Floats:
        return np.concatenate([[0.0], np.cumsum(values)])[saved]

    delta = table.all_pairs(table.bounded(walked.order, contacts), contacts)
    unlike = np.eye(len(table.unlike))
    sums = table.all_pairs(unlike, np.zeros_like(contacts)).T
    errors = np.sqrt(error**2 @ (sums**2).T)
    sd = np.sqrt(np.einsum("pi,nij,pj->np", sums, covariance, sums).clip(0))
    kelvin = np.append(cells.from_K[0], cells.to_K[cells.saved])
    outside = (kelvin < kinetics.lowest_K * (1 - 1e-9)) | (kelvin > kinetics.highest_K * (1 + 1e-9))
    return Annealed(
        schedule, vacancies, table.labels, table.random, summed(cells.length_s), kelvin,
        np.append(0, cells.stage[cells.saved]),
        np.append(population.start[0], population.end[cells.saved]),
        summed(kmc_s), summed(hops), delta[0], errors, sd,
        walked.extrapolated[0], outside,
        _stages(schedule, cells, kmc_s, hops, population.end),
        {shift: delta[k, -1] for k, shift in enumerate(shifts) if shift},
        critical, dict(kinetics.about),
    )  # fmt: skip


def _stages(schedule: Schedule, cells: Cells, kmc_s: Floats, hops: Floats, end: Floats) -> list[StageSummary]:
    """What each stage amounts to."""
    found = []
    for k, stage in enumerate(schedule):
        of = cells.stage == k
        kmc = float(kmc_s[of].sum())
        ratio = stage.duration_s / kmc if kmc > 0 else float("inf")
        found.append(StageSummary(str(stage), stage.duration_s, kmc, float(hops[of].sum()), ratio, float(end[of][-1])))
    return found
