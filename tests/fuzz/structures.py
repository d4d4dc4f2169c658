"""Whole files of structures, and how a user has them read."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import whole_files
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from fuzz.verbs import command

import asemacro as am
from asemacro.files.frames import write_frames
from asemacro.lattice.reading.structure_file import read_frames
from asemacro.studies.alloy.start import Start

ROOT = Path(__file__).resolve().parents[2]
STRUCTURES = ROOT / "structures"


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
