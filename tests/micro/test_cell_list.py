"""The vacancies that a hop concerns: through the lists of blocks the same ones as by looking at all of them."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.cache import CachePool
from asemacro.micro.alloy.cell_list import list_concerned, within
from asemacro.micro.alloy.kernels import new_walk
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC

MODEL = PairBarrier(("Nb", "Mo"), {"Nb": 1.6, "Mo": 1.9}, [{"Nb-Mo": -0.1}, {"Nb-Mo": 0.05}])


@pytest.mark.parametrize("cells", [(3, 4, 6), (4, 12, 7), (15, 11, 13)])
def test_same_as_looking_at_all(cells: tuple[int, int, int]) -> None:
    lattice = Lattice.bcc(3.2, ("Nb", "Mo"), cells)
    model, shape = MODEL.compile(lattice), np.array(lattice.shape, dtype=np.int64)
    rng = np.random.default_rng(0)
    x = lattice.random_state(vacancies=40, rng=rng)[0]
    walk = new_walk(model, CachePool(4, model.n_targets).take(), shape, x, np.flatnonzero(x == 0))
    n, sizes = len(walk.sites), []
    for hop in range(1, 400):
        v = int(rng.integers(n))
        walk.cells[n] = walk.cells[v]
        walk.cells[v] = (walk.cells[v] + rng.integers(-1, 2, 3)) % shape
        found = walk.pending[: list_concerned(walk, shape, v, hop)]
        wanted = [
            w
            for w in range(n)
            if w == v or any(within(walk.cells, w, changed, shape, walk.reach) for changed in (n, v))
        ]
        assert sorted(found) == wanted
        sizes.append(len(wanted))
    assert max(sizes) > 1
    assert max(cells) < 10 or min(sizes) < n


def test_rates_stay_those_of_the_state() -> None:
    lattice = Lattice.bcc(3.2, ("Nb", "Mo"), (9, 10, 12))
    system = VacancyKMC(lattice, MODEL, 1500)
    start = lattice.random_state(vacancies=60, rng=np.random.default_rng(1))
    states = system.run(start, record_hops=range(0, 3000, 100), rng=np.random.default_rng(2)).record
    residence = system.run(start, record_hops=range(0, 3000, 100), rng=np.random.default_rng(2)).record_residence_s
    fresh = [1 / VacancyKMC(lattice, MODEL, 1500).rates(x).sum() for x in states]
    np.testing.assert_allclose(residence, fresh, rtol=1e-12)
