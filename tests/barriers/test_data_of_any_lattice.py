"""Barrier data of cells of any crystal: read, trained on, evaluated, and refused in one line."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.data import atomic_numbers
from lattices_of_networks import LATTICES, SHELLS, SPECIES, a15, make

from asemacro.barriers.data.evaluation import evaluate_barriers, reverse_differences
from asemacro.barriers.data.ridge import Ridge
from asemacro.barriers.data.table import barrier_data, load_barrier_data
from asemacro.barriers.data.training import train_barriers
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.file import load_gnn
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.gnn.placement import place
from asemacro.barriers.kernels import barriers_at
from asemacro.lattice.lattice import Lattice

CELLS = {
    "fcc": lambda: Lattice.fcc(3.6, SPECIES, 3),
    "hcp": lambda: Lattice.hcp(2.5, SPECIES, (5, 5, 4), c=2.5 * 1.6),
    "diamond": lambda: Lattice.diamond(5.4, SPECIES, 3),
    "A15": lambda: a15((3, 3, 3)),
}


def teacher(lattice: Lattice, jumps: JumpNetwork) -> BarrierGNN:
    return make(jumps, "consistent", size=0.05, seed=6)


def arrays(name: str, n_cells: int, seed: int) -> dict[str, Any]:
    """A data set in the file layout, labelled by a network with random weights; rows and neighbours in random order."""
    lattice = CELLS[name]()
    jumps = JumpNetwork.of(lattice, SHELLS.get(name))
    model, rng = teacher(lattice, jumps), np.random.default_rng(seed)
    box = lattice.cell * np.array(lattice.shape)[:, None]
    around = model.environments(lattice, np.zeros(lattice.n_sites, dtype=np.int8))
    graph = model.graph
    targets = np.where(around.order >= 0, 0, -1)
    placed = place(jumps, lattice)
    near = lattice.neighbours(placed.env[:, 1 : 1 + graph.n_jumps])
    near = np.where(targets == 0, near, -1)
    parts: dict[str, list[Any]] = {
        k: [] for k in ("name", "numbers", "scaled_positions", "neighbor", "barrier", "cell")
    }
    numbers = np.array([0, *(atomic_numbers[s] for s in lattice.species)])
    for c in range(n_cells):
        x = lattice.random_state(vacancies=0, rng=rng)[0]
        values = np.full(near.shape, np.nan)
        for site in range(lattice.n_sites):
            y = x.copy()
            y[site] = 0
            seen = model.environments(lattice, y, np.array([site]))
            values[site] = seen.on_lattice(model.predict(seen))[0]
        rows, columns = rng.permutation(lattice.n_sites), rng.permutation(graph.n_jumps)
        atom = np.argsort(rows)  # site rows[i] holds atom i
        listed = np.where(near[rows] >= 0, atom[near[rows]], -1)[:, columns]
        parts["name"].append(f"cell{c}")
        parts["numbers"].append(numbers[x[rows]])
        parts["scaled_positions"].append((lattice.positions() @ np.linalg.inv(box) + rng.normal(0, 1e-4, 3))[rows])
        parts["neighbor"].append(listed)
        parts["barrier"].append(values[rows][:, columns])
        parts["cell"].append(box)
    return {k: np.array(v) for k, v in parts.items()}


@pytest.mark.parametrize("name", CELLS)
def test_data_are_read_as_the_model_sees_them(name: str) -> None:
    """Labels of a network, read from their file: the same network predicts them all, whatever the order of the file."""
    own = JumpNetwork.of(CELLS[name](), SHELLS.get(name))
    data = barrier_data(**arrays(name, 2, 0), jumps=own)
    assert data.jumps.prototype == LATTICES[name]().prototype
    assert data.species == SPECIES
    assert data.dropped == 0
    model = teacher(CELLS[name](), data.jumps)
    predicted = model.predict(data.around)
    known = data.known()
    assert known.sum() == np.isfinite(predicted).sum()
    np.testing.assert_allclose(predicted[known], data.barrier[known], atol=2e-5)
    # a two-way bond: the difference is the change of the energy, there and back
    change = reverse_differences(data, data.barrier)
    flat, pairs = data.reverse.reshape(-1), np.flatnonzero(data.reverse.reshape(-1) >= 0)
    assert len(pairs) > 200
    assert (flat[flat[pairs]] == pairs).all()
    there = change.reshape(-1)[pairs]
    np.testing.assert_allclose(there, -change.reshape(-1)[flat[pairs]], atol=1e-6)
    assert np.nanstd(there) > 1e-3
    ridge = Ridge.fit(data).predict(data)
    assert np.abs(ridge - data.barrier)[known].mean() < np.abs(data.barrier[known] - data.barrier[known].mean()).mean()


@pytest.mark.parametrize("name", ["fcc", "A15"])
def test_trained_on_other_lattices(name: str, tmp_path: Path) -> None:
    """The command's function: a network of the crystal of the data, that learns and runs there."""
    np.savez(tmp_path / "d.npz", **arrays(name, 3, 1))
    fitted = train_barriers(tmp_path / "d.npz", tmp_path / "m.safetensors", members=1, epochs=6, form="consistent")
    data = load_barrier_data(tmp_path / "d.npz")
    spread = np.nanmean(np.abs(data.barrier - np.nanmean(data.barrier)))
    assert fitted.report is not None
    assert fitted.report.mean_error_eV < 0.6 * spread
    model = load_gnn(tmp_path / "m.safetensors")
    assert model.jumps == data.jumps
    errors = evaluate_barriers(model, tmp_path / "d.npz")
    assert errors["mae_eV"] == pytest.approx(fitted.report.mean_error_eV, abs=1e-4)
    lattice = CELLS[name]().repeat(2)
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(0))[0]
    compiled = model.compile(lattice)
    values = barriers_at(compiled, np.array(lattice.shape), x, np.flatnonzero(x == 0))
    assert np.isfinite(values).sum() in (6, 12)
    other = make(JumpNetwork.named("bcc"), "direct")
    with pytest.raises(ValueError, match=r"d\.npz.*cell cell0: its lattice is (fcc|Pm-3n), with") as error:
        evaluate_barriers(other, tmp_path / "d.npz")
    assert "\n" not in str(error.value)


