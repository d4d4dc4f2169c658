"""Graph-network barriers: symmetry, detailed balance and the numba evaluators are exact; files; shipped models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from asemacro.barriers.binding import vacancy_binding
from asemacro.barriers.compiled import FLOOR_EV
from asemacro.barriers.energy import swap_energy
from asemacro.barriers.gnn.cell import fits, minimum_shape
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.file import load_gnn, save_gnn
from asemacro.barriers.gnn.graph import graph_of
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.kernels import barriers_at
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.studies.alloy.distil import cubic_operations

SPECIES = ("Nb", "Mo", "Ta")
Z = 8


def make(form: str, members: int = 1, seed: int = 0) -> BarrierGNN:
    """An untrained network with barriers of about an eV that depend on everything they can depend on."""
    torch.manual_seed(seed)
    model = BarrierGNN(SPECIES, form, members=members, width=8, hidden=16, energy_width=8)  # type: ignore[arg-type]
    for net in model.nets:
        if form == "consistent":
            torch.nn.init.normal_(net.energy2, std=0.05)
            torch.nn.init.normal_(net.pair, std=0.05)
        torch.nn.init.normal_(net.last.weight, std=0.3)
        torch.nn.init.constant_(net.last.bias, 3.0)
    return model


def state(lattice: Lattice, vacancies: int, seed: int = 0) -> np.ndarray:
    return lattice.random_state(vacancies=vacancies, rng=np.random.default_rng(seed))[0]


def environments(lattice: Lattice, x: np.ndarray) -> np.ndarray:
    return x[lattice.neighbours(lattice.offsets(positions()))[np.flatnonzero(x == 0)]]


def positions() -> np.ndarray:
    """Sites of the environment of a bcc vacancy, in half lattice constants."""
    network = JumpNetwork.named("bcc")
    return np.rint(2 * network.displacements(graph_of(network).sites[0].sites, 0)).astype(np.int64)


@pytest.fixture(scope="module")
def lattice() -> Lattice:
    return Lattice.bcc(3.24, SPECIES, 6)


def test_graph_counts() -> None:
    """In bcc the classes of symmetry are those of equal distances."""
    graph = graph_of(JumpNetwork.named("bcc"))
    (site,), (jump,) = graph.sites, graph.types
    assert graph.messages.sizes.tolist() == [8, 6, 12]
    assert graph.pairs.sizes.tolist() == [8, 6, 12, 24, 8, 6, 24, 24]
    places = positions()
    assert len({tuple(p) for p in places.tolist()}) == site.n_env
    # 26 neighbours in three shells around each end, less the ends themselves and the sites near both
    assert np.shape(site.bonds) == (8, 40)
    for j, rows in enumerate(site.bonds):
        assert rows[0] == 0
        assert rows[1] == 1 + j
        target = places[1 + j]
        for q in range(jump.n_classes):
            sites = places[rows[2 + jump.class_start[q] : 2 + jump.class_start[q + 1]]]
            d2 = [(sites**2).sum(axis=1), ((sites - target) ** 2).sum(axis=1)]
            np.testing.assert_allclose(
                np.sqrt(d2) / np.sqrt(3), np.tile(jump.distances[q][:, None], len(sites)), atol=1e-4
            )
    shells = [places[n] - p for p, n in zip(places, site.links.reshape(-1, 26), strict=False)]
    assert {tuple(np.unique((s**2).sum(axis=1))) for s in shells} == {(3, 4, 8)}


@pytest.mark.parametrize("form", ["direct", "consistent"])
def test_invariant_under_the_cubic_group(form: str, lattice: Lattice) -> None:
    model = make(form, members=2)
    env = environments(lattice, state(lattice, 5))
    places = positions()
    row = {tuple(p): i for i, p in enumerate(places.tolist())}
    wanted = model.predict(env)
    assert np.ptp(wanted[np.isfinite(wanted)]) > 0.05
    operations = cubic_operations()
    assert len({o.tobytes() for o in operations}) == 48
    for operation in operations:
        moved = [row[tuple(p)] for p in (places @ operation).tolist()]
        turned = np.empty_like(env)
        turned[:, moved] = env
        barriers = model.predict(turned)
        back = barriers[:, np.array(moved[1 : 1 + Z]) - 1]
        np.testing.assert_allclose(back, wanted, atol=2e-5)


@pytest.mark.parametrize(("form", "members"), [("direct", 1), ("direct", 2), ("consistent", 1), ("consistent", 2)])
def test_numba_equals_torch(form: str, members: int, lattice: Lattice) -> None:
    model = make(form, members)
    for seed, vacancies in ((0, 1), (1, 12)):
        x = state(lattice, vacancies, seed)
        compiled = model.barriers(lattice, x, np.flatnonzero(x == 0))
        np.testing.assert_allclose(compiled, model.predict(environments(lattice, x)), atol=1e-5)


def test_same_on_conventional_and_primitive_cells() -> None:
    model = make("consistent")
    cubic = Lattice.bcc(3.24, SPECIES, 6)
    atoms = cubic.to_atoms(state(cubic, 3))
    other = Lattice.from_atoms(atoms)
    x, y = cubic.state(atoms)[0], other.state(atoms)[0]
    left = model.barriers(cubic, x, np.flatnonzero(x == 0))
    right = model.barriers(other, y, np.flatnonzero(y == 0))
    np.testing.assert_allclose(np.sort(left, axis=None), np.sort(right, axis=None), atol=1e-6)


@pytest.mark.parametrize("vacancies", [1, 12])
def test_reverse_barriers_and_swap_energy(vacancies: int, lattice: Lattice) -> None:
    model = make("consistent", members=2)
    x = state(lattice, vacancies)
    energy, shape = model.compile_energy(lattice), np.array(lattice.shape)
    first = lattice.neighbours(lattice.shells(1)[0].offsets)
    compiled = model.compile(lattice)
    checked = 0
    for v in np.flatnonzero(x == 0):
        forward = barriers_at(compiled, shape, x, np.array([v]))[0]
        for k in np.flatnonzero(np.isfinite(forward)):
            j = first[v, k]
            y = x.copy()
            y[v], y[j] = y[j], 0
            backward = barriers_at(compiled, shape, y, np.array([j]))[0, np.flatnonzero(first[j] == v)[0]]
            change = swap_energy(energy, shape, x, v, j, np.zeros(0, dtype=np.float32))
            assert forward[k] - backward == pytest.approx(change, abs=5e-6)
            assert min(forward[k], backward) >= FLOOR_EV - 1e-9
            checked += 1
    assert checked >= 8 * vacancies - 20


def test_closed_loops_of_twelve_jumps(lattice: Lattice) -> None:
    """Jumps d1 d2 d3 d4 round a rhombus, three times: three atoms rotate, and the state is back."""
    model = make("consistent")
    compiled, shape = model.compile(lattice), np.array(lattice.shape)
    first = lattice.neighbours(lattice.shells(1)[0].offsets)
    for seed in range(5):
        x0 = state(lattice, 1, seed)
        x, v, total, largest = x0.copy(), int(np.flatnonzero(x0 == 0)[0]), 0.0, 0.0
        for k in (0, 6, 7, 1) * 3:
            j = first[v, k]
            forward = barriers_at(compiled, shape, x, np.array([v]))[0, k]
            x[v], x[j] = x[j], 0
            change = forward - barriers_at(compiled, shape, x, np.array([j]))[0, 7 - k]
            total, largest, v = total + change, max(largest, abs(change)), j
        assert np.array_equal(x, x0)
        assert largest > 0.01
        assert abs(total) < 1e-5


def test_swap_energy_is_a_state_function(lattice: Lattice) -> None:
    energy, shape = make("consistent", 2).compile_energy(lattice), np.array(lattice.shape)
    rng = np.random.default_rng(1)
    x0 = state(lattice, 6)
    pairs = [tuple(rng.choice(lattice.n_sites, 2, replace=False)) for _ in range(20)]
    order = rng.permutation(np.arange(20))
    work = np.zeros(0, dtype=np.float32)
    # the same permutation of sites by disjoint swaps in two orders has one energy
    sites = rng.permutation(lattice.n_sites)[:40].reshape(20, 2)
    totals = []
    for sequence in (sites, sites[order]):
        x, total = x0.copy(), 0.0
        for a, b in sequence:
            total += swap_energy(energy, shape, x, a, b, work)
            x[a], x[b] = x[b], x[a]
        totals.append(total)
    assert totals[0] == pytest.approx(totals[1], abs=1e-10)
    assert abs(totals[0]) > 0.01
    x, total = x0.copy(), 0.0
    for a, b in pairs + pairs[::-1]:
        total += swap_energy(energy, shape, x, a, b, work)
        x[a], x[b] = x[b], x[a]
    assert total == pytest.approx(0.0, abs=1e-10)


def test_floors_are_kept_and_counted(lattice: Lattice) -> None:
    from asemacro.barriers.kernels import evaluate

    x = state(lattice, 2)
    env = environments(lattice, x)[0]
    targets = int((env[1:9] > 0).sum())
    for form in ("direct", "consistent"):
        model = make(form)
        with torch.no_grad():
            model.nets[0].last.bias.fill_(-50.0)
        compiled = model.compile(lattice)
        out = np.zeros(Z + 1)
        evaluate(compiled, 0, env, np.zeros(compiled.workspace, dtype=np.float32), out)
        assert out[Z] == targets
        barriers = out[:Z][env[1:9] > 0]
        if form == "direct":
            assert (barriers == FLOOR_EV).all()
        else:  # S = |dE| / 2 + floor: the downhill way has the floor as its barrier
            change = model.nets[0].energy_change(model.inputs(env[None])).detach().numpy()[0][env[1:9] > 0]
            np.testing.assert_allclose(barriers, np.maximum(change, 0) + FLOOR_EV, atol=1e-5)


def test_cells_that_are_too_small() -> None:
    model = make("direct")
    small = Lattice.bcc(3.24, SPECIES, (4, 5, 6))
    assert not fits(small)
    assert minimum_shape(small) == (2, 1, 1)
    assert fits(small.repeat((2, 1, 1)))
    with pytest.raises(ValueError, match="repeat it 2 x 1 x 1"):
        model.compile(small)
    assert fits(Lattice.bcc(3.24, SPECIES, 5))
    with pytest.raises(ValueError, match="fcc"):
        model.compile(Lattice.fcc(4.0, SPECIES, 6))
    with pytest.raises(ValueError, match="does not know W"):
        model.compile(Lattice.bcc(3.24, ("Nb", "W"), 6))
    with pytest.raises(ValueError, match="gnn has no energy"):
        model.compile_energy(Lattice.bcc(3.24, SPECIES, 6))


@pytest.mark.parametrize("form", ["direct", "consistent"])
def test_file_round_trip(form: str, tmp_path: Path, lattice: Lattice) -> None:
    model = make(form, 2)
    model.name, model.notes = "mine", {"trained on": "nothing"}
    other = load_gnn(save_gnn(model, tmp_path / "m.safetensors"))
    assert (other.name, other.form, other.species, other.notes) == ("mine", form, SPECIES, model.notes)
    env = environments(lattice, state(lattice, 3))
    assert np.array_equal(model.predict(env), other.predict(env))


def test_bad_files(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    whole = save_gnn(make("direct"), tmp_path / "m.safetensors")
    content = whole.read_bytes()
    for size in (0, 7, 100, len(content) // 2, len(content) - 1):
        cut = tmp_path / "cut.safetensors"
        cut.write_bytes(content[:size])
        with pytest.raises(ValueError, match="truncated or not a safetensors") as error:
            load_gnn(cut)
        assert "\n" not in str(error.value)
    alien = tmp_path / "alien.safetensors"
    save_file({"a": np.zeros(3)}, alien)
    with pytest.raises(ValueError, match="not an asemacro barrier model"):
        load_gnn(alien)
    model = make("direct")
    with torch.no_grad():
        model.nets[0].round2.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        load_gnn(save_gnn(model, tmp_path / "nan.safetensors"))
    model = make("direct")
    model.settings["width"] = 9
    with pytest.raises(ValueError, match="does not hold the network") as error:
        load_gnn(save_gnn(model, tmp_path / "odd.safetensors"))
    assert "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError):
        load_gnn(tmp_path / "none.safetensors")


def test_pretrained_models() -> None:
    from asemacro.barriers import available, card, load_barriers

    assert set(available()) == {"refractory", "refractory-direct", "nbmota", "cocrfeni"}
    for name in available():
        model = load_barriers(name)
        assert isinstance(model, BarrierGNN)
        assert model.name == name
        assert model.has_energy == (name in ("refractory", "cocrfeni"))
        assert name in card(name)
        make = {"bcc": Lattice.bcc, "fcc": Lattice.fcc}[model.prototype]
        lattice = make(3.24, model.species, 6)
        x = state(lattice, 3)
        barriers = model.barriers(lattice, x, np.flatnonzero(x == 0))
        assert ((barriers > 0.2) & (barriers < 3.5)).sum() == np.isfinite(barriers).sum()


def test_vacancy_binding_of_pair_energies() -> None:
    """In a pure metal two vacancies n bonds closer together save one broken bond."""
    model = PairBarrier(("W",), {"W": 1.7}, [{"W-W": -0.2}, {"W-W": 0.05}])
    lattice = Lattice.bcc(3.17, ("W",), 6)
    binding, error = vacancy_binding(model, lattice, samples=3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(binding, [-0.2, 0.05, 0.0], atol=1e-12)
    np.testing.assert_allclose(error, 0, atol=1e-12)
