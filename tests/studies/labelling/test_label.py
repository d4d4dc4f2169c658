"""Labels of an alloy: which jumps are drawn, that a run goes on where it was stopped, and what users see."""

from __future__ import annotations

import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from asemacro.barriers.labelling.bands import BandSettings
from asemacro.barriers.labelling.database import read_labels
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.labelling.cells import Cells, around_vacancy, box_of, draw_jumps, random_cell
from asemacro.studies.labelling.label import label_barriers
from asemacro.tasks.streams import Streams

UNIT = Lattice.fcc(3.86, ["Cu", "Au"], 1, composition={"Cu": 0.75, "Au": 0.25})
MODEL = PairBarrier(["Cu", "Au"], {"Cu": 0.6, "Au": 0.8}, [{"Cu-Au": -0.05}])
NONE = BandSettings(relax="none")


def streams(seed: int = 0) -> Streams:
    return Streams.of(np.random.default_rng(seed))


def test_more_jumps_are_the_same_ones_and_some_more() -> None:
    box = box_of(Cells(sites=32), UNIT)
    kinds = ("random", "ordered", "kmc")
    few, many = (
        draw_jumps(Cells(cells=6, jumps=n, states=kinds, sites=32, barriers=MODEL), box, streams()) for n in (12, 60)
    )
    assert len({jump.name for jump in many}) == len(many) == 60
    assert [jump.name for jump in few] == [jump.name for jump in many[:12]]
    assert {jump.cell for jump in many} == {f"{kind}-{turn}" for kind in kinds for turn in (0, 1)}
    near = box.neighbours(box.shells(1)[0].offsets)
    for jump in many:
        assert (jump.x == 0).sum() == 1
        assert jump.jumping in near[jump.vacancy]
    asked = [jump for jump in many if jump.cell.endswith("-0")]
    counts = {tuple(np.bincount(jump.x, minlength=3)[1:]) for jump in asked}
    assert counts <= {(24, 7), (23, 8)}  # 24 and 8, one of which gave way to the vacancy
    assert len({tuple(np.bincount(jump.x)[1:]) for jump in many}) > 2
    assert [j.name for j in draw_jumps(Cells(cells=6, jumps=12, sites=32), box, streams(1))] != [j.name for j in few]


def test_compositions_scatter_around_the_asked_one_and_no_element_is_missing() -> None:
    box = Lattice.fcc(3.6, ["Cr", "Co", "Ni"], 3, composition={"Cr": 0.5, "Co": 0.48, "Ni": 0.02})
    rng = np.random.default_rng(0)
    counts = np.array([np.bincount(random_cell(box, rng, asked=False), minlength=4)[1:] for _ in range(400)])
    assert counts.min() == 1
    share = counts / 108
    assert abs(share[:, 0].mean() - 0.5) < 4.5 * 0.139 / 20  # sqrt(c (1 - c) / 13) over 400 draws, alpha 1e-5
    assert share[:, 0].std() == pytest.approx(np.sqrt(0.25 / 13), rel=0.2)
    exact = np.bincount(random_cell(box, rng), minlength=4)[1:]
    assert exact.tolist() == [54, 52, 2]


def test_ordered_cells_are_of_more_and_less_order_than_random_ones() -> None:
    box = UNIT.at_least(108)
    phi = WarrenCowley(box.species)
    of = {
        kind: [
            phi(np.where(jump.x == 0, 1, jump.x).astype(np.int8)[None], box)[0, 0]
            for jump in draw_jumps(Cells(cells=12, jumps=12, states=(kind,)), box, streams())
        ]
        for kind in ("random", "ordered")
    }
    assert np.std(of["ordered"]) > 3 * np.std(of["random"])
    assert min(of["ordered"]) < -0.5
    assert max(of["ordered"]) > 0.3


def test_a_cell_of_a_path_is_what_is_around_the_vacancy() -> None:
    box = UNIT.at_least(108)
    larger = box.repeat(2)
    rng = np.random.default_rng(0)
    for _ in range(5):
        x = larger.random_state(vacancies=1, rng=rng)[0]
        part = around_vacancy(x, larger, box)
        assert (part == 0).sum() == 1
        near = [
            state[lattice.neighbours(lattice.shells(1)[0].offsets)[np.flatnonzero(state == 0)[0]]].tolist()
            for lattice, state in ((larger, x), (box, part))
        ]
        assert near[0] == near[1]
    assert np.array_equal(np.sort(around_vacancy(part, box, box)), np.sort(part))


