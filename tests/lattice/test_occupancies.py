"""Partial occupancies: every species of a file is on its site, in `sro` and at the start of a run."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from pymatgen.core import DummySpecies, Structure
from pymatgen.core import Lattice as Cell

from asemacro import WarrenCowley, warren_cowley
from asemacro.cli import app as cli
from asemacro.lattice.reading.occupancy import site_shares
from asemacro.lattice.reading.structure_file import read_structure
from asemacro.lattice.recognition.crystal import read_crystal
from asemacro.lattice.rounding import round_table
from asemacro.studies.alloy.start import Start, random_alloy

CORNER, CENTRE = "0 0 0", "0.5 0.5 0.5"
BCC = ("3.24 3.24 3.24 90 90 90", "Im-3m", 229)
L10 = ("2.72 2.72 3.70 90 90 90", "P4/mmm", 123)
ROCK_SALT = ("4.2 4.2 4.2 90 90 90", "Fm-3m", 225)
FEPT = [f"Fe1 Fe {CORNER} .9", f"Pt1 Pt {CORNER} .1", f"Fe2 Fe {CENTRE} .1", f"Pt2 Pt {CENTRE} .9"]
NITRIDE = [f"Ti1 Ti {CORNER} .5", f"Al1 Al {CORNER} .5", f"N1 N {CENTRE} 1"]


def cif(rows: Sequence[str], crystal: tuple[str, str, int | None] = BCC) -> str:
    """A CIF with the columns label, type, x, y, z, occupancy and the name of the space group only."""
    cell, group, number = crystal
    keys = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = ["data_t", *(f"_cell_{key} {value}" for key, value in zip(keys, cell.split(), strict=True))]
    lines += [f"_symmetry_space_group_name_H-M '{group}'"]
    lines += [f"_symmetry_Int_Tables_number {number}"] if number else []
    names = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    return "\n".join([*lines, "loop_", *(f"_atom_site_{name}" for name in names), *rows]) + "\n"


def read(folder: Path, rows: Sequence[str], crystal: tuple[str, str, int | None] = BCC) -> Atoms:
    """The atoms of such a file."""
    path = folder / "x.cif"
    path.write_text(cif(rows, crystal))
    return read_structure(path)


def start(structure: Atoms | Structure, sites: int = 1024, **options: int) -> tuple[dict[str, int], dict[str, float]]:
    """Counts and delta of the first state of a run."""
    begin = Start.read(structure, mix_sublattices=True)
    box = begin.lattice.at_least(sites)
    x = begin.draw(box, options.get("vacancies"), None, rng=np.random.default_rng(0))
    sro = WarrenCowley(box.species, 1, pairs="all")
    counts = np.bincount(x[0], minlength=len(box.species) + 1)
    return dict(zip(("X", *box.species), counts.tolist(), strict=True)), dict(
        zip(sro.labels, sro(x, box)[0], strict=True)
    )


def both_ways(folder: Path, atoms: Atoms) -> Atoms:
    """The same structure through extended xyz, which keeps the occupancies."""
    ase.io.write(folder / "again.extxyz", atoms)
    return read_structure(folder / "again.extxyz")


# ---------------------------------------------------------------- which site holds what


def test_each_site_is_drawn_from_its_own_occupancies(tmp_path: Path) -> None:
    atoms = read(tmp_path, FEPT, L10)
    structure = Structure(Cell.tetragonal(2.72, 3.70), [{"Fe": 0.9, "Pt": 0.1}, {"Fe": 0.1, "Pt": 0.9}],
                          [[0, 0, 0], [0.5, 0.5, 0.5]])  # fmt: skip
    for source in (atoms, structure, both_ways(tmp_path, atoms)):
        order = warren_cowley(source)
        # 8 neighbours on the other kind of site, 4 on the own: p = 0.9 (8 x 0.9 + 4 x 0.1) + 0.1 (8 x 0.1 + 4 x 0.9)
        assert order.alpha[0, 1] == pytest.approx(-0.64 / 3)
        assert order.delta[0, 1] == pytest.approx(1.28)
        counts, delta = start(source, 8192)
        assert delta["Fe-Pt"] == pytest.approx(1.28, abs=0.06)
        assert abs(counts["Fe"] - counts["Pt"]) <= 1


def test_numbers_on_each_kind_of_site_are_exact(tmp_path: Path) -> None:
    begin = Start.read(read(tmp_path, FEPT, L10))
    box = begin.lattice.at_least(1000)
    x = begin.draw(box, 20, None, rng=np.random.default_rng(1))[0]
    first = box.nearest_sites(begin.lattice.positions()[:1])[0][0] % box.n_basis
    kind = begin.lattice.tile(np.arange(2, dtype=np.int64)[None], box)[0]
    assert first == 0
    assert set(kind) == {0, 1}
    half = box.n_sites // 2
    for k, share in ((0, 0.9), (1, 0.1)):
        found = np.bincount(x[kind == k], minlength=3)
        assert found[0] == 10
        assert abs(found[1] - share * (half - 10)) < 1


def test_full_second_sublattice_is_not_mixed_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    atoms = read(tmp_path, NITRIDE, ROCK_SALT)
    structure = Structure.from_spacegroup(
        "Fm-3m", Cell.cubic(4.2), [{"Ti": 0.5, "Al": 0.5}, "N"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    for source in (atoms, structure):
        order = warren_cowley(source)
        assert order.delta[0, order.pairs.index("N-N")] == pytest.approx(-3)
        for begin in (Start.read, random_alloy):
            with pytest.raises(
                ValueError, match=r"hops would mix the sublattices of N and of Al, Ti.*--mix-sublattices"
            ):
                begin(source)
    with caplog.at_level(logging.WARNING, logger="asemacro"):
        counts, delta = start(atoms)
    assert "hops mix the sublattices" in caplog.text
    assert delta["N-N"] == pytest.approx(-3, abs=0.02)
    assert counts["Al"] == pytest.approx(counts["Ti"], abs=1)


def test_definite_rock_salt_and_ordered_alloys() -> None:
    salt = Atoms("TiN", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=bulk("Cu", a=4.2).cell, pbc=True)
    with pytest.raises(ValueError, match="sublattices of Ti and of N"):
        Start.read(salt)
    assert Start.read(salt, mix_sublattices=True).lattice.prototype == "sc"
    b2 = Atoms("MoTa", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[3.23] * 3, pbc=True)
    counts, delta = start(b2)
    assert delta["Mo-Ta"] == pytest.approx(4, abs=0.02)
    assert counts["X"] == 1
    ironside = b2.copy()
    ironside.symbols = ["Fe", "Si"]  # silicon is an alloying element
    assert Start.read(ironside).state is not None


# ---------------------------------------------------------------- what a site holds

SAME_ALLOY = {
    "equivalent sites": [f"Nb1 Nb {CORNER} .33", f"Mo1 Mo {CENTRE} .33", f"Ta1 Ta {CORNER} .34"],
    "written as 1": [f"Nb1 Nb {CORNER} .33", "Mo1 Mo 1 0 0 .33", "Ta1 Ta 0 0 1.0 .34"],
    "negative": [f"Nb1 Nb {CENTRE} .33", "Mo1 Mo -.5 .5 .5 .33", "Ta1 Ta .5 .5 -0.5 .34"],
    "nearly equal": [f"Nb1 Nb {CORNER} .33", "Mo1 Mo .0004 0 0 .33", "Ta1 Ta 0 .9996 0 .34"],
    "occupancy 0": [f"Nb1 Nb {CORNER} .33", f"Mo1 Mo {CORNER} .33", f"Ta1 Ta {CORNER} .34", "W1 W .25 .5 0 0"],
    "uncertainties": [f"Nb1 Nb {CORNER} .33(1)", f"Mo1 Mo {CORNER} .33(1)", f"Ta1 Ta {CORNER} .34(2)"],
    "ions": [f"Nb1 Nb5+ {CORNER} .33", f"Mo1 Mo+4 {CORNER} .33", f"Ta1 Ta3+ {CORNER} .3", f"Ta2 Ta5+ {CORNER} .04"],
}


@pytest.mark.parametrize("case", SAME_ALLOY)
def test_no_species_vanishes(tmp_path: Path, case: str) -> None:
    atoms = read(tmp_path, SAME_ALLOY[case])
    assert len(atoms) == 2
    for source in (atoms, both_ways(tmp_path, atoms)):
        order = warren_cowley(source)
        assert order.lattice.composition == pytest.approx({"Nb": 0.33, "Mo": 0.33, "Ta": 0.34})
        np.testing.assert_allclose(order.alpha, 0, atol=1e-12)
        counts, _ = start(source)
        assert counts == {"X": 1, "Nb": 338, "Mo": 337, "Ta": 348}


def test_one_element_twice_on_a_site(tmp_path: Path) -> None:
    atoms = read(tmp_path, [f"Fe1 Fe2+ {CORNER} .3", f"Fe2 Fe3+ {CORNER} .3", f"Co1 Co2+ {CORNER} .4"])
    ions = Structure.from_spacegroup("Im-3m", Cell.cubic(2.9), [{"Fe2+": 0.3, "Fe3+": 0.3, "Co2+": 0.4}], [[0, 0, 0]])
    for source in (atoms, ions):
        order = warren_cowley(source)
        assert order.lattice.composition == pytest.approx({"Fe": 0.6, "Co": 0.4})
        np.testing.assert_allclose(order.alpha, 0, atol=1e-12)
        assert start(source)[0] == {"X": 1, "Fe": 614, "Co": 409}


def test_isotopes_and_dummies_of_pymatgen() -> None:
    palladium = Structure.from_spacegroup(
        "Fm-3m", Cell.cubic(4.0), ["Pd", {"D": 0.3, "H": 0.2}], [[0, 0, 0], [0.5] * 3]
    )
    crystal = read_crystal(palladium)
    assert crystal.occupancy is not None
    assert {s: pytest.approx(f) for s, f in crystal.occupancy[-1].items()} == {"H": 0.5, "X": 0.5}
    unknown = Structure(Cell.cubic(3.0), [{DummySpecies("Q"): 0.5, "Nb": 0.5}], [[0, 0, 0]])
    with pytest.raises(ValueError, match=r"site 0: 'Q.*not a chemical element"):
        warren_cowley(unknown)


def test_the_rest_is_vacancies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    atoms = read(tmp_path, [f"Nb1 Nb {CORNER} .475", f"Mo1 Mo {CORNER} .475"])
    structure = Structure(Cell.cubic(3.24), [{"Nb": 0.475, "Mo": 0.475}] * 2, [[0, 0, 0], [0.5] * 3])
    for source in (atoms, structure, both_ways(tmp_path, atoms)):
        with caplog.at_level(logging.INFO, logger="asemacro"):
            counts, _ = start(source)
        assert counts["X"] == 51
        assert abs(counts["Nb"] - counts["Mo"]) <= 1
        assert random_alloy(source).vacant == pytest.approx(0.05)
        assert start(source, vacancies=3)[0]["X"] == 3
    assert "add up to 0.95 (Nb 0.475, Mo 0.475): the rest is vacancies" in caplog.text
    written = read(tmp_path, [f"Nb1 Nb {CORNER} .475", f"Mo1 Mo {CORNER} .475", f"Va1 Va {CORNER} .05"])
    assert start(written)[0]["X"] == 51


def test_vacancies_on_one_kind_of_site(tmp_path: Path) -> None:
    rows = [f"Fe1 Fe {CORNER} .9", f"Pt1 Pt {CORNER} .1", f"Fe2 Fe {CENTRE} .1", f"Pt2 Pt {CENTRE} .8"]
    begin = Start.read(read(tmp_path, rows, L10))
    box = begin.lattice.at_least(2000)
    x = begin.draw(box, None, None, rng=np.random.default_rng(0))[0]
    kind = begin.lattice.tile(np.arange(2, dtype=np.int64)[None], box)[0]
    full = int(begin.fractions[0, 0] > 0)  # which kind has the vacancies
    assert (x == 0).sum() == round(0.05 * box.n_sites)
    assert np.all(x[kind != 1 - full] != 0) or np.all(x[kind != full] != 0)
    with pytest.raises(ValueError, match="do not go with the occupancies"):
        begin.draw(box, box.n_sites // 2 + 1, None, rng=np.random.default_rng(0))


# ---------------------------------------------------------------- what is refused

REFUSED = {
    "sum 1.05": ([f"Nb1 Nb {CORNER} .525", f"Mo1 Mo {CORNER} .525"], "site Nb1, Mo1 at 0 0 0: .* add up to 1.05"),
    "sum 2": ([f"Nb1 Nb {CORNER} 1.0", f"Mo1 Mo {CORNER} 1.0"], "site Nb1, Mo1 at 0 0 0: .* add up to 2"),
    "sum 2 by symmetry": ([f"Nb1 Nb {CORNER} 1.0", f"Mo1 Mo {CENTRE} 1.0"], "add up to 2"),
    "one atom of 1.2": ([f"Nb1 Nb {CORNER} 1.2"], r"atom 1 \(Nb1\): the occupancy of Nb .* 1.2"),
    "negative": ([f"Nb1 Nb {CORNER} -.5"], r"atom 1 \(Nb1\)"),
    "damaged": ([f"Nb1 Nb {CORNER} .5", f"Mo1 Mo {CORNER} .5.0"], r"atom 2 \(Mo1\): '.5.0' is no number"),
    "nan": ([f"Nb1 Nb {CORNER} nan"], r"atom 1 \(Nb1\): 'nan' is no number"),
    "unknown and shared": ([f"Nb1 Nb {CORNER} ?", f"Mo1 Mo {CORNER} .5"], "not known .* and the site is shared"),
    "damaged coordinate": (["Nb1 Nb 0 zero 0 1"], "'zero' is no number for its coordinate"),
    "composite": (["Nb,Zr '0.5Nb + 0.5Zr' 0 0 0 1"], r"'0.5Nb \+ 0.5Zr' is not a chemical element"),
    "symbol": ([f"Q1 Q {CORNER} 1"], r"atom 1 \(Q1\): 'Q' is not a chemical element"),
    "short row": ([f"Nb1 Nb {CORNER} .5", "Mo1 Mo 0 0 .5", f"W1 W {CENTRE} .5"], "wrong number of entries|incomplete"),
    "cell": ([f"Nb1 Nb {CORNER} 1"], "too thin"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_names_the_site(tmp_path: Path, case: str) -> None:
    rows, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, rows, ("1e-3 1e-3 1e-3 90 90 90", "P1", 1) if case == "cell" else BCC)
    assert str(caught.value).startswith(str(tmp_path / "x.cif"))
    assert "\n" not in str(caught.value)


def test_unknown_occupancy_of_an_atom_alone_is_1(tmp_path: Path) -> None:
    for mark in ("?", "."):
        atoms = read(tmp_path, [f"Nb1 Nb {CORNER} {mark}", f"Mo1 Mo {CENTRE} 1"], (BCC[0], "Pm-3m", 221))
        assert warren_cowley(atoms).delta[0, 1] == pytest.approx(4)


def test_full_atoms_listed_again_are_the_same_atoms(tmp_path: Path) -> None:
    atoms = read(tmp_path, [f"Nb1 Nb {CORNER} 1", f"Nb2 Nb {CENTRE} 1"])
    assert atoms.get_chemical_symbols() == ["Nb", "Nb"]
    assert read_crystal(atoms).occupancy is None


def test_occupancies_of_atoms_that_ase_read(tmp_path: Path) -> None:
    path = tmp_path / "x.cif"
    path.write_text(cif(SAME_ALLOY["equivalent sites"]))
    with pytest.raises(ValueError, match=r"name Mo, which is on no site.*asemacro.read_structure"):
        warren_cowley(ase.io.read(path))
    atoms = read(tmp_path, FEPT, L10)
    atoms.info["occupancy"]["0"] = {"Fe": 0.9, "Pt": "a lot"}
    with pytest.raises(ValueError, match="the occupancy of Pt must be a number"):
        warren_cowley(atoms)


def test_settings_of_a_space_group(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cell = "2.70 2.70 2.70 60 60 60"
    rows = [f"Fe1 Fe {CORNER} .5", f"Pt1 Pt {CORNER} .5"]
    for name, number in (("R -3 m :R", None), ("R -3 m :R", 166), ("R -3 m", 166)):
        with caplog.at_level(logging.WARNING, logger="asemacro"):
            atoms = read(tmp_path, rows, (cell, name, number))
        assert len(atoms) == 1  # in hexagonal axes 3, of which two are 1.6 angstrom apart
        assert warren_cowley(atoms).lattice.prototype == "fcc"
    assert "by pymatgen: 3 and" in caplog.text
    with pytest.raises(ValueError, match="Quatsch"):
        read(tmp_path, rows, (cell, "Quatsch", None))


def test_magnetic_files(tmp_path: Path) -> None:
    text = cif([f"Fe1 Fe {CORNER} 1"], (BCC[0], "P1", None)).replace("_symmetry_space_group_name_H-M 'P1'\n", "")
    listed = "loop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1\n-x,-y,-z,-1\n"
    centred = "loop_\n_space_group_symop_magn_centering.xyz\nx,y,z,+1\nx+1/2,y+1/2,z+1/2,-1\n"
    (tmp_path / "x.mcif").write_text(text + listed + centred)
    assert len(read_structure(tmp_path / "x.mcif")) == 2


# ---------------------------------------------------------------- the verbs


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    """Exit code, standard output and error of `asemacro WORDS`."""
    monkeypatch.setattr(sys, "argv", ["asemacro", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Barriers of a few elements."""
    species = ["N", "Al", "Ti", "Fe", "Nb", "Mo", "Ta", "Pt"]
    path = tmp_path / "pair.json"
    path.write_text(json.dumps({"species": species, "migration_eV": dict.fromkeys(species, 1.0), "pair_eV": [{}]}))
    return path


