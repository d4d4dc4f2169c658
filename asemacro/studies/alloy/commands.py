"""What the verbs do around the functions that scripts call: read, say, show progress, write."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.arguments.checks import bound_of_memory
from asemacro.files.store import run_record, write_csv
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.alloy.diagram import phase_diagram, stages
from asemacro.studies.alloy.inputs import (
    check_temperatures,
    choose_barriers,
    large_enough,
    parse_temperatures,
)
from asemacro.studies.alloy.start import Start, random_alloy
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.publication import Files
from asemacro.tasks.run_folder import RunFolder

if TYPE_CHECKING:
    from ase import Atoms

    from asemacro.lattice.lattice import Lattice
    from asemacro.micro.alloy.kmc_run import KMCRun
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
    from asemacro.observables.alloy import WarrenCowley

RECORDS = 200  # rows of the order over time of a kmc run
FRAMES = 50  # states in its trajectory


def run_phase_diagram(structure: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> None:
    """Verb phase-diagram: structure file in, sro.csv, sro.png, ttt.png, sde.safetensors and run.json out."""
    with RunFolder(output, "phase-diagram", force=force) as folder:
        _run_phase_diagram(structure, folder, **options)


def _run_phase_diagram(
    structure: str | Path,
    folder: RunFolder,
    *,
    reading: Reading,
    mix_sublattices: bool,
    shell_tolerance: float | None,
    temperatures: str,
    seed: int,
    **options: Any,
) -> None:
    started = time.perf_counter()
    temperatures_K = parse_temperatures(temperatures)
    lattice = random_alloy(
        read_structure(structure, **reading), mix_sublattices=mix_sublattices, shell_tolerance=shell_tolerance
    )
    workers = options.pop("workers")
    options["barriers"] = model = choose_barriers(options["barriers"], lattice.species)
    arguments = {
        "structure": str(structure),
        **reading,
        "shell_tolerance": shell_tolerance,
        "temperatures": temperatures_K,
        **options,
        "barriers": model.name,
    }
    print(f"{'-'.join(lattice.species)} on {lattice.prototype}, barriers: {model.name}")
    tasks = stages(temperatures_K, options["direct"])
    with progress_bar(*tasks, workers=workers or os.cpu_count() or 1) as report:
        diagram = phase_diagram(
            lattice,
            temperatures_K=temperatures_K,
            workers=workers,
            checkpoint=folder.checkpoint,
            progress=report,
            rng=np.random.default_rng(seed),
            **options,
        )
    wall = time.perf_counter() - started
    written = folder.publish(diagram.files(), run_record(arguments, seed, wall, **diagram.about))
    _print_summary(diagram)
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")


def _vacancies(n: int) -> str:
    return f"{n} {'vacancy' if n == 1 else 'vacancies'}"


def _print_summary(diagram: PhaseDiagram) -> None:
    """The strongest pair at each temperature, as in the figures; marks say what was not simulated."""
    pair = diagram.map.pair
    print(f"delta of {pair}, +- one standard error")
    print(f"{'T (K)':>7} {'at equilibrium':>26} {'by':<12} {'annealed':>20}")
    marks: set[str] = set()
    for rest, hot in zip(diagram.curve(pair, "equilibrium"), diagram.curve(pair, "annealed"), strict=True):
        cells = []
        for point in (rest, hot):
            mark = ("" if point.trusted else "o") + ("b" if point.at_bound else "")
            marks.update(mark)
            cells.append(f"{point.delta:+.3f} +- {point.delta_err:.3f} {mark:<2}")
        print(f"{rest.temperature_K:>7g} {cells[0]:>26} {rest.source:<12} {cells[1]:>20}")
    print(
        "by mc: swap Monte Carlo; sde: the equation learned from runs that reached equilibrium; "
        "extrapolated: continued from hotter temperatures"
    )
    if "o" in marks:
        print("o: beyond what was simulated, or an error above 0.05")
    if "b" in marks:
        print("b: as far as the composition allows, the error is cut there")


def run_kmc(structure: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> None:
    """Verb kmc: one run, written as sro.csv, final.extxyz, trajectory.extxyz and run.json."""
    with RunFolder(output, "kmc", force=force) as folder:
        _run_kmc(structure, folder, **options)


def _run_kmc(
    structure: str | Path,
    folder: RunFolder,
    *,
    reading: Reading,
    mix_sublattices: bool,
    shell_tolerance: float | None,
    temperature_K: float,
    hops: int | None,
    time_s: float | None,
    barriers: str | Path | None,
    sites: int,
    vacancies: int | None,
    vacancy_concentration: float | None,
    seed: int,
) -> None:
    import ase.io

    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
    from asemacro.observables.alloy import WarrenCowley
    from asemacro.studies.alloy.mobility import check_mobile

    check_temperatures([temperature_K])
    if hops is not None and time_s is not None:
        raise ValueError("give either --hops or --time, not both")
    begin = Start.read(
        read_structure(structure, **reading), mix_sublattices=mix_sublattices, shell_tolerance=shell_tolerance
    )
    lattice = begin.lattice
    model = choose_barriers(barriers, lattice.species)
    box = large_enough(lattice.at_least(sites), model)
    # the states that are kept for the order over time, and the random numbers that a state is drawn with
    bound_of_memory(box.n_sites * (RECORDS + 25.0), f"a run of {box.n_sites} sites")
    rng = np.random.default_rng(seed)
    start = begin.draw(box, vacancies, vacancy_concentration, rng=rng)
    n_vacancies = int((start == 0).sum())
    absent = [symbol for k, symbol in enumerate(box.species) if not (start == k + 1).any()]
    if absent:
        raise ValueError(
            f"{n_vacancies} vacancies on {box.n_sites} sites leave no atom of {', '.join(absent)}: there is no order "
            "to compute; give fewer vacancies or more --sites"
        )
    check_mobile(model, box, start, [temperature_K])
    kmc = VacancyKMC(box, model, temperature_K)
    print(
        f"{'-'.join(box.species)} on {box.prototype}, {box.n_sites} sites, {_vacancies(n_vacancies)}, "
        f"{temperature_K:g} K, barriers: {model.name}"
    )
    sro = WarrenCowley(box.species, shells=1, pairs="all")
    total = int(hops if hops is not None else 1e5)
    by_time = None if time_s is None else np.linspace(0, time_s, RECORDS + 1)
    by_hops = np.unique(np.linspace(0, total, RECORDS + 1).astype(int)) if time_s is None else None
    with progress_bar({"kmc": 1.0}) as report:
        kmc.run(start, hops=1, rng=np.random.default_rng(0))  # compile first, so that hops/s are those of the run
        run = kmc.run(start, record_times_s=by_time, record_hops=by_hops, progress=report, rng=rng)
    columns, rows = order_table(sro, box, run)
    frames = [
        at_time(box.to_atoms(x), time_s=t)
        for x, t in list(zip(run.record, run.record_times_s, strict=True))[:: max(1, len(run.record) // FRAMES)]
    ]
    final = at_time(box.to_atoms(run.x), time_s=run.time_s)
    record = run_record(
        {
            "structure": str(structure),
            **reading,
            "shell_tolerance": shell_tolerance,
            "temperature_K": temperature_K,
            "hops": hops,
            "time_s": time_s,
            "barriers": model.name,
            "sites": box.n_sites,
            "vacancies": n_vacancies,
        },
        seed,
        run.wall_time_s,
        barriers=model.name,
        stopped=run.stopped,
        hops=run.hops,
        time_s=run.time_s,
        hops_per_second=run.hops_per_second,
        cache_hit_rate=run.cache_hit_rate,
        clamped_fraction=run.clamped_fraction,
        adjacent_vacancies_fraction_of_time=run.adjacent_fraction,
    )
    files: Files = {
        "sro.csv": lambda path: write_csv(path, columns, rows),
        "final.extxyz": lambda path: ase.io.write(path, final, format="extxyz"),
        "trajectory.extxyz": lambda path: ase.io.write(path, frames, format="extxyz"),
    }
    written = folder.publish(files, record)
    if run.stopped == "blocked" or run.hops == 0:
        print(_why_it_stands(kmc, run))
    print(
        f"{run.hops} hops, {run.time_s:.4g} s of KMC time, {run.hops_per_second:.3g} hops/s, "
        f"cache hits {100 * run.cache_hit_rate:.0f} %"
    )
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path}")


def order_table(sro: WarrenCowley, box: Lattice, run: KMCRun) -> tuple[list[str], list[list[float]]]:
    """Columns and rows of a run's sro.csv: delta_PAIR and alpha_PAIR of every pair, over hops and time.

    Both as `WarrenCowley` defines them: alpha counts a vacancy as a neighbour of no species.
    """
    delta = sro(run.record, box)
    atoms = np.bincount(run.record[0], minlength=len(box.species) + 1)[1:]
    alpha = sro.alpha(delta, atoms, box)
    columns = ["hop", "time_s", *(f"{what}_{label}" for label in sro.labels for what in ("delta", "alpha"))]
    both = np.stack([delta, alpha], axis=2).reshape(len(delta), -1)
    rows = [[int(n), float(t), *values] for n, t, values in zip(run.record_hops, run.record_times_s, both, strict=True)]
    return columns, rows


def at_time(atoms: Atoms, **time: float) -> Atoms:
    """The atoms with their time in `info`, as `time_s` (seconds) or `time` (of a dimensionless system)."""
    atoms.info.update({name: float(value) for name, value in time.items()})
    return atoms


def _why_it_stands(kmc: VacancyKMC, run: KMCRun) -> str:
    """One line on a run that made no hop, or came to a state that no hop leaves."""
    total = float(kmc.rates(run.x).sum())
    if run.stopped == "blocked" or total == 0:
        return f"stopped after {run.hops} hops: no vacancy has an atom beside it that can jump"
    return f"no hop in {run.time_s:g} s: the first one takes {1 / total:.2g} s on average, give a longer time or --hops"
