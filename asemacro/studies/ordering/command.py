"""What the command equilibrium does around the function: read, say, show progress, write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.files.store import run_record
from asemacro.lattice.reading.structure_file import Reading, locate, read_structure
from asemacro.studies.alloy.inputs import parse_temperatures
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.ordering.boxes import choose_energy
from asemacro.studies.ordering.calculation import equilibrium
from asemacro.studies.ordering.chains import stages
from asemacro.studies.ordering.result import AlloyEquilibrium
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.where import at_once


def run_equilibrium(structure: str | Path, output: str | Path, *, force: bool = False, **options: Any) -> None:
    """Verb equilibrium: order.csv, thermodynamics.csv, long_range_order.csv, equilibrium.png and run.json."""
    locate(structure, options["reading"].get("index"))  # a wrong name is told before a word on the folder
    with RunFolder(output, "equilibrium", force=force) as folder:
        _run_equilibrium(structure, folder, **options)


def _run_equilibrium(
    structure: str | Path,
    folder: RunFolder,
    *,
    reading: Reading,
    mix_sublattices: bool,
    shell_tolerance: float | None,
    temperatures: str,
    barriers: str | None,
    seed: int,
    workers: int | None,
    **options: Any,
) -> None:
    started = time.perf_counter()
    temperatures_K = parse_temperatures(temperatures)
    lattice = random_alloy(
        read_structure(structure, **reading), mix_sublattices=mix_sublattices, shell_tolerance=shell_tolerance
    )
    model = choose_energy(barriers, lattice)
    print(f"{'-'.join(lattice.species)} on {lattice.prototype}, energy: {model.name}")
    with progress_bar(*stages(), workers=at_once(workers)) as report:
        found = equilibrium(
            lattice, model, temperatures_K=temperatures_K, workers=workers, checkpoint=folder.checkpoint,
            progress=report, rng=np.random.default_rng(seed), **options,
        )  # fmt: skip
    arguments = {
        "structure": str(structure), **reading, "shell_tolerance": shell_tolerance, "temperatures": temperatures_K,
        "barriers": model.name, **options,
    }  # fmt: skip
    wall = time.perf_counter() - started
    written = folder.publish(found.files(), run_record(arguments, seed, wall, **found.record()))
    _print_summary(found)
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")


def _print_summary(found: AlloyEquilibrium) -> None:
    """A row a temperature: energy, heat capacity, long-range order, the pair of most order; then what is said."""
    levels, s = found.asked(1), found.leading
    sro, large = found.sampled[1].sro, found.sampled[1]
    scale = sro.alpha(np.ones(sro.dim), large.box.counts[1:], large.box.lattice)
    unlike = [d for d, (i, j) in enumerate(sro.pairs) if i != j]
    best = max(unlike, key=lambda d: max(abs(scale[d] * at.delta[d]) for at in levels))
    sites, vacancies = found.about["sites"], found.about["vacancies"]
    print(f"{sites[1]} sites ({vacancies[1]} vacant) beside {sites[0]}; +- one standard error, of this energy model")
    star = f"order ({found.orderings[s].star})"
    print(f"{'T (K)':>7} {'E (meV/atom)':>18} {'C (k_B/atom)':>18} {star:>18} {'alpha ' + sro.labels[best]:>20}")
    for at in levels:
        cells = (
            (1e3 * at.energy_eV, 1e3 * at.energy_error_eV, ".2f", 18),
            (at.heat_capacity_kB, at.heat_capacity_error_kB, ".3f", 18),
            (at.order[s], at.order_error[s], ".3f", 18),
            (scale[best] * at.delta[best], abs(scale[best]) * at.delta_error[best], ".3f", 20),
        )
        text = " ".join(f"{f'{value:+{form}} +- {error:{form}}':>{width}}" for value, error, form, width in cells)
        print(f"{at.temperature_K:>7g} {text}{'' if at.equilibrated else ' !'}")
    lines = found.not_equilibrated()
    if lines:
        print("!: no equilibrium")
    for line in found.said():
        print(line)
