"""`asemacro learn alloy`: the runs of a phase diagram, learned and written like the other systems."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.data import Pairs
from asemacro.files.store import run_record
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.macro.moment_fit import moments_from_pairs
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.campaign import Budget, Job, run_jobs
from asemacro.studies.alloy.diagram import QUICK
from asemacro.studies.alloy.inputs import check_boxes, choose_barriers, choose_boxes, parse_temperatures
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.prediction import learn
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.learn.figures import draw_diagnostics, explained, follow, noise_ratio
from asemacro.studies.learn.learned import Learned
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.threads import one_thread

TEMPERATURES = "800:2000:400"
SITES, SMALL = 8192, 1024


def learn_alloy(
    structure: str | Path,
    folder: RunFolder,
    *,
    reading: Reading,
    mix_sublattices: bool,
    shell_tolerance: float | None,
    seed: int,
    started: float,
    temperature: str | None,
    sites: int | None,
    small: int | None,
    barriers: str | None,
    hops: float | None,
    workers: int | None,
    **others: Any,
) -> None:
    """Small vacancy KMC runs from random at several temperatures, their pairs, one SDE for all.

    The noise of the large system comes from its small runs side by side (`pairs_from_runs`). What the model is compared
    with are the runs that it was learned from: with one run for each small cell of the large box none can be left out.

    Args:
        structure: file.
        folder: for the results, and for finished temperatures of an interrupted run.
        reading: how the file is to be read.
        mix_sublattices: let hops carry atoms to sites that the structure keeps for other species.
        shell_tolerance: see `Lattice.from_atoms`; None for its default.
        seed: of all random numbers.
        started: when the verb began, for the wall time.
        temperature: START:STOP:STEP or a list, in K; default 800:2000:400.
        sites: least sites of the large box, default 8192.
        small: of the small box, default 1024.
        barriers: model name or file.
        hops: per small run and vacancy; default a quick budget.
        workers: temperatures simulated at once.
        **others: options that alloys do not have; an error unless None.
    """
    foreign = [f"--{name}" for name, value in others.items() if value is not None]
    if foreign:
        raise ValueError(f"an alloy has no {foreign[0]}")
    kelvin = parse_temperatures(TEMPERATURES if temperature is None else temperature)
    if hops is not None and not (np.isfinite(hops) and hops >= 1000):
        raise ValueError(f"{hops:g} hops a run are too few to learn from; give at least 1000")
    lattice = random_alloy(
        read_structure(structure, **reading), mix_sublattices=mix_sublattices, shell_tolerance=shell_tolerance
    )
    if len(lattice.species) < 2:
        raise ValueError(f"{'-'.join(lattice.species) or 'no element'}: no unlike pairs, so there is no order to learn")
    model = choose_barriers(barriers, lattice.species)
    boxes = choose_boxes(lattice, model, sites or SITES, small or SMALL, None, None)
    check_boxes(boxes, model, kelvin, 1)
    if boxes.copies < 2:
        raise ValueError(f"--sites {sites or SITES} must be at least twice --small {small or SMALL}")
    budget = QUICK if hops is None else Budget(hops=hops)
    sro = WarrenCowley(lattice.species, shells=1, pairs="all")
    rng = np.random.default_rng(seed)
    *streams, stream = rng.spawn(len(kelvin) + 1)
    print(
        f"{'-'.join(lattice.species)} on {lattice.prototype}, {boxes.large.n_sites} sites learned from "
        f"{boxes.small.n_sites}, barriers: {model.name}"
    )
    jobs = [
        Job(boxes.small, model, t, boxes.counts, boxes.copies, boxes.copies, sro, budget, own)
        for t, own in zip(kelvin, streams, strict=True)
    ]
    tasks = ({job.name: 30.0 for job in jobs}, {"fit": 10.0})
    with progress_bar(*tasks, workers=workers or os.cpu_count() or 1) as report, one_thread():
        records = run_jobs(jobs, workers, folder.checkpoint, report)

        def fitting(share: float) -> None:
            report("fit", 0.9 * share, "fit the SDE")

        fitting(0.0)
        unlike = np.array([k for k, (i, j) in enumerate(sro.pairs) if i != j])
        names = [sro.labels[k] for k in unlike]
        sde = learn(records, unlike, names, boxes.large.n_sites, members=0, rng=stream, report=fitting)[0]
        labels = moments_from_pairs(Pairs.concat([record.pairs(unlike, rng=stream) for record in records]))
        if not sde.n_conditions:
            labels = dataclasses.replace(labels, condition=np.zeros(0))
        paths = []
        for record in records[:: max(1, (len(records) + 1) // 3)]:
            keep = np.unique(np.geomspace(1, len(record.times_s) - 1, 24).astype(int))
            rows = np.concatenate([[0], keep])
            course = record.order[:, rows][:, :, unlike].mean(axis=0)
            t = record.temperature_K if sde.n_conditions else None
            paths.append(
                follow(sde, f"{record.temperature_K:g} K", record.times_s[rows], course, condition=t, rng=stream)
            )
        report("fit", 1.0, "")
    result = {
        "labels": names,
        "observed": len(names),
        "sites": boxes.large.n_sites,
        "temperatures_K": kelvin,
        "variance_rate_over_learned": dict(zip(names, noise_ratio(sde, labels).tolist(), strict=True)),
        "drift_explained": dict(zip(names, explained(sde, labels).tolist(), strict=True)),
        "path_pull": float(np.sqrt(np.mean([path.pull**2 for path in paths]))),
    }
    low, high = PairTable.of(sro, boxes.counts, boxes.small).bounds
    bounds = np.stack([low, high], axis=1)[unlike]
    learned = Learned(sde, labels.z, labels.condition, len(names), bounds=bounds)
    figure = draw_diagnostics(sde, labels, paths, unit="time (s)", seen=True)
    arguments = {
        "system": "alloy",
        "structure": str(structure),
        **reading,
        "shell_tolerance": shell_tolerance,
        "temperatures": kelvin,
        "barriers": model.name,
        "sites": boxes.large.n_sites,
        "small": boxes.small.n_sites,
        "hops": hops,
    }
    wall = time.perf_counter() - started
    files = {**learned.files(), "diagnostics.png": figure.savefig}
    written = folder.publish(files, run_record(arguments, seed, wall, **result))
    print(f"courses of the small runs, rms distance from the learned mean: {result['path_pull']:.2f} of its sd")
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")
