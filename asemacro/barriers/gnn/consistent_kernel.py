"""Numba evaluator of the consistent form: S in float32, the energy change in float64 so that closed loops close."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.gnn.direct_kernel import (
    AT_BOND,
    AT_JUMP,
    AT_PAIR_START,
    AT_PAIRS,
    AT_TYPES,
    ENERGY_WIDTH,
    HIDDEN,
    MEMBERS,
    MOST_BOND,
    MOST_READ,
    N_BOND_ROWS,
    N_JUMPS,
    N_KINDS,
    N_MESSAGES,
    N_NODES,
    N_PAIRS,
    N_READ,
    N_ROUND1,
    N_TYPES,
    SPECIES,
    T_AT_CLASS,
    T_AT_LINK_START,
    T_AT_LINKS,
    T_AT_NEAR_J,
    T_AT_NEAR_V,
    T_AT_REVERSE,
    T_BACK,
    T_BOND,
    T_CLASSES,
    T_FIRST,
    T_FIRST_BOND,
    T_READ,
    T_ROWS,
    TYPE_SIZE,
    WIDTH,
    add_bias_act,
    count_species,
    gather_messages,
    hardswish32,
    hardswish64,
    second_and_readout,
    tables_of,
)
from asemacro.barriers.saddle import over_saddle

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)


@njit(cache=True, nogil=True)
def _sums_after_jumps(
    tables: NDArray,
    kind: NDArray,
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
        kind: what is told of the type of the jumps.
        env: species around the vacancy.
        z1: first round before its bias, without any jump.
        first: bias of the first round, and what the vacancy and the jumping atom change in it.
        base: what `sums` is without any jump.
        moved: scratch.
        sums: (rows of all bonds, (n_messages + 1) width), those of this type are filled.
    """
    b1, change_v, change_j = first
    species, width, n_messages = tables[SPECIES], tables[WIDTH], tables[N_MESSAGES]
    n_bond, n_sums = kind[T_BOND], (n_messages + 1) * width
    links, start = tables[kind[T_AT_LINKS] :], tables[kind[T_AT_LINK_START] :]
    near_v, near_j = tables[kind[T_AT_NEAR_V] :], tables[kind[T_AT_NEAR_J] :]
    bonds = tables[tables[AT_BOND] :]
    for r in range(kind[T_ROWS]):
        s = env[1 + tables[tables[AT_JUMP] + kind[T_FIRST] + r]]
        at = kind[T_FIRST_BOND] + r * n_bond
        for k in range(n_bond):
            site = bonds[at + k]
            row = sums[at + k]
            own = z1[site]
            for c in range(n_sums):
                row[c] = base[site, c]
            near = near_v[k]
            by_v = change_v[near * species + s] if near >= 0 else b1
            far = near_j[k]
            by_j = change_j[far * species + s] if far >= 0 else b1
            v_part = _ZERO if near < 0 else np.float32(1.0)
            j_part = _ZERO if far < 0 else np.float32(1.0)
            for c in range(width):
                value = hardswish32(own[c] + b1[c] + v_part * by_v[c] + j_part * by_j[c])
                moved[k, c] = value - row[c]
                row[c] = value
        for q in range(n_messages):
            for k in range(n_bond):
                part = sums[at + k, (q + 1) * width : (q + 2) * width]
                for e in range(start[q * n_bond + k], start[q * n_bond + k + 1]):
                    source = moved[links[e]]
                    for c in range(width):
                        part[c] += source[c]


@njit(cache=True, nogil=True)
def _read_both_ways(tables: NDArray, kind: NDArray, h2: NDArray, read: NDArray) -> None:
    """Fill `read` with what the readout sees of the jumps of one type, then of their reverse jumps."""
    width, n_classes, n_bond, rows = h2.shape[1], kind[T_CLASSES], kind[T_BOND], kind[T_ROWS]
    ends, mirror = tables[kind[T_AT_CLASS] :], tables[kind[T_AT_REVERSE] :]
    for r in range(rows):
        target, back = read[r], read[rows + r]
        here = kind[T_FIRST_BOND] + r * n_bond
        for c in range(width):
            target[c] = h2[here, c]
            target[width + c] = h2[here + 1, c]
            back[c] = target[width + c]
            back[width + c] = target[c]
        for q in range(n_classes):
            part = target[(2 + q) * width : (3 + q) * width]
            for c in range(width):
                part[c] = _ZERO
            for k in range(ends[q], ends[q + 1]):
                source = h2[here + 2 + k]
                for c in range(width):
                    part[c] += source[c]
            other = back[(2 + mirror[q]) * width : (3 + mirror[q]) * width]
            for c in range(width):
                other[c] = part[c]


