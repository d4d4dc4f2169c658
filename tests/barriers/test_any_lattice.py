"""Graph networks on lattices of every kind: symmetry, detailed balance, kernels and diffusion are exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import spglib
import torch
from ase import Atoms
from ase.units import kB

from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.energy import swap_energy
from asemacro.barriers.gnn.cell import fits, minimum_shape
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.file import load_gnn, save_gnn
from asemacro.barriers.gnn.graph import graph_of
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.gnn.swap import swap_change
from asemacro.barriers.kernels import barriers_at, checked
from asemacro.barriers.load import load_barriers
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC, new_features
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC

SPECIES = ("Co", "Ni")


def from_cell(cell: np.ndarray, basis: list[list[float]], shape: tuple[int, int, int]) -> Lattice:
    atoms = Atoms("Co" * len(basis), cell=cell, scaled_positions=basis, pbc=True).repeat(shape)
    atoms.numbers[::2] = 28
    return Lattice.from_atoms(atoms)


def dhcp(shape: tuple[int, int, int] = (6, 6, 3)) -> Lattice:
    """Close-packed layers ABAC: two kinds of sites, with different third neighbours."""
    cell = np.array([[2.5, 0, 0], [-1.25, 2.5 * 0.75**0.5, 0], [0, 0, 2.5 * 4 * (2 / 3) ** 0.5]])
    return from_cell(cell, [[0, 0, 0], [1 / 3, 2 / 3, 0.25], [0, 0, 0.5], [2 / 3, 1 / 3, 0.75]], shape)


def a15(shape: tuple[int, int, int] = (5, 5, 5)) -> Lattice:
    """Two kinds of sites with different numbers of neighbours."""
    chains = [[0.25, 0, 0.5], [0.75, 0, 0.5], [0.5, 0.25, 0], [0.5, 0.75, 0], [0, 0.5, 0.25], [0, 0.5, 0.75]]
    return from_cell(4.6 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5], *chains], shape)


LATTICES = {
    "bcc": lambda: Lattice.bcc(3.2, SPECIES, 5),
    "fcc": lambda: Lattice.fcc(3.6, SPECIES, 5),
    "hcp": lambda: Lattice.hcp(2.5, SPECIES, (7, 7, 5)),
    "diamond": lambda: Lattice.diamond(5.4, SPECIES, 4),
    "sc": lambda: Lattice.cubic(3.0, SPECIES, 6),
    "square": lambda: Lattice.square(3.0, SPECIES, 9),
    "dhcp": lambda: dhcp((7, 7, 3)),
    "A15": lambda: a15((3, 3, 3)),
}
SHELLS = {"A15": 2}
COMPILED: dict[tuple[int, int], tuple[BarrierGNN, Lattice, CompiledBarriers]] = {}


def network(name: str) -> JumpNetwork:
    return JumpNetwork.of(LATTICES[name](), SHELLS.get(name))


def make(jumps: JumpNetwork, form: str, members: int = 1, size: float = 0.1, seed: int = 0) -> BarrierGNN:
    """Random weights: barriers that depend on everything they can depend on."""
    model = BarrierGNN(SPECIES, form, members=members, width=8, hidden=16, energy_width=8, jumps=jumps)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, size, generator=generator)
        for net in model.nets:
            net.last.weight.normal_(0.0, 3 * size, generator=generator)
            net.last.bias.fill_(3.0)
    return model


def large_enough(lattice: Lattice, jumps: JumpNetwork) -> Lattice:
    from asemacro.barriers.gnn.placement import place

    placed = place(jumps, lattice)
    return lattice if fits(lattice, placed) else lattice.repeat(minimum_shape(lattice, placed))


def by_jump(model: BarrierGNN, lattice: Lattice, x: np.ndarray) -> dict[tuple[int, int], float]:
    """Barrier of each jump (site of the vacancy, site of the atom)."""
    sites = np.flatnonzero(x == 0)
    key = (id(model), id(lattice))
    if key not in COMPILED:
        COMPILED[key] = (model, lattice, model.compile(lattice))
    compiled = COMPILED[key][2]
    targets = lattice.neighbours(compiled.env[:, 1 : 1 + compiled.n_targets])[sites]
    values = barriers_at(compiled, np.array(lattice.shape), x, sites)
    return {(v, j): b for v, row, own in zip(sites.tolist(), targets.tolist(), values.tolist(), strict=True)
            for j, b in zip(row, own, strict=True) if np.isfinite(b)}  # fmt: skip


def random_state(lattice: Lattice, vacancies: int, seed: int = 0) -> np.ndarray:
    return lattice.random_state(vacancies=vacancies, rng=np.random.default_rng(seed))[0]


# -------------------------------------------------------------------- symmetry


def operations(lattice: Lattice) -> Iterator[np.ndarray]:
    """Where each site goes under one operation of the space group for each of the point group, from spglib."""
    found = spglib.get_symmetry((lattice.cell, lattice.basis, [1] * lattice.n_basis), symprec=1e-4)
    seen = set()
    fractions = lattice.positions() @ np.linalg.inv(lattice.cell)
    for matrix, shift in zip(found["rotations"], found["translations"], strict=True):
        if matrix.tobytes() in seen or (not all(lattice.pbc) and (matrix[2] != [0, 0, 1]).any()):
            continue
        seen.add(matrix.tobytes())
        sites, distance = lattice.nearest_sites((fractions @ matrix.T + shift) @ lattice.cell)
        assert distance.max() < 1e-6
        yield sites


@pytest.mark.parametrize("form", ["direct", "consistent"])
@pytest.mark.parametrize(("name", "order"), [("bcc", 48), ("fcc", 48), ("hcp", 24), ("diamond", 48), ("dhcp", 24)])
def test_invariant_under_the_whole_group(name: str, order: int, form: str) -> None:
    jumps = network(name)
    lattice = LATTICES[name]()
    cubes = max(lattice.shape[:2])  # a box with the symmetry of the lattice
    lattice = large_enough(lattice, jumps)
    assert lattice.shape[0] == lattice.shape[1] == cubes
    model = make(jumps, form)
    x = random_state(lattice, 5)
    wanted = by_jump(model, lattice, x)
    values = np.array(list(wanted.values()))
    assert len(values) > 15
    assert np.ptp(values) > 0.05
    count = 0
    for moved in operations(lattice):
        turned = np.empty_like(x)
        turned[moved] = x
        found = by_jump(model, lattice, turned)
        back = np.array([found[int(moved[v]), int(moved[j])] for v, j in wanted])
        np.testing.assert_allclose(back, values, atol=2e-5)
        count += 1
    assert count == order


def test_types_of_jumps() -> None:
    """Basal and pyramidal jumps of hcp are two types, at the ideal c/a too; cubic lattices have one type."""
    assert {n: [g.n_jumps for g in graph_of(JumpNetwork.named(n)).sites] for n in ("bcc", "fcc", "sc", "diamond")} == {
        "bcc": [8], "fcc": [12], "sc": [6], "diamond": [4],
    }  # fmt: skip
    assert all(len(graph_of(JumpNetwork.named(n)).types) == 1 for n in ("bcc", "fcc", "sc", "diamond"))
    hcp = graph_of(JumpNetwork.named("hcp"))
    assert np.bincount(hcp.sites[0].jump_type).tolist() == [6, 6]
    rise = [abs(t.template[1][2] + np.array(hcp.network.basis)[t.template[1][3], 2] - 0.25) for t in hcp.types]
    assert np.ptp(rise) == pytest.approx(0.5)
    double = graph_of(network("dhcp"))
    assert len(double.sites) == 2
    assert all(double.types[t.reverse].reverse == k for k, t in enumerate(double.types))
    between = [(k, t.reverse) for k, t in enumerate(double.types) if t.kind != double.types[t.reverse].kind]
    assert len(between) == 2  # the jumps from one kind of layer to the other, and back
    odd = graph_of(network("A15"))
    assert sorted(site.n_jumps for site in odd.sites) == [6, 12]


# -------------------------------------------------------------------- kernels and detailed balance


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("form", ["direct", "consistent"])
def test_kernels_equal_torch(name: str, form: str) -> None:
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, form, members=2)
    for seed, vacancies in ((0, 2), (1, 16)):
        x = random_state(lattice, vacancies, seed)
        around = model.environments(lattice, x)
        wanted = around.on_lattice(model.predict(around))
        found = model.barriers(lattice, x, np.flatnonzero(x == 0))
        there = np.isfinite(found)
        np.testing.assert_array_equal(there, np.isfinite(wanted))
        assert np.ptp(found[there]) > 0.01
        np.testing.assert_allclose(found[there], wanted[there], atol=1e-5)


def ring(targets: np.ndarray, start: int, rng: np.random.Generator) -> list[int]:
    """A closed path of jumps through different sites."""
    while True:
        path, site = [], start
        for _ in range(12):
            site = int(rng.choice(targets[site]))
            if site in path or (site == start and len(path) < 2):
                break
            path.append(site)
            if site == start:
                return path


@pytest.mark.parametrize("name", LATTICES)
def test_closed_loops_sum_to_zero(name: str) -> None:
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, "consistent")
    compiled, shape = checked(model.compile(lattice), "random", lattice), np.array(lattice.shape)
    z = compiled.n_targets
    targets = lattice.neighbours(compiled.env[:, 1 : 1 + z])
    neighbours = [[int(j) for j in row if j != i] for i, row in enumerate(targets)]
    rng = np.random.default_rng(3)
    sizes = []
    for seed in range(6):
        x0 = random_state(lattice, 3, seed)
        start = int(np.flatnonzero(x0 == 0)[0])
        path = ring(neighbours, start, rng)
        if (x0[path[:-1]] == 0).any():
            continue
        x, site, total, size = x0.copy(), start, 0.0, 0.0
        while True:
            for j in path:
                forward = barriers_at(compiled, shape, x, np.array([site]))[0][targets[site] == j][0]
                x[site], x[j] = x[j], 0
                change = forward - barriers_at(compiled, shape, x, np.array([j]))[0][targets[j] == site][0]
                total, size, site = total + change, max(size, abs(change)), j
            if np.array_equal(x, x0):
                break
        sizes.append(size)
        assert abs(total) < 1e-5
    assert max(sizes) > 0.01


@pytest.mark.parametrize("name", LATTICES)
def test_forward_minus_reverse_is_the_energy_of_the_swap(name: str) -> None:
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, "consistent", members=2, seed=1)
    energy, shape = model.compile_energy(lattice), np.array(lattice.shape)
    work = np.zeros(0, dtype=np.float32)
    x = random_state(lattice, 8)
    changes = []
    for (v, j), forward in by_jump(model, lattice, x).items():
        y = x.copy()
        y[v], y[j] = y[j], 0
        changes.append(swap_energy(energy, shape, x, v, j, work))
        assert forward - by_jump(model, lattice, y)[j, v] == pytest.approx(changes[-1], abs=5e-6)
        if len(changes) > 25:
            break
    assert np.std(changes) > 1e-3


@pytest.mark.parametrize("name", LATTICES)
def test_energy_is_a_function_of_state(name: str) -> None:
    """Swaps there and back in another order, from the state alone and with stored features."""
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, "consistent", seed=2)
    energy, shape = model.compile_energy(lattice), np.array(lattice.shape)
    rng = np.random.default_rng(0)
    x = random_state(lattice, 4)
    near = np.unique(lattice.neighbours(energy.offsets)[3])
    features = new_features(energy, shape, x)
    start, total, seen = x.copy(), 0.0, []
    for step in range(300):
        a, b = rng.choice(near if step % 2 else x.size, 2, replace=False)
        change = swap_energy(energy, shape, x, a, b, features.work)
        total += change
        if x[a] != x[b]:
            stored, n = swap_change(
                energy, shape, x, features.z, features.reach, a, b, features.touched, features.dz
            )  # fmt: skip
            assert stored == pytest.approx(change, abs=1e-10)
            np.add.at(features.z, features.touched[:n], features.dz[:n])
            seen.append(change)
        x[[a, b]] = x[[b, a]]
    np.testing.assert_allclose(features.z, new_features(energy, shape, x).z, atol=1e-11)
    assert np.std(seen) > 1e-3
    # back to the start through other states: site by site, whatever is wrong is swapped into place
    for site in rng.permutation(x.size):
        if x[site] != start[site]:
            other = int(rng.choice(np.flatnonzero((x == start[site]) & (x != start))))
            total += swap_energy(energy, shape, x, int(site), other, features.work)
            x[[site, other]] = x[[other, site]]
    assert np.array_equal(x, start)
    assert abs(total) < 1e-9


# -------------------------------------------------------------------- cells, strain, recognition


@pytest.mark.parametrize("name", ["fcc", "hcp", "diamond", "dhcp"])
def test_same_barriers_in_any_cell(name: str) -> None:
    """The same atoms read again, in another cell, turned and strained within the shell tolerance."""
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, "consistent")
    atoms = lattice.to_atoms(random_state(lattice, 3))
    wanted = np.sort(list(by_jump(model, lattice, lattice.state(atoms)[0]).values()))
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    stretched = np.diag([1.0, 1.0, 0.97])
    cell = np.array(atoms.cell)
    sheared = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
    for change, supercell in ((np.eye(3), np.eye(3)), (turn, sheared), (stretched @ turn, np.eye(3))):
        other = Atoms(numbers=atoms.numbers, positions=atoms.positions @ change, pbc=True)
        other.set_cell(supercell @ cell @ change)
        read = Lattice.from_atoms(other)
        assert read.prototype == jumps.prototype
        found = np.sort(list(by_jump(model, read, read.state(other)[0]).values()))
        np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("ratio", [1.5, 1.58, 1.633, 1.86, 1.9])
def test_hcp_of_any_ratio_keeps_its_twelve_jumps(ratio: float) -> None:
    model = make(JumpNetwork.named("hcp"), "consistent")
    ideal = Lattice.hcp(2.5, SPECIES, (7, 7, 5))
    other = Lattice.hcp(2.5, SPECIES, (7, 7, 5), c=2.5 * ratio)
    x = random_state(ideal, 3)
    assert by_jump(model, other, x) == pytest.approx(by_jump(model, ideal, x), abs=1e-6)
    assert VacancyKMC(other, model, 1000.0).jumps.shape == (2, 12, 4)


def test_directions_are_never_lost_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    zinc = Lattice.hcp(2.66, SPECIES, (9, 9, 5), c=4.95)
    assert zinc.shells(1)[0].offsets.shape[1] == 6  # basal neighbours only
    with pytest.raises(ValueError, match="leave 1 of its axes unreached: name the shells") as error:
        JumpNetwork.of(zinc)
    assert "\n" not in str(error.value)
    model = make(JumpNetwork.of(zinc, 2), "direct")
    assert model.compile(zinc).n_targets == 12
    flat = make(JumpNetwork.of(zinc, 1), "direct")
    pairs = PairBarrier(SPECIES, {"Co": 0.7, "Ni": 0.7}, [{}])
    with caplog.at_level("INFO", logger="asemacro"):
        VacancyKMC(zinc, model, 1000.0)
        assert not caplog.messages
        VacancyKMC(zinc, flat, 1000.0)
        VacancyKMC(Lattice.hcp(2.66, SPECIES, 9, c=4.95), pairs, 1000.0)
    assert len(caplog.messages) == 2
    assert all("the 6 jumps of a vacancy keep it to planes of this hcp lattice" in line for line in caplog.messages)


def test_lattices_of_another_kind_are_refused() -> None:
    model = make(JumpNetwork.named("fcc"), "direct")
    for lattice, message in (
        (Lattice.bcc(3.2, SPECIES, 6), "is for fcc lattices, the structure is bcc"),
        (Lattice.fcc(3.6, SPECIES, 3), "needs a larger cell than 3 x 3 x 3: repeat it 2 x 2 x 2 times"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            model.compile(lattice)
        assert "\n" not in str(error.value)
    tetragonal = from_cell(np.diag([2.5, 2.5, 2.0]), [[0, 0, 0]], (8, 8, 9))
    flat = from_cell(np.diag([2.5, 2.5, 3.4]), [[0, 0, 0]], (8, 8, 9))
    assert tetragonal.prototype == flat.prototype == "P4/mmm"
    own = make(JumpNetwork.of(tetragonal, 2), "direct")
    assert own.compile(tetragonal).n_targets == 6
    with pytest.raises(ValueError, match=r"ideal cell is distorted by .* from that of the model"):
        own.compile(flat)


def test_jumps_to_more_shells() -> None:
    """First and second shell of bcc: fourteen jumps of two types, and detailed balance among all of them."""
    jumps = JumpNetwork.named("bcc", 2)
    lattice = large_enough(Lattice.bcc(3.2, SPECIES, 6), jumps)
    model = make(jumps, "consistent")
    kmc = VacancyKMC(lattice, model, 1000.0)
    x = random_state(lattice, 2)
    assert kmc.jumps.shape[1] == 14
    assert (kmc.rates(x) > 0).sum() >= 27
    energy, shape, work = model.compile_energy(lattice), np.array(lattice.shape), np.zeros(0, dtype=np.float32)
    for (v, j), forward in by_jump(model, lattice, x).items():
        y = x.copy()
        y[v], y[j] = y[j], 0
        change = swap_energy(energy, shape, x, v, j, work)
        assert forward - by_jump(model, lattice, y)[j, v] == pytest.approx(change, abs=5e-6)


# -------------------------------------------------------------------- kinetics


@pytest.mark.parametrize("name", ["bcc", "fcc", "hcp"])
def test_diffusion_in_a_pure_metal(name: str) -> None:
    """D of a lone vacancy is half the rate of each jump times its squared length, summed: Z d^2 rate / 6 in cubes."""
    lattice = {
        "bcc": lambda: Lattice.bcc(3.2, ("Ni",), 7),
        "fcc": lambda: Lattice.fcc(3.6, ("Ni",), 6),
        "hcp": lambda: Lattice.hcp(2.5, ("Ni",), (10, 10, 6), c=2.5 * 1.6),
    }[name]()
    model = BarrierGNN(("Ni",), "consistent", width=4, hidden=4, energy_width=4, jumps=JumpNetwork.named(name))
    with torch.no_grad():
        for seed, parameter in enumerate(model.parameters()):
            parameter.normal_(0.0, 0.1, generator=torch.Generator().manual_seed(seed))
        for net in model.nets:
            net.last.weight.normal_(0.0, 1.0, generator=torch.Generator().manual_seed(1))
            net.last.bias.fill_(1.0)
    kmc = VacancyKMC(lattice, model, 1500.0)
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(0))[0]
    site = int(np.flatnonzero(x == 0)[0])
    moves = kmc.jumps[site % lattice.n_basis]
    steps = (moves[:, :3] + lattice.basis[moves[:, 3]] - lattice.basis[site % lattice.n_basis]) @ lattice.cell
    barriers = model.barriers(lattice, x, np.array([site]))[0]
    rates = 1e13 * np.exp(-barriers / (kB * 1500.0))
    wanted = 0.5 * (rates[:, None] * steps**2).sum(axis=0)
    if name == "hcp":  # 6 rate_b a^2 / 4 + 6 rate_p a^2 / 12 across the axis, 6 rate_p (c / 2)^2 / 2 along it
        assert len(np.unique(np.round(barriers, 5))) == 2
        basal, pyramidal = rates[np.argmin(abs(steps[:, 2]))], rates[np.argmax(abs(steps[:, 2]))]
        across = (6 * basal / 4 + 6 * pyramidal / 12) * 2.5**2
        np.testing.assert_allclose(wanted, [across, across, 6 * pyramidal * 2.0**2 / 2], rtol=1e-5)
    else:
        d2 = (steps[0] ** 2).sum()
        np.testing.assert_allclose(wanted, len(steps) * d2 * rates[0] / 6, rtol=1e-5)
    run = kmc.run(
        x, record_hops=np.arange(0, 4 * 100_001, 4), observe=lambda s: s[0].argmin(), rng=np.random.default_rng(1)
    )
    box = lattice.cell * np.array(lattice.shape)[:, None]
    gap = np.diff(lattice.positions()[run.record], axis=0) @ np.linalg.inv(box)
    squares = ((gap - np.rint(gap)) @ box) ** 2
    found = squares.sum(axis=0) / (2 * run.time_s)
    if name == "hcp":
        np.testing.assert_allclose([found[:2].mean(), found[2]], [wanted[:2].mean(), wanted[2]], rtol=0.01)
    else:
        assert found.mean() == pytest.approx(wanted.mean(), rel=0.01)


@pytest.mark.parametrize(("name", "seed"), [("fcc", 4), ("hcp", 9)])
def test_swaps_and_kinetics_agree(name: str, seed: int) -> None:
    """Numbers of like and of vacancy-atom first-shell bonds by KMC (time average) and by SwapMC, in standard errors."""
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, "consistent", size=0.03, seed=seed)
    rng = np.random.default_rng(5)
    x = lattice.random_state(vacancies=2, rng=rng)
    neighbours = lattice.neighbours(VacancyKMC(lattice, model, 1000.0).jumps)

    def bonds(s: np.ndarray) -> np.ndarray:
        return np.array([((s[0][:, None] == a) & (s[0][neighbours] == b)).sum() for a, b in ((1, 1), (0, 1))])

    swaps = SwapMC(lattice, model, 9000.0).run(
        x, record_sweeps=np.arange(20, 820, 2), observe=bonds, rng=rng
    ).record.reshape(20, -1, 2).mean(axis=1)  # fmt: skip
    kmc = VacancyKMC(lattice, model, 9000.0)
    burnt = kmc.run(x, hops=8000, rng=rng)
    times = np.linspace(0, 3 * burnt.time_s, 601)
    hops = kmc.run(burnt.x, record_times_s=times, observe=bonds, rng=rng).record[1:].reshape(20, -1, 2).mean(axis=1)
    error = np.sqrt((swaps.var(axis=0, ddof=1) + hops.var(axis=0, ddof=1)) / 20)
    assert np.abs((swaps.mean(axis=0) - hops.mean(axis=0)) / error).max() < 5
    assert abs((swaps.mean(axis=0) - bonds(x)) / error).max() > 8


# -------------------------------------------------------------------- files


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
