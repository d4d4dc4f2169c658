"""What the command anneal does around the function: learn or load, say, show progress, write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.files.content import file_digest
from asemacro.files.json_text import read_json
from asemacro.files.store import run_record, write_json
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.studies.alloy.alloy import Alloy
from asemacro.studies.alloy.commands import run_phase_diagram
from asemacro.studies.alloy.diagram import TEMPERATURES_K
from asemacro.studies.alloy.inputs import choose_barriers, parse_temperatures
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.furnace.annealed import Annealed
from asemacro.studies.furnace.annealing import TASKS, anneal
from asemacro.studies.furnace.notes import of_cooling
from asemacro.studies.furnace.schedule import Schedule, in_words
from asemacro.studies.furnace.vacancies import EVERYWHERE, Vacancies, sinks_of
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.publication import RECORD
from asemacro.tasks.run_folder import RunFolder

MODEL_FOLDER = "model"
DEFAULTS: dict[str, Any] = {
    "temperatures": ",".join(f"{kelvin:g}" for kelvin in TEMPERATURES_K),
    "seeds": 1,
    "hops": None,
    "sweeps": None,
    "barriers": None,
    "sites": 8192,
    "small": 1024,
    "vacancies": None,
    "vacancy_concentration": None,
    "shell_tolerance": None,
    "mix_sublattices": False,
}
"""Options of the model that is learned for a structure."""


def run_anneal(
    known: str | Path,
    output: str | Path,
    *,
    schedule: str,
    vacancy_formation_energy: float | None,
    vacancy_formation_entropy: float,
    sinks: str | None,
    reading: Reading,
    force: bool,
    seed: int,
    workers: int | None,
    **options: Any,
) -> None:
    """Verb anneal: a structure or the folder of a diagram in, anneal.csv, anneal.png, cooling.csv and run.json out."""
    programme = Schedule.parse(schedule)
    sinks_m = EVERYWHERE if sinks is None else sinks_of(sinks)
    # what is wrong with these is said before anything is learned; the concentration does not matter here
    Vacancies(vacancy_formation_energy, vacancy_formation_entropy, sinks_m, 1.0).check(programme.highest_K)
    with RunFolder(output, "anneal", force=force) as folder:
        started = time.perf_counter()
        source = _model_of(known, folder, options, reading, seed, workers)
        with progress_bar(TASKS) as report:
            found = anneal(
                source,
                programme,
                vacancy_formation_energy_eV=vacancy_formation_energy,
                vacancy_formation_entropy_kB=vacancy_formation_entropy,
                sinks_m=sinks_m,
                progress=report,
                rng=np.random.default_rng(seed),
            )
        arguments = {
            "structure_or_folder": str(known),
            **reading,
            **{name: value for name, value in options.items() if value is not None},
            "schedule": schedule,
            "vacancy_formation_energy_eV": vacancy_formation_energy,
            "vacancy_formation_entropy_kB": vacancy_formation_entropy,
            "sinks_m": sinks_m if np.isfinite(sinks_m) else "none",
            "model": str(source),
        }
        wall = time.perf_counter() - started
        written = folder.publish(found.files(), run_record(arguments, seed, wall, **found.summary()))
        _print_summary(found)
        print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")


def _model_of(
    known: str | Path, folder: RunFolder, options: dict[str, Any], reading: Reading, seed: int, workers: int | None
) -> Path:
    """The folder of a diagram: the one that was given, or that of a structure, which is learned if it is not there.

    It is taken up again if lattice, barriers, options and seed are those that it was learned with.
    """
    if Path(known).is_dir():
        given = [
            f"--{name.replace('_', '-')}" for name, value in (options | reading).items() if value not in (None, False)
        ]
        if given:
            raise ValueError(
                f"{', '.join(given)} would change what was learned, and {known} is the folder of a finished run; leave "
                "it out, or give the structure file"
            )
        return Path(known)
    asked = {name: default if options[name] is None else options[name] for name, default in DEFAULTS.items()}
    if len(parse_temperatures(asked["temperatures"])) < 2:
        raise ValueError("--temperatures: a furnace programme needs the equation of at least two temperatures")
    reader = {name: asked[name] for name in ("mix_sublattices", "shell_tolerance")}
    lattice = random_alloy(read_structure(known, **reading), **reader)
    model = choose_barriers(asked["barriers"], lattice)
    alloy = Alloy.of(
        lattice, model, sites=asked["sites"], small=asked["small"],
        vacancies=asked["vacancies"], concentration=asked["vacancy_concentration"],
    )  # fmt: skip
    inputs = {
        "barriers": [one.compile(alloy.boxes.small) for one in (model, *model.members())],
        "lattice": lattice,
        "options": {name: value for name, value in asked.items() if name != "barriers"},
        "seed": seed,
    }
    path = folder.path / MODEL_FOLDER
    entry = folder.checkpoint.entry("model", inputs, ".txt", lasting=True)
    kept = entry.load(lambda file: read_json(file, "checkpoint"))
    if kept is not None and (path / RECORD).is_file() and kept.get("sha256") == file_digest(path / RECORD):
        print(f"learned before, in {path}")
        return path
    run_phase_diagram(
        known, path, reading=reading, seed=seed, workers=workers, anneal_hops=None, anneal_time_s=None, direct=False,
        vacancy_formation_energy_eV=None, **asked,
    )  # fmt: skip
    entry.save(lambda file: write_json(file, {"sha256": file_digest(path / RECORD)}))
    return path


def _print_summary(found: Annealed) -> None:
    """The clocks of the stages, and the order at the end."""
    width = max(len("stage"), *(len(stage.stage) for stage in found.stages))
    print(
        f"{'stage':<{width}} {'furnace time':>12} {'furnace s / KMC s':>18} {'KMC time (s)':>13} {'hops/vacancy':>13} "
        f"{'vacancies/site':>15}"
    )
    for stage in found.stages:
        print(
            f"{stage.stage:<{width}} {in_words(stage.furnace_s):>12} {stage.furnace_s_per_kmc_s:>18.3g} "
            f"{stage.kmc_s:>13.3g} {stage.hops_per_vacancy:>13.3g} {stage.vacancies:>15.3g}"
        )
    print(
        "KMC time and hops: those of the simulations in which the order goes as far; vacancies: at the end of a stage"
    )
    shifts = list(found.by_energy)
    head = "".join(f" {f'E_f {shift:+g} eV':>12}" for shift in shifts)
    mark = ", extrapolated" if found.extrapolated[-1] else ""
    print(
        f"at the end{mark}: delta +- one standard error, sd between specimens of {found.about['sites']:,} sites, alpha"
    )
    print(f"{'pair':<7} {'delta':>18} {'sd':>7} {'alpha':>18}{head}")
    for k, pair in enumerate(found.labels):
        values = "".join(f" {found.by_energy[shift][k]:>+12.4f}" for shift in shifts)
        delta, alpha = (f"{v:+.4f} +- {e:.4f}" for v, e in (
            (found.delta[-1, k], found.delta_err[-1, k]), (found.alpha[-1, k], found.alpha_err[-1, k]),
        ))  # fmt: skip
        print(f"{pair:<7} {delta:>18} {found.delta_sd[-1, k]:>7.4f} {alpha:>18}{values}")
    if line := of_cooling(found):
        print(line)
