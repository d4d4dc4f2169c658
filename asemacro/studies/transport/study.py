"""Diffusion coefficients of an alloy over temperature, from the displacements of all atoms in vacancy KMC."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import array, checked, flag, instance, model, real, report, whole
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.alloy.anneal import Anneal
from asemacro.studies.alloy.inputs import check_temperatures
from asemacro.studies.transport.coefficients import coefficients
from asemacro.studies.transport.components import components_of
from asemacro.studies.transport.result import Diffusion
from asemacro.studies.transport.said import say_what_was_done
from asemacro.studies.transport.setup import Setup
from asemacro.studies.transport.walked import Settled, Walked, settle, walk
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import silent
from asemacro.tasks.running import Task, kept_item, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel

TEMPERATURES_K = (1200, 1400, 1600, 1800, 2000)
RUNS, HOPS, SITES = 16, 40_000, 1024
SWEEPS = 200  # of swaps before a run, where the model has an energy
LEAST_RUNS, LEAST_HOPS = 4, 1000
MOST_RUNS = 10_000
say = logging.getLogger("asemacro")


def task_name(stage: str, temperature_K: float, run: int) -> str:
    """Name of one run in the progress and in the store."""
    return f"{stage}-{float(temperature_K)!r}K-{run}"


def stages(temperatures_K: Sequence[float], runs: int) -> tuple[dict[str, float], ...]:
    """What `diffusion` reports: its tasks by stages, with the seconds that they take on an ordinary core."""
    return tuple(
        {task_name(stage, kelvin, run): weight for kelvin in temperatures_K for run in range(runs)}
        for stage, weight in (("settle", 1.0), ("walk", 2.0))
    )


@checked(
    barriers=model,
    temperatures_K=array(None),
    sites=whole(1),
    vacancies=whole(1),
    vacancy_concentration=real,
    runs=whole(LEAST_RUNS, MOST_RUNS),
    hops=whole(LEAST_HOPS),
    settle_hops=whole(LEAST_HOPS),
    vacancy_formation_energy_eV=real,
    mix_sublattices=flag,
    shell_tolerance=real,
    workers=whole(1),
    checkpoint=instance("Checkpoint"),
    progress=report,
    rng=generator_of,
)
def diffusion(
    structure: Any,
    barriers: str | Path | BarrierModel | None = None,
    *,
    temperatures_K: Sequence[float] = TEMPERATURES_K,
    sites: int = SITES,
    vacancies: int | None = None,
    vacancy_concentration: float | None = None,
    runs: int = RUNS,
    hops: int = HOPS,
    settle_hops: int | None = None,
    vacancy_formation_energy_eV: float | None = None,
    mix_sublattices: bool = False,
    shell_tolerance: float | None = None,
    workers: int | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Report | None = None,
    rng: np.random.Generator,
) -> Diffusion:
    r"""Tracer and vacancy diffusion, correlation factors and Onsager coefficients of an alloy, with standard errors.

        D*_s = 1/2 d/dt <dr dr^T>,    kT Omega L_ij = 1/(2 N) d/dt <dR_i dR_j^T>    (Allnatt)

    dr is the displacement of one atom of species s on the lattice, dR_i the sum over all of species i, N the number of
    sites, Omega their volume; of cubic lattices a third of the trace is given. Slopes are taken where they no longer
    change with the lag (`coefficients.plateau`), errors from independent runs (jackknife). f_s is D*_s over what the
    same hops would give if none knew of those before. In the frame of the lattice sum_j L_ij + L_iV = 0 at every
    moment. Source: Allnatt and Lidiard, Atomic Transport in Solids (Cambridge, 1993).

    Args:
        structure: ASE Atoms, pymatgen Structure or Lattice. Definite atoms stay as they are until vacancies move them;
            of a disordered structure or a Lattice the runs begin at random.
        barriers: model, its name or file; None for the default of the species (`inputs.choose_barriers`).
        temperatures_K: temperatures.
        sites: least number of sites of the box.
        vacancies: in the box; default by concentration.
        vacancy_concentration: per site, default what occupancies leave vacant, else 1/1024.
        runs: independent ones at each temperature.
        hops: of all vacancies together, of each run.
        settle_hops: before them, by which the order comes to equilibrium; default `hops`. Where the model has an energy
            SWEEPS sweeps of swap Monte Carlo come first, and vacancies that are hardly bound do the rest.
        vacancy_formation_energy_eV: E_f; the coefficients of the atoms are then also given times exp(-E_f / kT) / c,
            from the KMC's vacancy concentration c to the thermal one.
        mix_sublattices: let hops carry atoms to sites that the structure keeps for other species (`start.Start`).
        shell_tolerance: see `Lattice.from_atoms`.
        workers: runs at once (threads; the kernels release the lock). Results do not depend on it.
        checkpoint: where finished runs are kept, and found again.
        progress: called with (task, fraction, text); `stages` names the tasks.
        rng: source of randomness; every run has a stream of its own, named by its temperature and number.

    Raises:
        ValueError: one line on what is wrong with the input.
    """
    kelvins, streams = check_temperatures(list(temperatures_K)), Streams.of(rng)
    setup = Setup.of(
        structure,
        barriers,
        sites=sites,
        vacancies=vacancies,
        concentration=vacancy_concentration,
        mix_sublattices=mix_sublattices,
        shell_tolerance=shell_tolerance,
        rng=streams("start"),
    )
    thermal = Anneal(None, None, vacancy_formation_energy_eV, setup.concentration)
    thermal.check(kelvins)
    setup.check(kelvins)
    study = _Study(setup, streams, runs, workers, checkpoint or Checkpoint(None), progress or silent)
    walked = study.walk(study.settle(kelvins, settle_hops or hops), hops)
    weights = components_of(setup.box)
    known = tuple(coefficients(kelvin, walked[kelvin], weights) for kelvin in kelvins)
    found = Diffusion(setup.box, known, thermal, setup.model.name)
    say_what_was_done(found)
    return found


@dataclasses.dataclass(frozen=True)
class _Study:
    """Runs of one box at several temperatures, side by side."""

    setup: Setup
    streams: Streams
    runs: int
    workers: int | None
    store: Checkpoint
    progress: Report

    @functools.cached_property
    def system(self) -> VacancyKMC:
        """The box, at any temperature: what is known of its barriers serves them all."""
        return VacancyKMC(self.setup.box, self.setup.model, 1000.0)

    @functools.cached_property
    def _same(self) -> dict[str, Any]:
        """What all results depend on."""
        box, model = self.setup.box, self.setup.model
        swaps = model.compile_energy(box) if model.has_energy else None
        frequencies = self.system.attempt_frequency_Hz
        return {"barriers": model.compile(box), "energy": swaps, "attempt frequencies": frequencies, "lattice": box}

    def settle(self, temperatures_K: Sequence[float], hops: int) -> dict[float, list[Settled]]:
        """States after swaps and hops, of each run at each temperature."""
        tasks = []
        for kelvin in temperatures_K:
            for run in range(self.runs):
                rng = self.streams("settle", kelvin, run)
                x = self.setup.draw(self.streams("draw", kelvin, run))
                inputs = {**self._same, "temperature": kelvin, "start": x, "settling": [hops, SWEEPS], "seed": rng}
                work = functools.partial(_settled, self.system.at(kelvin), x, hops, rng)
                name = task_name("settle", kelvin, run)
                tasks.append(Task(name, work, kept=kept_item(Settled, inputs, "settled states")))
        return self._by_temperature(temperatures_K, self._run(tasks))

    def walk(self, settled: dict[float, list[Settled]], hops: int) -> dict[float, list[Walked]]:
        """What the particles did, in runs of one length at each temperature: that of `hops` hops on average."""
        tasks = []
        for kelvin, starts in settled.items():
            counted = starts[0].hops - starts[0].hops // 2
            duration_s = hops * float(np.mean([start.half_s for start in starts])) / counted
            for run, start in enumerate(starts):
                rng = self.streams("walk", kelvin, run)
                inputs = {**self._same, "temperature": kelvin, "start": start.x, "length": duration_s, "seed": rng}
                work = functools.partial(_walked, self.system.at(kelvin), start, duration_s, rng)
                name = task_name("walk", kelvin, run)
                tasks.append(Task(name, work, kept=kept_item(Walked, inputs, "displacements")))
        return self._by_temperature(list(settled), self._run(tasks))

    def _run(self, tasks: list[Task[Any]]) -> list[Any]:
        there = sum(self.store.entry(task.name, task.kept.inputs).there for task in tasks if task.kept)
        if there:
            say.info("goes on: %d of %d runs of the same command that was stopped are kept", there, len(tasks))
        return run_tasks(tasks, None, self.store, self.progress, workers=self.workers)

    def _by_temperature(self, temperatures_K: Sequence[float], results: list[Any]) -> dict[float, list[Any]]:
        return {kelvin: results[k * self.runs : (k + 1) * self.runs] for k, kelvin in enumerate(temperatures_K)}


def _settled(system: VacancyKMC, x: NDArray[np.int8], hops: int, rng: np.random.Generator, tell: Report) -> Settled:
    """One run up to equilibrium."""
    if system.barriers.has_energy:
        x = SwapMC(system.lattice, system.barriers, system.temperature_K).run(x, SWEEPS, rng=rng).x
    return settle(system, x, hops, tell, rng)


def _walked(system: VacancyKMC, start: Settled, duration_s: float, rng: np.random.Generator, tell: Report) -> Walked:
    """One run at equilibrium."""
    return walk(system, start, duration_s, tell, rng)
