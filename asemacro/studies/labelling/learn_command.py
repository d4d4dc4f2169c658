"""What the command `barriers learn` does around the function."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from asemacro.barriers.labelling.bands import BandSettings
from asemacro.files.store import run_record
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.studies.alloy.inputs import parse_temperatures
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.labelling.closed_loop import Loop, learn_barriers
from asemacro.studies.labelling.steps import Training
from asemacro.tasks.run_folder import RunFolder

LABELS = "labels.db"


class Options(TypedDict):
    """Options of the verb learn."""

    reading: Reading
    mix_sublattices: bool
    calculator: str
    temperatures: str
    budget: int
    first: int
    batch: int | None
    accuracy: float
    members: int
    sites: int
    sweeps: int
    images: int
    paths: int
    relax: str
    workers: int | None
    seed: int


def run_learn(structure: str | Path, output: Path, *, force: bool, **options: Unpack[Options]) -> None:
    """Verb learn: structure file in; labels.db, model.safetensors, model.md, rounds.csv, learning.png, run.json out."""
    started = time.perf_counter()
    atoms = read_structure(structure, **options["reading"])
    alloy = random_alloy(atoms, mix_sublattices=options["mix_sublattices"])
    loop = Loop(
        temperatures_K=parse_temperatures(options["temperatures"]),
        budget=options["budget"],
        first=options["first"],
        batch=options["batch"],
        accuracy=options["accuracy"],
        sites=options["sites"],
        sweeps=options["sweeps"],
    )
    settings = BandSettings(relax=options["relax"], images=options["images"], paths=options["paths"])
    training = Training(members=options["members"])
    print(f"{'-'.join(alloy.species)} on {alloy.prototype}, calculator: {options['calculator']}", flush=True)
    with RunFolder(output, "barriers learn", force=force) as folder:
        learned = learn_barriers(
            alloy,
            options["calculator"],
            folder.path / LABELS,
            loop=loop,
            settings=settings,
            training=training,
            workers=options["workers"] or os.cpu_count() or 1,
            checkpoint=folder.checkpoint,
            progress=True,
            rng=np.random.default_rng(options["seed"]),
        )
        own = {name: value for name, value in options.items() if name != "reading"}
        arguments = {"structure": str(structure), **options["reading"], **own, "temperatures": loop.temperatures_K}
        record = run_record(arguments, options["seed"], time.perf_counter() - started, **learned.about)
        written = folder.publish(learned.files(), record)
    print(f"stopped after {len(learned.rounds)} rounds: {learned.stopped}")
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path}, beside the labels in {LABELS}")
