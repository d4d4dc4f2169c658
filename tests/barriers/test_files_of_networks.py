"""Files of graph networks say which crystal they are for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lattices_of_networks import (
    LATTICES,
    by_jump,
    large_enough,
    make,
    network,
    random_state,
)

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.file import load_gnn, save_gnn
from asemacro.barriers.gnn.graph import graph_of
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.load import load_barriers
from asemacro.lattice.lattice import Lattice


@pytest.mark.parametrize("name", ["fcc", "hcp", "A15"])
def test_files_say_which_crystal(name: str, tmp_path: Path) -> None:
    model = make(network(name), "consistent")
    other = load_gnn(save_gnn(model, tmp_path / "m.safetensors"))
    assert other.jumps == model.jumps
    assert other.prototype == model.prototype
    lattice = large_enough(LATTICES[name](), model.jumps)
    x = random_state(lattice, 3)
    assert by_jump(other, lattice, x) == by_jump(model, lattice, x)


def test_shipped_models_are_what_they_were() -> None:
    """Barriers of commit 9658de5, before the networks knew other lattices than bcc."""
    known = np.load(Path(__file__).parent / "shipped_barriers.npz")
    for name in ("refractory", "refractory-direct", "nbmota"):
        model = load_barriers(name)
        assert isinstance(model, BarrierGNN)
        lattice = Lattice.bcc(3.24, model.species or (), 6)
        x = known[f"{name} state"]
        found = model.barriers(lattice, x, np.flatnonzero(x == 0))
        np.testing.assert_allclose(found, known[f"{name} barriers"], atol=1e-6)


def test_damaged_crystals_in_files_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = JumpNetwork.named("fcc").fields()
    for change in (
        {"cell": [[1, 0], [0, 1]]}, {"cell": [[0.0] * 3] * 3}, {"basis": [[np.nan] * 3]}, {"basis": []},
        {"shells": 0}, {"shells": 1000}, {"pbc": [True]}, {"cell": (1e9 * np.eye(3)).tolist()},
        {"cell": np.diag([1.0, 1.0, 90.0]).tolist()}, {"basis": [[0.0] * 3, [1e-9] * 3]}, {"pbc": [False] * 3},
        {"basis": [[0.1, 0.2, x / 99] for x in range(99)]},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"crystal|jump|truth|convert|list|array|inhomogeneous|index") as error:
            JumpNetwork.read({**fields, **change})
        assert "\n" not in str(error.value)
    odd = (np.indices((4, 4, 4)).reshape(3, -1).T + 0.2 * np.random.default_rng(0).random((64, 3))) / 4
    with pytest.raises(ValueError, match="leave some sites without any"):
        JumpNetwork.read({**fields, "cell": 4 * np.eye(3), "basis": odd})
    with pytest.raises(ValueError, match="the first 8 shells of this fcc lattice are too long"):
        JumpNetwork.read({**fields, "shells": 8})
    monkeypatch.setattr("asemacro.barriers.gnn.graph.MOST_JUMPS", 17)
    with pytest.raises(ValueError, match="1 kinds of sites with 18 jumps in all; graph networks know at most 17"):
        graph_of(JumpNetwork.named("sc", 2))
    for missing in fields:
        with pytest.raises((ValueError, KeyError)):
            JumpNetwork.read({k: v for k, v in fields.items() if k != missing})
