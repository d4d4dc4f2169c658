"""What damaged files have brought to light, one small test for each."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zipfile
from pathlib import Path

import ase.io
import numcodecs.pickles
import numpy as np
import pytest
import zarr
from ase.build import bulk
from fuzz.hostile import pickled

import asemacro as am
from asemacro.calculators.named import calculator_named
from asemacro.files.frames import FramesFile, write_frames
from asemacro.files.reading import UnreadableFile
from asemacro.lattice.reading.structure_file import read_structure
from asemacro.macro.training_file import load_training, save_training
from asemacro.studies.fields.readers import read_series


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_packed_structures_that_are_cut_off(tmp_path: Path, suffix: str, pack) -> None:
    path = tmp_path / f"a.cif.{suffix}"
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(3)
    ase.io.write(tmp_path / "a.cif", atoms)
    whole = pack((tmp_path / "a.cif").read_bytes())
    path.write_bytes(whole)
    assert len(read_structure(path)) == len(atoms)
    path.write_bytes(whole[:-12])
    with pytest.raises(ValueError, match=rf"a\.cif\.{suffix}: cannot be unpacked \(.*\); it is damaged"):
        read_structure(path)


def test_a_small_packed_structure_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR.gz"
    path.write_bytes(gzip.compress(b"0 0 0\n" * 10_000_000, 1))
    with pytest.raises(ValueError, match=r"POSCAR\.gz: cannot be unpacked \(its .* bytes would become"):
        read_structure(path)


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    path.write_text("data_a\n_cell_length_a 3\n\x1b[31mred\n")
    with pytest.raises(ValueError, match=r"cannot be read as cif: .*\\x1b\[31m") as refused:
        read_structure(path)
    assert str(refused.value).isprintable()


def test_atoms_farther_away_than_a_float_can_place_them() -> None:
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(3)
    atoms.numbers[::2] = 41
    atoms.positions[3] += 3.2e6 * atoms.cell.lengths()
    assert am.warren_cowley(atoms, shells=1)
    lattice = am.Lattice.from_atoms(atoms)
    atoms.positions[3] = 1e300
    for reader in (lambda: am.warren_cowley(atoms, shells=1), lambda: lattice.nearest_sites(atoms.positions)):
        with pytest.raises(ValueError, match=r"vectors of 1e\+300 angstrom, at most 1e\+09 are taken"):
            reader()


def test_a_cif_of_more_places_than_the_memory_holds(tmp_path: Path) -> None:
    lengths = "\n".join(f"_cell_length_{k} 50" for k in "abc")
    angles = "\n".join(f"_cell_angle_{k} 90" for k in ("alpha", "beta", "gamma"))
    rows = "\n".join(f"Fe{k} {k / 2000} 0 0" for k in range(2000))
    sites = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    many = "\n".join(f"'x+{k}/2001,y,z'" for k in range(2000))
    head = f"data_a\n_symmetry_space_group_name_H-M 'P 1'\n{lengths}\n{angles}\n"
    (tmp_path / "a.cif").write_text(f"{head}loop_\n_symmetry_equiv_pos_as_xyz\n{many}\n{sites}{rows}\n")
    with pytest.raises(ValueError, match="2000 atoms and 2000 symmetry operations are 4e"):
        read_structure(tmp_path / "a.cif")


@pytest.mark.parametrize(
    "style", ["python 5.0", "hybrid lj/cut 3 python 5", "mliap/kk model mliappy a.pt", "kim A", "lj/cut $(1+1)"]
)
def test_lammps_lines_that_run_code_of_other_files(tmp_path: Path, style: str) -> None:
    path = tmp_path / "lines"
    path.write_text(f"pair_style {style}\npair_coeff * * py_pot.Potential Cu\n")
    with pytest.raises(ValueError, match="runs code of other files or is a variable"):
        calculator_named(f"lammps:{path}", ["Cu"])


def test_an_eam_potential_of_nan(tmp_path: Path) -> None:
    path = tmp_path / "Cu.eam.alloy"
    numbers = "0.5 0.4 0.3 0.2 0.1\n" * 2
    for odd in ("0.5", "nan", "1e999"):
        path.write_text("a\nb\nc\n1 Cu\n10 0.1 10 0.1 0.9\n29 63.5 3.6 fcc\n" + 3 * numbers.replace("0.5", odd, 1))
        if odd == "0.5":
            calculator_named(f"eam:{path}", ["Cu"])
        else:
            with pytest.raises(ValueError, match="holds numbers that are not finite"):
                calculator_named(f"eam:{path}", ["Cu"])


def test_training_states_whose_squares_are_no_numbers(tmp_path: Path) -> None:
    for size in (1e99, 1e200):
        save_training(tmp_path / "a.safetensors", np.full((3, 1), size), np.zeros((3, 0)), 1)
        if size < 1e100:
            load_training(tmp_path / "a.safetensors", 1, 0)
        else:
            with pytest.raises(UnreadableFile, match=r"z holds 1e\+200, beyond 1e\+100"):
                load_training(tmp_path / "a.safetensors", 1, 0)


def series(folder: Path, about: dict[str, object], chunk: bytes | None) -> Path:
    """A zarr group of version 2 whose two arrays are described so, by hand: zarr does not write such ones."""
    folder.mkdir()
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    for name in ("time", "fields"):
        (folder / name).mkdir()
        plain = {"zarr_format": 2, "order": "C", "compressor": None, "filters": None, "fill_value": 0.0}
        (folder / name / ".zarray").write_text(json.dumps({**plain, **about}))
        if chunk is not None:
            (folder / name / "0").write_bytes(chunk)
    return folder


def test_pickles_in_zarr_arrays_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numcodecs.pickles, "ALLOW_UNSAFE_PICKLE_DECODE", True, raising=False)  # as before 0.16.6
    filters = [{"id": "vlen-utf8"}, {"id": "pickle"}]
    about = {"dtype": "|O", "shape": [1], "chunks": [1], "filters": filters, "fill_value": None}
    path = series(tmp_path / "a.zarr", about, pickled(tmp_path / "canary"))
    with pytest.raises(UnreadableFile, match="time is no array of numbers"):
        read_series([path])
    assert not (tmp_path / "canary").exists()


def test_zarr_arrays_of_nothing_but_their_size(tmp_path: Path) -> None:
    path = series(tmp_path / "a.zarr", {"dtype": "<f8", "shape": [10**8], "chunks": [10**8]}, None)
    with pytest.raises(UnreadableFile, match=r"bytes would become 1\.6e\+09"):
        read_series([path])


def test_npz_fields_that_unpack_to_far_more(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, time=np.arange(2.0), fields=np.zeros((2, 4, 4), "f4"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.infolist()[0].file_size = 6 * 10**8
        archive.comment = b"so that the directory is written again"
    with pytest.raises(UnreadableFile, match=r"bytes would become 6e\+08"):
        read_series([path])


def test_frames_of_nothing_but_their_size(tmp_path: Path) -> None:
    path = tmp_path / "a.amz.zip"
    write_frames(path, {"numbers": np.zeros((1, 4), dtype=np.int8)}, [{}])
    about = rewritten(path, "c0/zarr.json", lambda found: found | {
        "shape": [1, 10**10], "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 10**9]}}
    })  # fmt: skip
    with pytest.raises(UnreadableFile, match="is not a readable file of frames"):
        FramesFile(about)


@pytest.mark.parametrize("rows", [10**9, -1])
def test_rows_of_nothing_but_their_number(tmp_path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    m = rng.uniform(-1, 1, (5, 4)).astype(np.float32)
    path = am.FieldData(m, m, None, np.ones(5), np.ones(5), np.ones(5), 16, 4).save(tmp_path / "a.zarr.zip")
    for name in ("before", "after", "duration", "temperature", "field", "group"):
        rewritten(path, f"{name}/zarr.json", lambda found: found | {"shape": [10**9, *found["shape"][1:]]})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if not name.startswith("n_rows"):
                archive.writestr(name, data)
    root = zarr.open_group(zarr.storage.ZipStore(path, mode="a"), mode="a")
    root.create_array("n_rows", data=np.array([rows]))
    root.store.close()
    with pytest.raises(UnreadableFile, match="is not a readable field data file"):
        am.FieldData.open(path)


def rewritten(path: Path, member: str, change) -> Path:
    """An archive whose JSON member is changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = json.dumps(change(json.loads(members[member]))).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path
