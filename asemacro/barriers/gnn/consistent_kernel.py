"""Numba evaluator of the consistent form: S in float32, the energy change in float64 so that closed loops close."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import FLOOR_EV, CompiledBarriers
from asemacro.barriers.gnn.direct_kernel import (
    AT_BOND,
    AT_CLASS,
    AT_LINKS,
    AT_NEAR_J,
    AT_NEAR_V,
    AT_PAIR_SITES,
    AT_PAIR_START,
    AT_REVERSE,
    ENERGY_WIDTH,
    HIDDEN,
    MEMBERS,
    N_CLASSES,
    N_JUMPS,
    N_NODES,
    N_PAIR_SHELLS,
    N_ROUND1,
    N_SHELLS,
    SPECIES,
    WIDTH,
    add_bias_act,
    count_species,
    gather_shells,
    hardswish32,
    hardswish64,
    second_and_readout,
)

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)


@njit(cache=True, nogil=True)
def _sums_after_jumps(
    tables: NDArray,
    env: NDArray,
    z1: NDArray,
    first: tuple[NDArray, NDArray, NDArray],
    base: NDArray,
    moved: NDArray,
    sums: NDArray,
) -> None:
    """Fill `sums` with the features of the sites near each bond and of their neighbours, halfway along the jump.

    Args:
        tables: graph and sizes.
        env: species around the vacancy.
        z1: first round before its bias, without any jump.
        first: bias of the first round, and what the vacancy and the jumping atom change in it.
        base: what `sums` is without any jump.
        moved: scratch.
        sums: (8 n_bond, 4 width), filled.
    """
    b1, change_v, change_j = first
    species, width = tables[SPECIES], tables[WIDTH]
    n_bond = moved.shape[0]
    links = tables[AT_LINKS]
    first_link = links + N_SHELLS * n_bond + 1
    for j in range(N_JUMPS):
        s = env[1 + j]
        for k in range(n_bond):
            site = tables[tables[AT_BOND] + j * n_bond + k]
            row = sums[j * n_bond + k]
            own = z1[site]
            for c in range(4 * width):
                row[c] = base[site, c]
            near = tables[tables[AT_NEAR_V] + k]
            by_v = change_v[near * species + s] if near >= 0 else b1
            far = tables[tables[AT_NEAR_J] + k]
            by_j = change_j[far * species + s] if far >= 0 else b1
            v_part = _ZERO if near < 0 else np.float32(1.0)
            j_part = _ZERO if far < 0 else np.float32(1.0)
            for c in range(width):
                value = hardswish32(own[c] + b1[c] + v_part * by_v[c] + j_part * by_j[c])
                moved[k, c] = value - row[c]
                row[c] = value
        for shell in range(N_SHELLS):
            start = (shell + 1) * width
            for k in range(n_bond):
                part = sums[j * n_bond + k, start : start + width]
                at_link = links + shell * n_bond + k
                for e in range(tables[at_link], tables[at_link + 1]):
                    source = moved[tables[first_link + e]]
                    for c in range(width):
                        part[c] += source[c]


@njit(cache=True, nogil=True)
def _read_both_ways(tables: NDArray, h2: NDArray, width: int, read: NDArray) -> None:
    """Fill `read` with what the readout sees of the eight jumps, then of their reverse jumps."""
    n_classes = tables[N_CLASSES]
    n_bond = tables[tables[AT_CLASS] + n_classes] + 2
    for j in range(N_JUMPS):
        target, back = read[j], read[N_JUMPS + j]
        here = j * n_bond
        for c in range(width):
            target[c] = h2[here, c]
            target[width + c] = h2[here + 1, c]
            back[c] = target[width + c]
            back[width + c] = target[c]
        for q in range(n_classes):
            part = target[(2 + q) * width : (3 + q) * width]
            for c in range(width):
                part[c] = _ZERO
            for k in range(tables[tables[AT_CLASS] + q], tables[tables[AT_CLASS] + q + 1]):
                source = h2[here + 2 + k]
                for c in range(width):
                    part[c] += source[c]
            mirror = tables[tables[AT_REVERSE] + q]
            other = back[(2 + mirror) * width : (3 + mirror) * width]
            for c in range(width):
                other[c] = part[c]


@njit(cache=True, nogil=True)
def _symmetric_member(
    tables: NDArray, single: NDArray, env: NDArray, counts: NDArray, work: NDArray, out: NDArray
) -> None:
    """Add one member's S of the eight jumps to out[:8]."""
    species, width, hidden = tables[SPECIES], tables[WIDTH], tables[HIDDEN]
    n1, n2, n_classes = tables[N_ROUND1], tables[N_NODES], tables[N_CLASSES]
    n_features = (N_SHELLS + 1) * species
    n_read = (n_classes + 2) * width
    n_bond = tables[tables[AT_CLASS] + n_classes] + 2
    step = n_features * width
    w1 = single[:step].reshape(n_features, width)
    change_v = single[step : 2 * step].reshape(n_features, width)
    change_j = single[2 * step : 3 * step].reshape(n_features, width)
    at = 3 * step
    b1 = single[at : at + width]
    at += width
    w2, b2, w3, b3, w4, b4 = second_and_readout(single[at:], width, n_read, hidden)

    z1 = work[: n1 * width].reshape(n1, width)
    used = n1 * width
    h1 = work[used : used + n1 * width].reshape(n1, width)
    used += n1 * width
    base = work[used : used + n2 * 4 * width].reshape(n2, 4 * width)
    used += n2 * 4 * width
    sums = work[used : used + N_JUMPS * n_bond * 4 * width].reshape(N_JUMPS * n_bond, 4 * width)
    used += N_JUMPS * n_bond * 4 * width
    h2 = work[used : used + N_JUMPS * n_bond * width].reshape(N_JUMPS * n_bond, width)
    used += N_JUMPS * n_bond * width
    moved = work[used : used + n_bond * width].reshape(n_bond, width)
    used += n_bond * width
    read = work[used : used + 2 * N_JUMPS * n_read].reshape(2 * N_JUMPS, n_read)
    used += 2 * N_JUMPS * n_read
    hid = work[used : used + 2 * N_JUMPS * hidden].reshape(2 * N_JUMPS, hidden)

    np.dot(counts, w1, z1)
    for i in range(n1):
        for c in range(width):
            h1[i, c] = z1[i, c]
    add_bias_act(h1, b1)
    gather_shells(tables, h1, n2, base)

    _sums_after_jumps(tables, env, z1, (b1, change_v, change_j), base, moved, sums)
    np.dot(sums, w2, h2)
    add_bias_act(h2, b2)
    for r in range(N_JUMPS * n_bond):
        for c in range(width):
            h2[r, c] += sums[r, c]

    _read_both_ways(tables, h2, width, read)
    np.dot(read, w3, hid)
    add_bias_act(hid, b3)
    for j in range(N_JUMPS):
        value = np.float64(b4)
        for c in range(hidden):
            value += np.float64((hid[j, c] + hid[N_JUMPS + j, c]) * _HALF * w4[c])
        out[j] += value


