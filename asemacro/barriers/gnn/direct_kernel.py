"""Numba evaluator of the graph networks: all jumps of a vacancy, node features shared.

Everything runs in float32 with BLAS for the matrix products; the same environment always gives the same bits.
The tables are laid out by `asemacro.barriers.gnn.tables`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import FLOOR_EV, CompiledBarriers

# what the first entries of the tables of a vacancy's site hold; AT_...: where a table starts
(
    SPECIES,
    MEMBERS,
    WIDTH,
    HIDDEN,
    ENERGY_WIDTH,
    N_ROUND1,
    N_NODES,
    N_JUMPS,
    N_MESSAGES,
    N_KINDS,
    N_PAIRS,
    N_TYPES,
    N_READ,
    MOST_READ,
    MOST_ROWS,
    MOST_BOND,
    N_BOND_ROWS,
    AT_LINKS,
    AT_LINK_START,
    AT_KIND,
    AT_TYPES,
    AT_JUMP,
    AT_BOND,
    AT_PAIRS,
    AT_PAIR_START,
    HEADER,
) = range(26)
# what is told of each type of jump: sites and classes around it, where its inputs and those of the jump back start in
# W3, its first row among the jumps sorted by type and their number, the same of the sites of all bonds
(
    T_BOND,
    T_CLASSES,
    T_READ,
    T_BACK,
    T_FIRST,
    T_ROWS,
    T_FIRST_BOND,
    T_AT_CLASS,
    T_AT_NEAR_V,
    T_AT_NEAR_J,
    T_AT_LINKS,
    T_AT_LINK_START,
    T_AT_REVERSE,
    TYPE_SIZE,
) = range(14)
_THREE = np.float32(3.0)
_SIX = np.float32(6.0)
_SIXTH = np.float32(1.0 / 6.0)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


@njit(cache=True, nogil=True, inline="always")
def tables_of(integers: NDArray, basis: int) -> NDArray:
    """The tables of a vacancy on a site of the unit cell: `integers` starts with [S + 1, start of each site's]."""
    return integers[integers[1 + basis] :]


@njit(cache=True, nogil=True, inline="always")
def hardswish32(t: np.float32) -> np.float32:
    """t min(max(t + 3, 0), 6) / 6 in single precision."""
    gate = t + _THREE
    gate = gate if gate > _ZERO else _ZERO
    gate = gate if gate < _SIX else _SIX
    return t * gate * _SIXTH


@njit(cache=True, nogil=True, inline="always")
def hardswish64(t: float) -> float:
    """t min(max(t + 3, 0), 6) / 6."""
    return t * min(max(t + 3.0, 0.0), 6.0) * (1.0 / 6.0)


@njit(cache=True, nogil=True)
def count_species(tables: NDArray, n_rows: int, env: NDArray, counts: NDArray) -> None:
    """Row i of `counts`: number of sites of each species in each message class of node i, then its own one-hot.

    The counts of up to eight species are added at once as the bytes of one integer.
    """
    species, n_messages, n_kinds = tables[SPECIES], tables[N_MESSAGES], tables[N_KINDS]
    links, start, kind = tables[tables[AT_LINKS] :], tables[tables[AT_LINK_START] :], tables[tables[AT_KIND] :]
    words = np.empty(env.shape[0], dtype=np.int64)
    for e in range(env.shape[0]):
        words[e] = np.int64(1) << (np.int64(8) * np.int64(env[e]))
    for i in range(n_rows):
        for q in range(n_messages):
            packed = np.int64(0)
            for k in range(start[i * n_messages + q], start[i * n_messages + q + 1]):
                packed += words[links[k]]
            for s in range(species):
                counts[i, q * species + s] = np.float32((packed >> (8 * s)) & 255)
        for f in range(n_messages * species, (n_messages + n_kinds) * species):
            counts[i, f] = _ZERO
        counts[i, (n_messages + kind[i]) * species + env[i]] = _ONE


@njit(cache=True, nogil=True)
def add_bias_act(h: NDArray, bias: NDArray) -> None:
    """h <- hardswish(h + bias), in place."""
    for r in range(h.shape[0]):
        for c in range(h.shape[1]):
            h[r, c] = hardswish32(h[r, c] + bias[c])


@njit(cache=True, nogil=True)
def gather_messages(tables: NDArray, h: NDArray, n_rows: int, out: NDArray) -> None:
    """out[i] = [h_i, sum of h over each message class of i]."""
    width, n_messages = h.shape[1], tables[N_MESSAGES]
    links, start = tables[tables[AT_LINKS] :], tables[tables[AT_LINK_START] :]
    for i in range(n_rows):
        target = out[i]
        for c in range(width):
            target[c] = h[i, c]
        for q in range(n_messages):
            part = target[(q + 1) * width : (q + 2) * width]
            first, last = start[i * n_messages + q], start[i * n_messages + q + 1]
            if first == last:
                for c in range(width):
                    part[c] = _ZERO
                continue
            source = h[links[first]]
            for c in range(width):
                part[c] = source[c]
            for k in range(first + 1, last):
                source = h[links[k]]
                for c in range(width):
                    part[c] += source[c]


@njit(cache=True, nogil=True)
def second_and_readout(
    single: NDArray, width: int, n_sums: int, n_read: int, hidden: int
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray, float]:
    """Weights and biases of the second round and of the two layers of the readout, one after another in `single`."""
    w2 = single[: n_sums * width].reshape(n_sums, width)
    at = n_sums * width
    b2 = single[at : at + width]
    at += width
    w3 = single[at : at + n_read * hidden].reshape(n_read, hidden)
    at += n_read * hidden
    b3 = single[at : at + hidden]
    at += hidden
    return w2, b2, w3, b3, single[at : at + hidden], single[at + hidden]


@njit(cache=True, nogil=True)
def _read_jumps(tables: NDArray, kind: NDArray, h2: NDArray, read: NDArray) -> None:
    """Fill the rows of `read` with what the readout sees of the jumps of one type."""
    width, n_classes, n_bond = h2.shape[1], kind[T_CLASSES], kind[T_BOND]
    ends = tables[kind[T_AT_CLASS] :]
    for r in range(kind[T_ROWS]):
        target = read[r]
        row = tables[tables[AT_BOND] + kind[T_FIRST_BOND] + r * n_bond :]
        for c in range(width):
            target[c] = h2[row[0], c]
            target[width + c] = h2[row[1], c]
        for q in range(n_classes):
            part = target[(2 + q) * width : (3 + q) * width]
            for c in range(width):
                part[c] = _ZERO
            for k in range(ends[q], ends[q + 1]):
                source = h2[row[2 + k]]
                for c in range(width):
                    part[c] += source[c]


@njit(cache=True, nogil=True)
def _direct_member(tables: NDArray, single: NDArray, counts: NDArray, work: NDArray, out: NDArray) -> None:
    """Add one member's barriers to out[:Z]."""
    species, width, hidden = tables[SPECIES], tables[WIDTH], tables[HIDDEN]
    n1, n2, n_messages = tables[N_ROUND1], tables[N_NODES], tables[N_MESSAGES]
    n_features = (n_messages + tables[N_KINDS]) * species
    n_sums = (n_messages + 1) * width
    at = 0
    w1 = single[at : at + n_features * width].reshape(n_features, width)
    at += n_features * width
    b1 = single[at : at + width]
    at += width
    w2, b2, w3, b3, w4, b4 = second_and_readout(single[at:], width, n_sums, tables[N_READ] * width, hidden)

    h1 = work[: n1 * width].reshape(n1, width)
    used = n1 * width
    sums = work[used : used + n2 * n_sums].reshape(n2, n_sums)
    used += n2 * n_sums
    h2 = work[used : used + n2 * width].reshape(n2, width)
    used += n2 * width
    reads = work[used : used + tables[MOST_READ] * width]
    used += tables[MOST_READ] * width
    hids = work[used : used + tables[MOST_ROWS] * hidden]

    np.dot(counts, w1, h1)
    add_bias_act(h1, b1)
    gather_messages(tables, h1, n2, sums)
    np.dot(sums, w2, h2)
    add_bias_act(h2, b2)
    for i in range(n2):
        for c in range(width):
            h2[i, c] += h1[i, c]

    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        rows, n_read = kind[T_ROWS], (2 + kind[T_CLASSES]) * width
        read = reads[: rows * n_read].reshape(rows, n_read)
        hid = hids[: rows * hidden].reshape(rows, hidden)
        _read_jumps(tables, kind, h2, read)
        np.dot(read, w3[kind[T_READ] * width : kind[T_READ] * width + n_read], hid)
        add_bias_act(hid, b3)
        for r in range(rows):
            barrier = np.float64(b4)
            for c in range(hidden):
                barrier += np.float64(hid[r, c] * w4[c])
            out[tables[tables[AT_JUMP] + kind[T_FIRST] + r]] += barrier


@njit(cache=True, nogil=True)
def gnn_direct(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Barriers of the direct form: the mean over the members, at least FLOOR_EV.

    Args:
        model: compiled model of kind GNN_DIRECT.
        basis: basis index of the vacancy.
        env: (n_env,) int8 model species on the sites of the graph, targets in the order of the lattice.
        work: (workspace,) float32.
        out: (Z + 1,) float64, filled: barriers in eV (inf where the target is vacant), number of clamped ones.
    """
    tables = tables_of(model.integers, basis)
    n_features = (tables[N_MESSAGES] + tables[N_KINDS]) * tables[SPECIES]
    n1, members = tables[N_ROUND1], tables[MEMBERS]
    counts = work[: n1 * n_features].reshape(n1, n_features)
    rest = work[n1 * n_features :]
    count_species(tables, n1, env, counts)
    out[:] = 0.0
    size = model.single.shape[0] // members
    for m in range(members):
        _direct_member(tables, model.single[m * size : (m + 1) * size], counts, rest, out)
    clamped = 0
    z = model.n_targets
    for j in range(z):
        if env[1 + j] == 0:
            out[j] = np.inf
            continue
        barrier = out[j] / members
        if barrier < FLOOR_EV:
            barrier = FLOOR_EV
            clamped += 1
        out[j] = barrier
    out[z] = clamped
