"""Graph networks on lattices of every kind: kernels equal torch, detailed balance is exact."""

from __future__ import annotations

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

from asemacro.barriers.energy import swap_energy
from asemacro.barriers.gnn.swap import swap_change
from asemacro.barriers.kernels import barriers_at, checked
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import new_features


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


@pytest.mark.parametrize("form", ["direct", "consistent"])
@pytest.mark.parametrize("occurring", [("Co", "Cu"), ("Ni",), ("Co", "Ni", "Cu", "Zn")])
def test_alloys_of_some_of_the_species(occurring: tuple[str, ...], form: str) -> None:
    """Kernels leave out the species that do not occur; of wide networks, whose features are two blocks."""
    jumps = network("bcc")
    model = make(jumps, form, members=3, size=0.05, species=("Co", "Ni", "Cu", "Zn"), width=24)
    lattice = large_enough(Lattice.bcc(3.2, occurring, 5), jumps)
    x = random_state(lattice, 6, 1)
    around = model.environments(lattice, x)
    wanted = around.on_lattice(model.predict(around))
    found = model.barriers(lattice, x, np.flatnonzero(x == 0))
    there = np.isfinite(found)
    np.testing.assert_array_equal(there, np.isfinite(wanted))
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
