"""Finds, times and saves reproduced figures."""

from __future__ import annotations

import dataclasses
import importlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asemacro.files.json_text import read_json
from asemacro.files.store import run_record
from asemacro.studies.paper.report import Result
from asemacro.tasks.publication import check_files, listed_files
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report
from asemacro.version import __version__

SCALABLE = ("fig2", "fig3a", "fig3b", "fig4", "fig5", "fig6", "fig7", "fig8a", "fig8b", "fig8c")
"""Figures of arXiv 2511.12842."""
PARTIAL = (
    *("partial-table1", "partial-table2", "partial-table3"),
    *("partial-fig3", "partial-fig4", "partial-fig6", "partial-fig8"),
)
"""Tables and figures of arXiv 2410.23938."""
KEPT = (*PARTIAL, "onsagerflow")
"""Long ones, whose parts are kept as they are finished."""
FIGURES = (*SCALABLE, *KEPT)


@one_thread()
def reproduce(
    name: str,
    folder: str | Path,
    *,
    quick: bool = False,
    seed: int = 0,
    progress: Report | None = None,
) -> Result:
    """Run one figure and write NAME.json, NAME.csv, NAME.png and NAME-run.json into a folder.

    Args:
        name: one of FIGURES.
        folder: output folder, made if it is missing.
        quick: a few minutes with a reduced budget instead of the full run.
        seed: of all random numbers.
        progress: told what is being done and how far it is.

    Raises:
        ValueError: an unknown figure.
        OSError: the folder cannot be written.
    """
    if name not in FIGURES:
        raise ValueError(f"unknown figure {name!r}: one of {', '.join(FIGURES)}")
    with RunFolder(folder, "reproduce") as here:
        return _reproduce(name, here, quick, seed, progress)


def _reproduce(name: str, folder: RunFolder, quick: bool, seed: int, progress: Report | None) -> Result:
    """One known figure."""
    started = time.perf_counter()
    module = importlib.import_module(f"asemacro.studies.paper.{name.replace('-', '.')}")
    report = progress or (lambda task, fraction, text: None)
    folder.keep_parts({"figure": name, "quick": quick, "seed": seed})
    kept = {"store": folder.checkpoint} if name in KEPT else {}
    result: Result = module.run(quick=quick, rng=np.random.default_rng(seed), progress=report, **kept)
    result = dataclasses.replace(result, quick=quick)
    record = run_record({"figure": name, "quick": quick}, seed, time.perf_counter() - started)
    folder.publish(result.files(name), record, f"{name}-run.json")
    return result


def finished(name: str, folder: str | Path, *, quick: bool, seed: int) -> bool:
    """Whether a folder already holds this figure, made by this version with these settings, and all its files."""
    folder, record_name = Path(folder), f"{name}-run.json"
    try:
        record = read_json(folder / record_name, "run record")
        listed = listed_files(folder / record_name)
        check_files(folder, list(listed), record_name)
    except (OSError, ValueError):
        return False
    if not listed and not all((folder / f"{name}.{kind}").is_file() for kind in ("json", "png", "csv")):
        return False
    wanted = {"figure": name, "quick": quick}
    return (record.get("asemacro"), record.get("seed"), record.get("arguments")) == (__version__, seed, wanted)


def missing(names: Sequence[str], folder: str | Path, *, quick: bool, seed: int) -> list[str]:
    """Figures that are still to be made."""
    return [name for name in names if not finished(name, folder, quick=quick, seed=seed)]
