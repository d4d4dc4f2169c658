"""Time of one evaluation of the networks, one core: `pytest tests/benchmarks -o addopts="" --benchmark-only`.

Each benchmark carries in its extra_info the microseconds of one vacancy, of its matrix products in NumPy, and of the
products alone at the measured speed of a large product: what no reordering can beat.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from asemacro.barriers.gnn import direct_kernel as k
from asemacro.barriers.kernels import barriers_at
from asemacro.lattice.lattice import Lattice
from asemacro.studies.speed.alloys import SPECIES
from tests.benchmarks.test_kmc_speed import MODELS, alloy_of


def microseconds(function: Callable[[], Any], times: int) -> float:
    """Best of five, of processor time."""
    function()
    best = np.inf
    for _ in range(5):
        started = time.process_time()
        function()
        best = min(best, time.process_time() - started)
    return best / times * 1e6


def products_of(compiled: Any, name: str) -> list[tuple[int, int, int]]:
    """Rows, terms and columns of the matrix products in single precision of one vacancy."""
    if name == "published":
        return [(8, 112, 128), *[(8, 128, 128)] * 3]
    t = compiled.integers[compiled.integers[1] :]
    width, hidden, rows = t[k.WIDTH], t[k.HIDDEN], t[k.N_BOND_ROWS] if len(compiled.double) else t[k.N_NODES]
    one = [
        (t[k.N_ROUND1], k.n_counts(t), width),
        (rows, (t[k.N_MESSAGES] + 1) * width, width),
        (t[k.N_JUMPS], t[k.N_READ] * width, hidden),
    ]
    return one * t[k.MEMBERS]


@pytest.mark.parametrize("name", [name for name in MODELS if name != "pair"])
def test_one_vacancy(benchmark: Any, name: str) -> None:
    lattice = Lattice.bcc(3.24, SPECIES, 8)
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(0))[0]
    compiled, shape = alloy_of(name).model.compile(lattice), np.array(lattice.shape)
    sites = np.repeat(np.flatnonzero(x == 0), 400)
    products = products_of(compiled, name)
    matrices = [(np.ones((m, n), "f4"), np.ones((n, c), "f4"), np.empty((m, c), "f4")) for m, n, c in products]
    large = np.ones((1024, 1024), dtype=np.float32)

    def in_numpy() -> None:
        for a, b, c in matrices:
            np.dot(a, b, out=c)

    benchmark.pedantic(lambda: barriers_at(compiled, shape, x, sites), rounds=3, warmup_rounds=1)
    each = microseconds(lambda: barriers_at(compiled, shape, x, sites), len(sites))
    per_term = microseconds(lambda: large @ large, 1) / 1024**3
    limit = per_term * sum(m * n * c for m, n, c in products)
    benchmark.extra_info["us"] = round(each, 1)
    benchmark.extra_info["us_of_products_in_numpy"] = round(microseconds(in_numpy, 1), 1)
    benchmark.extra_info["us_at_the_speed_of_a_large_product"] = round(limit, 1)
    assert each < 12 * limit
