"""The product: short-range order over temperature, at equilibrium and after an anneal from random."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import kB

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import array, checked, flag, function, instance, model, real, whole
from asemacro.observables.alloy import WarrenCowley
from asemacro.plot.written_numbers import written
from asemacro.studies.alloy.about import about_of, say_what_was_done
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.alloy.campaign import Budget, Job, run_jobs, task_name
from asemacro.studies.alloy.course import courses_of
from asemacro.studies.alloy.equilibrium import equilibrium_of
from asemacro.studies.alloy.inputs import Boxes, check_boxes, check_temperatures, choose_barriers, choose_boxes
from asemacro.studies.alloy.kept_stages import kept_fit, kept_swaps
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.prediction import learn, predict
from asemacro.studies.alloy.results import best_points, direct_points
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.alloy.swap_equilibrium import LEAST_SWEEPS, equilibrium_by_swaps
from asemacro.studies.alloy.time_temperature import time_temperature_map
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice

ANNEAL_HOPS = 2e7
LARGEST_EXPONENT = 500.0  # of a thermal vacancy concentration; times beyond exp(500) s are of no use, and overflow
say = logging.getLogger("asemacro")
SWEEPS = 400
QUICK = Budget(hops=6e5, evaluations=2.6e4, relaxations=12.0, near_hops=8e4, far_evaluations=8e3)
# where it is hot the curves are smooth and each temperature costs most
TEMPERATURES_K = (400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000, 2300, 2600, 3000)


def stages(temperatures_K: Sequence[float], direct: bool) -> tuple[dict[str, float], ...]:
    """What `phase_diagram` reports: its tasks by stages, with the seconds that they take on an ordinary core."""
    boxes = ("small", "direct") if direct else ("small",)
    runs = {task_name(box, temperature): 30.0 for box in boxes for temperature in temperatures_K}
    return runs, {"fit": 20.0}, {"swaps": 1.0 * len(temperatures_K)}, {"predict": 10.0}


@checked(
    barriers=model,
    checkpoint=instance("Checkpoint"),
    temperatures_K=array(None),
    sites=whole(1),
    small=whole(1),
    vacancies=whole(1),
    vacancy_concentration=real,
    anneal_hops=real,
    anneal_time_s=real,
    seeds=whole(1),
    hops=real,
    sweeps=whole(LEAST_SWEEPS),
    direct=flag,
    vacancy_formation_energy_eV=real,
    workers=whole(1),
    progress=function,
    rng=generator_of,
)
def phase_diagram(
    structure: Any,
    barriers: str | Path | BarrierModel | None = None,
    *,
    temperatures_K: Sequence[float] = TEMPERATURES_K,
    sites: int = 8192,
    small: int = 1024,
    vacancies: int | None = None,
    vacancy_concentration: float | None = None,
    anneal_hops: float | None = None,
    anneal_time_s: float | None = None,
    seeds: int = 1,
    hops: float | None = None,
    sweeps: int | None = None,
    direct: bool = False,
    vacancy_formation_energy_eV: float | None = None,
    mix_sublattices: bool = False,
    workers: int | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Report | None = None,
    rng: np.random.Generator,
) -> PhaseDiagram:
    """Short-range order of an alloy over temperature, learned from small vacancy KMC runs.

    At every temperature `seeds` x K small cells run from random; one SDE for all temperatures is fitted to their
    pairs and predicts the large system: the order reached after an anneal from random, and at equilibrium.

    Args:
        structure: ASE Atoms, pymatgen Structure or Lattice; it gives the lattice, the composition and, by its
            occupancies, the vacancies. The runs start from random.
        barriers: model, its name or file; None for the default of the species (`inputs.choose_barriers`).
        temperatures_K: temperatures.
        sites: least number of sites of the predicted system.
        small: least number of sites of the simulated cells.
        vacancies: in the predicted system; default by concentration.
        vacancy_concentration: per site, default what occupancies leave vacant, else 1/1024; at least one
            vacancy a small cell.
        anneal_hops: anneal in hops per vacancy, default 2e7; turned into time by the mean time that the small
            runs from random took.
        anneal_time_s: anneal in seconds instead.
        seeds: small runs are seeds x K.
        hops: most hops per small run and vacancy; None for a quick budget (`QUICK`, at most 2.6e4 barrier
            evaluations a run).
        sweeps: of swap Monte Carlo at each temperature, two chains, where the model has an energy; default 400,
            whatever `hops`.
        direct: add direct KMC of the large system, `seeds` runs from random with the same budget.
        vacancy_formation_energy_eV: times are multiplied by c / exp(-E_f / kT), from the KMC's vacancy
            concentration c to the thermal one.
        mix_sublattices: let hops carry atoms to sites that the structure keeps for other species (`start.Start`).
        workers: temperatures simulated at once (threads; the kernels release the lock). Results do not depend on it.
        checkpoint: where finished temperatures, the fit and the swaps are kept.
        progress: called with (task, fraction, text); `stages` names the tasks.
        rng: source of randomness; one stream a temperature is spawned from it.

    Raises:
        ValueError: one line on what is wrong with the input.
    """
    temperatures = check_temperatures(list(temperatures_K))
    _check_numbers(anneal_hops, anneal_time_s, hops, seeds, vacancy_formation_energy_eV)
    lattice = random_alloy(structure, mix_sublattices=mix_sublattices)
    if len(lattice.species) < 2:
        raise ValueError(
            f"{'-'.join(lattice.species) or 'no element'}: no unlike pairs, so there is no order to compute"
        )
    model = choose_barriers(barriers, lattice.species)
    boxes = _two_copies(lattice, model, sites, small, vacancies, vacancy_concentration)
    check_boxes(boxes, model, temperatures, seeds)
    thermal = [_thermal_factor(T, boxes, vacancy_formation_energy_eV) for T in temperatures]
    budget = QUICK if hops is None else Budget(hops=hops)
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    report = progress or (lambda task, fraction, text: None)
    streams = rng.spawn(2 * len(temperatures) + 3)

    jobs = [
        Job(boxes.small, model, temperature, boxes.counts, seeds * boxes.copies, boxes.copies, sro, budget, stream)
        for temperature, stream in zip(temperatures, streams, strict=False)
    ]
    if direct:
        jobs += [
            Job(boxes.large, model, temperature, boxes.large_counts, seeds, 1, sro, budget, stream, "direct")
            for temperature, stream in zip(temperatures, streams[len(temperatures) :], strict=False)
        ]
    checkpoint = checkpoint or Checkpoint(None)
    records = run_jobs(jobs, workers, checkpoint, report)
    small_records, direct_records = records[: len(temperatures)], records[len(temperatures) :]

    table = PairTable.of(sro, boxes.counts, boxes.small)
    report("fit", 0.0, "fit the SDE")
    unlike = WarrenCowley(lattice.species)
    labels = list(unlike.labels)
    ensemble = kept_fit(
        checkpoint,
        partial(
            learn,
            small_records,
            table.unlike,
            labels,
            boxes.large.n_sites,
            rng=streams[-3],
            report=lambda share: report("fit", share, "fit the SDE"),
        ),
        records=small_records,
        labels=labels,
        sites=boxes.large.n_sites,
        rng=streams[-3],
    )
    report("fit", 1.0, "")
    start = unlike.random_mean(boxes.large, list(boxes.large_counts.values()))
    chains = partial(
        equilibrium_by_swaps,
        boxes.small,
        model,
        temperatures,
        boxes.counts,
        sro,
        sweeps=sweeps or SWEEPS,
        workers=workers,
        rng=streams[-2],
        report=report,
    )
    swaps = kept_swaps(
        checkpoint,
        chains,
        lattice=boxes.small,
        model=model,
        temperatures_K=temperatures,
        counts=boxes.counts,
        sro=sro,
        sweeps=sweeps or SWEEPS,
        rng=streams[-2],
    )
    report("swaps", 1.0, "")
    anneals = [
        record.time_of_hops(anneal_hops or ANNEAL_HOPS) if anneal_time_s is None else anneal_time_s / factor
        for record, factor in zip(small_records, thermal, strict=True)
    ]
    report("predict", 0.0, "predict")
    predictions = predict(
        ensemble,
        small_records,
        start,
        table.unlike,
        rng=streams[-1],
        report=lambda share: report("predict", 0.9 * share, "predict"),
    )
    exact = [(e.delta[table.unlike], e.error[table.unlike]) if e.equilibrated else None for e in swaps]
    equilibrium = equilibrium_of(table, small_records, predictions, exact)
    courses = courses_of(table, small_records, predictions, equilibrium, anneals, thermal)
    points = []
    for k, (record, course) in enumerate(zip(small_records, courses, strict=True)):
        points += best_points(table, record, course, equilibrium, swaps[k] if swaps else None, k)
        if direct:
            points += direct_points(table, direct_records[k], anneals[k], thermal[k])
    about = about_of(model, lattice, boxes, small_records, predictions, equilibrium, swaps)
    about |= {
        "sweeps": (sweeps or SWEEPS) if swaps else None,
        "vacancy_formation_energy_eV": vacancy_formation_energy_eV,
        "anneal": f"{written(anneal_time_s)} s"
        if anneal_time_s is not None
        else f"{written(anneal_hops or ANNEAL_HOPS)} hops per vacancy",
    }
    over_time = time_temperature_map(courses, labels)
    report("predict", 1.0, "")
    say_what_was_done(about, swaps, courses)
    return PhaseDiagram(points, over_time, ensemble, about)


def _two_copies(
    lattice: Lattice,
    model: BarrierModel,
    sites: int,
    small: int,
    vacancies: int | None,
    concentration: float | None,
) -> Boxes:
    """Boxes of at least two small cells in the large one: from one run alone nothing can be told of its error."""
    boxes = choose_boxes(lattice, model, sites, small, vacancies, concentration)
    if boxes.copies > 1:
        return boxes
    larger = choose_boxes(lattice, model, boxes.small.n_sites + 1, boxes.small.n_sites, vacancies, concentration)
    say.warning(
        "the predicted box is enlarged from %d to %d sites: it must hold two simulated boxes of %d sites at least",
        boxes.large.n_sites,
        larger.large.n_sites,
        boxes.small.n_sites,
    )
    return larger


def _check_numbers(
    anneal_hops: float | None,
    anneal_time_s: float | None,
    hops: float | None,
    seeds: int,
    vacancy_formation_energy_eV: float | None,
) -> None:
    """One-line errors for numbers that make no sense."""
    if anneal_hops is not None and anneal_time_s is not None:
        raise ValueError("give the anneal in hops or in seconds, not both")
    for name, value in (("anneal", anneal_hops), ("anneal time", anneal_time_s), ("number of hops", hops)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"the {name} must be positive and finite, got {value:g}")
    if hops is not None and hops < 1000:
        raise ValueError(f"{hops:g} hops a run are too few to learn from; give at least 1000")
    if seeds < 1:
        raise ValueError(f"at least one seed is needed, got {seeds}")
    energy = vacancy_formation_energy_eV
    if energy is not None and not (math.isfinite(energy) and energy > 0):
        raise ValueError(f"the vacancy formation energy must be positive and finite, got {energy:g} eV")


def _thermal_factor(temperature_K: float, boxes: Boxes, formation_energy_eV: float | None) -> float:
    """Thermal time over KMC time: the KMC's vacancy concentration over exp(-E_f / kT)."""
    if formation_energy_eV is None:
        return 1.0
    concentration = boxes.vacancies / boxes.large.n_sites
    exponent = formation_energy_eV / (kB * temperature_K)
    if exponent > LARGEST_EXPONENT:
        raise ValueError(
            f"a vacancy formation energy of {formation_energy_eV:g} eV at {temperature_K:g} K: exp(-{exponent:.0f}), "
            f"no sample has a thermal vacancy; give temperatures of at least "
            f"{math.ceil(formation_energy_eV / (kB * LARGEST_EXPONENT))} K, or leave the energy out"
        )
    return concentration * math.exp(exponent)
