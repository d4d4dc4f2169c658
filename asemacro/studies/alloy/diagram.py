"""The product: short-range order over temperature, at equilibrium and after an anneal from random."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import array, checked, flag, instance, model, real, report, whole
from asemacro.studies.alloy.about import about_of, say_what_was_done
from asemacro.studies.alloy.alloy import Alloy
from asemacro.studies.alloy.anneal import Anneal
from asemacro.studies.alloy.at_temperature import judged
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.alloy.campaign import COMPILING, task_name
from asemacro.studies.alloy.inputs import check_temperatures
from asemacro.studies.alloy.study import Study
from asemacro.studies.alloy.swap_equilibrium import LEAST_SWEEPS
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.parts import store_here
from asemacro.tasks.progress import silent
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel

SWEEPS = 400
# where it is hot the curves are smooth and each temperature costs most
TEMPERATURES_K = (400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000, 2300, 2600, 3000)


def stages(temperatures_K: Sequence[float], direct: bool) -> tuple[dict[str, float], ...]:
    """What `phase_diagram` reports: its tasks by stages, with the seconds that they take on an ordinary core."""
    boxes = ("small", "direct") if direct else ("small",)
    runs = {task_name(box, temperature): 30.0 for box in boxes for temperature in temperatures_K}
    return runs, {"swaps": 1.0 * len(temperatures_K)}, {"fit": 20.0}, {"predict": 10.0}


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
    progress=report,
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
        hops: most hops per small run and vacancy; None for a quick budget (`budget.QUICK`, which also bounds the
            barrier evaluations).
        sweeps: of swap Monte Carlo at each temperature, two chains, where the model has an energy; default 400,
            whatever `hops`.
        direct: add direct KMC of the large system, `seeds` runs from random with the same budget.
        vacancy_formation_energy_eV: times are multiplied by c / exp(-E_f / kT), from the KMC's vacancy
            concentration c to the thermal one.
        mix_sublattices: let hops carry atoms to sites that the structure keeps for other species (`start.Start`).
        workers: temperatures simulated at once (threads; the kernels release the lock). Results do not depend on it.
        checkpoint: where finished temperatures, the swaps and the fit are kept, and found again.
        progress: called with (task, fraction, text); `stages` names the tasks.
        rng: source of randomness; every run has a stream of its own, named by its temperature and number
            (`Streams`), so it is the same whatever other temperatures are asked for.

    Raises:
        ValueError: one line on what is wrong with the input.
    """
    tell = progress or silent
    temperatures, budget, sweeps = check_temperatures(list(temperatures_K)), Budget.of_hops(hops), sweeps or SWEEPS
    tell(task_name("small", temperatures[0]), 0.0, COMPILING)
    alloy = Alloy.of(
        structure,
        barriers,
        sites=sites,
        small=small,
        vacancies=vacancies,
        concentration=vacancy_concentration,
        mix_sublattices=mix_sublattices,
    )
    anneal = Anneal(anneal_hops, anneal_time_s, vacancy_formation_energy_eV, alloy.boxes.concentration)
    anneal.check(temperatures)
    alloy.check(temperatures, seeds)
    study = Study(alloy, budget, Streams.of(rng), workers, checkpoint or store_here(), tell)
    simulated = study.simulate(temperatures, seeds * alloy.boxes.copies, direct=seeds if direct else 0)
    simulated = study.swap(simulated, sweeps)
    ensemble = study.learn(simulated)
    known = judged(study.predict(ensemble, simulated), anneal)
    about = about_of(alloy, anneal, sweeps, known)
    say_what_was_done(about, known)
    return PhaseDiagram(known, ensemble, about, alloy.boxes.small)
