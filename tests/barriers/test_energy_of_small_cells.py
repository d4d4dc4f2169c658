"""The lattice energy in cells that are too small for jumps: the same as of the repeated cell."""

from __future__ import annotations

import numpy as np
import pytest
from lattices_of_networks import make

from asemacro.barriers.energy import swap_energy
from asemacro.barriers.gnn.cell import fits, minimum_shape
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.placement import place
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC, new_features

SPECIES = ("Co", "Ni")
CELLS = {"fcc": Lattice.fcc(3.6, SPECIES, 3), "bcc": Lattice.bcc(3.2, SPECIES, 3), "hcp": Lattice.hcp(2.5, SPECIES, 4)}


@pytest.mark.parametrize("name", CELLS)
def test_swap_energies_are_those_of_the_repeated_cell(name: str) -> None:
    """A swap in a cell is the swap of all its images in a larger one; SwapMC adds up the same changes."""
    small, jumps = CELLS[name], JumpNetwork.named(name)
    assert not fits(small, place(jumps, small))
    large = small.repeat((2, 2, 2))
    model = make(jumps, "consistent", members=2, size=0.3)
    x = small.random_state(vacancies=2, rng=np.random.default_rng(0))[0]
    images = np.stack([large.nearest_sites(small.positions() + shift)[0] for shift in _shifts(small)], axis=1)
    y = np.empty(large.n_sites, dtype=np.int8)
    y[images] = x[:, None]
    tables = [(model.compile_energy(lattice), np.array(lattice.shape)) for lattice in (small, large)]
    rng, work, sizes = np.random.default_rng(1), np.zeros(0, dtype=np.float32), []
    for _ in range(12):
        a, b = rng.choice(small.n_sites, 2, replace=False)
        while x[a] == x[b]:
            a, b = rng.choice(small.n_sites, 2, replace=False)
        change = swap_energy(*tables[0], x, a, b, work)
        x[[a, b]] = x[[b, a]]
        total = 0.0
        for i, j in zip(images[a], images[b], strict=True):
            total += swap_energy(*tables[1], y, i, j, work)
            y[[i, j]] = y[[j, i]]
        assert 8 * change == pytest.approx(total, abs=1e-9)
        sizes.append(abs(change))
    assert min(sizes) > 1e-4
    run = SwapMC(small, model, 3000).run(x, 5, rng=np.random.default_rng(2))
    zs = [new_features(tables[0][0], tables[0][1], state) for state in (x, run.x)]
    assert not np.array_equal(zs[0].z, zs[1].z)
    steps = _path(x, run.x)
    total = 0.0
    for a, b in steps:
        total += swap_energy(*tables[0], x, a, b, work)
        x[[a, b]] = x[[b, a]]
    assert np.array_equal(x, run.x)
    assert run.energy_change_eV == pytest.approx(total, abs=1e-9)


def _shifts(small: Lattice) -> np.ndarray:
    """(8, 3) from a site to its images in the doubled cell."""
    ways = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    return ways @ (small.cell * np.array(small.shape)[:, None])


def _path(x: np.ndarray, to: np.ndarray) -> list[tuple[int, int]]:
    """Swaps that lead from one state to another of the same composition."""
    now, steps = x.copy(), []
    for a in range(len(now)):
        if now[a] != to[a]:
            b = next(k for k in range(a + 1, len(now)) if now[k] == to[a] and now[k] != to[k])
            steps.append((a, b))
            now[[a, b]] = now[[b, a]]
    return steps


def test_cells_that_are_too_small_even_for_energies() -> None:
    model = make(JumpNetwork.named("fcc"), "consistent")
    tiny = Lattice.fcc(3.6, SPECIES, 2)
    with pytest.raises(ValueError, match="needs a larger cell than 2 x 2 x 2: repeat it 2 x 2 x 2 times"):
        SwapMC(tiny, model, 1000)
    assert minimum_shape(tiny, place(model.jumps, tiny), energy=True) == (2, 2, 2)
    with pytest.raises(ValueError, match="needs a larger cell than 3 x 3 x 3"):
        model.compile(CELLS["fcc"])
