"""Displacements kept by KMC: those of every single hop added up, whatever the lattice, and no change of the run."""

from __future__ import annotations

import numpy as np
import pytest
from ase.geometry import find_mic

from asemacro.barriers import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy import Displacements, VacancyKMC
from asemacro.micro.alloy.displacements import TRAIL

SPECIES = ["Co", "Ni"]
MODEL = PairBarrier(SPECIES, {"Co": 0.8, "Ni": 0.7}, [{"Co-Ni": -0.02}])
LATTICES = {
    "bcc": Lattice.bcc(3.2, SPECIES, 4),
    "hcp": Lattice.hcp(2.5, SPECIES, (5, 5, 4)),
    "diamond": Lattice.diamond(5.4, SPECIES, 3),
    "square": Lattice.square(2.5, SPECIES, 7),
}


def start(lattice: Lattice, vacancies: int = 3) -> np.ndarray:
    return lattice.random_state(vacancies=vacancies, rng=np.random.default_rng(5))[0]


@pytest.mark.parametrize("name", LATTICES)
def test_displacements_are_those_of_every_hop_added_up(name: str) -> None:
    lattice = LATTICES[name]
    kmc, x, hops = VacancyKMC(lattice, MODEL, 1500.0), start(lattice), 3000
    moved = Displacements(lattice, x, kmc.jumps)
    run = kmc.following(moved).run(x, record_hops=np.arange(hops + 1), rng=np.random.default_rng(1))
    assert run.hops == hops
    places, box = lattice.positions(), lattice.cell * np.array(lattice.shape)[:, None]
    on_site, expected, squares = np.arange(lattice.n_sites), np.zeros((lattice.n_sites, 3)), np.zeros((3, 3, 3))
    for before, after in zip(run.record[:-1], run.record[1:], strict=True):
        (old,), (new,) = np.flatnonzero((before == 0) & (after != 0)), np.flatnonzero((before != 0) & (after == 0))
        step = find_mic((places[new] - places[old])[None], box, lattice.pbc)[0][0]
        vacancy, atom = on_site[old], on_site[new]
        expected[vacancy] += step
        expected[atom] -= step
        on_site[old], on_site[new] = atom, vacancy
        squares[[0, before[new]]] += np.outer(step, step)
    np.testing.assert_array_equal(moved.particle, on_site)
    np.testing.assert_allclose(moved.vectors(), expected, atol=1e-9)
    np.testing.assert_allclose(moved.random_walk(), squares, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(x[moved.particle], run.x)
    assert np.abs(moved.vectors()).max() > 0.5 * np.abs(np.diag(box))[np.array(lattice.pbc)].min(), "round the box"
    np.testing.assert_allclose(moved.vectors().sum(axis=0), 0, atol=1e-8)
    assert moved.jumped.sum() == hops


def test_following_changes_no_run_and_runs_add_up() -> None:
    lattice = LATTICES["bcc"]
    kmc, x, hops = VacancyKMC(lattice, MODEL, 1500.0), start(lattice, 1), 3 * TRAIL
    plain = kmc.run(x, record_hops=[10, hops], rng=np.random.default_rng(2))
    moved, parts = (Displacements(lattice, x, kmc.jumps) for _ in range(2))
    run = kmc.following(moved).run(x, record_hops=[10, hops], rng=np.random.default_rng(2))
    np.testing.assert_array_equal(run.record, plain.record)
    np.testing.assert_array_equal(run.record_times_s, plain.record_times_s)
    assert moved.jumped.sum() == hops
    rng, state = np.random.default_rng(2), x
    for part in (10, hops - 10):
        state = kmc.following(parts).run(state, hops=part, rng=rng).x
    np.testing.assert_array_equal(parts.particle, moved.particle)
    np.testing.assert_array_equal(parts.cells, moved.cells)
    kmc.run(x, hops=10, rng=rng)
    assert parts.jumped.sum() == hops, "the system itself follows nobody"


def test_displacements_of_another_lattice_are_refused() -> None:
    small, large = LATTICES["bcc"], Lattice.bcc(3.2, SPECIES, 5)
    kmc = VacancyKMC(large, MODEL, 1500.0)
    moved = Displacements(small, start(small), VacancyKMC(small, MODEL, 1500.0).jumps)
    with pytest.raises(ValueError, match="another lattice"):
        kmc.following(moved)
    with pytest.raises(ValueError, match="the lattice has 2"):
        Displacements(small, start(small), kmc.jumps[:1])