def verbs(structure: Path, pair: Path, out: Path) -> list[tuple[object, ...]]:
    """All verbs that start runs from a structure."""
    return [
        ("kmc", structure, "-T", 1500, "--hops", 10, "--barriers", pair, "-o", out),
        ("sample", structure, "-T", 1500, "--hops", 10, "--barriers", pair, "-o", out),
        ("phase-diagram", structure, "--barriers", pair, "-o", out),
        ("learn", "alloy", structure, "--barriers", pair, "-o", out),
    ]


def test_verbs_refuse_to_mix_sublattices(capsys, monkeypatch, tmp_path: Path, pair: Path) -> None:
    read(tmp_path, NITRIDE, ROCK_SALT)
    path = tmp_path / "x.cif"
    for words in verbs(path, pair, tmp_path / "out"):
        code, _, err = run(capsys, monkeypatch, *words)
        assert code == 2
        assert "hops would mix the sublattices of N and of Al, Ti" in err
    code, out, _ = run(capsys, monkeypatch, "sro", path, "--json")
    assert code == 0
    assert next(row for row in json.loads(out) if row["pair"] == "N-N")["delta"] == pytest.approx(-3)
    kmc = (*verbs(path, pair, tmp_path / "out")[0], "--sites", 200, "--mix-sublattices")
    assert run(capsys, monkeypatch, *kmc)[0] == 0


