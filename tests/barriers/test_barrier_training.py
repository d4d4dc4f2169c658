"""Barrier data, the ridge yardstick, training, evaluation and distillation of graph networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asemacro.barriers.data.evaluation import evaluate_barriers, reverse_differences
from asemacro.barriers.data.ridge import Ridge
from asemacro.barriers.data.table import BarrierData, barrier_data, load_barrier_data
from asemacro.barriers.data.training import fit_gnn, train_barriers
from asemacro.barriers.gnn.file import load_gnn
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.kernels import barriers_at
from asemacro.barriers.pair import PairBarrier
from asemacro.barriers.species import OWN, describe, period_and_group
from asemacro.lattice.lattice import Lattice
from asemacro.studies.alloy.distil import TEST_TEMPERATURES_K, Symmetrised, distil, ordered_states

SPECIES = ("Nb", "Mo", "Ta")
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "dft_vacancy_barriers_bcc.npz"


def state(lattice: Lattice, vacancies: int, seed: int = 0) -> np.ndarray:
    return lattice.random_state(vacancies=vacancies, rng=np.random.default_rng(seed))[0]


def arrays(n_cells: int, seed: int) -> dict[str, np.ndarray]:
    """A data set in the file layout whose barriers come from pair energies on the 128-site cell."""
    model = PairBarrier(SPECIES, {"Nb": 0.9, "Mo": 1.3, "Ta": 1.0}, [{"Nb-Mo": -0.05, "Mo-Ta": -0.1}])
    cell = Lattice.bcc(3.24, SPECIES, 4)
    first = cell.neighbours(cell.shells(1)[0].offsets)
    numbers = np.array([0, 41, 42, 73])
    compiled, shape = model.compile(cell), np.array(cell.shape)
    rng = np.random.default_rng(seed)
    parts: dict[str, list] = {k: [] for k in ("name", "numbers", "scaled_positions", "neighbor", "barrier")}
    order = rng.permutation(8)
    for c in range(n_cells):
        x = cell.random_state(vacancies=0, rng=rng)[0]
        values = []
        for site in range(128):
            y = x.copy()
            y[site] = 0
            values.append(barriers_at(compiled, shape, y, np.array([site]))[0])
        parts["name"].append(f"cell{c}")
        parts["numbers"].append(numbers[x])
        parts["scaled_positions"].append(cell.positions() / (4 * 3.24))
        parts["neighbor"].append(first[:, order])
        parts["barrier"].append(np.array(values)[:, order])
    return {k: np.array(v) for k, v in parts.items()}


def test_the_verb_cross_validates_both_forms(command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", cell_length=np.full(2, 12.96), **arrays(2, 0))

    def few(data: BarrierData, form: str, *, seed: int) -> list[dict[str, object]]:
        return [{"cell": name, "n": 1024, "mae_eV": 0.1 * seed, "ridge_mae_eV": 0.4} for name in data.names]

    monkeypatch.setattr("asemacro.barriers.data.evaluation.cross_validate", few)
    code, out, err = command("barriers", "cross-validate", tmp_path / "d.npz", "-o", tmp_path / "cv.csv", "--seed", 2)
    assert (code, err) == (0, "")
    assert "2048 barriers, 0 failed ones dropped" in out
    rows = (tmp_path / "cv.csv").read_text().splitlines()
    assert "consistent: MAE 0.2000 eV, ridge 0.4000 eV, ratio 0.500" in out
    assert rows[0] == "form,cell,n,mae_eV,ridge_mae_eV"
    assert [row.split(",")[0] for row in rows[1:]] == ["direct"] * 2 + ["consistent"] * 2


def test_data_reads_what_was_written(tmp_path: Path) -> None:
    content = arrays(2, 0)
    content["barrier"][0, 3, 2] = 0.05
    content["barrier"][1, 5, 1] = -0.4
    content["barrier"][1, 6, 1] = np.nan
    np.savez(tmp_path / "d.npz", cell_length=np.full(2, 12.96), **content)
    data = load_barrier_data(tmp_path / "d.npz")
    assert data.species == SPECIES
    assert data.dropped == 3
    assert data.known().sum() == 2 * 128 * 8 - 3
    # jump k goes to the k-th sorted neighbour, whatever the order in the file
    site, jump = 17, 3
    column = np.flatnonzero(
        content["neighbor"][0, site]
        == Lattice.bcc(3.24, SPECIES, 4).neighbours(np.array(Lattice.bcc(3.24, SPECIES, 4).shells(1)[0].offsets))[
            site, jump
        ]
    )[0]
    assert data.barrier[site, jump] == pytest.approx(content["barrier"][0, site, column], abs=1e-6)
    # a two-way bond: the difference is the energy change, which is zero when like atoms exchange with the vacancy
    assert (data.reverse >= 0).sum() > 200
    change = reverse_differences(data, data.barrier)
    flat = data.reverse.reshape(-1)
    pairs = np.flatnonzero(flat >= 0)
    assert (flat[flat[pairs]] == pairs).all()
    known = np.isfinite(change)
    assert known.any()
    np.testing.assert_allclose(change[known], -change.reshape(-1)[flat].reshape(change.shape)[known], atol=1e-6)


def test_bad_data(tmp_path: Path) -> None:
    good = arrays(1, 0)

    def fails(match: str, **changed: np.ndarray) -> None:
        with pytest.raises(ValueError, match=match) as error:
            barrier_data(**{**good, **changed})
        assert "\n" not in str(error.value)

    fails("barrier must have shape", barrier=good["barrier"][:, :, :7])
    fails("atomic numbers", numbers=np.zeros_like(good["numbers"]))
    fails("neighbor must hold site indices", neighbor=good["neighbor"] + 1)
    fails("does not list the 8 nearest", neighbor=np.roll(good["neighbor"], 1, axis=1))
    fails("two atoms on one site", scaled_positions=good["scaled_positions"][:, [0, *range(127)]])
    fails("not a cubic bcc cell", scaled_positions=good["scaled_positions"] + 0.01 * np.arange(128)[None, :, None])
    np.savez(tmp_path / "part.npz", **{k: v for k, v in good.items() if k != "barrier"})
    with pytest.raises(ValueError, match="array barrier is missing"):
        load_barrier_data(tmp_path / "part.npz")
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(ValueError, match="not a readable npz"):
        load_barrier_data(tmp_path / "text.npz")
    np.savez(tmp_path / "pickled.npz", **{**good, "name": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match=r"pickled\.npz"):
        load_barrier_data(tmp_path / "pickled.npz")


def test_folds_keep_compositions_together() -> None:
    data = barrier_data(**arrays(4, 0))
    compositions = np.array([[0.2, 0.4, 0.4], [0.2, 0.4, 0.4], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    data = BarrierData(**{**data.__dict__, "compositions": compositions})
    folds = list(data.folds(3, seed=0))
    held = [set(names) for names, _, _ in folds]
    assert sorted(map(len, held)) == [1, 1, 2]
    assert {"cell0", "cell1"} in held
    for _, train, test in folds:
        assert not set(train) & set(test)
        assert len(train) + len(test) == 4 * 128
    assert [f[0] for f in data.folds(3, seed=0)] == [f[0] for f in folds]
    with pytest.raises(ValueError, match="4 folds of 3 compositions"):
        list(data.folds(4))


def test_ridge_learns_linear_barriers() -> None:
    train, test = barrier_data(**arrays(6, 1)), barrier_data(**arrays(1, 2))
    ridge = Ridge.fit(train, penalty=1e-3)
    assert ridge.n_features == 3 * (1 + 24 * 3)
    # pair barriers are linear in the counts as long as |dE| / 2 stays below E0
    np.testing.assert_allclose(ridge.predict(test), test.barrier, atol=2e-3)


@pytest.mark.parametrize("form", ["direct", "consistent"])
def test_training_learns_and_is_reproducible(form: str) -> None:
    train, test = barrier_data(**arrays(2, 1)), barrier_data(**arrays(1, 2))
    spread = np.abs(test.barrier - np.mean(train.barrier)).mean()
    missed = []
    for _ in range(2):
        model = BarrierGNN(SPECIES, form, width=8, hidden=16, energy_width=8)  # type: ignore[arg-type]
        fit_gnn(model, train.env, train.barrier, epochs=8, batch=16, seed=3)
        missed.append(np.abs(model.predict(test.env) - test.barrier).mean())
    assert missed[0] == missed[1]
    assert missed[0] < 0.5 * spread


def test_train_and_evaluate_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", cell_length=np.full(2, 12.96), **arrays(2, 1))
    fitted = train_barriers(tmp_path / "d.npz", tmp_path / "m.safetensors", form="direct", members=1, epochs=1, seed=1)
    model = load_gnn(fitted.report.path)
    assert len(fitted.history.training) == 1
    assert model.notes["cells"] == 2
    result = evaluate_barriers(model, tmp_path / "d.npz")
    data = load_barrier_data(tmp_path / "d.npz")
    miss = model.predict(data.env) - data.barrier
    assert result["n"] == 2048
    assert result["mae_eV"] == pytest.approx(np.abs(miss).mean(), rel=1e-6)
    assert result["mae_eV"] == pytest.approx(fitted.report.mean_error_eV, rel=1e-4)
    assert result["bias_eV"] == pytest.approx(miss.mean(), rel=1e-4)
    assert set(result["per_composition"]) == {"cell0", "cell1"}
    assert sum(r["n"] for r in result["per_species"].values()) == 2048
    with pytest.raises(ValueError, match="hold Nb, Mo, Ta"):
        evaluate_barriers(BarrierGNN(("W",), width=8, hidden=8), tmp_path / "d.npz")
    with pytest.raises(ValueError, match="not a graph network"):
        evaluate_barriers(PairBarrier(("Nb",), {"Nb": 1.0}, [{}]), tmp_path / "d.npz")  # type: ignore[arg-type]


def test_symmetrised_teacher() -> None:
    """The average of a model that is symmetric already is the model."""
    lattice = Lattice.bcc(3.24, SPECIES, 5)
    model = PairBarrier(SPECIES, {"Nb": 0.9, "Mo": 1.3, "Ta": 1.0}, [{"Nb-Mo": -0.05}, {"Mo-Ta": -0.1}])
    x = state(lattice, 3)
    sites = np.flatnonzero(x == 0)
    raw, mean = Symmetrised(model, lattice)(x, sites)
    np.testing.assert_allclose(raw, model.barriers(lattice, x, sites))
    np.testing.assert_allclose(mean, raw, atol=1e-12)


def test_ordered_states() -> None:
    lattice = Lattice.bcc(3.24, SPECIES, 4)

    class Ends(np.random.Generator):
        """No exchanges and one species on each sublattice."""

        def dirichlet(self, alpha: np.ndarray, size: int | None = None) -> np.ndarray:  # type: ignore[override]
            return np.eye(3)[[0, 2]]

        def integers(self, *args: int, **kwargs: int) -> int:  # type: ignore[override]
            return 0

    states = ordered_states(lattice, 3, 0, Ends(np.random.PCG64(0)))
    first, second = (lattice.neighbours(shell.offsets) for shell in lattice.shells(2))
    for x in states[:2]:  # B2: all first neighbours unlike, all second alike
        assert (x[first] != x[:, None]).all()
        assert (x[second] == x[:, None]).all()
    x = states[2]  # B32: half of the first neighbours alike, all second unlike
    assert ((x[first] == x[:, None]).sum(axis=1) == 4).all()
    assert (x[second] != x[:, None]).all()
    assert (np.bincount(x)[[1, 3]] == 64).all()


def test_distillation(tmp_path: Path) -> None:
    teacher = PairBarrier(SPECIES, {"Nb": 0.9, "Mo": 1.3, "Ta": 1.0}, [{"Nb-Mo": -0.05, "Mo-Ta": -0.1}], name="pairs")
    errors = distil(teacher, tmp_path / "s.safetensors", scale=0.01, epochs=(3, 3), width=8, hidden=16)
    assert set(errors) == {"random", *(f"{t} K" for t in TEST_TEMPERATURES_K)}
    # a symmetric teacher is its own average, and barriers spread over 0.15 eV
    assert all(e["raw"] == pytest.approx(e["symmetrised"], abs=2e-5) for e in errors.values())
    assert errors["random"]["raw"] < 0.08
    assert load_gnn(tmp_path / "s.safetensors").notes["teacher"] == "pairs"


def test_species_code() -> None:
    assert [period_and_group(z) for z in (1, 2, 3, 10, 13, 23, 41, 57, 72, 73, 74, 80)] == [
        (1, 1), (1, 18), (2, 1), (2, 18), (3, 13), (4, 5), (5, 5), (6, 3), (6, 4), (6, 5), (6, 6), (6, 12),
    ]  # fmt: skip
    code = describe(("V", "Nb", "Mo", "Ta", "W"))
    assert np.array_equal(code[:, :6], np.diag([1, *[OWN] * 5]))
    assert (code[0, 6:] == 0).all()
    np.testing.assert_allclose(code[1:, 6:].mean(axis=0), 0, atol=1e-12)


@pytest.mark.skipif(not DATA.is_file(), reason="the DFT barriers (../shared/data) are not here")
def test_dft_data() -> None:
    data = load_barrier_data(DATA)
    assert data.species == ("V", "Nb", "Mo", "Ta", "W")
    assert (len(data.env), data.dropped, int(data.known().sum())) == (3200, 55, 25545)
    change = reverse_differences(data, data.barrier)
    assert np.sqrt(np.nanmean(change**2)) == pytest.approx(0.36, abs=0.02)
