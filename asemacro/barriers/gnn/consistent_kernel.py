"""Numba evaluator of the consistent form: S in float32; the energy change from features that are whole numbers, so that
closed loops close (see `energy_weights`)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.blocks import SIXTEEN
from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.dense import hardswish_onto, linear_and_hardswish_layer, linear_layer
from asemacro.barriers.gnn.direct_kernel import (
    AT_BOND,
    AT_JUMP,
    AT_TYPES,
    HIDDEN,
    MEMBERS,
    MOST_BOND,
    N_BOND_ROWS,
    N_KINDS,
    N_MESSAGES,
    N_NODES,
    N_READ,
    N_ROUND1,
    N_TYPES,
    SPECIES,
    T_AT_CLASS,
    T_AT_LINK_START,
    T_AT_LINKS,
    T_AT_NEAR_J,
    T_AT_NEAR_V,
    T_AT_TURNED,
    T_BOND,
    T_CLASSES,
    T_FIRST,
    T_FIRST_BOND,
    T_N_EVEN,
    T_N_ODD,
    T_ODD,
    T_READ,
    T_ROWS,
    TYPE_SIZE,
    WIDTH,
    ZERO,
    count_species,
    n_counts,
    second_and_readout,
    sum_messages,
    tables_of,
    words_of,
)
from asemacro.barriers.gnn.energy_change_kernel import energy_changes
from asemacro.barriers.saddle import over_saddle
from asemacro.barriers.vectors import (
    add_rows,
    both_ways_dot,
    first_aligned,
    shift_and_swish,
    sum_and_difference,
)


@njit(cache=True, nogil=True)
def _halfway(
    tables: NDArray,
    kind: NDArray,
    jump: tuple[int, int],
    single: NDArray,
    changes: tuple[int, int, int],
    work: NDArray,
    at: tuple[int, int, int, int],
) -> None:
    """Fill in the first features of the sites near one bond, halfway along the jump, and how much they changed.

    Args:
        tables: graph and sizes.
        kind: what is told of the type of the jump.
        jump: where the sites of its bond start, and the species that jumps.
        single: weights.
        changes: where in them starts what the vacancy and the jumping atom change in the first round, and a zero row.
        work: scratch.
        at: where in it start the first round before and after its activation, without any jump; the changes (n_bond,
            all widths); and the rows in which the features are the first of what the second round reads. The last two
            are filled.
    """
    bonds, jumping = jump
    change_v, change_j, nothing = changes
    z1, h1, moved, sums = at
    n_bond, all_widths, n_parts = kind[T_BOND], tables[MEMBERS] * tables[WIDTH], tables[N_MESSAGES] + 1
    near_v, near_j = tables[kind[T_AT_NEAR_V] :], tables[kind[T_AT_NEAR_J] :]
    apart, s = tables[SPECIES] * all_widths, jumping * all_widths
    for k in range(n_bond):
        own, to = tables[bonds + k] * all_widths, k * all_widths
        by_v = change_v + near_v[k] * apart + s if near_v[k] >= 0 else nothing
        by_j = change_j + near_j[k] * apart + s if near_j[k] >= 0 else nothing
        for c in range(0, all_widths, SIXTEEN):
            places = (z1 + own + c, by_v + c, by_j + c, h1 + own + c, sums + (to + c) * n_parts, moved + to + c)
            shift_and_swish(work, single, work, work, work, places)


@njit(cache=True, nogil=True)
def _second_round(
    tables: NDArray,
    kind: NDArray,
    bonds: int,
    single: NDArray,
    layers: tuple[int, int],
    work: NDArray,
    at: tuple[int, int, int, int],
) -> None:
    """Fill in the features of the sites near one bond after the second round.

    Args:
        tables: graph and sizes.
        kind: what is told of the type of the jump.
        bonds: where the sites of its bond start.
        single: weights.
        layers: where in them those of the first member start, and how far apart those of the members are.
        work: scratch.
        at: where in it start the sums around each node without any jump; what `_halfway` gave; the features of the
            first member, filled: those of the sites are one row of all jumps apart, those of members all bonds.
    """
    base, moved, sums, out = at
    members, width, n_messages, n_bond = tables[MEMBERS], tables[WIDTH], tables[N_MESSAGES], kind[T_BOND]
    links, start = tables[kind[T_AT_LINKS] :], tables[kind[T_AT_LINK_START] :]
    all_widths, n_sums, apart = members * width, (n_messages + 1) * width, (n_messages + 1) * SIXTEEN
    blocks, row, changes = all_widths // SIXTEEN, members * n_sums, (moved, SIXTEEN, all_widths)
    for k in range(n_bond):
        to, around = sums + k * row, base + tables[bonds + k] * n_messages * all_widths
        for q in range(n_messages):
            to, ends = to + SIXTEEN, (start[q * n_bond + k], start[q * n_bond + k + 1])
            add_rows(blocks, work, (to, apart), work, (around + q * all_widths, SIXTEEN), work, changes, links, ends)
    shape = n_bond, n_sums, width, kind[T_ROWS] * width
    for m in range(members):
        w2 = layers[0] + m * layers[1]
        b2, to = w2 + n_sums * width, out + m * tables[N_BOND_ROWS] * width
        hardswish_onto(work, sums + m * n_sums, row, shape, single, w2, single, b2, work, to)


@njit(cache=True, nogil=True)
def _read_both_ways(tables: NDArray, kind: NDArray, work: NDArray, h2: int, rows_of: NDArray, at: int) -> int:
    """Fill in what the readout sees of the jumps of one type and of their reverse jumps; return where that starts.

    `rows_of` is 0, 1, 2, ...: the sites of the bonds lie one after another, each for all jumps. From `at` on stand the
    sums of each class, then the even inputs (jumps, n_even width), then the odd ones, see `turned`.
    """
    n_classes, rows, width = kind[T_CLASSES], kind[T_ROWS], tables[WIDTH]
    ends, inputs = tables[kind[T_AT_CLASS] :], tables[kind[T_AT_TURNED] :]
    size, here = rows * width, h2 + kind[T_FIRST_BOND] * width
    for q in range(-2, n_classes):
        first, last = (q + 2, q + 3) if q < 0 else (2 + ends[q], 2 + ends[q + 1])
        to = at + (q + 2) * size
        add_rows(
            size // SIXTEEN, work, (to, SIXTEEN), ZERO, (0, 0), work, (here, SIXTEEN, size), rows_of, (first, last)
        )
    even = at + (2 + n_classes) * size
    odd = even + kind[T_N_EVEN] * size
    spare = odd + kind[T_N_ODD] * size
    for p in range(kind[T_N_EVEN]):
        one, other, is_odd = at + inputs[2 * p] * size, at + inputs[2 * p + 1] * size, p < kind[T_N_ODD]
        for r in range(rows):
            to = even + (r * kind[T_N_EVEN] + p) * width
            apart = odd + (r * kind[T_N_ODD] + p) * width
            for c in range(0, width, SIXTEEN):
                at_one, at_apart = one + r * width + c, apart + c if is_odd else spare
                if inputs[2 * p + 1] < 0:
                    sum_and_difference(work, ZERO, work, (at_one, 0, to + c, at_apart))
                else:
                    sum_and_difference(work, work, work, (at_one, other + r * width + c, to + c, at_apart))
    return even


@njit(cache=True, nogil=True)
def _read_out(
    tables: NDArray,
    single: NDArray,
    layers: tuple[int, int, int, int],
    work: NDArray,
    h2: int,
    free: int,
    rows_of: NDArray,
    out: NDArray,
) -> None:
    """Add S of the jumps, read off the features of the sites of their bonds, to out[:Z]."""
    w3, b3, w4, b4 = layers
    width, hidden = tables[WIDTH], tables[HIDDEN]
    nothing = b4 + SIXTEEN
    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        rows, n_even, n_odd = kind[T_ROWS], kind[T_N_EVEN] * width, kind[T_N_ODD] * width
        even = _read_both_ways(tables, kind, work, h2, rows_of, free)
        odd = even + rows * n_even
        hid = odd + rows * n_odd
        hid2 = hid + rows * hidden
        of_even, of_odd = w3 + kind[T_READ] * width * hidden, w3 + kind[T_ODD] * width * hidden
        linear_layer(work, even, n_even, (rows, n_even, hidden, hidden), single, of_even, single, b3, work, hid)
        linear_layer(work, odd, n_odd, (rows, n_odd, hidden, hidden), single, of_odd, single, nothing, work, hid2)
        for r in range(rows):
            both = both_ways_dot(work, hid + r * hidden, work, hid2 + r * hidden, single, w4, hidden)
            out[tables[tables[AT_JUMP] + kind[T_FIRST] + r]] += np.float64(single[b4]) + 0.5 * both


@njit(cache=True, nogil=True)
def _symmetric(
    tables: NDArray, single: NDArray, env: NDArray, work: NDArray, at_counts: int, free: int, out: NDArray
) -> None:
    """Add S of the jumps of each member to out[:Z]; scratch from `free` on.

    The first round is that of all members side by side, and its weights come first; then follow those of the second
    round and the readout of each member.
    """
    members, width, hidden = tables[MEMBERS], tables[WIDTH], tables[HIDDEN]
    n1, n2, n_bonds, n_messages = tables[N_ROUND1], tables[N_NODES], tables[N_BOND_ROWS], tables[N_MESSAGES]
    n_features, n_sums, all_widths = n_counts(tables), (n_messages + 1) * width, members * width
    change_v, step = n_features * all_widths, (n_messages + tables[N_KINDS]) * tables[SPECIES] * all_widths
    changes = change_v, change_v + step, change_v + 2 * step
    b1 = changes[2] + all_widths
    of_members = b1 + all_widths
    size = (single.shape[0] - of_members) // members

    z1 = free
    h1 = z1 + n1 * all_widths
    base = h1 + n1 * all_widths
    h2 = base + n2 * n_messages * all_widths
    moved = h2 + n_bonds * all_widths
    sums = moved + tables[MOST_BOND] * all_widths

    # h1 lies behind z1
    shape = n1, n_features, all_widths, all_widths
    linear_and_hardswish_layer(work, at_counts, n_features, shape, single, 0, single, b1, work, z1)
    apart = n_messages * all_widths, all_widths, SIXTEEN
    sum_messages(tables, work, h1, all_widths, base, apart)
    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        for r in range(kind[T_ROWS]):
            jumping = np.int64(env[1 + tables[tables[AT_JUMP] + kind[T_FIRST] + r]])
            bonds = tables[AT_BOND] + kind[T_FIRST_BOND] + r * kind[T_BOND]
            _halfway(tables, kind, (bonds, jumping), single, changes, work, (z1, h1, moved, sums))
            at = base, moved, sums, h2 + (kind[T_FIRST_BOND] + r) * width
            _second_round(tables, kind, bonds, single, (of_members, size), work, at)
    rows_of = np.arange(tables[MOST_BOND])
    for m in range(members):
        start = of_members + m * size
        _, _, w3, b3, w4, b4 = second_and_readout(start, width, n_sums, tables[N_READ] * width, hidden)
        _read_out(tables, single, (w3, b3, w4, b4), work, h2 + m * n_bonds * width, moved, rows_of, out)


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
    members, z = tables[MEMBERS], model.n_targets
    at_counts, words = first_aligned(work), words_of(tables, env)
    free = count_species(tables, words, work, at_counts)
    change = np.zeros(z)
    energy_changes(tables, model.double, words, env, work, at_counts, free, change)
    out[:] = 0.0
    _symmetric(tables, model.single, env, work, at_counts, free, out)
    clamped = 0
    for j in range(z):
        if env[1 + j] == 0:
            out[j] = np.inf
            continue
        out[j], raised = over_saddle(out[j] / members, change[j])
        clamped += raised
    out[z] = clamped
