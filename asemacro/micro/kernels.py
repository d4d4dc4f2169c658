"""Rejection-free vacancy kinetic Monte Carlo: the compiled loop and the exact cache of barriers.

The barriers of a vacancy are a pure function of the species around it, so a cache keyed by that environment
changes nothing but the speed. The key is two independent 64-bit hashes. The table is direct-mapped, so a
look-up is compared with one entry only, which is wrong with probability below 2^-100 (two hashes of 64 bits,
less one bit and the bits of the slot): 1e-20 over 1e10 hops.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.base import CompiledBarriers
from asemacro.barriers.gather import gather, neighbour
from asemacro.barriers.kernels import evaluate
from asemacro.micro.cache import Cache

CHUNK, TIME, HOPS, BLOCKED = range(4)
"""Why `walk` returned: its share of hops is done, the time or the hops asked for, or no jump is possible."""


class Walk(NamedTuple):
    """State of a run between two calls of `walk`; all arrays are edited in place.

    Attributes:
        x: (n_sites,) int8 lattice state.
        sites: (n,) int64 where the moving vacancies are.
        rates: (n, Z) float64 in Hz.
        blocked: (n,) int64 number of vacant first-shell neighbours.
        tree: (2 P,) float64 sums of rates, leaf P + v for vacancy v, root 1.
        env: (n_env,) int8 scratch.
        work: scratch of the barrier model.
        barriers: (Z + 1,) float64 scratch.
        clock: float64 [time, time with an adjacent pair of vacancies], s.
        counts: int64 [hops, cache hits, cache misses, barriers looked up, of these raised to the floor,
            sum of `blocked`].
    """

    x: NDArray[np.int8]
    sites: NDArray[np.int64]
    rates: NDArray[np.float64]
    blocked: NDArray[np.int64]
    tree: NDArray[np.float64]
    env: NDArray[np.int8]
    work: NDArray[np.float32]
    barriers: NDArray[np.float64]
    clock: NDArray[np.float64]
    counts: NDArray[np.int64]


def new_walk(model: CompiledBarriers, x: NDArray[np.int8], sites: NDArray[np.int64]) -> Walk:
    """Arrays of a run that starts at `x`, which is edited, with the vacancies `sites` moving."""
    leaves = 1 << max(0, (len(sites) - 1).bit_length())
    return Walk(
        x=x,
        sites=sites,
        rates=np.zeros((len(sites), model.n_targets)),
        blocked=np.zeros(len(sites), dtype=np.int64),
        tree=np.zeros(2 * leaves),
        env=np.zeros(model.env.shape[1], dtype=np.int8),
        work=np.zeros(model.workspace, dtype=np.float32),
        barriers=np.zeros(model.n_targets + 1),
        clock=np.zeros(2),
        counts=np.zeros(6, dtype=np.int64),
    )


@njit(cache=True, nogil=True)
def environment_key(env: NDArray, basis: int, bits: int) -> tuple[np.uint64, np.uint64]:
    """128-bit key of an environment: species packed into words of 64 bits, each mixed into two hashes."""
    h1 = np.uint64(0x9E3779B97F4A7C15) + np.uint64(basis)
    h2 = np.uint64(0xD1B54A32D192ED03) ^ np.uint64(basis)
    shift = np.uint64(bits)
    per_word = 64 // bits
    n = env.shape[0]
    start = 0
    while start < n:
        stop = min(n, start + per_word)
        word = np.uint64(0)
        for e in range(start, stop):
            word = (word << shift) | np.uint64(env[e])
        start = stop
        # the finalisers of splitmix64 and of MurmurHash3, chained
        h1 = (h1 ^ word) + np.uint64(0x9E3779B97F4A7C15)
        h1 = (h1 ^ (h1 >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h1 = (h1 ^ (h1 >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h1 = h1 ^ (h1 >> np.uint64(31))
        h2 = h2 + (word ^ np.uint64(0x2545F4914F6CDD1D))
        h2 = (h2 ^ (h2 >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        h2 = (h2 ^ (h2 >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
        h2 = h2 ^ (h2 >> np.uint64(33))
    return h1, h2 | np.uint64(1)


@njit(cache=True, nogil=True)
def look_up(model: CompiledBarriers, cache: Cache, walk: Walk, shape: NDArray, bits: int, site: int) -> None:
    """Fill `walk.barriers` for the vacancy at `site`, from the cache if its environment is there."""
    basis = gather(model.env, model.species, shape, walk.x, site, walk.env)
    h1, h2 = environment_key(walk.env, basis, bits)
    slot = np.int64(h1 & np.uint64(cache.keys.shape[0] - 1))
    n = walk.barriers.shape[0]
    if cache.keys[slot, 0] == h1 and cache.keys[slot, 1] == h2:
        for j in range(n):
            walk.barriers[j] = cache.values[slot, j]
        walk.counts[1] += 1
    else:
        evaluate(model, basis, walk.env, walk.work, walk.barriers)
        cache.keys[slot, 0] = h1
        cache.keys[slot, 1] = h2
        for j in range(n):
            cache.values[slot, j] = walk.barriers[j]
        walk.counts[2] += 1


@njit(cache=True, nogil=True)
def refresh(
    model: CompiledBarriers,
    cache: Cache,
    walk: Walk,
    shape: NDArray,
    bits: int,
    v: int,
    beta: float,
    frequency: float,
) -> None:
    """Rates nu exp(-beta barrier) of vacancy v, and the sums that contain them."""
    look_up(model, cache, walk, shape, bits, walk.sites[v])
    n_targets = model.n_targets
    total = 0.0
    vacant = 0
    for j in range(n_targets):
        barrier = walk.barriers[j]
        if barrier == np.inf:
            rate = 0.0
            vacant += 1
        else:
            rate = frequency * np.exp(-beta * barrier)
        walk.rates[v, j] = rate
        total += rate
    walk.counts[3] += n_targets - vacant
    walk.counts[4] += np.int64(walk.barriers[n_targets])
    walk.counts[5] += vacant - walk.blocked[v]
    walk.blocked[v] = vacant
    node = walk.tree.shape[0] // 2 + v
    walk.tree[node] = total
    node //= 2
    while node > 0:
        walk.tree[node] = walk.tree[2 * node] + walk.tree[2 * node + 1]
        node //= 2


@njit(cache=True, nogil=True)
def choose(walk: Walk, u: float) -> tuple[int, int]:
    """Vacancy and jump with probability proportional to its rate; u uniform in [0, 1)."""
    leaves = walk.tree.shape[0] // 2
    rest = u * walk.tree[1]
    node = 1
    while node < leaves:
        left = walk.tree[2 * node]
        # the second condition: round-off must not lead to a branch without rates
        if rest < left or walk.tree[2 * node + 1] <= 0.0:
            node = 2 * node
        else:
            rest -= left
            node = 2 * node + 1
    v = node - leaves
    last = 0
    for j in range(walk.rates.shape[1]):
        rate = walk.rates[v, j]
        if rate > 0.0:
            last = j
            if rest < rate:
                break
            rest -= rate
    return v, last


@njit(cache=True, nogil=True)
def touches(centre: int, first: int, second: int, shape: NDArray, n_basis: int, reach: NDArray) -> bool:
    """Whether site `first` or `second` lies in the box of cells that the environment of `centre` reaches."""
    a, b, c = first // n_basis, second // n_basis, centre // n_basis
    in_a = in_b = True
    for axis in range(2, -1, -1):
        n = shape[axis]
        da = a % n - c % n
        if da < 0:
            da += n
        db = b % n - c % n
        if db < 0:
            db += n
        in_a = in_a and (da <= reach[axis, 1] or da - n >= reach[axis, 0])
        in_b = in_b and (db <= reach[axis, 1] or db - n >= reach[axis, 0])
        a //= n
        b //= n
        c //= n
    return in_a or in_b


@njit(cache=True, nogil=True)
def walk_on(
    model: CompiledBarriers,
    cache: Cache,
    walk: Walk,
    shape: NDArray,
    reach: NDArray,
    bits: int,
    beta: float,
    frequency: float,
    until_s: float,
    until_hops: int,
    chunk: int,
    fresh: bool,
    rng: np.random.Generator,
) -> int:
    """Hop until `until_s`, `until_hops` or `chunk` more hops; return TIME, HOPS, BLOCKED or CHUNK.

    The waiting time is Exp(1) / (sum of rates). Stopping at a time cuts the last wait, which is exact because
    the exponential law has no memory. Only vacancies whose environment box holds a changed site are looked up
    again.

    Args:
        model: barrier model compiled for this lattice.
        cache: barriers by environment.
        walk: state of the run.
        shape: (3,) cells along each axis.
        reach: (3, 2) smallest and largest cell offset of an environment along each axis.
        bits: bits that hold a model species index.
        beta: 1 / kT in 1/eV.
        frequency: attempt frequency in Hz.
        until_s: value of clock[0] to stop at.
        until_hops: value of counts[0] to stop at.
        chunk: most hops of this call.
        fresh: whether the rates have to be computed for the state first.
        rng: source of randomness.
    """
    n = walk.sites.shape[0]
    n_basis = model.env.shape[0]
    if fresh:
        for v in range(n):
            refresh(model, cache, walk, shape, bits, v, beta, frequency)
    done = 0
    while True:
        if walk.counts[0] >= until_hops:
            return HOPS
        if done >= chunk:
            return CHUNK
        total = walk.tree[1]
        wait = np.inf
        if total > 0.0:
            wait = rng.standard_exponential() / total
        if wait == np.inf and until_s == np.inf:
            return BLOCKED
        if walk.clock[0] + wait >= until_s:
            if walk.counts[5] > 0:
                walk.clock[1] += until_s - walk.clock[0]
            walk.clock[0] = until_s
            return TIME
        walk.clock[0] += wait
        if walk.counts[5] > 0:
            walk.clock[1] += wait
        v, j = choose(walk, rng.random())
        old = walk.sites[v]
        new = neighbour(shape, n_basis, old, model.env[old % n_basis, 1 + j])
        walk.x[old] = walk.x[new]
        walk.x[new] = 0
        walk.sites[v] = new
        walk.counts[0] += 1
        done += 1
        if n == 1:
            refresh(model, cache, walk, shape, bits, 0, beta, frequency)
            continue
        for w in range(n):
            if w == v or touches(walk.sites[w], old, new, shape, n_basis, reach):
                refresh(model, cache, walk, shape, bits, w, beta, frequency)
