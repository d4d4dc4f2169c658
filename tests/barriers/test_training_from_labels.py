"""Barrier networks from labels of single jumps: both directions, folds by cell, ensembles, cards, figures."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from asemacro.barriers.data.barrier_file import read_barriers
from asemacro.barriers.data.card import train_with_card
from asemacro.barriers.data.ensemble import calibration, spread_of
from asemacro.barriers.data.evaluation import evaluate_barriers, reverse_differences
from asemacro.barriers.gnn.file import load_gnn
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.labelling.bands import Band, Jump
from asemacro.barriers.labelling.database import LabelDatabase
from asemacro.lattice.lattice import Lattice
from asemacro.studies.labelling.cells import Cells, draw_jumps
from asemacro.tasks.streams import Streams

BOX = Lattice.fcc(3.8, ["Cu", "Au"], 3)
NEAR = BOX.neighbours(BOX.shells(1)[0].offsets)
PAIRS = np.array(
    [[0, 0, 0, 0], [0, 0, -0.06, 0.02], [0, -0.06, 0.03, 0], [0, 0.02, 0, 0.01]]
)  # eV, of vacancy, Cu, Au, Ni
MIGRATION = {"Cu": 0.6, "Au": 0.9, "Ni": 0.8}


def band(jump: Jump, reason: str = "") -> Band:
    """Barriers E0 + dE / 2 of pair energies."""
    before, after = (PAIRS[x[:, None], x[NEAR]].sum() / 2 for x in (jump.x, jump.after))
    top = before + MIGRATION[jump.species] + (after - before) / 2
    return Band(jump, np.array([before, top, after]), np.empty((0, 0, 3)), reason, {"calculator": "pairs"})


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 labels by pair energies, in 6 cells, and a failed band."""
    path = tmp_path_factory.mktemp("labels") / "labels.db"
    cells = Cells(cells=6, jumps=61, states=("random",))
    *good, failed = draw_jumps(cells, BOX, Streams.of(np.random.default_rng(0)))
    with LabelDatabase(path) as database:
        for jump in good:
            database.write(band(jump))
        database.write(band(failed, "an atom left its site at the saddle"))
    return path


def test_rows_hold_the_barriers_of_both_directions(labels: Path) -> None:
    """The network's environment of each row, laid back onto the lattice, has the barrier of the model there."""
    data = read_barriers(labels)
    assert (len(data.env), data.known().sum(), data.dropped) == (120, 120, 2)
    assert data.species == ("Cu", "Au")
    assert data.n_jumps == 12
    assert np.allclose(data.compositions.sum(axis=1), 1)
    assert not data.env[:, 0].any()
    assert data.env[:, 1:13].all()  # farther sites hold images of the vacancy in a cell of this size
    network = BarrierGNN(data.species, jumps=data.jumps, width=8, hidden=8)
    from asemacro.barriers.labelling.database import read_labels

    for k, label in enumerate(read_labels(labels)):
        around = network.environments(label.lattice, label.x, np.array([label.vacancy]))
        assert np.array_equal(around.env[0], data.env[2 * k])
        on_lattice = around.on_lattice(data.barrier[2 * k : 2 * k + 1].astype(float))
        near = label.lattice.neighbours(label.lattice.shells(1)[0].offsets)[label.vacancy]
        (jump,) = np.flatnonzero(np.isfinite(on_lattice[0]))
        assert near[jump] == label.jumping
        assert on_lattice[0, jump] == pytest.approx(label.forward_eV, abs=1e-6)


def test_reverse_jumps_differ_by_the_energy(labels: Path) -> None:
    data = read_barriers(labels)
    change = reverse_differences(data, data.barrier)
    known = np.isfinite(change)
    assert known.sum() == 120
    assert np.allclose(change[known].reshape(60, 2).sum(axis=1), 0, atol=1e-6)


def test_files_of_two_alloys_are_one_table(labels: Path, tmp_path: Path) -> None:
    """The rows of both, in a common numbering of the elements; cells of the same name stay two."""
    ternary = Lattice.fcc(3.8, ["Cu", "Au", "Ni"], 3, composition={"Cu": 0.5, "Au": 0.25, "Ni": 0.25})
    other = tmp_path / "ternary.db"
    with LabelDatabase(other) as database:
        for jump in draw_jumps(
            Cells(cells=6, jumps=24, states=("random",)), ternary, Streams.of(np.random.default_rng(1))
        ):
            database.write(band(jump))
    together, first, second = read_barriers([labels, other]), read_barriers(labels), read_barriers(other)
    assert (together.species, first.species, second.species) == (("Ni", "Cu", "Au"), ("Cu", "Au"), ("Ni", "Cu", "Au"))
    assert len(together.names) == 12
    assert together.dropped == 2
    assert np.array_equal(together.env[:120], np.where(first.env > 0, first.env + 1, 0))
    assert np.array_equal(together.env[120:], second.env)
    assert np.array_equal(together.barrier, np.concatenate([first.barrier, second.barrier]), equal_nan=True)
    for sources, words in (
        ([labels, labels], "a file is given twice"),
        ([labels, Path(__file__)], "is no database of labels"),
        ([labels, tmp_path / "none.db"], "no labels file"),
        ([], "no file of barriers"),
    ):
        with pytest.raises((ValueError, OSError), match=words):
            read_barriers(sources)


