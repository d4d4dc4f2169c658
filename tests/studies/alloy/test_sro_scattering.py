"""`asemacro sro --scattering` as users meet it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

import asemacro as am
from asemacro.studies.alloy.scattering_figure import draw_scattering

Command = Callable[..., tuple[int, str, str]]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def random_frames(path: Path, count: int, repeat: int = 3) -> list[ase.Atoms]:
    rng = np.random.default_rng(6)
    frames = []
    for _ in range(count):
        atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(repeat)
        atoms.symbols[:] = rng.permutation(np.resize(["Nb", "Mo", "Ta"], len(atoms)))
        frames.append(atoms)
    ase.io.write(path, frames)
    return frames


def test_a_b2_file_has_its_peak(command: Command, structures: Path, tmp_path: Path) -> None:
    out = tmp_path / "b2"
    code, _, err = command("sro", structures / "MoTa_B2.cif", "-o", out, "--scattering", "neutron")
    assert code == 0, err
    assert {path.name for path in out.iterdir()} == {
        "sro.csv", "sro.png", "order.extxyz", "scattering.csv", "scattering.png", "run.json", "run.log",
    }  # fmt: skip
    rows = {(row["h"], row["k"], row["l"]): row for row in rows_of(out / "scattering.csv")}
    assert len(rows) == 9
    assert float(rows["1", "0", "0"]["intensity"]) == pytest.approx(2)  # N of N = 2 atoms
    assert float(rows["1", "0", "0"]["alpha_Mo-Ta"]) == float(rows["1", "0", "0"]["part_Mo-Ta"]) == pytest.approx(2)
    assert rows["1", "1", "0"]["intensity"] == rows["1", "0", "0"]["intensity_err"] == ""
    assert "strongest: 2 Laue units at (0, 1, 0)" in err
    assert "in the plane hk0: one structure, 4 wave vectors" in err


def test_frames_and_files_are_averaged(command: Command, tmp_path: Path) -> None:
    frames = random_frames(tmp_path / "a.extxyz", 5)
    ase.io.write(tmp_path / "b.extxyz", frames[3:])
    ase.io.write(tmp_path / "a.extxyz", frames[:3])
    out = tmp_path / "out"
    options = ("-o", out, "--scattering", "xray", "--plane", "h h l", "--extent", 1)
    code, _, err = command("sro", f"{tmp_path / 'a.extxyz'}@:", f"{tmp_path / 'b.extxyz'}@:", *options)
    assert code == 0, err
    assert "mean of 5 structures" in err
    found = am.diffuse_scattering(frames, "hhl", extent=1)
    rows = rows_of(out / "scattering.csv")
    assert len(rows) == len(found.hkl) == 16
    for k, row in enumerate(rows):
        assert [float(row[i]) for i in "hkl"] == pytest.approx(found.hkl[k], abs=1e-9)
        if row["intensity"]:
            assert float(row["intensity"]) == pytest.approx(found.intensity[k])
            assert float(row["intensity_err"]) == pytest.approx(found.error[k])
            parts = [float(row[f"part_{pair}"]) for pair in ("Nb-Mo", "Nb-Ta", "Mo-Ta")]
            assert sum(parts) == pytest.approx(found.intensity[k])


def test_a_plane_whose_axes_slant_is_drawn_as_it_lies() -> None:
    lattice = am.Lattice.hcp(3.2, ["Mg", "Zn"], (4, 4, 2))
    atoms = lattice.to_atoms(lattice.random_state(vacancies=0, rng=np.random.default_rng(0)))
    figure = draw_scattering(am.diffuse_scattering(atoms, "hk0"))
    (image,) = figure.axes[0].images
    pixels = np.ma.filled(image.get_array().astype(float), np.nan)
    left, right, _, top = image.get_extent()
    # the reciprocal vectors of h and k are 60 degrees apart: 2 of each are a rhombus 3 wide and 2 sin 60 high
    assert (left, right, top) == pytest.approx((0, 3, 3**0.5))
    assert np.isnan(pixels[:, [0, -1]]).any(axis=0).all()
    assert np.isfinite(pixels).mean() == pytest.approx(2 / 3, abs=0.05)  # of the rectangle, less Bragg peaks
    assert {text.get_text() for text in figure.axes[0].texts} == {"$k$ = 0", "$k$ = 1", "$k$ = 2"}


def test_one_screen_of_help(command: Command) -> None:
    code, out, _ = command("sro", "--help")
    assert code == 0
    assert len(out.splitlines()) <= 50


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--plane", "hk0"), "--plane belongs to --scattering"), (("--extent", "2"), "--extent belongs to --scattering"),
     (("--scattering", "xray"), "give a folder for them with -o"),
     (("--scattering", "gamma", "-o", "x"), "xray"),
     (("--scattering", "xray", "-o", "x", "--plane", "hkl"), "not a plane"),
     (("--scattering", "xray", "-o", "x", "--extent", "0"), "--extent")],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused_before_anything_is_read(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = command("sro", "absent.cif", *words)
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert said in err
    assert not (tmp_path / "x").exists()


def test_a_structure_without_diffuse_scattering_keeps_its_order(
    command: Command, structures: Path, tmp_path: Path
) -> None:
    ase.io.write(tmp_path / "small.cif", bulk("CsCl", "cesiumchloride", a=3.2))
    random_frames(tmp_path / "one.extxyz", 1)
    random_frames(tmp_path / "other.extxyz", 1, repeat=2)
    for files, plane, said in (
        ([structures / "NbMoTa.cif"], "hk0", "fractional occupancy is no definite arrangement"),
        ([tmp_path / "one.extxyz", tmp_path / "other.extxyz"], "hk0", "in another box"),
        ([tmp_path / "one.extxyz"], "hk1/2", "no wave that fits the box of 3 x 3 x 3 conventional cells"),
    ):  # fmt: skip
        out = tmp_path / said[:5].strip()
        code, printed, err = command("sro", *files, "-o", out, "--scattering", "xray", "--plane", plane)
        assert code == 2
        assert said in err.splitlines()[-1]
        assert printed
        assert (out / "sro.csv").exists()
        assert (out / "scattering.csv").exists() == (len(files) == 2)
