"""The kinds of files that are damaged, and how a user has them read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import whole_files
from fuzz import models, runs, structures
from fuzz.trial import Kind

from asemacro.closure.encoder_file import load_encoder
from asemacro.files.frames import FramesFile
from asemacro.macro.file import load_ode


def reader_of(make: Callable[[Path], Any]) -> Kind:
    """One of `whole_files`."""
    load: list[Any] = []
    return Kind(lambda folder: load.append(make(folder)[1]), lambda folder, path, rng: load[-1](path))


structure_readers = {
    "cif": structures.make_cif,
    "poscar": structures.make_poscar,
    "extxyz": structures.make_extxyz,
    "structure": structures.make_other_structures,
    "frames": structures.make_frames,
}
KINDS: dict[str, Kind] = {
    **{name: Kind(make, structures.read_structure) for name, make in structure_readers.items()},
    "frames-open": Kind(structures.make_frames, lambda folder, path, rng: list(FramesFile(path).read([0, 1]))),
    "pair": Kind(models.make_pair, models.read_pair),
    "network": reader_of(whole_files.network_file),
    "published": reader_of(whole_files.published_file),
    "sde": reader_of(whole_files.sde_file),
    "ode": Kind(models.make_ode, lambda folder, path, rng: load_ode(path)),
    "spde": reader_of(whole_files.spde_file),
    "training": reader_of(whole_files.training_file),
    "closure": reader_of(whole_files.closure_file),
    "encoder": Kind(models.make_encoder, lambda folder, path, rng: load_encoder(path, models.MEAN)),
    "learned": Kind(models.make_learned, models.read_learned),
    "data": reader_of(whole_files.data_file),
    "checkpoint": reader_of(whole_files.checkpoint_file),
    "record": reader_of(whole_files.record_file),
    "rows": Kind(runs.make_rows, runs.read_rows),
    "fields": Kind(runs.make_series, runs.read_field),
    "labels": Kind(models.make_labels, models.read_database),
    "bands": Kind(models.make_bands, models.read_bands),
    "run": Kind(
        runs.make_run, runs.read_run, lambda name: name.endswith((".json", ".csv", ".extxyz", ".zip")), runs.seal
    ),
    "resume": Kind(
        runs.make_stopped, lambda folder, path, rng: runs.go_on(folder), lambda name: ".checkpoint/" in name, runs.seal
    ),
    "schedule": Kind(runs.make_schedules, runs.read_schedule),
    "table": Kind(runs.make_tables, runs.read_tables),
    "potential": Kind(models.make_potential, models.read_potential),
    "verb": Kind(structures.make_for_verbs, structures.take_structure, lambda name: name != "pair.json"),
}
