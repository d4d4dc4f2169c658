"""Numba evaluator of the graph networks: all jumps of a vacancy, node features shared.

Everything runs in float32, sixteen features at a time (see `asemacro.barriers.vectors`); the same environment always
gives the same bits. Widths are those of the network, padded with zeros to a multiple of sixteen. The tables are laid
out by `asemacro.barriers.gnn.tables`; all that is computed lies in one scratch array, and `at`, `h1`, `sums` and the
like are positions in it.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.blocks import EIGHT, SIXTEEN
from asemacro.barriers.compiled import FLOOR_EV, CompiledBarriers
from asemacro.barriers.dense import hardswish_layer, hardswish_onto
from asemacro.barriers.vectors import add_rows, add_runs, dot, first_aligned, spread_bytes

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
    N_SITES,
    N_PLACES,
    N_FIRSTS,
    AT_PLACE,
    AT_FIRST_LINKS,
    AT_FIRST_START,
    AT_OF_NODE,
    AT_KIND,
    AT_TYPES,
    AT_JUMP,
    AT_BOND,
    AT_PAIRS,
    AT_PAIR_START,
    AT_OWN_PAIR,
    HEADER,
) = range(34)
# what is told of each type of jump: sites and classes around it, where its inputs start in W3 (of the consistent form:
# the even ones and the odd ones, and how many these are), its first row among the jumps sorted by type and their
# number, the same of the sites of all bonds
(
    T_BOND,
    T_CLASSES,
    T_READ,
    T_ODD,
    T_N_EVEN,
    T_N_ODD,
    T_FIRST,
    T_ROWS,
    T_FIRST_BOND,
    T_AT_CLASS,
    T_AT_NEAR_V,
    T_AT_NEAR_J,
    T_AT_LINKS,
    T_AT_LINK_START,
    T_AT_TURNED,
    TYPE_SIZE,
) = range(16)
ZERO = np.zeros(SIXTEEN, dtype=np.float32)
ONLY = np.zeros(1, dtype=np.int64)
"""The list of the one row 0."""


@njit(cache=True, nogil=True, inline="always")
def tables_of(integers: NDArray, basis: int) -> NDArray:
    """The tables of a vacancy on a site of the unit cell: `integers` starts with [S + 1, start of each site's]."""
    return integers[integers[1 + basis] :]


@njit(cache=True, nogil=True, inline="always")
def hardswish64(t: float) -> float:
    """t min(max(t + 3, 0), 6) / 6."""
    return t * min(max(t + 3.0, 0.0), 6.0) * (1.0 / 6.0)


@njit(cache=True, nogil=True, inline="always")
def room(n: int) -> int:
    """Words kept for n numbers, so that the next ones start at a line of the processor's cache."""
    return -(-n // SIXTEEN) * SIXTEEN


@njit(cache=True, nogil=True, inline="always")
def n_counts(tables: NDArray) -> int:
    """Entries of a row of `count_species`."""
    species = tables[SPECIES]
    return tables[N_MESSAGES] * (species - 1) + tables[N_KINDS] * species  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def words_of(tables: NDArray, env: NDArray) -> NDArray:
    """(n_places,) int64: sums of these hold in byte s how many of the sites have species s; see `lines` for places."""
    words, places = np.zeros(tables[N_PLACES], dtype=np.int64), tables[tables[AT_PLACE] :]
    for e in range(tables[N_SITES]):
        words[places[e]] = np.int64(1) << (np.int64(8) * np.int64(env[e]))
    return words


@njit(cache=True, nogil=True)
def count_species(tables: NDArray, words: NDArray, counts: NDArray, at: int) -> int:
    """Number of sites of each species in each message class of the nodes, then their own one-hot, row by row.

    The counts of up to eight species are added at once as the bytes of one integer, those of up to eight nodes as one
    vector. Those of the last species are left out: it has the rest of the sites of a class, see `counts.of_counts`.

    Args:
        tables: graph and sizes.
        words: species around the vacancy, see `words_of`.
        counts: float32, filled from `at` on, and beyond the last row by less than eight words.
        at: where the rows start.

    Returns:
        Where the next ones may start.
    """
    species, n_messages, n_kinds = tables[SPECIES], tables[N_MESSAGES], tables[N_KINDS]
    links, start = tables[tables[AT_FIRST_LINKS] :], tables[tables[AT_FIRST_START] :]
    sums = np.empty(tables[N_FIRSTS] * n_messages * EIGHT, dtype=np.int64)
    for k in range(tables[N_FIRSTS] * n_messages):
        add_runs(words, links, start[k], start[k + 1], sums, EIGHT * k)
    kind, of_node, places = tables[tables[AT_KIND] :], tables[tables[AT_OF_NODE] :], tables[tables[AT_PLACE] :]
    to = at
    for i in range(tables[N_ROUND1]):
        # each block of eight words writes over the end of the one before it
        for q in range(n_messages):
            spread_bytes(sums[of_node[i] + EIGHT * q], counts, to)
            to += species - 1
        for k in range(n_kinds):
            spread_bytes(words[places[i]] if k == kind[i] else np.int64(0), counts, to)
            to += species
    return at + room(to - at + EIGHT)


@njit(cache=True, nogil=True)
def sum_messages(
    tables: NDArray, work: NDArray, at_h: int, width: int, at_out: int, apart: tuple[int, int, int]
) -> None:
    """Fill in the sums of h over each message class of each node.

    Args:
        tables: graph and sizes.
        work: scratch.
        at_h: where h starts, (n_round1, width).
        width: features of a row of h.
        at_out: where the sums start.
        apart: how far apart are those of nodes, of classes, and of each sixteen features.
    """
    n_messages, blocks = tables[N_MESSAGES], width // SIXTEEN
    links, start = tables[tables[AT_LINKS] :], tables[tables[AT_LINK_START] :]
    for i in range(tables[N_NODES]):
        for q in range(n_messages):
            to, k = (at_out + i * apart[0] + q * apart[1], apart[2]), i * n_messages + q
            ends = start[k], start[k + 1]
            add_rows(blocks, work, to, ZERO, (0, 0), work, (at_h, SIXTEEN, width), links, ends)


@njit(cache=True, nogil=True, inline="always")
def second_and_readout(
    at: int, width: int, n_sums: int, n_read: int, hidden: int
) -> tuple[int, int, int, int, int, int]:
    """Where W2, b2, W3, b3, w4 and b4 of the second round and of the readout start, one after another from `at` on."""
    b2 = at + n_sums * width
    w3 = b2 + width
    b3 = w3 + n_read * hidden
    return at, b2, w3, b3, b3 + hidden, b3 + 2 * hidden


@njit(cache=True, nogil=True)
def _read_jumps(tables: NDArray, kind: NDArray, work: NDArray, at_h2: int, width: int, at_read: int) -> None:
    """Fill the rows of the readout with what it sees of the jumps of one type."""
    n_classes, n_bond, blocks = kind[T_CLASSES], kind[T_BOND], width // SIXTEEN
    ends = tables[kind[T_AT_CLASS] :]
    to = at_read
    for r in range(kind[T_ROWS]):
        bond = tables[tables[AT_BOND] + kind[T_FIRST_BOND] + r * n_bond :]
        for q in range(-2, n_classes):
            first, last = (q + 2, q + 3) if q < 0 else (2 + ends[q], 2 + ends[q + 1])
            add_rows(blocks, work, (to, SIXTEEN), ZERO, (0, 0), work, (at_h2, SIXTEEN, width), bond, (first, last))
            to += width


@njit(cache=True, nogil=True)
def _direct_member(
    tables: NDArray, single: NDArray, at: int, work: NDArray, at_counts: int, free: int, out: NDArray
) -> None:
    """Add the barriers of the member whose weights start at `at` to out[:Z]; scratch from `free` on."""
    width, hidden = tables[WIDTH], tables[HIDDEN]
    n1, n2, n_messages = tables[N_ROUND1], tables[N_NODES], tables[N_MESSAGES]
    n_features, n_sums = n_counts(tables), (n_messages + 1) * width
    b1 = at + n_features * width
    w2, b2, w3, b3, w4, b4 = second_and_readout(b1 + width, width, n_sums, tables[N_READ] * width, hidden)
    h1 = free
    sums = h1 + n1 * width
    read = sums + n2 * n_sums
    hid = read + tables[MOST_READ] * width

    hardswish_layer(work, at_counts, n_features, (n1, n_features, width, width), single, at, single, b1, work, h1)
    apart = (n_messages + 1) * SIXTEEN  # each sixteen features of a node and their sums lie together
    for i in range(n2):
        own, to = (h1 + i * width, SIXTEEN), (sums + i * n_sums, apart)
        add_rows(width // SIXTEEN, work, to, work, own, work, (0, 0, 0), ONLY, (0, 0))
    sum_messages(tables, work, h1, width, sums + SIXTEEN, (n_sums, SIXTEEN, apart))
    # what was h1 is h2 from here on
    hardswish_onto(work, sums, n_sums, (n2, n_sums, width, width), single, w2, single, b2, work, h1)

    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        rows, n_read = kind[T_ROWS], (2 + kind[T_CLASSES]) * width
        _read_jumps(tables, kind, work, h1, width, read)
        there = w3 + kind[T_READ] * width * hidden
        hardswish_layer(work, read, n_read, (rows, n_read, hidden, hidden), single, there, single, b3, work, hid)
        for r in range(rows):
            barrier = np.float64(single[b4]) + dot(work, hid + r * hidden, single, w4, hidden)
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
    members = tables[MEMBERS]
    at_counts = first_aligned(work)
    free = count_species(tables, words_of(tables, env), work, at_counts)
    out[:] = 0.0
    size = model.single.shape[0] // members
    for m in range(members):
        _direct_member(tables, model.single, m * size, work, at_counts, free, out)
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