def test_folds_keep_cells_together(labels: Path) -> None:
    """Three of the six cells have one composition; no jump and its reverse are on two sides."""
    data = read_barriers(labels)
    seen: list[str] = []
    for names, train, test in data.folds(3, seed=0):
        assert len(names) == 2
        assert not set(data.cell[train]) & set(data.cell[test])
        assert not set(train // 2) & set(test // 2)
        seen += names
    assert sorted(seen) == sorted(data.names)
    with pytest.raises(ValueError, match="7 folds of 6 cells: give 2 to 6 folds"):
        next(data.folds(7))


def test_a_card_and_an_ensemble(labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asemacro.barriers.data.training.LEAST_STEPS", 60)
    fitted = train_with_card(labels, tmp_path / "cuau.safetensors", folds=2, attempt_frequency_Hz={"Au": 4e12})
    model = load_gnn(tmp_path / "cuau.safetensors")
    assert len(model.nets) == 3
    assert model.attempt_frequency_Hz == {"Au": 4e12}
    assert model.prototype == "fcc"
    held = model.notes["held_out"]
    assert held["n"] == 120
    assert held["mae_eV"] < 0.12  # the barriers differ by 0.15 eV
    card = (tmp_path / "cuau.md").read_text()
    for words in (
        "# cuau",
        "consistent form for Cu-Au on fcc",
        "Mean of 3 networks",
        "labels.db, 120 barriers",
        "2 folds",
        f"MAE {held['mae_eV']:.4f} eV",
        "Spread of the members",
        "2 of failed calculations",
        "Attempt frequencies in Hz, as they were given: Au 4e+12; of other species 1e+13.",
    ):
        assert words in card, words
    result = evaluate_barriers(model, labels)
    assert result["mae_eV"] == pytest.approx(fitted.report.mean_error_eV, abs=1e-5)
    assert set(result["per_species"]) == {"Cu", "Au"}
    data = read_barriers(labels)
    each = [load_gnn(tmp_path / "cuau.safetensors") for _ in range(3)]
    for k, one in enumerate(each):
        one.nets = one.nets[k : k + 1]
    apart = np.array([one.predict(data.around) for one in each]).std(axis=0, ddof=1)
    assert np.allclose(spread_of(model, data.around), apart, atol=1e-7)


def test_a_stiff_network_knows_little_but_the_mean(labels: Path, tmp_path: Path) -> None:
    """All folds and the last training take epochs and weight decay as asked, and the card has them."""
    effort = {"epochs": 30, "weight_decay": 100.0, "members": 1, "folds": 2}
    model = train_with_card(labels, tmp_path / "stiff.safetensors", **effort).model
    data = read_barriers(labels)
    known, found = data.barrier[data.known()], model.predict(data.around, only=data.known())[data.known()]
    assert found.std() < 0.4 * known.std()
    assert model.notes["held_out"]["rmse_eV"] == pytest.approx(known.std(), rel=0.25)
    assert "30 epochs, weight decay 100, seed 0" in (tmp_path / "stiff.md").read_text()


def test_calibration_of_errors_that_are_twice_the_spread() -> None:
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.01, 0.2, (2000, 12))
    wanted = rng.uniform(0.5, 1.0, spread.shape)
    predicted = wanted + 2 * spread * rng.normal(size=spread.shape)
    wanted[::2] = np.nan
    found = calibration(predicted, spread, wanted)
    assert found is not None
    assert found["factor"] == pytest.approx(2.0, abs=0.05)
    for group in found["groups"]:
        assert group["rms_error_eV"] == pytest.approx(2 * group["spread_eV"], rel=0.1)
    assert found["share_uncertain"] == pytest.approx(100 / 190, abs=0.02)
    assert found["rank_correlation"] > 0.3
    assert calibration(predicted, np.full(spread.shape, np.nan), wanted) is None


def test_the_commands_train_and_evaluate(
    command, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asemacro.barriers.data.training.LEAST_STEPS", 20)
    model = tmp_path / "m.safetensors"
    code, out, err = command("barriers", "train", labels, "-o", model, "--members", "2", "--folds", "0")
    assert code == 0, err
    assert f"wrote {model} and its card {tmp_path / 'm.md'}" in out
    assert "not measured" in (tmp_path / "m.md").read_text()
    code, out, _ = command("barriers", "evaluate", model, labels, "-o", tmp_path / "parity.png")
    assert code == 0
    assert "spread of the members: RMS error" in out
    assert (tmp_path / "parity.png").stat().st_size > 10_000
    rows = list(csv.DictReader((tmp_path / "parity.csv").read_text().splitlines()))
    assert len(rows) == 120
    assert set(rows[0]) == {"cell", "species", "calculated_eV", "predicted_eV", "spread_eV"}


def test_labels_that_cannot_be_trained_on(command, tmp_path: Path) -> None:
    small = Lattice.fcc(3.8, ["Cu", "Au"], 2)
    x = small.random_state(vacancies=1, rng=np.random.default_rng(0))[0]
    vacancy = int(np.flatnonzero(x == 0)[0])
    jump = Jump(small, x, int(small.neighbours(small.shells(1)[0].offsets)[vacancy, 0]), "random-0")
    for name, reason in (("small.db", ""), ("failed.db", "the vacancy was refilled before the jump")):
        with LabelDatabase(tmp_path / name) as database:
            database.write(Band(jump, np.array([0, 0.5, 0]), np.empty((0, 0, 3)), reason, {"calculator": "emt"}))
    for name, message in (("small.db", "the models need larger cells"), ("failed.db", "all 1 bands failed")):
        code, _, err = command("barriers", "train", tmp_path / name, "-o", tmp_path / "m.safetensors")
        assert code == 2
        assert message in err
        assert name in err