@njit(cache=True, nogil=True)
def _energy_changes(
    tables: NDArray, double: NDArray, env: NDArray, counts: NDArray, work: NDArray, out: NDArray
) -> None:
    """Fill out[:8] with E_f - E_i of the eight jumps.

    double: weights (4 (S + 1), width), biases (width), output weights (S + 1, width), pair energies.
    """
    species, width, n2 = tables[SPECIES], tables[ENERGY_WIDTH], tables[N_NODES]
    n_features = (N_SHELLS + 1) * species
    n_bond = tables[tables[AT_CLASS] + tables[N_CLASSES]] + 2
    weight = double[: n_features * width].reshape(n_features, width)
    at = n_features * width
    bias = double[at : at + width]
    at += width
    last = double[at : at + species * width].reshape(species, width)
    at += species * width
    pair = double[at:]

    wide = work[: n2 * n_features].reshape(n2, n_features)
    z = work[n2 * n_features : n2 * (n_features + width)].reshape(n2, width)
    value = work[n2 * (n_features + width) : n2 * (n_features + width + 1)]
    step = work[n2 * (n_features + width + 1) : n2 * (n_features + width + 1) + width]
    for i in range(n2):
        for f in range(n_features):
            wide[i, f] = counts[i, f]
    np.dot(wide, weight, z)
    for i in range(n2):
        own = last[env[i]]
        total = 0.0
        for c in range(width):
            z[i, c] += bias[c]
            total += hardswish64(z[i, c]) * own[c]
        value[i] = total

    start = tables[AT_PAIR_START]
    n_pair = tables[start + N_PAIR_SHELLS]
    for j in range(N_JUMPS):
        s = np.int64(env[1 + j])
        change = 0.0
        for k in range(n_bond):
            site = tables[tables[AT_BOND] + j * n_bond + k]
            near = tables[tables[AT_NEAR_V] + k]
            far = tables[tables[AT_NEAR_J] + k]
            for c in range(width):
                step[c] = z[site, c]
            if near >= 0:
                for c in range(width):
                    step[c] += weight[near * species + s, c] - weight[near * species, c]
            if far >= 0:
                for c in range(width):
                    step[c] += weight[far * species, c] - weight[far * species + s, c]
            own = last[s] if k == 0 else last[0] if k == 1 else last[env[site]]
            total = 0.0
            for c in range(width):
                total += hardswish64(step[c]) * own[c]
            change += total - value[site]
        for shell in range(N_PAIR_SHELLS):
            table = (shell * species + s) * species
            for k in range(tables[start + shell], tables[start + shell + 1]):
                at_v = tables[tables[AT_PAIR_SITES] + k]
                if at_v != 1 + j:
                    change += pair[table + env[at_v]]
                change -= pair[table + env[tables[tables[AT_PAIR_SITES] + (1 + j) * n_pair + k]]]
        out[j] = change