@pytest.mark.parametrize("atoms_more", ["interstitial", "dumbbell"])
def test_atoms_that_cannot_be_placed_are_refused_by_every_verb(
    capsys, monkeypatch, tmp_path: Path, pair: Path, atoms_more: str
) -> None:
    atoms = Atoms("MoTa", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[3.23] * 3, pbc=True).repeat(8)
    if atoms_more == "dumbbell":
        atoms.positions[7] -= [0.6, 0, 0]
        atoms += Atoms("Mo", [atoms.positions[7] + [1.2, 0, 0]])
    else:
        atoms += Atoms("Mo", [atoms.positions[7] + [0.2, 0, 0]])
    path = tmp_path / "b2.extxyz"
    ase.io.write(path, atoms)
    for words in (("sro", path), *verbs(path, pair, tmp_path / "out")):
        code, _, err = run(capsys, monkeypatch, *words)
        assert code == 2, words
        assert "atoms 7 and 1024 (counted from 0) are on the same lattice site" in err
        assert not list((tmp_path / "out").glob("*.csv"))


def test_vacancies_of_a_repeated_cell(capsys, monkeypatch, tmp_path: Path, pair: Path, caplog) -> None:
    atoms = Atoms("MoTa", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[3.23] * 3, pbc=True).repeat((4, 2, 2))
    del atoms[5]
    path = tmp_path / "one.extxyz"
    ase.io.write(path, atoms)
    words = ("kmc", path, "-T", 1500, "--hops", 5, "--barriers", pair, "-o", tmp_path / "out")
    with caplog.at_level(logging.INFO, logger="asemacro"):
        code, out, _ = run(capsys, monkeypatch, *words)
    assert code == 0
    assert "from the atoms of the structure, repeated 32 times, to 1024 sites with 32 vacant" in caplog.text
    assert "1024 sites, 32 vacancies" in out
    code, _, err = run(capsys, monkeypatch, *words, "--vacancies", 1)
    assert code == 2
    assert "1 vacancy on 32 sites, so 32 in the box of 1024 sites; 1 asked for: give --sites 32" in err
    code, out, _ = run(capsys, monkeypatch, *words, "--vacancies", 1, "--sites", 32)
    assert code == 0
    assert "32 sites, 1 vacanc" in out


