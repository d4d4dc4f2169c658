"""Runs on one sublattice: the same as on the bare lattice of its sites, with all atoms in what is written."""

from __future__ import annotations

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from asemacro import Lattice, read_frames, read_structure, sublattice_of, warren_cowley
from asemacro.barriers.labelling.parameter import ideal_cell

METALS = ("Ti", "Zr", "Hf")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A carbide with two vacancies on its metal sublattice, its metals alone, and pair energies of them."""
    metals = bulk("Ti", "fcc", a=4.6, cubic=True).repeat(4)
    metals.symbols = np.random.default_rng(0).permutation(np.resize(METALS, len(metals)))
    del metals[[17, 90]]
    carbon = bulk("C", "fcc", a=4.6, cubic=True).repeat(4)
    carbon.positions += (2.3, 0, 0)
    ase.io.write(tmp_path / "carbide.extxyz", metals + carbon)
    ase.io.write(tmp_path / "bare.extxyz", metals)
    pair = {"species": METALS, "migration_eV": dict.fromkeys(METALS, 1.0), "pair_eV": [{"Ti-Zr": 0.03, "Ti-Hf": 0.02}]}
    (tmp_path / "pair.json").write_text(json.dumps(pair))
    return tmp_path / "carbide.extxyz", tmp_path / "bare.extxyz", tmp_path / "pair.json"


def carbon_of(atoms: Atoms) -> np.ndarray:
    """Where carbon is, in order."""
    places = np.round(atoms.positions[atoms.symbols == "C"], 6)
    return places[np.lexsort(places.T)]


def both(command, files: tuple[Path, Path, Path], folder: Path, *words: object) -> tuple[Path, Path]:
    """Folders of a verb on the carbide and on the bare metals."""
    carbide, bare, pair = files
    verb, *others = words
    for name, structure, group in (("carbide", carbide, ("--sublattice", "Hf,Ti,Zr")), ("bare", bare, ())):
        code, _, err = command(verb, structure, *group, *others, "--barriers", pair, "-o", folder / name)
        assert code == 0, err
    return folder / "carbide", folder / "bare"


def test_kinetics_are_those_of_the_bare_lattice_and_every_structure_holds_all_atoms(
    command, files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    one, other = both(command, files, tmp_path, "kmc", "-T", 1800, "--hops", 400, "--sites", 256, "--seed", 3)
    assert (one / "sro.csv").read_bytes() == (other / "sro.csv").read_bytes()
    whole = read_structure(files[0])
    for frame in (
        read_structure(one / "final.extxyz"),
        *(f.atoms for f in read_frames(one / "trajectory.amz.zip", index="::50")),
    ):
        assert sorted(frame.symbols[frame.numbers > 0]) == sorted(whole.symbols)
        np.testing.assert_allclose(carbon_of(frame), carbon_of(whole), atol=1e-6)
        assert (frame.symbols == "X").sum() == 2
    final, bare = read_structure(one / "final.extxyz"), read_structure(other / "final.extxyz")
    np.testing.assert_allclose(warren_cowley(final, 1).alpha, warren_cowley(bare, 1).alpha)
    assert np.array_equal(final.numbers[:256], bare.numbers)
    record = json.loads((one / "run.json").read_text())
    assert record["arguments"]["sublattice"] == ["Hf", "Ti", "Zr"]


@pytest.mark.parametrize(
    "words",
    [
        ("equilibrium", "-T", "1500,2500", "--sites", 108, "--sweeps", 40, "--shells", 1),
        ("diffusion", "-T", "1800", "--hops", 1000, "--settle", 1000, "--runs", 4, "--sites", 256),
        pytest.param(
            (
                "phase-diagram",
                "--temperatures",
                "1500,2500",
                "--sites",
                512,
                "--small",
                256,
                "--hops",
                1000,
                "--sweeps",
                40,
                "--anneal",
                500,
            ),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["equilibrium", "diffusion", "phase-diagram"],
)
def test_verbs_give_what_they_give_on_the_bare_lattice(
    command, files: tuple[Path, Path, Path], tmp_path: Path, words: tuple[object, ...]
) -> None:
    one, other = both(command, files, tmp_path, *words, "--seed", 1, "--workers", 1)
    tables = [path.name for path in one.glob("*.csv")]
    assert tables
    for name in tables:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_vacancies_on_one_side_of_b2_stay_there(command, tmp_path: Path) -> None:
    whole = bulk("NiAl", "cesiumchloride", a=2.88, cubic=True).repeat(5)
    nickel = np.flatnonzero(whole.symbols == "Ni")
    ase.io.write(tmp_path / "NiAl.vasp", whole[np.setdiff1d(np.arange(250), nickel[:5])], sort=True)
    pair = {"species": ["Ni"], "migration_eV": {"Ni": 1.0}, "pair_eV": [{"Ni-Ni": 0.05}]}
    (tmp_path / "ni.json").write_text(json.dumps(pair))
    words = ("kmc", tmp_path / "NiAl.vasp", "--sublattice", "Ni", "--barriers", tmp_path / "ni.json", "-T", 1500)
    code, _, err = command(*words, "--hops", 300, "--sites", 125, "-o", tmp_path / "out")
    assert code == 0, err
    frames = [frame.atoms for frame in read_frames(tmp_path / "out" / "trajectory.amz.zip", index="::40")]
    moved = set()
    for frame in frames:
        empty = frame.get_scaled_positions()[frame.symbols == "X"] * 5
        assert len(empty) == 5
        np.testing.assert_allclose(empty, np.rint(empty), atol=1e-6)  # corners of the cells: the side of nickel
        np.testing.assert_allclose((frame.get_scaled_positions()[frame.symbols == "Al"] * 5) % 1, 0.5, atol=1e-6)
        assert sorted(frame.symbols.formula.count().items()) == [("Al", 125), ("Ni", 120), ("X", 5)]
        moved.add(frame.numbers.tobytes())
    assert len(moved) > 1


def test_pretrained_barriers_of_metals_are_not_taken_for_their_compounds(command, tmp_path: Path) -> None:
    nitride = bulk("CrN", "rocksalt", a=4.15, cubic=True).repeat(3)
    chromium = np.flatnonzero(nitride.symbols == "Cr")
    nitride.symbols[chromium[::2]] = "Fe"
    ase.io.write(tmp_path / "nitride.extxyz", nitride)
    code, _, err = command(
        "kmc", tmp_path / "nitride.extxyz", "--sublattice", "Cr,Fe", "-T", 1500, "-o", tmp_path / "out"
    )
    assert code == 2
    assert "no barrier model is made for Cr-Fe beside N; give --barriers FILE" in err


def test_what_is_refused_is_one_line_and_code_2(command, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    carbide = files[0]
    for words, line in (
        (("--sublattice", "Ti,Zr", "--sublattice", "Hf,C"), "one sublattice at a time"),
        (("--sublattice", "Ti,Zr", "--sublattice", "Zr,Hf"), "Zr is named twice"),
        (("--sublattice", "Ti,Mo"), "Mo is not in the structure, which holds C, Ti, Zr, Hf"),
        (("--sublattice", "Ti,Zirconium"), "'Zirconium' is not a chemical element"),
        (("--sublattice", ""), "'' is not a chemical element"),
        (("--sublattice", "C"), "no unlike pairs: the lattice holds C only"),
        (("--sublattice", "C,Ti,Zr,Hf"), "names every element"),
        (("--sublattice", "Ti,Zr"), "no crystal lattice found"),
    ):
        code, _, err = command("sro", carbide, *words)
        assert code == 2, words
        assert line in err.strip().splitlines()[-1], (words, err)
    carbon = tmp_path / "carbon.json"
    carbon.write_text(json.dumps({"species": ["C"], "migration_eV": {"C": 1.0}, "pair_eV": [{}]}))
    for verb in ("equilibrium", "phase-diagram"):
        code, _, err = command(verb, carbide, "--sublattice", "C", "--barriers", carbon, "-o", tmp_path / verb)
        assert (code, "no unlike pairs" in err.strip().splitlines()[-1]) == (2, True), verb
    code, _, err = command("kmc", carbide, "-T", 1500, "-o", tmp_path / "kmc")
    assert code == 2
    assert "--sublattice Ti,Zr,Hf" in err
    code, _, err = command(
        "learn", "particles", carbide, "--calculator", "lj", "--sublattice", "C", "-o", tmp_path / "learned"
    )
    assert (code, "--sublattice belongs to alloys, not to particles" in err) == (2, True)
    metals = Lattice.from_atoms(sublattice_of(read_structure(carbide), METALS))
    with pytest.raises(ValueError, match="barriers of one sublattice, Ti, Zr, Hf, are not computed"):
        ideal_cell(metals)
