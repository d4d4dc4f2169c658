"""The kinds of files that are damaged, and how a user has them read."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import importlib.util
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
import whole_files
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from fuzz.trial import Kind

import asemacro as am
from asemacro.barriers.data.barrier_file import read_barriers
from asemacro.barriers.labelling.bands import Band, Jump
from asemacro.barriers.labelling.database import LabelDatabase, read_labels
from asemacro.barriers.labelling.elsewhere import import_bands
from asemacro.calculators.named import calculator_named
from asemacro.cli.app import main
from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_file import load_encoder, save_encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.files.content import file_digest
from asemacro.files.frames import FramesFile, write_frames
from asemacro.files.store import write_csv
from asemacro.force_data import ForceData, Layout
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.reading.structure_file import read_frames
from asemacro.macro.file import load_ode, save_ode
from asemacro.observables.differentiable import TorchObservable
from asemacro.studies.alloy.kept_course import IN_FILE, read_courses
from asemacro.studies.alloy.point_table import read_points
from asemacro.studies.alloy.points import Point
from asemacro.studies.alloy.start import Start
from asemacro.studies.fields.readers import last_field, read_series

ROOT = Path(__file__).resolve().parents[2]
STRUCTURES = ROOT / "structures"
MEAN = TorchObservable(lambda x: x.mean(dim=1, keepdim=True), ("mean",))


class NotRefused(Exception):
    """The command ended otherwise than it may."""


def command(*words: object) -> str:
    """The line with which `asemacro WORDS` refuses; empty at success. No other end is allowed."""
    before, err = sys.argv, io.StringIO()
    sys.argv = ["asemacro", *map(str, words)]
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            main()
    except SystemExit as end:
        said = err.getvalue()
        last = said.splitlines()[-1] if said.strip() else ""
        if "Traceback" in said or end.code not in (0, None, 2):
            raise NotRefused(f"exit code {end.code}: {said[-3000:]}") from None
        if end.code == 2 and not last.startswith("asemacro: "):
            raise NotRefused(f"exit code 2 without a line: {said[-3000:]}") from None
        return last if end.code else ""
    finally:
        sys.argv = before
    return ""


def alloy(repeat: int = 3) -> Atoms:
    """Mo and Nb on bcc."""
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(repeat)
    atoms.symbols[np.random.default_rng(0).permutation(len(atoms))[: len(atoms) // 2]] = "Nb"
    return atoms


def make_cif(folder: Path) -> None:
    for name in ("NbMoTa", "MoTa_B2", "CoCrFeNi"):
        shutil.copy(STRUCTURES / f"{name}.cif", folder)
    ase.io.write(folder / "plain.cif", alloy(2))
    tags = "\n".join(
        f"_cell_{tag} {value}"
        for tag, value in zip(
            ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"),
            (3.6, 3.6, 3.6, 90, 90, 90),
            strict=True,
        )
    )
    site = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n"
    (folder / "named.cif").write_text(
        f"data_named\n{tags}\n_symmetry_space_group_name_H-M 'F m -3 m'\n_space_group_IT_number 225\n{site}"
        "Ni1 0 0 0 0.5\nCu1 0 0 0 0.4(1)\n"
    )
    (folder / "magnetic.mcif").write_text(
        f"data_magnetic\n_space_group_magn.number_BNS 229.143\n{tags}\n"
        "_space_group_magn.transform_BNS_Pp_abc 'a,b,c;0,0,0'\n"
        "loop_\n_space_group_symop_magn_operation.id\n_space_group_symop_magn_operation.xyz\n"
        "1 x,y,z,+1\n2 -x,-y,-z,+1\n"
        "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Fe1 Fe 0 0 0\nCr1 Cr 0.5 0.5 0.5\n"
    )
    (folder / "packed.cif.gz").write_bytes(gzip.compress((STRUCTURES / "NbMoTa.cif").read_bytes(), mtime=0))


def make_poscar(folder: Path) -> None:
    atoms = alloy()
    ase.io.write(folder / "POSCAR", atoms, format="vasp", direct=True, sort=True)
    ase.io.write(folder / "a.vasp", atoms, format="vasp", direct=False, sort=True)
    text = (folder / "POSCAR").read_text().splitlines()
    (folder / "vasp4.POSCAR").write_text("\n".join([*text[:5], *text[6:]]) + "\n")
    flags = [*text[:7], "Selective dynamics", *text[7:8], *(f"{line} T F T" for line in text[8:])]
    (folder / "CONTCAR").write_text("\n".join(flags) + "\n")
    frames = ["Nb Mo", "1.0", *text[2:7], *(["Direct configuration=     1", *text[8:]] * 2)]
    (folder / "XDATCAR").write_text("\n".join(frames) + "\n")
    (folder / "POSCAR.gz").write_bytes(gzip.compress("\n".join(text).encode(), mtime=0))


def make_extxyz(folder: Path) -> None:
    frames = [alloy(2), alloy(2)]
    for k, atoms in enumerate(frames):
        atoms.info |= {"time_s": 0.5 * k, "name": "a b", "matrix": np.eye(3)}
        atoms.arrays["charge"] = np.arange(len(atoms)) / 7
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((len(atoms), 3)))
    ase.io.write(folder / "run.extxyz", frames)
    ase.io.write(folder / "one.xyz", alloy(), format="extxyz")


def make_other_structures(folder: Path) -> None:
    atoms = alloy(2)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
    ase.io.write(folder / "a.lmp", atoms, format="lammps-data", masses=True, specorder=["Nb", "Mo"])
    for name in ("a.json", "a.traj", "a.xsf", "a.cfg", "a.gen", "a.res", "a.pdb", "a.db"):
        ase.io.write(folder / name, atoms)
    rows = [f"{k + 1} {1 + k % 2} {x} {y} {z}" for k, (x, y, z) in enumerate(atoms.positions)]
    head = ["ITEM: TIMESTEP", "0", "ITEM: NUMBER OF ATOMS", str(len(atoms)), "ITEM: BOX BOUNDS pp pp pp"]
    box = [f"0.0 {length}" for length in atoms.cell.lengths()]
    lines = [*head, *box, "ITEM: ATOMS id type x y z", *rows]
    (folder / "a.lammpstrj").write_text("\n".join(2 * lines) + "\n")


def make_frames(folder: Path) -> None:
    frames = [alloy(2), alloy(2)]
    frames[1].positions += 0.01
    for atoms in frames:
        atoms.info["time_s"] = 0.5
    am_columns = {
        "numbers": np.array([atoms.numbers for atoms in frames]),
        "positions": np.array([atoms.positions for atoms in frames]),
        "cell": np.array([atoms.cell.array for atoms in frames]),
        "pbc": np.array([atoms.pbc for atoms in frames]),
    }
    write_frames(folder / "run.amz.zip", am_columns, [{"time_s": 0.0}, {"time_s": 1.0}])


def read_structure(folder: Path, path: Path, rng: np.random.Generator) -> None:
    """As the verbs do: the frames, the lattice below them, the order of their atoms."""
    options: dict[str, Any] = {}
    if rng.random() < 0.5:
        options["index"] = (":", "0", "-1", "::2", "5", "-3:")[rng.integers(6)]
    if path.name.startswith(("vasp4", "a.lammpstrj")) or rng.random() < 0.05:
        options["types"] = ["Nb", "Mo"]
    if rng.random() < 0.05:
        options["format"] = ("cif", "vasp", "extxyz", "lammps-data", "json", "traj", "xyz", "asemacro")[rng.integers(8)]
    for frame in read_frames(path, **options)[:2]:
        if rng.random() < 0.5:
            start = Start.read(frame.atoms, mix_sublattices=rng.random() < 0.5)
            start.draw(start.lattice.at_least(64), None, None, rng=np.random.default_rng(0))
        else:
            am.warren_cowley(frame.atoms, shells=int(rng.integers(1, 3)))


def take_structure(folder: Path, path: Path, rng: np.random.Generator) -> str:
    """The commands that take a structure."""
    if rng.random() < 0.5:
        return command("sro", path, "--json")
    words = ("--hops", 20, "--sites", 16, "-o", folder / "out", "--barriers", folder / "pair.json")
    return command("kmc", path, "-T", 1000, *words)


def make_for_verbs(folder: Path) -> None:
    make_poscar(folder)
    whole_files.pair_file(folder)


def make_pair(folder: Path) -> None:
    whole_files.pair_file(folder)
    shutil.copy(STRUCTURES / "NiCoCr_pair.json", folder)


def read_pair(folder: Path, path: Path, rng: np.random.Generator) -> None:
    model = am.load_barriers(path)
    species = model.species or ()
    if len(species) > 1 and all(symbol in ("Nb", "Mo", "Ni", "Co", "Cr") for symbol in species):
        lattice = Lattice.bcc(3.2, list(species)[:2], 4)
        model.compile(lattice)


def reader_of(make: Callable[[Path], Any]) -> Kind:
    """One of `whole_files`."""
    load: list[Any] = []
    return Kind(lambda folder: load.append(make(folder)[1]), lambda folder, path, rng: load[-1](path))


def make_ode(folder: Path) -> None:
    from asemacro.macro.ode import NeuralODE
    from asemacro.macro.polynomial import PolynomialDrift

    save_ode(folder / "ode.safetensors", [NeuralODE(PolynomialDrift(2, 0, 2), labels=("a", "b")) for _ in range(2)])


def make_encoder(folder: Path) -> None:
    save_encoder(folder / "encoder.safetensors", Encoder(MEAN, MLPEncoder(12, 2, (4,)).double()))


def make_learned(folder: Path) -> None:
    for path in (ROOT / "tests" / "data" / "v0.1" / "learned").iterdir():
        shutil.copy(path, folder)


def read_learned(folder: Path, path: Path, rng: np.random.Generator) -> str:
    from asemacro.studies.learn.learned import Learned

    if rng.random() < 0.3:
        return command("simulate", folder, "--start", 0.1, "--until", 1, "--trajectories", 2, "-o", folder / "out")
    Learned.load(folder)
    return ""


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


BCC = Lattice.bcc(3.2, ["Mo", "Ta"], 2)


def jump(seed: int) -> Jump:
    """An atom beside the vacancy."""
    x = BCC.random_state(vacancies=1, rng=np.random.default_rng(seed))[0]
    vacancy = int(np.flatnonzero(x == 0)[0])
    return Jump(BCC, x, int(BCC.neighbours(BCC.shells(1)[0].offsets)[vacancy, seed % 8]), f"cell-{seed}")


def make_labels(folder: Path) -> None:
    with LabelDatabase(folder / "labels.db") as labels:
        for seed in range(3):
            one = jump(seed)
            places = np.stack([atoms.positions for atoms in (*one.ends(), one.ends()[1])])
            labels.write(Band(one, np.array([-1.0, 0.0, -1.2]), places, "", {"calculator": "emt"}, 1.0))
        labels.asked = {"calculator": "emt"}


def read_database(folder: Path, path: Path, rng: np.random.Generator) -> None:
    if rng.random() < 0.4:
        read_labels(path, failed=rng.random() < 0.5)
    elif rng.random() < 0.5:
        read_barriers(path)
    else:
        with LabelDatabase(path) as labels:
            labels.names()
            _ = labels.asked


def make_bands(folder: Path) -> None:
    one = jump(0)
    before, after = one.ends()
    images = []
    for share, energy in zip(np.linspace(0, 1, 5), (-1.0, -0.4, 0.0, -0.5, -1.2), strict=True):
        atoms = before.copy()
        atoms.positions += share * (after.positions - before.positions)
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
        images.append(atoms)
    ase.io.write(folder / "band.traj", images)
    ase.io.write(folder / "band.extxyz", images)
    ase.io.write(folder / "start.extxyz", before, format="extxyz")
    moved = int(np.linalg.norm(after.positions - before.positions, axis=1).argmax())
    (folder / "table.csv").write_text(f"file,atom,forward,backward\nstart.extxyz,{moved},1.0,1.2\n")


def read_bands(folder: Path, path: Path, rng: np.random.Generator) -> str:
    file = folder / "table.csv" if path.name.startswith("start") else path
    if rng.random() < 0.2:
        return command("barriers", "import", file, "-o", folder / "new.db")
    import_bands([file], folder / "new.db")
    return ""


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


def read_schedule(folder: Path, path: Path, rng: np.random.Generator) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    schedule = am.Schedule.parse(text)
    schedule.temperature(np.linspace(0, schedule.duration_s, 5))
    str(schedule)
    schedule.boltzmann_time(1.0, 0)


def make_schedules(folder: Path) -> None:
    (folder / "a.txt").write_text("1200K 1h; cool 5K/s to 900K; 900K 100h")
    (folder / "b.txt").write_text("25 °C ; heat 10 K/min to 1225C; 927C 30min; 500K .5h;")


def make_potential(folder: Path) -> None:
    lines = "units metal\npair_style eam/alloy\n# types: Ni Cu\npair_coeff * * CuNi.eam.alloy Ni Cu\n"
    (folder / "lines").write_text(lines)
    numbers = "0.5 0.4 0.3 0.2 0.1\n" * 2
    head = "a\nb\nc\n1 Cu\n10 0.1 10 0.1 0.9\n29 63.5 3.6 fcc\n"
    (folder / "Cu.eam.alloy").write_text(head + 3 * numbers)


def read_potential(folder: Path, path: Path, rng: np.random.Generator) -> None:
    if path.suffix:
        calculator_named(f"eam:{path}", ["Cu"])
    else:
        with pytest.MonkeyPatch.context() as patched:  # what LAMMPS makes of the lines is no matter of files
            patched.setattr("asemacro.calculators.lammps_file.lammps_module", lambda: (_ for _ in ()).throw(Unneeded()))
            with contextlib.suppress(Unneeded):
                calculator_named(f"lammps:{path}", ["Cu"])


class Unneeded(Exception):
    """The file was taken."""


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


structure_readers = {
    "cif": make_cif,
    "poscar": make_poscar,
    "extxyz": make_extxyz,
    "structure": make_other_structures,
    "frames": make_frames,
}
KINDS: dict[str, Kind] = {
    **{name: Kind(make, read_structure) for name, make in structure_readers.items()},
    "frames-open": Kind(make_frames, lambda folder, path, rng: list(FramesFile(path).read([0, 1]))),
    "pair": Kind(make_pair, read_pair),
    "network": reader_of(whole_files.network_file),
    "published": reader_of(whole_files.published_file),
    "sde": reader_of(whole_files.sde_file),
    "ode": Kind(make_ode, lambda folder, path, rng: load_ode(path)),
    "spde": reader_of(whole_files.spde_file),
    "training": reader_of(whole_files.training_file),
    "closure": reader_of(whole_files.closure_file),
    "encoder": Kind(make_encoder, lambda folder, path, rng: load_encoder(path, MEAN)),
    "learned": Kind(make_learned, read_learned),
    "data": reader_of(whole_files.data_file),
    "checkpoint": reader_of(whole_files.checkpoint_file),
    "record": reader_of(whole_files.record_file),
    "rows": Kind(make_rows, read_rows),
    "fields": Kind(make_series, read_field),
    "labels": Kind(make_labels, read_database),
    "bands": Kind(make_bands, read_bands),
    "run": Kind(make_run, read_run, lambda name: name.endswith((".json", ".csv", ".extxyz", ".zip")), seal),
    "resume": Kind(make_stopped, lambda folder, path, rng: go_on(folder), lambda name: ".checkpoint/" in name, seal),
    "schedule": Kind(make_schedules, read_schedule),
    "table": Kind(make_tables, read_tables),
    "potential": Kind(make_potential, read_potential),
    "verb": Kind(make_for_verbs, take_structure, lambda name: name != "pair.json"),
}