@njit(cache=True, nogil=True)
def _read_out(
    tables: NDArray, h2: NDArray, layers: tuple[NDArray, NDArray, NDArray, float], work: NDArray, out: NDArray
) -> None:
    """Add S of the jumps, read off the features of the sites of their bonds, to out[:Z]."""
    w3, b3, w4, b4 = layers
    width, hidden = tables[WIDTH], tables[HIDDEN]
    reads = work[: 2 * tables[MOST_READ] * width]
    hids = work[2 * tables[MOST_READ] * width :]
    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        rows, n_read = kind[T_ROWS], (2 + kind[T_CLASSES]) * width
        read = reads[: 2 * rows * n_read].reshape(2 * rows, n_read)
        hid = hids[: 2 * rows * hidden].reshape(2 * rows, hidden)
        _read_both_ways(tables, kind, h2, read)
        there = w3[kind[T_READ] * width : kind[T_READ] * width + n_read]
        if kind[T_BACK] == kind[T_READ]:
            np.dot(read, there, hid)
        else:
            np.dot(read[:rows], there, hid[:rows])
            np.dot(read[rows:], w3[kind[T_BACK] * width : kind[T_BACK] * width + n_read], hid[rows:])
        add_bias_act(hid, b3)
        for r in range(rows):
            value = np.float64(b4)
            for c in range(hidden):
                value += np.float64((hid[r, c] + hid[rows + r, c]) * _HALF * w4[c])
            out[tables[tables[AT_JUMP] + kind[T_FIRST] + r]] += value


@njit(cache=True, nogil=True)
def _symmetric_member(
    tables: NDArray, single: NDArray, env: NDArray, counts: NDArray, work: NDArray, out: NDArray
) -> None:
    """Add one member's S of the jumps to out[:Z]."""
    species, width, hidden = tables[SPECIES], tables[WIDTH], tables[HIDDEN]
    n1, n2, n_bonds, n_messages = tables[N_ROUND1], tables[N_NODES], tables[N_BOND_ROWS], tables[N_MESSAGES]
    n_features = (n_messages + tables[N_KINDS]) * species
    n_sums = (n_messages + 1) * width
    step = n_features * width
    w1 = single[:step].reshape(n_features, width)
    change_v = single[step : 2 * step].reshape(n_features, width)
    change_j = single[2 * step : 3 * step].reshape(n_features, width)
    at = 3 * step
    b1 = single[at : at + width]
    at += width
    w2, b2, w3, b3, w4, b4 = second_and_readout(single[at:], width, n_sums, tables[N_READ] * width, hidden)

    z1 = work[: n1 * width].reshape(n1, width)
    used = n1 * width
    h1 = work[used : used + n1 * width].reshape(n1, width)
    used += n1 * width
    base = work[used : used + n2 * n_sums].reshape(n2, n_sums)
    used += n2 * n_sums
    sums = work[used : used + n_bonds * n_sums].reshape(n_bonds, n_sums)
    used += n_bonds * n_sums
    h2 = work[used : used + n_bonds * width].reshape(n_bonds, width)
    used += n_bonds * width
    moved = work[used : used + tables[MOST_BOND] * width].reshape(tables[MOST_BOND], width)
    used += tables[MOST_BOND] * width

    np.dot(counts, w1, z1)
    for i in range(n1):
        for c in range(width):
            h1[i, c] = z1[i, c]
    add_bias_act(h1, b1)
    gather_messages(tables, h1, n2, base)

    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        _sums_after_jumps(tables, kind, env, z1, (b1, change_v, change_j), base, moved, sums)
    np.dot(sums, w2, h2)
    add_bias_act(h2, b2)
    for r in range(n_bonds):
        for c in range(width):
            h2[r, c] += sums[r, c]

    _read_out(tables, h2, (w3, b3, w4, b4), work[used:], out)


