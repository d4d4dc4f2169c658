"""What the commands `barriers label` and `barriers import` do around the functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from asemacro.barriers.labelling.bands import BandSettings
from asemacro.barriers.labelling.database import read_labels
from asemacro.barriers.labelling.elsewhere import import_bands
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.studies.alloy.inputs import choose_barriers, parse_temperatures
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.labelling.cells import Cells
from asemacro.studies.labelling.label import label_barriers
from asemacro.tasks.interrupts import interrupted


class Options(TypedDict):
    """Options of the verb label."""

    reading: Reading
    mix_sublattices: bool
    calculator: str
    states: str
    barriers: str | None
    temperatures: str
    cells: int
    jumps: int
    sites: int
    images: int
    paths: int
    relax: str
    workers: int | None
    seed: int


def run_label(structure: str | Path, output: Path, **options: Unpack[Options]) -> None:
    """Verb label: structure file in, labels.db out."""
    atoms = read_structure(structure, **options["reading"])
    alloy = random_alloy(atoms, mix_sublattices=options["mix_sublattices"])
    kinds = tuple(part.strip() for part in options["states"].split(",") if part.strip())
    cells = Cells(
        cells=options["cells"],
        jumps=options["jumps"],
        states=kinds,
        sites=options["sites"],
        barriers=choose_barriers(options["barriers"], alloy) if "kmc" in kinds else None,
        temperatures_K=tuple(parse_temperatures(options["temperatures"])),
    )
    settings = BandSettings(relax=options["relax"], images=options["images"], paths=options["paths"])
    calculator = options["calculator"]
    print(f"{'-'.join(alloy.species)} on {alloy.prototype}, calculator: {calculator}", flush=True)
    try:
        outcome = label_barriers(
            alloy,
            calculator,
            output,
            cells=cells,
            settings=settings,
            workers=options["workers"] or os.cpu_count() or 1,
            progress=True,
            rng=np.random.default_rng(options["seed"]),
        )
    except BaseException as error:
        if not interrupted(error):
            raise
        raise InterruptedError(f"interrupted; what is labelled is in {output}, the same command goes on") from None
    for reason, count in outcome.failed.items():
        print(f"failed and left out: {count} ({reason})")
    _say_range(output)
    print(f"{outcome.labelled} of {outcome.jumps} jumps labelled ({outcome.new} computed now), in {output}")


def run_import(files: Sequence[Path], output: Path, *, reading: Reading) -> None:
    """Verb import: bands of other programs in, labels.db out; a line for each file that is not understood.

    Raises:
        ValueError: files were refused; the others are in the database.
    """
    refused: list[str] = []
    counts = import_bands(files, output, types=reading.get("types"), refused=refused.append)
    for line in refused:
        print(f"asemacro: {line}", file=sys.stderr)
    print(f"{counts.new} bands imported, {counts.known} were there already, {counts.failed} failed, in {output}")
    if refused:
        raise ValueError(f"{len(refused)} of {len(files)} files were refused, see above; the others are in {output}")


def _say_range(output: Path) -> None:
    """The barriers of each species that jumps, in one line each."""
    labels = read_labels(output)
    of: dict[str, list[float]] = {}
    for label in labels:
        symbol = label.lattice.species[label.x[label.jumping] - 1]
        of.setdefault(symbol, []).extend((label.forward_eV, label.backward_eV))
    for symbol, values in sorted(of.items()):
        low, mean, high = np.min(values), np.mean(values), np.max(values)
        print(f"barriers of {symbol}: {low:.2f} to {high:.2f} eV, mean {mean:.2f} eV, {len(values)} of them")
