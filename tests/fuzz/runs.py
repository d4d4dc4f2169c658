"""Whole files of runs, what they need and what they leave, and how a user has them read."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
from fuzz.structures import STRUCTURES
from fuzz.verbs import NotRefused, command

import asemacro as am
from asemacro.files.content import file_digest
from asemacro.files.store import write_csv
from asemacro.force_data import ForceData, Layout
from asemacro.studies.alloy.kept_course import IN_FILE, read_courses
from asemacro.studies.alloy.point_table import read_points
from asemacro.studies.alloy.points import Point
from asemacro.studies.fields.readers import last_field, read_series


def make_rows(folder: Path) -> None:
    rng = np.random.default_rng(0)
    before, after = rng.uniform(-1, 1, (2, 5, 4, 3)).astype(np.float32)
    flips = rng.integers(0, 9, (5, 4, 3)).astype(np.int32)
    am.FieldData(before, after, flips, 0.1 * np.ones(5), 1.0 + np.arange(5), np.full(5, 0.5), 16, 4).save(
        folder / "fields.zarr.zip"
    )
    active = np.tile(np.arange(2), (6, 1))
    ForceData(rng.normal(size=(6, 12)), active, rng.normal(size=(6, 2)), Layout(12)).save(folder / "forces.zarr.zip")


def read_rows(folder: Path, path: Path, rng: np.random.Generator) -> None:
    if path.name.startswith("fields"):
        am.FieldData.open(path)
        return
    data = ForceData.open(path, in_memory_bytes=float(rng.choice([0.0, 1e9])))
    rows = np.arange(len(data))
    data.states(rows), data.forces(rows), data.active(rows)


def make_series(folder: Path) -> None:
    import zarr

    rng = np.random.default_rng(0)
    fields, time = rng.uniform(-1, 1, (5, 4, 4)).astype("f4"), np.arange(5.0)
    np.savez(folder / "a.npz", time=time, fields=fields)
    np.save(folder / "b.npy", fields[0])
    for version in (2, 3):
        root = zarr.create_group(str(folder / f"run{version}.zarr"), zarr_format=version)
        for name, value in (("time", time), ("fields", fields)):
            root.create_array(name, data=value)
    for k in range(2 if importlib.util.find_spec("discretisedfield") else 0):  # which reads them
        (folder / f"m{k}.ovf").write_text(ovf(fields[k], k))


def ovf(field: np.ndarray, time: float) -> str:
    """Vectors whose z components are a field, in the words of mumax3."""
    head = ["# OOMMF OVF 2.0", "# Segment count: 1", "# Begin: Segment", "# Begin: Header", "# Title: m"]
    head += ["# meshtype: rectangular", "# meshunit: m"]
    for axis, n in zip("xyz", (*field.shape, 1), strict=True):
        head += [f"# {axis}min: 0", f"# {axis}max: {n}e-09", f"# {axis}base: 5e-10", f"# {axis}nodes: {n}"]
        head += [f"# {axis}stepsize: 1e-09"]
    head += ["# valuedim: 3", "# valuelabels: m_x m_y m_z", "# valueunits: 1 1 1"]
    head += [f"# Desc: Total simulation time:  {time}  s", "# End: Header", "# Begin: Data Text"]
    rows = [f"{np.sqrt(1 - m * m):.6g} 0 {m:.6g} " for m in field.T.reshape(-1)]
    return "\n".join([*head, *rows, "# End: Data Text", "# End: Segment"]) + "\n"


def read_field(folder: Path, path: Path, rng: np.random.Generator) -> None:
    inside = next((p for p in path.parents if p.suffix == ".zarr"), None)
    if path.suffix == ".ovf" and rng.random() < 0.5:
        read_series([folder / "m0.ovf", folder / "m1.ovf"])
    elif path.suffix == ".npy" or rng.random() < 0.3:
        last_field(inside or path)
    else:
        read_series([inside or path])


def make_run(folder: Path) -> None:
    words = ("--barriers", STRUCTURES / "NiCoCr_pair.json", "--sites", 64)
    assert not command("kmc", STRUCTURES / "NiCoCr.cif", "-T", 1000, "--hops", 200, *words, "-o", folder / "kmc")
    assert not command("sample", "ising", "--until", 2, "--sites", 64, "-o", folder / "sample")
    assert not command("sro", STRUCTURES / "NbMoTa_128.POSCAR", "-o", folder / "sro")


def seal(folder: Path, path: Path) -> None:
    """The checksums of a run record, or of the record of a checkpoint, are those of the damaged file."""
    for record in path.parent.glob("*.json"):
        if record == path:
            continue
        content = json.loads(record.read_text())
        if path.name in content.get("files", {}):
            content["files"][path.name] = file_digest(path)
        elif content.get("file") == path.name:
            content["sha256"] = file_digest(path)
        record.write_text(json.dumps(content))


def read_run(folder: Path, path: Path, rng: np.random.Generator) -> str:
    way = rng.integers(4)
    if way < 2:
        return command("report", path.parent, "-o", folder / "page.html")
    if way == 2:
        return command("info", "--citations", path.parent)
    words = ("--barriers", STRUCTURES / "NiCoCr_pair.json", "--sites", 64, "--hops", 20)
    return command("kmc", STRUCTURES / "NiCoCr.cif", "-T", 1000, *words, "-o", path.parent)


def make_stopped(folder: Path) -> None:
    """A run that was stopped on its way."""
    from asemacro.studies.alloy import kmc_command

    taken = kmc_command._Order.take

    def stop(self: Any, pause: Any) -> None:
        taken(self, pause)
        if pause.marks[-1][1] > 100:
            raise KeyboardInterrupt

    kmc_command._Order.take = stop  # type: ignore[method-assign]
    try:
        with contextlib.suppress(NotRefused):
            go_on(folder)
    finally:
        kmc_command._Order.take = taken  # type: ignore[method-assign]


def go_on(folder: Path) -> str:
    """The run that was stopped, again."""
    words = ("--barriers", STRUCTURES / "NiCoCr_pair.json", "--sites", 64, "--hops", 400)
    return command("kmc", STRUCTURES / "NiCoCr.cif", "-T", 1000, *words, "-o", folder)


def make_schedules(folder: Path) -> None:
    (folder / "a.txt").write_text("1200K 1h; cool 5K/s to 900K; 900K 100h")
    (folder / "b.txt").write_text("25 °C ; heat 10 K/min to 1225C; 927C 30min; 500K .5h;")


def read_schedule(folder: Path, path: Path, rng: np.random.Generator) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    schedule = am.Schedule.parse(text)
    schedule.temperature(np.linspace(0, schedule.duration_s, 5))
    str(schedule)
    schedule.boltzmann_time(1.0, 0)


def make_tables(folder: Path) -> None:
    cells = {"float": 0.5, "float | None": None, "int": 1, "str": "Mo-Ta", "bool": True}
    fields = dataclasses.fields(Point)
    write_csv(folder / "sro.csv", [of.name for of in fields], [[cells[str(of.type)] for of in fields]] * 5)
    lengths = {"temperatures": 2, "pairs": 1, "all pairs": 3, "times": 4}
    arrays = {
        name: np.zeros([lengths[str(axis)] for axis in of.shape], bool if of.kind == "truth value" else float)
        for name, of in IN_FILE.items()
    }
    np.savez_compressed(folder / "courses.npz", **arrays)  # type: ignore[arg-type]


def read_tables(folder: Path, path: Path, rng: np.random.Generator) -> None:
    (read_points if path.suffix == ".csv" else read_courses)(path)
