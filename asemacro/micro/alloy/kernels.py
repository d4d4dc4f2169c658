"""Rejection-free vacancy kinetic Monte Carlo: the compiled loop.

The barriers of a vacancy are a pure function of the species around it, so remembering them by environment changes
nothing but the speed. Keys are two independent 64-bit hashes and tables are direct-mapped: a look-up is compared
with one entry only, which is wrong with probability below 2^-100, 1e-20 over 1e10 hops.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import PYTHON, CompiledBarriers
from asemacro.barriers.kernels import evaluate
from asemacro.lattice.gather import gather, wrap
from asemacro.lattice.sites import cells_of
from asemacro.micro.alloy.cache import Cache
from asemacro.micro.alloy.cell_list import list_concerned, new_lists
from asemacro.micro.alloy.hashing import GOLDEN, OTHER, environment_key, mix, note_change, region_key

CHUNK, TIME, HOPS, BLOCKED, BROKEN, ASKS = range(6)
"""Why `walk_on` returned: its share of work is done, the time or the hops asked for, no jump is possible, the model
gave a barrier that is not a finite number, or has to be asked in Python about the environment in `env`; the last two of
the vacancy counts[NEXT] of `pending`."""
UNKNOWN, KNOWN, EVALUATED = range(3)
"""What `look_up` found."""
N_COUNTS = 8
HOP, HIT, MISS, SEEN, CLAMPED, VACANT, PENDING, NEXT = range(N_COUNTS)
"""Entries of `Walk.counts`."""


class Walk(NamedTuple):
    """State of a run between two calls of `walk_on`; all arrays are edited in place.

    Attributes:
        x: (n_sites,) int8 lattice state.
        sites: (n,) int64 where the moving vacancies are.
        cells: (n + 1, 3) int64 cell coordinates of these sites; the last row is scratch.
        basis: (n,) int64 and their places in the unit cell.
        rates: (n, Z) float64 in Hz.
        vacant: (n,) int64 number of vacant jump targets.
        lacking: (n_basis,) int64 entries of the jumps of each site of the unit cell that stand for none: they lead to
            the vacancy itself.
        tree: (2 P,) float64 sums of rates, leaf P + v for vacancy v, root 1.
        pending: (n,) int64 vacancies whose rates have to be looked up, the first counts[PENDING] of them.
        blocks: (n_blocks, 2) uint64 hashes of the changes since the start, see `note_change`.
        grid: (3,) int64 number of blocks along each axis.
        head: (n_blocks,) int64 and
        chain: (n, 3) int64, the vacancies in each block, see `cell_list`.
        reach: (3, 2) int64 smallest and largest cell offset of an environment along each axis.
        env: (n_env,) int8 scratch.
        work: scratch of the barrier model.
        barriers: (Z + 1,) float64 scratch.
        clock: float64 [time, time with an adjacent pair of vacancies, what rounding left out of each], s.
        counts: int64 [hops, environments known, not known, barriers used, of these raised to the floor,
            sum of `vacant`, pending vacancies, how many of these are looked up].
        trail: (n,) int64 the hops of one call of `walk_on`, vacant site times Z plus number of the jump, for those who
            follow the atoms (`Displacements`); of length 0 nothing is noted, else the chunk must not be longer.
    """

    x: NDArray[np.int8]
    sites: NDArray[np.int64]
    cells: NDArray[np.int64]
    basis: NDArray[np.int64]
    rates: NDArray[np.float64]
    vacant: NDArray[np.int64]
    lacking: NDArray[np.int64]
    tree: NDArray[np.float64]
    pending: NDArray[np.int64]
    blocks: NDArray[np.uint64]
    grid: NDArray[np.int64]
    head: NDArray[np.int64]
    chain: NDArray[np.int64]
    reach: NDArray[np.int64]
    env: NDArray[np.int8]
    work: NDArray[np.float32]
    barriers: NDArray[np.float64]
    clock: NDArray[np.float64]
    counts: NDArray[np.int64]
    trail: NDArray[np.int64]


def new_walk(
    model: CompiledBarriers,
    cache: Cache,
    shape: NDArray[np.int64],
    x: NDArray[np.int8],
    sites: NDArray[np.int64],
    trail: int = 0,
) -> Walk:
    """Arrays of a run that starts at `x`, which is edited, with the vacancies `sites` moving."""
    n = len(sites)
    leaves = 1 << max(0, (n - 1).bit_length())
    cells = model.env[..., :3].reshape(-1, 3)
    reach = np.stack([cells.min(axis=0), cells.max(axis=0)], axis=1)
    # a lone vacancy needs no blocks: nobody else changes its surroundings
    grid = np.maximum(1, shape // np.maximum(np.abs(reach).max(axis=1), 1)) if n > 1 else np.ones(3, dtype=np.int64)
    counts = np.zeros(N_COUNTS, dtype=np.int64)
    counts[PENDING] = n
    cache.runs[0] += 1
    places, places_in_cell = cells_of(shape, len(model.env), np.append(sites, 0))
    head, chain = new_lists(places[:-1], grid, shape)
    return Walk(
        x=x,
        sites=sites,
        cells=places,
        basis=places_in_cell[:-1],
        rates=np.zeros((n, model.n_targets)),
        vacant=np.zeros(n, dtype=np.int64),
        lacking=(model.env[:, 1 : 1 + model.n_targets] == model.env[:, :1]).all(axis=2).sum(axis=1),
        tree=np.zeros(2 * leaves),
        pending=np.arange(n),
        blocks=np.zeros((int(np.prod(grid)), 2), dtype=np.uint64),
        grid=grid,
        head=head,
        chain=chain,
        reach=reach,
        env=np.zeros(model.env.shape[1], dtype=np.int8),
        work=np.zeros(model.workspace, dtype=np.float32),
        barriers=np.zeros(model.n_targets + 1),
        clock=np.zeros(4),
        counts=counts,
        trail=np.zeros(trail, dtype=np.int64),
    )


@njit(cache=True, nogil=True)
def look_up(
    model: CompiledBarriers,
    cache: Cache,
    shape: NDArray,
    bits: int,
    x: NDArray,
    site: int,
    env: NDArray,
    work: NDArray,
    out: NDArray,
) -> int:
    """Fill `out` as `evaluate` does, from the cache if the environment is there; UNKNOWN if only Python can tell."""
    basis = gather(model.env, model.species, shape, x, site, env)
    h1, h2 = environment_key(env, basis, bits)
    slot = np.int64(h1 & np.uint64(cache.keys.shape[0] - 1))
    if cache.keys[slot, 0] == h1 and cache.keys[slot, 1] == h2:
        for j in range(out.shape[0]):
            out[j] = cache.values[slot, j]
        return KNOWN
    if model.kind == PYTHON:
        return UNKNOWN
    evaluate(model, basis, env, work, out)
    remember(cache, h1, h2, out)
    return EVALUATED


@njit(cache=True, nogil=True)
def answer(cache: Cache, env: NDArray, basis: int, bits: int, values: NDArray) -> None:
    """Put what Python gave (Z + 1,) of an environment into the cache, where `look_up` finds it."""
    h1, h2 = environment_key(env, basis, bits)
    remember(cache, h1, h2, values)


@njit(cache=True, nogil=True)
def remember(cache: Cache, h1: np.uint64, h2: np.uint64, values: NDArray) -> None:
    """Put barriers (Z + 1,) of the environment with these keys into the cache."""
    slot = np.int64(h1 & np.uint64(cache.keys.shape[0] - 1))
    cache.keys[slot, 0] = h1
    cache.keys[slot, 1] = h2
    for j in range(values.shape[0]):
        cache.values[slot, j] = values[j]


@njit(cache=True, nogil=True)
def choose(tree: NDArray, rates: NDArray, u: float) -> tuple[int, int]:
    """Vacancy and jump with probability proportional to its rate; u uniform in [0, 1)."""
    leaves = tree.shape[0] // 2
    rest = u * tree[1]
    node = 1
    while node < leaves:
        left = tree[2 * node]
        # the second condition: round-off must not lead to a branch without rates
        if rest < left or tree[2 * node + 1] <= 0.0:
            node = 2 * node
        else:
            rest -= left
            node = 2 * node + 1
    v = node - leaves
    last = 0
    for j in range(rates.shape[1]):
        rate = rates[v, j]
        if rate > 0.0:
            last = j
            if rest < rate:
                break
            rest -= rate
    return v, last


@njit(cache=True, nogil=True, inline="always")
def advance(clock: NDArray, which: int, wait: float) -> None:
    """Add to a clock and keep the rounding error, which joins the next wait.

    A plain sum loses waits below 1e-16 of the time: a run that left a trap after 1e9 s would count them wrong.
    """
    before, wait = clock[which], wait + clock[2 + which]
    after = before + wait
    added = after - before
    clock[2 + which] = (before - (after - added)) + (wait - added)
    clock[which] = after


@njit(cache=True, nogil=True)
def walk_on(
    model: CompiledBarriers,
    cache: Cache,
    walk: Walk,
    shape: NDArray,
    bits: int,
    beta: float,
    frequency: NDArray,
    until_s: float,
    until_hops: int,
    chunk: int,
    rng: np.random.Generator,
) -> int:
    """Hop until `until_s`, `until_hops` or a share of work; return TIME, HOPS, BLOCKED, BROKEN or CHUNK.

    Rates are nu exp(-beta barrier) with the attempt frequency nu of the atom that jumps, the waiting time is Exp(1) /
    (sum of rates). Stopping at a time cuts the last wait, which is exact because the exponential law has no memory.
    Only vacancies whose environment box holds a changed site are looked up again; the others cost nothing. On return,
    but for CHUNK, BROKEN and ASKS, the rates are those of the state.

    Args:
        model: barrier model compiled for this lattice.
        cache: what is known of barriers.
        walk: state of the run.
        shape: (3,) cells along each axis.
        bits: bits that hold a model species index.
        beta: 1 / kT in 1/eV.
        frequency: (S + 1,) attempt frequency nu in Hz of each model species.
        until_s: value of the clock to stop at.
        until_hops: value of counts[HOP] to stop at.
        chunk: most hops and new environments of this call.
        rng: source of randomness.
    """
    x, sites, cells, basis, lacking = walk.x, walk.sites, walk.cells, walk.basis, walk.lacking
    rates, vacant, tree = walk.rates, walk.vacant, walk.tree
    pending, blocks, grid, clock, counts = walk.pending, walk.blocks, walk.grid, walk.clock, walk.counts
    env, work, barriers, trail = walk.env, walk.work, walk.barriers, walk.trail
    first = counts[HOP]
    recent_keys, recent_values = cache.recent_keys, cache.recent_values
    mask = np.uint64(recent_keys.shape[0] - 1)
    salt = mix(np.uint64(cache.runs[0]) * GOLDEN + OTHER)
    offsets = model.env
    n = sites.shape[0]
    n_basis = offsets.shape[0]
    n_targets = rates.shape[1]
    leaves = tree.shape[0] // 2
    done = 0
    while True:
        while counts[NEXT] < counts[PENDING]:
            if done >= chunk:
                return CHUNK
            v = pending[counts[NEXT]]
            h1, h2 = region_key(blocks, grid, shape, n_basis, sites[v], salt)
            slot = np.int64(h1 & mask)
            if recent_keys[slot, 0] != h1 or recent_keys[slot, 1] != h2:
                found = look_up(model, cache, shape, bits, x, sites[v], env, work, barriers)
                if found == UNKNOWN:
                    return ASKS
                counts[HIT if found == KNOWN else MISS] += 1
                done += 0 if found == KNOWN else 1
                empty = 0.0
                for j in range(n_targets):
                    rate = 0.0
                    if env[1 + j] == 0:
                        empty += 1.0
                    elif not np.isfinite(barriers[j]):
                        return BROKEN
                    else:
                        rate = frequency[env[1 + j]] * np.exp(-beta * barriers[j])
                    recent_values[slot, j] = rate
                recent_values[slot, n_targets] = empty - lacking[basis[v]]
                recent_values[slot, n_targets + 1] = barriers[n_targets]
                recent_keys[slot, 0] = h1
                recent_keys[slot, 1] = h2
            else:
                counts[HIT] += 1
            total = 0.0
            for j in range(n_targets):
                rate = recent_values[slot, j]
                rates[v, j] = rate
                total += rate
            now_vacant = np.int64(recent_values[slot, n_targets])
            counts[SEEN] += n_targets - lacking[basis[v]] - now_vacant
            counts[CLAMPED] += np.int64(recent_values[slot, n_targets + 1])
            counts[VACANT] += now_vacant - vacant[v]
            vacant[v] = now_vacant
            node = leaves + v
            tree[node] = total
            node //= 2
            while node > 0:
                tree[node] = tree[2 * node] + tree[2 * node + 1]
                node //= 2
            counts[NEXT] += 1

        if counts[HOP] >= until_hops:
            return HOPS
        if done >= chunk:
            return CHUNK
        wait = np.inf
        if tree[1] > 0.0:
            wait = rng.standard_exponential() / tree[1]
        ahead = clock[0] + (clock[2] + wait)
        if ahead == np.inf and until_s == np.inf:
            return BLOCKED
        if ahead >= until_s:
            if counts[VACANT] > 0:
                advance(clock, 1, (until_s - clock[0]) - clock[2])
            clock[0], clock[2] = until_s, 0.0
            return TIME
        advance(clock, 0, wait)
        if counts[VACANT] > 0:
            advance(clock, 1, wait)

        v, j = choose(tree, rates, rng.random())
        old = sites[v]
        if trail.shape[0] > 0:
            trail[counts[HOP] - first] = old * n_targets + j
        # divisions are slow: the cell that a hop leads to is that of the vacancy and an offset
        offset = offsets[basis[v], 1 + j]
        for axis in range(3):
            cells[n, axis] = cells[v, axis]
            cells[v, axis] = wrap(cells[v, axis] + offset[axis], shape[axis])
        basis[v] = offset[3]
        new = ((cells[v, 0] * shape[1] + cells[v, 1]) * shape[2] + cells[v, 2]) * n_basis + basis[v]
        atom = x[new]
        x[old] = atom
        x[new] = 0
        sites[v] = new
        note_change(blocks, grid, shape, n_basis, old, 0, atom)
        note_change(blocks, grid, shape, n_basis, new, atom, 0)
        counts[HOP] += 1
        done += 1
        # a lone vacancy stays the only one pending
        counts[PENDING] = list_concerned(walk, shape, v, counts[HOP]) if n > 1 else 1
        counts[NEXT] = 0
