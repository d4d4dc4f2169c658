"""What the command diffusion does around the function: read, show progress, write, sum up."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.files.store import run_record
from asemacro.lattice.reading.structure_file import Reading, locate, read_structure
from asemacro.studies.alloy.inputs import parse_temperatures
from asemacro.studies.transport.result import Diffusion
from asemacro.studies.transport.said import about
from asemacro.studies.transport.study import diffusion, stages
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.where import at_once


def run_diffusion(structure: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> None:
    """Verb diffusion: diffusion.csv, onsager.csv, arrhenius.csv, diffusion.png and run.json out."""
    locate(structure, options["reading"].get("index"))  # a wrong name is told before a word on the folder
    with RunFolder(output, "diffusion", force=force) as folder:
        _run_diffusion(structure, folder, **options)


def _run_diffusion(
    structure: str | Path, folder: RunFolder, *, reading: Reading, temperatures: str, seed: int, **options: Any
) -> None:
    started = time.perf_counter()
    temperatures_K = parse_temperatures(temperatures)
    atoms = read_structure(structure, **reading)
    workers = options["workers"]
    with progress_bar(*stages(temperatures_K, options["runs"]), workers=at_once(workers)) as report:
        found = diffusion(
            atoms,
            temperatures_K=temperatures_K,
            checkpoint=folder.checkpoint,
            progress=report,
            rng=np.random.default_rng(seed),
            **options,
        )
    arguments = {"structure": str(structure), **reading, "temperatures": temperatures_K, **options}
    arguments["barriers"] = found.barriers
    wall = time.perf_counter() - started
    written = folder.publish(found.files(), run_record(arguments, seed, wall, **about(found)))
    _print_summary(found)
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")


def _print_summary(found: Diffusion) -> None:
    """D of each species at each temperature, then the Arrhenius laws."""
    at = found.at[0]
    if found.scaled:
        which = f"thermal vacancies, E_f = {found.thermal.formation_energy_eV:g} eV"
    else:
        which = f"{at.concentration:.4g} vacancies per site"
    print(f"D in m2/s +- one standard error, {which}; f: correlation factor; X: the vacancy")
    print(f"{'T (K)':>7} {'species':>8} {'':<14} {'D':>22} {'f':>20}")
    for at in found.at:
        for kind, name in enumerate(found.species):
            scale = found.scale(at, kind) if found.scaled else 1.0
            for c, component in enumerate(at.components):
                d, d_err = at.tracer.value[kind, c] * scale, at.tracer.error[kind, c] * scale
                f, f_err = at.factor.value[kind, c], at.factor.error[kind, c]
                mark = "" if at.linear[kind] else " ~"
                line = f"{at.temperature_K:>7g} {name:>8} {component:<14} {d:>11.3g} +- {d_err:<8.1g}"
                print(f"{line} {f:>9.4f} +- {f_err:<7.4f}{mark}")
    if any(not straight for at in found.at for straight in at.linear[:-1]):
        print("~: the mean square is not linear in time within the runs")
    for name, component, vacancies, d0, factor, q, q_err, _ in found.arrhenius_rows():
        label = f"{name} {component}".strip()
        print(f"{label}: D0 = {d0:.2g} m2/s x or / {factor:.2g}, Q = {q:.3f} +- {q_err:.3f} eV ({vacancies} vacancies)")
