"""A small file of barriers, as `asemacro barriers train` reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asemacro.barriers.kernels import barriers_at
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice

SPECIES = ("Nb", "Mo", "Ta")


def write_barriers(path: Path) -> Path:
    """Barriers of pair energies in three cells of 54 sites, .npz."""
    model = PairBarrier(SPECIES, {"Nb": 0.9, "Mo": 1.3, "Ta": 1.0}, [{"Nb-Mo": -0.05, "Mo-Ta": -0.1}])
    cell = Lattice.bcc(3.24, SPECIES, 3)
    first, shape = cell.neighbours(cell.shells(1)[0].offsets), np.array(cell.shape)
    compiled, rng = model.compile(cell), np.random.default_rng(0)
    compositions = ((18, 18, 18), (27, 18, 9), (9, 18, 27))
    counts = [dict(zip(SPECIES, one, strict=True)) for one in compositions]
    states = [cell.random_state(one, vacancies=0, rng=rng)[0] for one in counts]
    barrier = []
    for x in states:
        vacant = np.tile(x, (cell.n_sites, 1))
        np.fill_diagonal(vacant, 0)
        barrier.append([barriers_at(compiled, shape, y, np.array([site]))[0] for site, y in enumerate(vacant)])
    np.savez(
        path,
        name=np.array([f"cell{c}" for c in range(3)]),
        numbers=np.array([0, 41, 42, 73])[np.array(states)],
        scaled_positions=np.stack([cell.positions() / (3 * 3.24)] * 3),
        neighbor=np.stack([first] * 3),
        barrier=np.array(barrier),
        cell_length=np.full(3, 9.72),
    )
    return path
