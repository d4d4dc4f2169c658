"""Single jumps evaluated without the other jumps of their vacancies: the same barriers, gradients and networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lattices_of_networks import LATTICES, large_enough, make, network, random_state

from asemacro.barriers.data.training import fit_gnn
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.inputs import better_one_by_one
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.gnn.placement import Environments
from asemacro.lattice.lattice import Lattice

SPECIES = ("Co", "Ni")


def some(model: BarrierGNN, around: Environments, per_row: int = 1, seed: int = 0) -> np.ndarray:
    """(n, Z) a few jumps of each vacancy."""
    rng = np.random.default_rng(seed)
    counts = np.array([site.n_jumps for site in model.graph.sites])[around.kind]
    only = np.zeros((len(counts), model.graph.n_jumps), dtype=bool)
    for row, count in zip(only, counts, strict=True):
        row[rng.choice(count, per_row, replace=False)] = True
    return only


def surroundings(name: str, vacancies: int = 12) -> tuple[BarrierGNN, Environments]:
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, "consistent", members=2)
    return model, model.environments(lattice, random_state(lattice, vacancies))


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("form", ["direct", "consistent"])
def test_barriers_and_gradients_of_single_jumps(name: str, form: str) -> None:
    """Every jump by itself has the barrier that it has among all jumps, and moves every weight alike."""
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, form, members=2)
    around = model.environments(lattice, random_state(lattice, 12))
    whole = model.predict(around)
    for seed in range(3):
        only = some(model, around, seed=seed)
        assert better_one_by_one(jumps, model.parts(around)[1], only)
        found = model.predict(around, only=only, batch=5)
        np.testing.assert_array_equal(np.isnan(found), ~only)
        finite = only & np.isfinite(whole)
        assert finite.sum() > 6
        np.testing.assert_allclose(found[finite], whole[finite], atol=1e-6)
        assert np.isinf(found[only & ~finite]).all()
    model.double()
    together, alone = model.inputs(around), model.inputs(around, only & np.isfinite(whole))
    assert together.jump is None
    assert alone.jump is not None
    assert len(alone) == finite.sum()
    mask = torch.as_tensor(finite)
    slopes = []
    for values in (model(together)[mask], model(alone)[:, 0]):
        model.zero_grad()
        ((values - 3.0) ** 2).mean().backward()
        slopes.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert slopes[0].keys() == slopes[1].keys()
    for net_part, slope in slopes[0].items():
        np.testing.assert_allclose(slopes[1][net_part], slope, atol=1e-10)
        assert slope.abs().max() > 1e-9


def test_all_jumps_are_evaluated_together_where_most_are_known() -> None:
    model, around = surroundings("fcc")
    assert model.inputs(around, some(model, around, 1)).jump is not None
    assert model.inputs(around, some(model, around, 11)).jump is None
    only = some(model, around, 11)
    found, whole = model.predict(around, only=only), model.predict(around)
    np.testing.assert_array_equal(found[only], whole[only])
    assert np.isnan(found[~only]).all()
    none = np.zeros_like(only)
    assert np.isnan(model.predict(around, only=none)).all()
    with pytest.raises(ValueError, match=r"must be \(12, 12\) true or false, not \(12, 3\) bool"):
        model.predict(around, only=only[:, :3])


@pytest.mark.parametrize("form", ["direct", "consistent"])
def test_members_one_by_one(form: str) -> None:
    """What predict gives of each member is what a model of this member alone gives."""
    jumps = JumpNetwork.named("fcc")
    lattice = Lattice.fcc(3.6, SPECIES, 5)
    model = make(jumps, form, members=3)
    around = model.environments(lattice, random_state(lattice, 6))
    for only in (None, some(model, around)):
        found = model.predict(around, only=only, members=True)
        assert found.shape == (3, 6, 12)
        for k, values in enumerate(found):
            one = make(jumps, form, members=3)
            one.nets = one.nets[k : k + 1]
            np.testing.assert_array_equal(values, one.predict(around, only=only))
    assert np.ptp(found, axis=0)[some(model, around)].min() > 1e-4


def test_training_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """On labels of one or two jumps a vacancy, and of vacancies without any."""
    lattice = Lattice.fcc(3.6, SPECIES, 5)
    states = [random_state(lattice, 10, seed) for seed in range(4)]
    teacher = make(JumpNetwork.named("fcc"), "consistent")
    each = [teacher.environments(lattice, x) for x in states]
    env = np.concatenate([part.env for part in each])
    around = Environments(env, np.zeros(len(env), dtype=np.int64), np.tile(np.arange(12), (len(env), 1)))
    only = some(teacher, around)
    only[::3] |= some(teacher, around, seed=1)[::3]
    barrier = np.where(only & np.isfinite(teacher.predict(around)), teacher.predict(around), np.nan)
    fitted = []
    for single in (True, False):
        if not single:
            monkeypatch.setattr("asemacro.barriers.gnn.model.better_one_by_one", lambda *_: False)
        model = make(JumpNetwork.named("fcc"), "consistent", seed=1).double()
        found = fit_gnn(model, around, barrier, epochs=3, batch=8, seed=2)
        fitted.append((model, found.histories[0].training))
    np.testing.assert_allclose(fitted[0][1], fitted[1][1], rtol=1e-9)
    for first, second in zip(fitted[0][0].parameters(), fitted[1][0].parameters(), strict=True):
        np.testing.assert_allclose(first.detach(), second.detach(), atol=1e-9)
    assert fitted[0][1][-1] < fitted[0][1][0]
