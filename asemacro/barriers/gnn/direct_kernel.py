"""Numba evaluator of the graph networks: all eight jumps of a vacancy, node features shared.

Everything runs in float32 with BLAS for the matrix products; the same environment always gives the same bits.
The tables are laid out by `asemacro.barriers.gnn.tables`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.compiled import FLOOR_EV, CompiledBarriers

N_JUMPS = 8
N_SHELLS = 3
N_PAIR_SHELLS = 8
# what the first entries of `integers` hold; AT_...: where a table starts
(
    SPECIES,
    MEMBERS,
    WIDTH,
    HIDDEN,
    ENERGY_WIDTH,
    N_ROUND1,
    N_NODES,
    N_CLASSES,
    AT_NEIGHBOURS,
    AT_SHELL,
    AT_BOND,
    AT_CLASS,
    AT_NEAR_V,
    AT_NEAR_J,
    AT_LINKS,
    AT_REVERSE,
    AT_PAIR_SITES,
    AT_PAIR_START,
    HEADER,
) = range(19)
_THREE = np.float32(3.0)
_SIX = np.float32(6.0)
_SIXTH = np.float32(1.0 / 6.0)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


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
    """Row i of `counts`: number of sites of each species in each message shell of node i, then its own one-hot.

    The counts of up to eight species are added at once as the bytes of one integer.
    """
    species = tables[SPECIES]
    at = tables[AT_NEIGHBOURS]
    ends = tables[tables[AT_SHELL] : tables[AT_SHELL] + N_SHELLS + 1]
    words = np.empty(env.shape[0], dtype=np.int64)
    for e in range(env.shape[0]):
        words[e] = np.int64(1) << (np.int64(8) * np.int64(env[e]))
    for i in range(n_rows):
        row = tables[at + i * ends[N_SHELLS] : at + (i + 1) * ends[N_SHELLS]]
        for shell in range(N_SHELLS):
            packed = np.int64(0)
            for k in range(ends[shell], ends[shell + 1]):
                packed += words[row[k]]
            for s in range(species):
                counts[i, shell * species + s] = np.float32((packed >> (8 * s)) & 255)
        for s in range(species):
            counts[i, N_SHELLS * species + s] = _ZERO
        counts[i, N_SHELLS * species + env[i]] = _ONE


@njit(cache=True, nogil=True)
def add_bias_act(h: NDArray, bias: NDArray) -> None:
    """h <- hardswish(h + bias), in place."""
    for r in range(h.shape[0]):
        for c in range(h.shape[1]):
            h[r, c] = hardswish32(h[r, c] + bias[c])


@njit(cache=True, nogil=True)
def gather_shells(tables: NDArray, h: NDArray, n_rows: int, out: NDArray) -> None:
    """out[i] = [h_i, sum of h over each message shell of i]."""
    width = h.shape[1]
    at = tables[AT_NEIGHBOURS]
    stride = tables[tables[AT_SHELL] + N_SHELLS]
    for i in range(n_rows):
        target = out[i]
        for c in range(width):
            target[c] = h[i, c]
        for shell in range(N_SHELLS):
            start = (shell + 1) * width
            part = target[start : start + width]
            first = tables[tables[AT_SHELL] + shell]
            last = tables[tables[AT_SHELL] + shell + 1]
            source = h[tables[at + i * stride + first]]
            for c in range(width):
                part[c] = source[c]
            for k in range(first + 1, last):
                source = h[tables[at + i * stride + k]]
                for c in range(width):
                    part[c] += source[c]


@njit(cache=True, nogil=True)
def second_and_readout(
    single: NDArray, width: int, n_read: int, hidden: int
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray, float]:
    """Weights and biases of the second round and of the two layers of the readout, one after another in `single`."""
    w2 = single[: 4 * width * width].reshape(4 * width, width)
    at = 4 * width * width
    b2 = single[at : at + width]
    at += width
    w3 = single[at : at + n_read * hidden].reshape(n_read, hidden)
    at += n_read * hidden
    b3 = single[at : at + hidden]
    at += hidden
    return w2, b2, w3, b3, single[at : at + hidden], single[at + hidden]


@njit(cache=True, nogil=True)
def _direct_member(tables: NDArray, single: NDArray, counts: NDArray, work: NDArray, out: NDArray) -> None:
    """Add one member's barriers to out[:8]."""
    species, width, hidden = tables[SPECIES], tables[WIDTH], tables[HIDDEN]
    n1, n2, n_classes = tables[N_ROUND1], tables[N_NODES], tables[N_CLASSES]
    n_features = (N_SHELLS + 1) * species
    n_read = (n_classes + 2) * width
    at = 0
    w1 = single[at : at + n_features * width].reshape(n_features, width)
    at += n_features * width
    b1 = single[at : at + width]
    at += width
    w2, b2, w3, b3, w4, b4 = second_and_readout(single[at:], width, n_read, hidden)

    h1 = work[: n1 * width].reshape(n1, width)
    used = n1 * width
    sums = work[used : used + n2 * 4 * width].reshape(n2, 4 * width)
    used += n2 * 4 * width
    h2 = work[used : used + n2 * width].reshape(n2, width)
    used += n2 * width
    read = work[used : used + N_JUMPS * n_read].reshape(N_JUMPS, n_read)
    used += N_JUMPS * n_read
    hid = work[used : used + N_JUMPS * hidden].reshape(N_JUMPS, hidden)

    np.dot(counts, w1, h1)
    add_bias_act(h1, b1)
    gather_shells(tables, h1, n2, sums)
    np.dot(sums, w2, h2)
    add_bias_act(h2, b2)
    for i in range(n2):
        for c in range(width):
            h2[i, c] += h1[i, c]

    n_sites = tables[tables[AT_CLASS] + n_classes]
    for j in range(N_JUMPS):
        target = read[j]
        for c in range(width):
            target[c] = h2[0, c]
            target[width + c] = h2[1 + j, c]
        row = tables[AT_BOND] + j * (2 + n_sites) + 2
        for q in range(n_classes):
            start = (2 + q) * width
            part = target[start : start + width]
            for c in range(width):
                part[c] = _ZERO
            for k in range(tables[tables[AT_CLASS] + q], tables[tables[AT_CLASS] + q + 1]):
                source = h2[tables[row + k]]
                for c in range(width):
                    part[c] += source[c]
    np.dot(read, w3, hid)
    add_bias_act(hid, b3)
    for j in range(N_JUMPS):
        barrier = np.float64(b4)
        for c in range(hidden):
            barrier += np.float64(hid[j, c] * w4[c])
        out[j] += barrier