def test_notes_are_said_once(capsys, monkeypatch, tmp_path: Path, caplog) -> None:
    read(tmp_path, [f"Nb1 Nb {CORNER} .475", f"Mo1 Mo {CORNER} .475"])
    with caplog.at_level(logging.INFO, logger="asemacro"):
        assert run(capsys, monkeypatch, "sro", tmp_path / "x.cif")[0] == 0
    assert caplog.text.count("the rest is vacancies") == 1


# ---------------------------------------------------------------- parts


def test_shares_of_a_site() -> None:
    assert site_shares([("Nb", 0.333), ("Mo", 0.333), ("Ta", 0.333)], "here") == pytest.approx(
        {"Nb": 1 / 3, "Mo": 1 / 3, "Ta": 1 / 3}
    )
    assert site_shares([("D", 0.25), ("H", 0.25), ("Vac", 0.25)], "here") == pytest.approx({"H": 0.5, "X": 0.5})
    assert site_shares([], "here") == {"X": 1}


@pytest.mark.parametrize("seed", range(5))
def test_rounding_keeps_the_sums(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(4), 6) * rng.integers(1, 2, (6, 4))
    table = shares * rng.integers(1, 40, 6)[:, None]
    found = round_table(table)
    np.testing.assert_array_equal(found.sum(1), np.rint(table.sum(1)))
    assert np.abs(found - table).max() < 1
    assert np.abs(found.sum(0) - table.sum(0)).max() < 1