def test_bad_data_of_other_lattices() -> None:
    good = arrays("fcc", 1, 0)

    def fails(match: str, **changed: Any) -> None:
        with pytest.raises(ValueError, match=match) as error:
            barrier_data(**{**good, **changed})
        assert "\n" not in str(error.value)

    fails("cell must have shape", cell=good["cell"][:, :2])
    fails("not a cubic bcc cell", cell=None)
    fails("cell cell0: neighbor lists 9 jumps from each site; the first shells of this fcc lattice hold 12",
          neighbor=good["neighbor"][..., :9], barrier=good["barrier"][..., :9])  # fmt: skip
    fails("does not list the 12 nearest", neighbor=np.roll(good["neighbor"], 1, axis=1))
    fails("neighbor must hold site indices", neighbor=good["neighbor"] - 5)
    rng = np.random.default_rng(0)
    fails("cell cell0: atoms .* angstrom apart", scaled_positions=rng.random(good["scaled_positions"].shape))
    fails("cell cell0 has vectors that span no volume", cell=np.zeros((1, 3, 3)))
    small = Lattice.fcc(3.6, SPECIES, 2)
    near = small.neighbours(small.shells(1)[0].offsets)
    box = small.cell * np.array(small.shape)[:, None]
    with pytest.raises(ValueError, match="cell tiny has 32 sites; the models need larger cells") as error:
        barrier_data(
            name=np.array(["tiny"]), numbers=np.full((1, 32), 28),
            scaled_positions=(small.positions() @ np.linalg.inv(box))[None],
            neighbor=near[None], barrier=np.ones((1, *near.shape)), cell=box[None],
        )  # fmt: skip
    assert "\n" not in str(error.value)


def test_mean_over_members_learns_all_kinds_of_sites() -> None:
    """Gradients reach the weights of every kind of site and type of jump."""
    model = make(JumpNetwork.of(a15((3, 3, 3)), 2), "consistent")
    lattice = a15((3, 3, 3))
    x = lattice.random_state(vacancies=12, rng=np.random.default_rng(0))[0]
    around = model.environments(lattice, x)
    assert len(np.unique(around.kind)) == 2
    model(model.inputs(around)).sum().backward()
    width = model.settings["width"]
    per_type = model.nets[0].readout.weight.grad.abs().sum(dim=0).view(-1, width).sum(dim=1)
    starts = model.graph.read_start
    assert all(per_type[a:b].sum() > 0 for a, b in itertools.pairwise(starts))
