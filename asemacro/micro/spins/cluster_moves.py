"""Wolff's cluster moves: equilibrium of ferromagnets where single flips are slow."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import ISING, checked, whole
from asemacro.lattice.neighbour_tables import Stencil, locate, stencil_of, wrapped
from asemacro.micro.spins.ising import Ising
from asemacro.micro.spins.streams import draw, new_streams, pick, threshold
from asemacro.tasks.patience import Patience
from asemacro.typing import Spins

PATIENCE = 1 << 22
"""Most sites flipped inside one call of the compiled loop, about, so that Ctrl-C answers."""


@checked(system=ISING, clusters=whole(), rng=generator_of)
def wolff(system: Ising, x: Spins, clusters: int, *, rng: np.random.Generator) -> Spins:
    r"""States after a number of cluster moves, which leave exp(-beta H) invariant; not a dynamics.

    A cluster grows from a random site: each like neighbour in a shell with coupling J joins with probability
    1 - exp(-2 beta J). Without a field it is flipped (U. Wolff, Phys. Rev. Lett. 62, 361 (1989)), with a field h with
    probability min(1, exp(-2 beta h M)), M the sum of its spins. Moves are counted, never flipped sites: stopping by
    those would bias the law.

    Args:
        system: an Ising model without negative couplings.
        x: (batch, n_sites) states of as many independent chains, not edited.
        clusters: moves of each chain.
        rng: source of randomness.

    Raises:
        ValueError: a negative coupling or number of moves, or states that do not fit.
    """
    if min(system.coupling) < 0:
        raise ValueError(f"clusters need couplings that are not negative, got {system.coupling}")
    new = system.checked(x).copy()
    stencil = stencil_of(system.lattice, system.coupling)
    beta = 1 / system.temperature
    join = threshold(-np.expm1(-2 * beta * stencil.weights))
    size = np.arange(system.lattice.n_sites + 1)
    accept = threshold(np.exp(-2 * beta * np.abs(system.field) * size))  # clusters along the field
    streams = new_streams(len(new), rng=rng)
    left = np.full(len(new), int(clusters), dtype=np.int64)
    row, patience = 0, Patience(f"{int(clusters)} cluster moves of {len(new)} states")
    while row < len(new):
        row = _grow(stencil, join, accept, np.sign(system.field), new, left, streams, row, PATIENCE)
        patience.done(1 - float(left.sum(dtype=float)) / max(len(new) * float(clusters), 1.0))
    return new


@njit(cache=True, nogil=True, error_model="numpy")
def _grow(
    stencil: Stencil,
    join: NDArray,
    accept: NDArray,
    field: float,
    x: NDArray,
    left: NDArray,
    streams: NDArray,
    first: int,
    budget: int,
) -> int:
    """Cluster moves of rows `first` and later until none is left or `budget` sites were visited; the next row.

    Args:
        stencil: the neighbours.
        join: (Z,) uint64 thresholds of joining a cluster.
        accept: (n_sites + 1,) uint64 thresholds of flipping a cluster along the field, by its size.
        field: sign of the field.
        x: (batch, n_sites) int8, edited.
        left: (batch,) moves still to be made, edited.
        streams: (batch, 4), edited.
        first: row to begin with.
        budget: sites.
    """
    grid, offsets, deltas = stencil.grid, stencil.offsets, stencil.deltas
    n_sites = x.shape[1]
    members = np.empty(n_sites, dtype=np.int64)
    for row in range(first, len(x)):
        state = x[row]
        a, b, c, d = streams[row]
        while left[row] > 0 and budget > 0:
            bits, a, b, c, d = draw(a, b, c, d)
            seed, chance = pick(bits, np.uint64(n_sites))
            spin = state[seed]
            state[seed] = -spin
            members[0] = seed
            size, at = 1, 0
            while at < size:
                site = members[at]
                at += 1
                basis, c1, c2, c3, inside = locate(grid, site)
                for j in range(len(join)):
                    if inside:
                        other = site + deltas[basis, j]
                    else:
                        d1, d2, d3 = offsets[basis, j, 0], offsets[basis, j, 1], offsets[basis, j, 2]
                        other = wrapped(grid, c1 + d1, c2 + d2, c3 + d3, offsets[basis, j, 3])
                    if state[other] == spin:
                        bits, a, b, c, d = draw(a, b, c, d)
                        if bits < join[j]:
                            state[other] = -spin
                            members[size] = other
                            size += 1
            if field * spin > 0 and chance >= accept[size]:
                for q in range(size):
                    state[members[q]] = spin
            left[row] -= 1
            budget -= size
        streams[row, 0], streams[row, 1], streams[row, 2], streams[row, 3] = a, b, c, d
        if left[row] > 0:
            return row
    return len(x)
