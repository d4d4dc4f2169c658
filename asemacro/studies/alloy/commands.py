"""What the command phase-diagram does around the function: read, say, show progress, write."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.files.store import run_record
from asemacro.lattice.reading.structure_file import Reading, locate, read_structure
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.alloy.diagram import phase_diagram, stages
from asemacro.studies.alloy.inputs import (
    choose_barriers,
    contents_of,
    large_enough,
    parse_temperatures,
)
from asemacro.studies.alloy.points import TRUSTED_ERROR
from asemacro.studies.alloy.start import random_alloy
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.where import at_once


def run_phase_diagram(
    structure: str | Path, output: str | Path, *, html: bool = False, force: bool = False, **options: Any
) -> None:
    """Verb phase-diagram: structure file in; tables, figures, last states, equation, run.json out; a page if asked."""
    locate(structure, options["reading"].get("index"))  # a wrong name is told before a word on the folder
    with RunFolder(output, "phase-diagram", force=force) as folder:
        _run_phase_diagram(structure, folder, **options)
        if html:
            from asemacro.studies.report.write import write_report

            print(f"wrote {write_report(folder.path)}")


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
    options["barriers"] = model = choose_barriers(options["barriers"], lattice)
    arguments = {
        "structure": str(structure),
        **reading,
        "shell_tolerance": shell_tolerance,
        "temperatures": temperatures_K,
        **options,
        "barriers": model.name,
    }
    print(f"{'-'.join(lattice.species)} on {lattice.prototype}, barriers: {model.name}")
    content = {
        "lattice": lattice,
        "barriers": contents_of(model, large_enough(lattice.at_least(options["small"]), model)),
    }
    folder.keep_parts({**arguments, "structure": None, **content, "seed": seed})
    tasks = stages(temperatures_K, options["direct"])
    with progress_bar(*tasks, workers=at_once(workers)) as report:
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


def _print_summary(diagram: PhaseDiagram) -> None:
    """The strongest pair at each temperature, as in the figures; marks say what was not simulated."""
    pair = diagram.map.pair
    rows = list(zip(diagram.curve(pair, "equilibrium"), diagram.curve(pair, "annealed"), strict=True))
    both = any(point.delta_err_barrier is not None for row in rows for point in row)
    factors = [at.time_factor for at in diagram.known]
    timed = any(math.isfinite(factor) for factor in factors)
    wide = 12 if both else 0
    print(f"delta of {pair}, +- one standard error" + (" of sampling and fit, +- that of the barriers" if both else ""))
    head = f"{'T (K)':>7} {'at equilibrium':>{26 + wide}} {'by':<12} {'annealed':>{20 + wide}}"
    print(head + (f" {'times within':>13}" if timed else ""))
    marks: set[str] = set()
    for (rest, hot), factor in zip(rows, factors, strict=True):
        cells = []
        for point in (rest, hot):
            mark = ("o" if point.beyond else "" if point.trusted else "~") + ("b" if point.at_bound else "")
            marks.update(mark)
            of_barriers = "" if point.delta_err_barrier is None else f" +- {point.delta_err_barrier:.3f}"
            cells.append(f"{point.delta:+.3f} +- {point.delta_err:.3f}{of_barriers} {mark:<2}")
        line = f"{rest.temperature_K:>7g} {cells[0]:>{26 + wide}} {rest.source:<12} {cells[1]:>{20 + wide}}"
        print(line + (f" {f'x or / {factor:.2g}':>13}" if math.isfinite(factor) else ""))
    print(
        "by mc: swap Monte Carlo; sde: the equation learned from runs that reached equilibrium; "
        "extrapolated: continued from hotter temperatures"
    )
    if "o" in marks:
        print("o: beyond what was simulated")
    if "~" in marks:
        print(f"~: simulated, with an error above {TRUSTED_ERROR:g}")
    if "b" in marks:
        print("b: as far as the composition allows, the error is cut there")