def test_a_pure_metal_and_a_tiny_cell_have_fewer_jumps_than_asked_for() -> None:
    copper = Lattice.fcc(3.6, ["Cu"], 2)
    jumps = draw_jumps(Cells(cells=3, jumps=10_000, sites=32, states=("ordered",)), copper, streams())
    assert len(jumps) == 32 * 12 // 2  # each bond once: the jump back is the same
    with pytest.raises(ValueError, match="give more --sites"):
        box_of(Cells(sites=4), UNIT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"states": ("random", "b2")}, "states must be some of random, ordered, kmc, got b2"),
        ({"states": ()}, "got none"),
        ({"states": ("kmc",)}, "need a barrier model"),
        ({"jumps": 0}, "must be 1 or more"),
    ],
)
def test_cells_that_make_no_sense(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Cells(**options)


def test_labels_go_on_where_they_stopped(tmp_path: Path) -> None:
    """The second run computes what the first has not, the third nothing; the barriers are exact sums."""
    path = tmp_path / "labels.db"

    def labelled(jumps: int, structure: object = UNIT, **settings: object):
        cells = Cells(cells=2, jumps=jumps, sites=32, states=("random",))
        settings_ = BandSettings(**{"relax": "none", "images": 3, **settings})
        return label_barriers(
            structure, "emt", path, cells=cells, settings=settings_, rng=np.random.default_rng(0)
        )  # fmt: skip

    assert [labelled(n).new for n in (3, 5, 5)] == [3, 2, 0]
    labels = read_labels(path)
    assert len({label.name for label in labels}) == 5
    for label in labels:
        energies = []
        for x in (label.x, label.x.copy()):
            if energies:
                x[[label.vacancy, label.jumping]] = x[[label.jumping, label.vacancy]]
            atoms = label.lattice.to_atoms(x, vacancies=False)
            from ase.calculators.emt import EMT

            atoms.calc = EMT()
            energies.append(atoms.get_potential_energy())
        assert abs(label.forward_eV - label.backward_eV - (energies[1] - energies[0])) < 1e-9
    with pytest.raises(ValueError, match=r"labels made with images 3 \(now 4\); give another file"):
        labelled(5, images=4)
    with pytest.raises(ValueError, match=r"composition Cu0\.75 Au0\.25 \(now Cu0\.5 Au0\.5\)"):
        labelled(5, Lattice.fcc(3.86, ["Cu", "Au"], 1))
    assert len(read_labels(path)) == 5


# ---------------------------------------------------------------- the commands


@pytest.fixture
def alloy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A structure file and calculators of a user in the present folder."""
    monkeypatch.chdir(tmp_path)
    atoms = bulk("Cu", cubic=True, a=3.8).repeat(2)
    atoms.symbols[:8] = "Au"
    ase.io.write("CuAu.POSCAR", atoms, format="vasp")
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "from ase.calculators.emt import EMT\n"
        "class Breaks(EMT):\n"
        "    left = 40\n"
        "    def calculate(self, *a, **k):\n"
        "        super().calculate(*a, **k)\n"
        "        self.left -= 1\n"
        "        if self.left < 0:\n"
        "            raise RuntimeError('the licence server is away')\n"
        "class Nan(EMT):\n"
        "    def calculate(self, *a, **k):\n"
        "        super().calculate(*a, **k)\n"
        "        self.results['energy'] = np.nan\n"
    )
    for module in [name for name in sys.modules if name == "mine"]:
        del sys.modules[module]
    return "CuAu.POSCAR"


SMALL = ("--sites", "32", "--relax", "none", "--images", "3", "--cells", "2", "--jumps", "4", "--workers", "1")


def test_the_command_label(command, alloy: str) -> None:
    words = ("barriers", "label", alloy, "--calculator", "emt", *SMALL)
    code, out, _ = command(*words)
    assert code == 0
    assert "4 of 4 jumps labelled (4 computed now), in labels.db" in out
    assert "barriers of Cu:" in out
    assert "4 of 4 jumps labelled (0 computed now), in labels.db" in command(*words)[1]
    assert len(read_labels("labels.db")) == 4


def test_what_was_labelled_stays_when_the_calculator_breaks(command, alloy: str) -> None:
    code, _, err = command("barriers", "label", alloy, "--calculator", "mine:Breaks", *SMALL)
    assert (code, err.strip().splitlines()[-1]) == (
        2,
        "asemacro: the calculator mine:Breaks fails: the licence server is away",
    )
    assert 0 < len(read_labels("labels.db")) < 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--calculator", "mine:Nan"), "mine:Nan gives numbers that are not finite for the energy"),
        (("--calculator", "mine:Absent"), "the module mine has no function Absent"),
        (("--calculator", "absent:f"), "the module absent does not import"),
        (("--calculator", "emt", "--states", "random,b2"), "states must be some of random, ordered, kmc, got b2"),
        (("--calculator", "emt", "--states", "kmc"), "no barrier model for Cu-Au"),
        (("--calculator", "emt", "--relax", "cell"), "cell"),
        (("--calculator", "emt", "-o", "other.db"), "other.db is a database of something else"),
        (("--calculator", "emt", "-o", "CuAu.POSCAR"), "CuAu.POSCAR is not a readable database of barrier labels"),
    ],
)
def test_bad_input_is_one_line(command, alloy: str, words: tuple[str, ...], message: str) -> None:
    import ase.db

    ase.db.connect("other.db").write(bulk("Cu"))
    code, _, err = command("barriers", "label", alloy, *SMALL, *words)
    assert code == 2
    line = err.strip().splitlines()[-1]
    assert line.startswith("asemacro: ")
    assert message in line
    assert "Traceback" not in err


def test_elements_that_the_calculator_lacks(command, alloy: str) -> None:
    ase.io.write("W.POSCAR", bulk("W", cubic=True).repeat(2), format="vasp")
    code, _, err = command("barriers", "label", "W.POSCAR", "--calculator", "emt", *SMALL)
    assert code == 2
    assert "the calculator emt fails: No EMT-potential for W" in err


def test_the_command_import(command, alloy: str) -> None:
    command("barriers", "label", alloy, "--calculator", "emt", *SMALL)
    label = read_labels("labels.db")[0]
    ase.io.write("before.extxyz", label.lattice.to_atoms(label.x, vacancies=False))
    atom = int(np.count_nonzero(label.x[: label.jumping]))
    Path("table.csv").write_text(f"before.extxyz,{atom},0.7,0.8\n")
    code, out, _ = command("barriers", "import", "table.csv", "-o", "mine.db")
    assert (code, out.strip()) == (0, "1 bands imported, 0 were there already, 0 failed, in mine.db")
    code, out, err = command("barriers", "import", alloy, "table.csv", "-o", "mine.db")
    assert code == 2
    assert "asemacro: CuAu.POSCAR: holds 1 images" in err
    assert "1 of 2 files were refused, see above; the others are in mine.db" in err
    assert "0 bands imported, 1 were there already" in out