@njit(cache=True, nogil=True)
def _pair_change(tables: NDArray, pair: NDArray, env: NDArray, j: int) -> float:
    """Change of the pair energies when the atom of jump j takes the place of the vacancy."""
    species, n_pairs = tables[SPECIES], tables[N_PAIRS]
    sites, start = tables[tables[AT_PAIRS] :], tables[tables[AT_PAIR_START] :]
    s = np.int64(env[1 + j])
    change = 0.0
    there = (1 + j) * n_pairs
    for q in range(n_pairs):
        table = (q * species + s) * species
        for k in range(start[q], start[q + 1]):
            if sites[k] != 1 + j:
                change += pair[table + env[sites[k]]]
        for k in range(start[there + q], start[there + q + 1]):
            change -= pair[table + env[sites[k]]]
    return change


@njit(cache=True, nogil=True)
def _energy_changes(
    tables: NDArray, double: NDArray, env: NDArray, counts: NDArray, work: NDArray, out: NDArray
) -> None:
    """Fill out[:Z] with E_f - E_i of the jumps.

    double: weights (n_blocks (S + 1), width), biases (width), output weights (S + 1, width), pair energies.
    """
    species, width, n2 = tables[SPECIES], tables[ENERGY_WIDTH], tables[N_NODES]
    n_features = (tables[N_MESSAGES] + tables[N_KINDS]) * species
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

    bonds = tables[tables[AT_BOND] :]
    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        n_bond = kind[T_BOND]
        near_v, near_j = tables[kind[T_AT_NEAR_V] :], tables[kind[T_AT_NEAR_J] :]
        for r in range(kind[T_ROWS]):
            j = tables[tables[AT_JUMP] + kind[T_FIRST] + r]
            s = np.int64(env[1 + j])
            change = 0.0
            for k in range(n_bond):
                site = bonds[kind[T_FIRST_BOND] + r * n_bond + k]
                near, far = near_v[k], near_j[k]
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
            out[j] = change + _pair_change(tables, pair, env, j)


@njit(cache=True, nogil=True)
def gnn_consistent(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Barriers of the consistent form, max(S, |dE| / 2 + FLOOR_EV) + dE / 2, S the mean over the members.

    Args:
        model: compiled model of kind GNN_CONSISTENT.
        basis: basis index of the vacancy.
        env: (n_env,) int8 model species on the sites of the graph, targets in the order of the lattice.
        work: (workspace,) float32.
        out: (Z + 1,) float64, filled: barriers in eV (inf where the target is vacant), number of S that were raised.
    """
    tables = tables_of(model.integers, basis)
    n_features = (tables[N_MESSAGES] + tables[N_KINDS]) * tables[SPECIES]
    n1, n2, members, z = tables[N_ROUND1], tables[N_NODES], tables[MEMBERS], model.n_targets
    counts = work[: n1 * n_features].reshape(n1, n_features)
    used = n1 * n_features
    used += used % 2  # doubles start at multiples of eight bytes
    size = 2 * (n2 * (n_features + tables[ENERGY_WIDTH] + 1) + tables[ENERGY_WIDTH] + tables[N_JUMPS])
    exact = work[used : used + size].view(np.float64)
    change = exact[exact.shape[0] - tables[N_JUMPS] :]
    rest = work[used + size :]
    count_species(tables, n1, env, counts)
    out[:] = 0.0
    part = model.single.shape[0] // members
    for m in range(members):
        _symmetric_member(tables, model.single[m * part : (m + 1) * part], env, counts, rest, out)
    _energy_changes(tables, model.double, env, counts, exact, change)
    clamped = 0
    for j in range(z):
        if env[1 + j] == 0:
            out[j] = np.inf
            continue
        out[j], raised = over_saddle(out[j] / members, change[j])
        clamped += raised
    out[z] = clamped
