"""What the command `reproduce` does around the runner: choose, say, show progress."""

from __future__ import annotations

import time
from pathlib import Path

from asemacro.files.store import output_directory
from asemacro.studies.paper.runner import FIGURES, missing, reproduce
from asemacro.tasks.progress import progress_bar


def run_reproduce(figure: str, output: str | Path, *, quick: bool, seed: int) -> None:
    """Verb reproduce: one figure, or all that the folder does not hold yet."""
    folder = output_directory(output)
    names = missing(FIGURES, folder, quick=quick, seed=seed) if figure == "all" else [figure]
    kept = [name for name in FIGURES if figure == "all" and name not in names]
    if kept:
        print(f"already in {folder}: {', '.join(kept)}")
    for name in names:
        started = time.perf_counter()
        try:
            with progress_bar({"figure": 60.0}) as report:
                result = reproduce(name, folder, quick=quick, seed=seed, progress=report)
        except (KeyboardInterrupt, InterruptedError):
            raise InterruptedError(
                f"interrupted; {name} was not written, its finished parts and finished figures stay in {folder}, the "
                "same command goes on from there"
            ) from None
        print(result.text())
        print(f"wrote {name}.json, .csv, .png to {folder} in {time.perf_counter() - started:.0f} s\n")
