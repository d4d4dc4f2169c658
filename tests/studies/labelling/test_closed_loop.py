"""The closed loop: what is chosen, how it ends, that it goes on where it was stopped, and what users see."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from small_loop import BCC, LOOP, TINY
from springs import Springs

from asemacro.barriers.gnn.file import load_gnn
from asemacro.barriers.labelling.bands import BandSettings, Jump
from asemacro.barriers.labelling.database import read_labels
from asemacro.lattice.lattice import Lattice
from asemacro.studies.labelling.chosen import choose, likeness
from asemacro.studies.labelling.closed_loop import Loop, learn_barriers
from asemacro.studies.labelling.learned import LearnedBarriers
from asemacro.studies.labelling.steps import Training
from asemacro.studies.labelling.visited_jumps import VisitedJumps, jumps_out_of, running_box

NONE = BandSettings(relax="none")
BOX = BCC.at_least(54)
NEAR = BOX.neighbours(BOX.shells(1)[0].offsets)


def looped(path: Path, loop: Loop = LOOP, **options: object) -> LearnedBarriers:
    return learn_barriers(
        BCC, Springs, path, loop=loop, settings=NONE, training=TINY, rng=np.random.default_rng(1), **options
    )


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> LearnedBarriers:
    return looped(tmp_path_factory.mktemp("loop") / "labels.db")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[LearnedBarriers, LearnedBarriers]:
    """The same loop, stopped after its first round and started again with the whole budget."""
    path = tmp_path_factory.mktemp("grown") / "labels.db"
    return looped(path, dataclasses.replace(LOOP, budget=8)), looped(path)


# ---------------------------------------------------------------- what is chosen


def random_visits(states: int, paths: int, seed: int = 0) -> VisitedJumps:
    """Random states with a spread that nothing has to do with."""
    rng = np.random.default_rng(seed)
    x = BOX.random_state(vacancies=1, batch=states, rng=rng)
    jumping = NEAR[(x == 0).argmax(axis=1)]
    return VisitedJumps(x, jumping, rng.exponential(0.1, jumping.shape), np.arange(states) % paths)


def test_the_most_uncertain_jumps_are_chosen_from_all_paths() -> None:
    visited = random_visits(60, 4)
    visited.spread[visited.path == 2] *= 10  # one path that knows nothing
    visited.spread[5, :3] = np.nan
    chosen = choose(visited, BOX, 12, [], "visited-1")
    assert len({jump.name for jump in chosen}) == 12
    of_cell = [jump.cell for jump in chosen]
    assert of_cell.count("visited-1-2") == 6  # twice its share
    assert len({jump.x.tobytes() for jump in chosen}) == 12
    assert len({likeness(jump) for jump in chosen}) == 12
    at = {x.tobytes(): k for k, x in enumerate(visited.x)}
    for jump in chosen:
        k = at[jump.x.tobytes()]
        assert jump.jumping in visited.jumping[k]
        if jump.cell == "visited-1-2":
            assert visited.spread[k].max() == visited.spread[k][visited.jumping[k] == jump.jumping][0]
    # six jumps that path 2 has the most of, and the six most uncertain of the others
    assert visited.spread_of(chosen) > 3 * visited.rms_spread_eV
    again = choose(visited, BOX, 12, chosen, "visited-2")
    assert not {jump.name for jump in again} & {jump.name for jump in chosen}
    assert not {likeness(jump) for jump in again} & {likeness(jump) for jump in chosen}


def test_rules_give_way_when_too_few_jumps_are_left() -> None:
    visited = random_visits(2, 1)
    assert len(choose(visited, BOX, 100, [], "visited-1")) == 16  # all that there are
    assert len(choose(visited, BOX, 100, choose(visited, BOX, 10, [], "a"), "b")) == 6


def test_likeness_is_that_of_the_jump_back_and_of_turned_surroundings() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(20):
        x = BOX.random_state(vacancies=1, rng=rng)[0]
        jump = Jump(BOX, x, int(rng.choice(NEAR[(x == 0).argmax()])), "random-0")
        back = Jump(BOX, jump.after, jump.vacancy, "random-0")
        grid = x.reshape(3, 3, 3, 2)
        turned = np.ascontiguousarray(np.roll(grid.transpose(1, 2, 0, 3), 1, axis=0)).reshape(-1)
        at = np.arange(54).reshape(3, 3, 3, 2)
        place = np.ascontiguousarray(np.roll(at.transpose(1, 2, 0, 3), 1, axis=0)).reshape(-1)
        moved = Jump(BOX, turned, int(np.flatnonzero(place == jump.jumping)[0]), "random-0")
        assert likeness(jump) == likeness(back) == likeness(moved)
        assert jump.name == back.name != moved.name
        seen.add(likeness(jump))
    assert len(seen) > 10


# ---------------------------------------------------------------- the loop


def test_a_loop_that_spends_its_budget(learned: LearnedBarriers, tmp_path: Path) -> None:
    assert learned.stopped == "the budget is spent"
    assert [r.labels for r in learned.rounds] == [8, 13, 18]
    assert [r.new for r in learned.rounds] == [8, 5, 5]
    labels = read_labels(learned.labels, failed=True)
    assert len({label.name for label in labels}) == len(labels) == 18
    assert [label.cell.split("-")[0] for label in labels[:2]] == ["random", "ordered"]
    assert {label.cell.rsplit("-", 1)[0] for label in labels[8:]} == {"visited-1", "visited-2"}
    assert learned.data.known().sum() == 2 * 18
    written = {path.name for path in learned.save(tmp_path)}
    assert written == {"model.safetensors", "model.md", "rounds.csv", "learning.png"}
    rows = list(csv.DictReader((tmp_path / "rounds.csv").read_text().splitlines()))
    assert [row["labels"] for row in rows] == ["8", "13", "18"]
    assert rows[0]["mae_eV"] == ""
    assert 0 < float(rows[1]["mae_eV"]) <= float(rows[1]["rmse_eV"])
    assert {"delta_Cu-Au_1500K", "delta_err_Cu-Au_1500K", "delta_err_barrier_Cu-Au_1500K"} < set(rows[0])
    model = load_gnn(tmp_path / "model.safetensors")
    assert len(model.nets) == 2
    assert np.array_equal(model.predict(learned.data.around), learned.model.predict(learned.data.around))
    card = (tmp_path / "model.md").read_text()
    for words in ("Labels chosen in 3 rounds", "the budget is spent", "`asemacro barriers learn`", "36 barriers"):
        assert words in card, words


def test_chosen_jumps_are_less_certain_than_random_ones(
    learned: LearnedBarriers, grown: tuple[LearnedBarriers, LearnedBarriers]
) -> None:
    """Than all jumps out of the visited states, and than random ones out of the states that they were chosen from."""
    for before, after in itertools.pairwise(learned.rounds):
        assert after.spread_eV > 1.5 * before.visited_spread_eV
    chosen = read_labels(learned.labels)[8:13]
    jumping, spread = jumps_out_of(grown[0].model, BOX, np.array([label.x for label in chosen]))
    own = [spread[k][jumping[k] == label.jumping][0] for k, label in enumerate(chosen)]
    assert np.sqrt(np.mean(np.square(own))) == pytest.approx(learned.rounds[1].spread_eV, rel=1e-5)
    assert np.sqrt(np.mean(spread**2)) < 0.9 * learned.rounds[1].spread_eV


def test_a_loop_whose_order_stands_stops_early(tmp_path: Path) -> None:
    loop = dataclasses.replace(LOOP, budget=200, accuracy=100.0)
    found = looped(tmp_path / "labels.db", loop)
    assert "the order moved by less than its bars, none of which is above 100" in found.stopped
    last = found.rounds[-1]
    assert last.labels < 200
    assert (last.moved <= last.order.bar).all()
    assert all((r.moved > r.order.bar).any() for r in found.rounds[1:-1])
    assert np.isnan(found.rounds[0].moved).all()


def test_a_larger_budget_goes_on(
    learned: LearnedBarriers, grown: tuple[LearnedBarriers, LearnedBarriers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first round is found again; what was said and which jumps were chosen is as without the stop."""
    small, large = grown
    assert [r.row() for r in small.rounds] == [r.row() for r in learned.rounds[:1]]
    assert [label.name for label in read_labels(large.labels)] == [label.name for label in read_labels(learned.labels)]
    assert [r.row() for r in large.rounds] == [r.row() for r in learned.rounds]

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("asemacro.studies.labelling.steps.fit_barriers", fail)
    assert [r.row() for r in looped(large.labels).rounds] == [r.row() for r in learned.rounds]


