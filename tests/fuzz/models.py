"""Whole files of models and of what they are learned from, and how a user has them read."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import ase.io
import numpy as np
import pytest
import whole_files
from ase.calculators.singlepoint import SinglePointCalculator
from fuzz.structures import ROOT, STRUCTURES
from fuzz.verbs import command

import asemacro as am
from asemacro.barriers.data.barrier_file import read_barriers
from asemacro.barriers.labelling.bands import Band, Jump
from asemacro.barriers.labelling.database import LabelDatabase, read_labels
from asemacro.barriers.labelling.elsewhere import import_bands
from asemacro.calculators.named import calculator_named
from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_file import save_encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.lattice.lattice import Lattice
from asemacro.macro.file import save_ode
from asemacro.observables.differentiable import TorchObservable

MEAN = TorchObservable(lambda x: x.mean(dim=1, keepdim=True), ("mean",))
BCC = Lattice.bcc(3.2, ["Mo", "Ta"], 2)


def make_pair(folder: Path) -> None:
    whole_files.pair_file(folder)
    shutil.copy(STRUCTURES / "NiCoCr_pair.json", folder)


def read_pair(folder: Path, path: Path, rng: np.random.Generator) -> None:
    model = am.load_barriers(path)
    species = model.species or ()
    if len(species) > 1 and all(symbol in ("Nb", "Mo", "Ni", "Co", "Cr") for symbol in species):
        lattice = Lattice.bcc(3.2, list(species)[:2], 4)
        model.compile(lattice)


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