@njit(cache=True, nogil=True)
def gnn_direct(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Barriers of the direct form: the mean over the members, at least FLOOR_EV.

    Args:
        model: compiled model of kind GNN_DIRECT.
        basis: basis index of the vacancy (the tables are the same for all).
        env: (n_env,) int8 model species on `bcc_graph().positions`, targets in the order of the lattice.
        work: (workspace,) float32.
        out: (9,) float64, filled: barriers in eV (inf where the target is vacant), number of clamped ones.
    """
    tables = model.integers
    n_features = (N_SHELLS + 1) * tables[SPECIES]
    n1, members = tables[N_ROUND1], tables[MEMBERS]
    counts = work[: n1 * n_features].reshape(n1, n_features)
    rest = work[n1 * n_features :]
    count_species(tables, n1, env, counts)
    out[:] = 0.0
    size = model.single.shape[0] // members
    for m in range(members):
        _direct_member(tables, model.single[m * size : (m + 1) * size], counts, rest, out)
    clamped = 0
    for j in range(N_JUMPS):
        if env[1 + j] == 0:
            out[j] = np.inf
            continue
        barrier = out[j] / members
        if barrier < FLOOR_EV:
            barrier = FLOOR_EV
            clamped += 1
        out[j] = barrier
    out[N_JUMPS] = clamped