def test_the_box_of_runs_holds_the_cell() -> None:
    assert running_box(BOX).shape == (5, 5, 5)
    assert running_box(BCC.repeat((3, 3, 7))).shape == (5, 5, 7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperatures_K": []}, "no temperature"),
        ({"temperatures_K": [-5.0]}, "temperature"),
        ({"budget": 0}, "budget must be a whole number"),
        ({"batch": 0}, "batch must be a whole number"),
        ({"accuracy": 0.0}, "accuracy"),
        ({"sweeps": 3}, "sweeps must be a whole number"),
    ],
)
def test_loops_that_make_no_sense(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Loop(**{"temperatures_K": [1000.0], "budget": 10, **options})


def test_one_member_has_no_spread() -> None:
    with pytest.raises(ValueError, match="an ensemble of 2 members or more, got 1"):
        Training(members=1)


def test_pure_metals_and_small_cells_are_refused_before_anything_is_computed(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with pytest.raises(ValueError, match="a closed loop needs an alloy"):
        learn_barriers(Lattice.bcc(3.0, ["Cu"], 1), Springs, path, loop=LOOP, rng=np.random.default_rng(0))
    assert not path.exists()
    with pytest.raises(ValueError, match=r"in which no vacancy sees its own image.*give more --sites"):
        looped(path, dataclasses.replace(LOOP, sites=16))
    assert not read_labels(path)


# ---------------------------------------------------------------- the command


@pytest.fixture
def alloy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A structure file, in the present folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("asemacro.barriers.data.training.LEAST_STEPS", 4)
    monkeypatch.setattr("asemacro.barriers.data.training.WIDTHS", {"consistent": TINY.widths})
    atoms = bulk("Cu", cubic=True, a=3.8).repeat(2)
    atoms.symbols[:8] = "Au"
    ase.io.write("CuAu.POSCAR", atoms, format="vasp")
    return "CuAu.POSCAR"


def test_the_command_learn(command, alloy: str) -> None:
    """EMT on fcc; the same command again computes nothing and writes the same."""
    small = "-T 2000 --budget 6 --first 4 --relax none --images 3 --sweeps 40 --members 2 --workers 1 -o out"
    words = ("barriers", "learn", alloy, "--calculator", "emt", *small.split())
    code, out, err = command(*words)
    assert code == 0, err
    assert "Cu-Au on fcc, calculator: emt" in out
    assert "stopped after 2 rounds: the budget is spent" in out
    record = json.loads(Path("out/run.json").read_text())
    assert (record["verb"], record["labels"], record["stopped"]) == ("barriers learn", 6, "the budget is spent")
    assert set(record["files"]) == {"model.safetensors", "model.md", "rounds.csv", "learning.png"}
    assert len(read_labels("out/labels.db")) == 6
    before = Path("out/rounds.csv").read_text()
    assert command(*words)[0] == 0
    assert Path("out/rounds.csv").read_text() == before
    assert len(read_labels("out/labels.db")) == 6


def test_an_interrupt_says_what_stands(command, alloy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the first jumps are labelled: those that are done stay."""
    from asemacro.studies.labelling import label

    compute, left = label.compute_band, [2]

    def stopped(*words: object) -> object:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return compute(*words)

    monkeypatch.setattr(label, "compute_band", stopped)
    small = "-T 2000 --budget 6 --first 4 --relax none --images 3 --workers 1 -o out"
    code, _, err = command("barriers", "learn", alloy, "--calculator", "emt", *small.split())
    assert code == 130
    line = err.strip().splitlines()[-1]
    assert line == "asemacro: interrupted; what was computed is kept in out, the same command goes on from there"
    assert len(read_labels("out/labels.db")) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--calculator", "absent:f", "--budget", "9"), "the module absent does not import"),
        (("--calculator", "emt", "--budget", "0"), "not a whole number"),
        (("--calculator", "emt", "--budget", "9", "-T", "hot"), "give START:STOP:STEP"),
        (("--calculator", "emt", "--budget", "9", "--members", "1"), "not a whole number"),
        (("--calculator", "emt", "--budget", "9", "--sites", "32"), "the models need larger cells"),
        (("--calculator", "emt", "--budget", "9", "--sweeps", "3"), "sweeps"),
    ],
)
def test_bad_input_is_one_line(command, alloy: str, words: tuple[str, ...], message: str) -> None:
    code, _, err = command("barriers", "learn", alloy, "--relax", "none", "-o", "out", *words)
    assert code == 2
    line = err.strip().splitlines()[-1]
    assert line.startswith("asemacro: ")
    assert message in line
    assert "Traceback" not in err