@njit(cache=True, nogil=True)
def gnn_consistent(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Barriers of the consistent form, max(S, |dE| / 2 + FLOOR_EV) + dE / 2, S the mean over the members.

    Args:
        model: compiled model of kind GNN_CONSISTENT.
        basis: basis index of the vacancy (the tables are the same for all).
        env: (n_env,) int8 model species on `bcc_graph().positions`, targets in the order of the lattice.
        work: (workspace,) float32.
        out: (9,) float64, filled: barriers in eV (inf where the target is vacant), number of S that were raised.
    """
    tables = model.integers
    n_features = (N_SHELLS + 1) * tables[SPECIES]
    n1, n2, members = tables[N_ROUND1], tables[N_NODES], tables[MEMBERS]
    counts = work[: n1 * n_features].reshape(n1, n_features)
    used = n1 * n_features
    size = 2 * (n2 * (n_features + tables[ENERGY_WIDTH] + 1) + tables[ENERGY_WIDTH] + N_JUMPS)
    exact = work[used : used + size].view(np.float64)
    change = exact[exact.shape[0] - N_JUMPS :]
    rest = work[used + size :]
    count_species(tables, n1, env, counts)
    out[:] = 0.0
    part = model.single.shape[0] // members
    for m in range(members):
        _symmetric_member(tables, model.single[m * part : (m + 1) * part], env, counts, rest, out)
    _energy_changes(tables, model.double, env, counts, exact, change)
    clamped = 0
    for j in range(N_JUMPS):
        if env[1 + j] == 0:
            out[j] = np.inf
            continue
        symmetric = out[j] / members
        least = 0.5 * abs(change[j]) + FLOOR_EV
        if symmetric < least:
            symmetric = least
            clamped += 1
        out[j] = symmetric + 0.5 * change[j]
    out[N_JUMPS] = clamped
