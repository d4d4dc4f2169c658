"""Compiled loops of the spin systems: attempts at random spins, accepted with their rate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.lattice.neighbour_tables import Stencil, code_of, locate, next_site
from asemacro.micro.spins.streams import draw, pick


class LocalTable(NamedTuple):
    """Acceptance by what surrounds a spin, numbered by a code.

    The code of a down spin is sum_j step_j over its up neighbours j, that of an up spin `half` more. Two more codes
    follow: `2 half` for not known yet, `2 half + 1` for a spin that is not active.

    Attributes:
        stencil: the neighbours.
        steps: (Z,) int64.
        half: codes of a down spin.
        accept: (2 half + 2,) uint64, `threshold` of the flip rate; that of a code not known yet always accepts.
    """

    stencil: Stencil
    steps: NDArray[np.int64]
    half: int
    accept: NDArray[np.uint64]


@njit(cache=True, nogil=True, error_model="numpy")
def codes_of(table: LocalTable, x: NDArray, sites: NDArray) -> NDArray:
    """(batch, m) codes of the spins at `sites` (batch, m)."""
    grid, offsets, deltas = table.stencil.grid, table.stencil.offsets, table.stencil.deltas
    steps, half = table.steps, table.half
    codes = np.empty(sites.shape, dtype=np.int64)
    for k in range(sites.shape[0]):
        for q in range(sites.shape[1]):
            codes[k, q] = code_of(grid, offsets, deltas, steps, half, x[k], sites[k, q])
    return codes


@njit(cache=True, nogil=True, inline="always")
def _mark(codes: NDArray, active: NDArray, row: int, everything: bool, code: int) -> bool:
    """Give all active spins one code; return whether one of them had it."""
    if everything:
        codes[:] = code
        return False
    found = False
    for q in range(active.shape[1]):
        found |= codes[active[row, q]] == code
        codes[active[row, q]] = code
    return found


@njit(cache=True, nogil=True, inline="always")
def _tell_neighbours(table: LocalTable, codes: NDArray, site: int, up: bool) -> None:
    """Change the known codes of the neighbours of a spin that was flipped, up to down or the other way."""
    grid, offsets, deltas = table.stencil.grid, table.stencil.offsets, table.stencil.deltas
    steps, unknown = table.steps, 2 * table.half
    place = locate(grid, site)
    for j in range(len(steps)):
        other = next_site(grid, offsets, deltas, site, place, j)
        near = np.int64(codes[other])
        if near < unknown:
            codes[other] = near - steps[j] if up else near + steps[j]


@njit(cache=True, nogil=True, error_model="numpy")
def flip_local(
    table: LocalTable,
    x: NDArray,
    active: NDArray,
    everything: bool,
    left: NDArray,
    streams: NDArray,
    first: int,
    levels: tuple[int, int],
    budget: int,
    codes: NDArray,
) -> int:
    """Attempts on spins whose rate depends on their neighbours; arguments and result as in `Glauber._run`.

    An attempt looks up the code of its spin; only an accepted one visits the neighbours, to change their codes. Codes
    are found when a spin is first attempted, so a short evolution of a large block costs its attempts only.

    Args:
        table: acceptance.
        x: (batch, n_sites) int8, edited.
        active: (batch, m), not read if `everything` is active.
        everything: whether all sites are active.
        left: (batch,), edited.
        streams: (batch, 4), edited.
        first: row to begin with.
        levels: see `Glauber._run`.
        budget: most attempts.
        codes: (n_sites,) scratch, all of them `2 half + 1` on entry and on return.
    """
    grid, offsets, deltas = table.stencil.grid, table.stencil.offsets, table.stencil.deltas
    steps, half, accept = table.steps, table.half, table.accept
    unknown, frozen = 2 * half, 2 * half + 1
    lower, upper = levels
    m = x.shape[1] if everything else active.shape[1]
    n = np.uint64(m)
    for row in range(first, len(x)):
        if left[row] == 0:
            continue
        if budget == 0:
            return row
        state = x[row]
        total = state.sum()
        twice = _mark(codes, active, row, everything, unknown)
        a, b, c, d = streams[row]
        attempts = min(left[row], budget)
        done = 0
        while done < attempts and lower < total < upper:
            done += 1
            bits, a, b, c, d = draw(a, b, c, d)
            chosen, chance = pick(bits, n)
            site = chosen if everything else active[row, chosen]
            code = np.int64(codes[site])
            if chance >= accept[code]:
                continue
            if code == unknown:
                code = code_of(grid, offsets, deltas, steps, half, state, site)
                codes[site] = code
                if chance >= accept[code]:
                    continue
            up = code >= half
            total += -2 if up else 2
            state[site] = -1 if up else 1
            codes[site] = code - half if up else code + half
            _tell_neighbours(table, codes, site, up)
        streams[row, 0], streams[row, 1], streams[row, 2], streams[row, 3] = a, b, c, d
        _mark(codes, active, row, everything, frozen)
        if twice:
            return -1
        left[row] -= done
        budget -= done
        if left[row] > 0 and lower < total < upper:
            return row
    return len(x)


@njit(cache=True, nogil=True, error_model="numpy")
def flip_mean_field(
    accept: NDArray,
    x: NDArray,
    active: NDArray,
    everything: bool,
    left: NDArray,
    streams: NDArray,
    first: int,
    levels: tuple[int, int],
    budget: int,
    seen: NDArray,
) -> int:
    """Attempts on spins whose rate depends on the sum of all; arguments and result as in `flip_local`.

    Args:
        accept: (n_sites + 1, 2) uint64, `threshold` of the rate of a down and an up spin by the number of up spins.
        x: (batch, n_sites) int8, edited.
        active: (batch, m), not read if `everything` is active.
        everything: whether all sites are active.
        left: (batch,), edited.
        streams: (batch, 4), edited.
        first: row to begin with.
        levels: see `Glauber._run`.
        budget: most attempts.
        seen: (n_sites,) scratch, False on entry and on return.
    """
    lower, upper = levels
    n_sites = x.shape[1]
    m = n_sites if everything else active.shape[1]
    n = np.uint64(m)
    for row in range(first, len(x)):
        if left[row] == 0:
            continue
        if budget == 0:
            return row
        state = x[row]
        twice = False
        if not everything:
            for q in range(m):
                twice |= seen[active[row, q]]
                seen[active[row, q]] = True
            for q in range(m):
                seen[active[row, q]] = False
        if twice:
            return -1
        total = state.sum()
        a, b, c, d = streams[row]
        attempts = min(left[row], budget)
        done = 0
        while done < attempts and lower < total < upper:
            done += 1
            bits, a, b, c, d = draw(a, b, c, d)
            chosen, chance = pick(bits, n)
            site = chosen if everything else active[row, chosen]
            spin = state[site]
            if chance < accept[(n_sites + total) >> 1, (spin + 1) >> 1]:
                state[site] = -spin
                total -= 2 * spin
        streams[row, 0], streams[row, 1], streams[row, 2], streams[row, 3] = a, b, c, d
        left[row] -= done
        budget -= done
        if left[row] > 0 and lower < total < upper:
            return row
    return len(x)
