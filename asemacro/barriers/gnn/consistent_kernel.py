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
    N_KINDS,
    N_MESSAGES,
    N_NODES,
    N_PAIRS,
    N_READ,
    N_ROUND1,
    N_TYPES,
    ONLY,
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
    ZERO,
    add_own,
    count_species,
    gather_messages,
    room,
    second_and_readout,
    tables_of,
)
from asemacro.barriers.saddle import over_saddle
from asemacro.barriers.vectors import (
    SIXTEEN,
    add_rows,
    dot,
    first_aligned,
    hardswish_layer,
    linear_layer,
    linear_layer_of_doubles,
    shift_and_swish,
    shifted_swish_dot,
)


@njit(cache=True, nogil=True)
def _sums_after_jumps(
    tables: NDArray,
    kind: NDArray,
    env: NDArray,
    single: NDArray,
    changes: tuple[int, int, int],
    work: NDArray,
    at: tuple[int, int, int, int, int],
) -> None:
    """Fill the sums with the features of the sites near each bond and of their neighbours, halfway along the jump.

    Args:
        tables: graph and sizes.
        kind: what is told of the type of the jumps.
        env: species around the vacancy.
        single: weights.
        changes: where in them starts what the vacancy and the jumping atom change in the first round, and a zero row.
        work: scratch.
        at: where in it start the first round before and after its activation, without any jump; the sums without any
            jump; scratch for all jumps of the type; the sums, (n_bond, jumps, (n_messages + 1) width), filled.
    """
    change_v, change_j, nothing = changes
    z1, h1, base, moved, row = at
    species, width, n_messages = tables[SPECIES], tables[WIDTH], tables[N_MESSAGES]
    n_bond, rows, n_sums = kind[T_BOND], kind[T_ROWS], (n_messages + 1) * width
    links, start = tables[kind[T_AT_LINKS] :], tables[kind[T_AT_LINK_START] :]
    near_v, near_j = tables[kind[T_AT_NEAR_V] :], tables[kind[T_AT_NEAR_J] :]
    bonds, jumps = tables[tables[AT_BOND] + kind[T_FIRST_BOND] :], tables[tables[AT_JUMP] + kind[T_FIRST] :]
    for k in range(n_bond):
        near, far = near_v[k], near_j[k]
        for r in range(rows):
            s = np.int64(env[1 + jumps[r]])
            site, jump = bonds[r * n_bond + k], k * rows + r
            by_v = change_v + (near * species + s) * width if near >= 0 else nothing
            by_j = change_j + (far * species + s) * width if far >= 0 else nothing
            own, here, change = site * width, row + jump * n_sums, moved + jump * width
            for c in range(0, width, SIXTEEN):
                places = (z1 + own + c, by_v + c, by_j + c, h1 + own + c, here + c, change + c)
                shift_and_swish(work, single, work, work, work, places)
            before, blocks = base + site * n_sums + width, (n_sums - width) // SIXTEEN
            add_rows(blocks, work, (here + width, SIXTEEN), work, (before, SIXTEEN), work, (0, 0, 0), ONLY, (0, 0))
    # the same links for all jumps of the type, whose rows lie side by side
    for k in range(n_bond):
        for q in range(n_messages):
            ends = start[q * n_bond + k], start[q * n_bond + k + 1]
            for c in range(0, width, SIXTEEN):
                to = row + k * rows * n_sums + (q + 1) * width + c, n_sums
                add_rows(rows, work, to, work, to, work, (moved + c, width, rows * width), links, ends)


@njit(cache=True, nogil=True)
def _read_both_ways(
    tables: NDArray, kind: NDArray, work: NDArray, at_h2: int, rows_of: NDArray, width: int, at_read: int
) -> None:
    """Fill the readout's rows with what it sees of the jumps of one type, then of their reverse jumps.

    `rows_of` is 0, 1, 2, ...: the sites of the bonds lie one after another, each for all jumps.
    """
    n_classes, rows = kind[T_CLASSES], kind[T_ROWS]
    ends, mirror = tables[kind[T_AT_CLASS] :], tables[kind[T_AT_REVERSE] :]
    n_read, here = (2 + n_classes) * width, at_h2 + kind[T_FIRST_BOND] * width
    for q in range(-2, n_classes):
        first, last = (q + 2, q + 3) if q < 0 else (2 + ends[q], 2 + ends[q + 1])
        other = -1 - q if q < 0 else 2 + mirror[q]
        for c in range(0, width, SIXTEEN):
            to = at_read + (q + 2) * width + c, n_read
            back = at_read + rows * n_read + other * width + c, n_read
            add_rows(rows, work, to, ZERO, (0, 0), work, (here + c, width, rows * width), rows_of, (first, last))
            add_rows(rows, work, back, work, to, work, (0, 0, 0), rows_of, (0, 0))


@njit(cache=True, nogil=True)
def _read_out(
    tables: NDArray,
    single: NDArray,
    layers: tuple[int, int, int, int],
    work: NDArray,
    at_h2: int,
    free: int,
    rows_of: NDArray,
    out: NDArray,
) -> None:
    """Add S of the jumps, read off the features of the sites of their bonds, to out[:Z]."""
    w3, b3, w4, b4 = layers
    width, hidden = tables[WIDTH], tables[HIDDEN]
    read, hid = free, free + 2 * tables[MOST_READ] * width
    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        rows, n_read = kind[T_ROWS], (2 + kind[T_CLASSES]) * width
        _read_both_ways(tables, kind, work, at_h2, rows_of, width, read)
        there, back = w3 + kind[T_READ] * width * hidden, w3 + kind[T_BACK] * width * hidden
        hardswish_layer(work, read, n_read, (rows, n_read, hidden), single, there, single, b3, work, hid)
        second, hid2 = read + rows * n_read, hid + rows * hidden
        hardswish_layer(work, second, n_read, (rows, n_read, hidden), single, back, single, b3, work, hid2)
        for r in range(rows):
            forth: float = dot(work, hid + r * hidden, single, w4, hidden)
            value = 0.5 * (forth + dot(work, hid2 + r * hidden, single, w4, hidden))
            out[tables[tables[AT_JUMP] + kind[T_FIRST] + r]] += np.float64(single[b4]) + value


@njit(cache=True, nogil=True)
def _symmetric_member(
    tables: NDArray,
    single: NDArray,
    at: int,
    env: NDArray,
    work: NDArray,
    at_counts: int,
    free: int,
    rows_of: NDArray,
    out: NDArray,
) -> None:
    """Add S of the jumps of the member whose weights start at `at` to out[:Z]; scratch from `free` on."""
    species, width, hidden = tables[SPECIES], tables[WIDTH], tables[HIDDEN]
    n1, n2, n_bonds, n_messages = tables[N_ROUND1], tables[N_NODES], tables[N_BOND_ROWS], tables[N_MESSAGES]
    n_features = (n_messages + tables[N_KINDS]) * species
    n_sums, step = (n_messages + 1) * width, n_features * width
    changes = at + step, at + 2 * step, at + 3 * step
    b1 = at + 3 * step + width
    w2, b2, w3, b3, w4, b4 = second_and_readout(b1 + width, width, n_sums, tables[N_READ] * width, hidden)

    z1 = free
    h1 = z1 + n1 * width
    base = h1 + n1 * width
    sums = base + n2 * n_sums
    h2 = sums + n_bonds * n_sums
    moved = h2 + n_bonds * width

    linear_layer(work, at_counts, n_features, (n1, n_features, width), single, at, single, b1, work, z1)
    nothing = at + 3 * step
    for i in range(z1, h1, SIXTEEN):
        # the change from zero is what is kept
        shift_and_swish(work, single, ZERO, work, work, (i, nothing, nothing, 0, i + n1 * width, i + n1 * width))
    gather_messages(tables, work, h1, width, n2, base)
    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        of_type = sums + kind[T_FIRST_BOND] * n_sums
        _sums_after_jumps(tables, kind, env, single, changes, work, (z1, h1, base, moved, of_type))
    hardswish_layer(work, sums, n_sums, (n_bonds, n_sums, width), single, w2, single, b2, work, h2)
    add_own(work, h2, sums, n_sums, width, n_bonds)
    _read_out(tables, single, (w3, b3, w4, b4), work, h2, moved, rows_of, out)


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
def _energy_changes(tables: NDArray, double: NDArray, env: NDArray, work: NDArray, at_counts: int, out: NDArray) -> int:
    """Fill out[:Z] with E_f - E_i of the jumps; return where scratch is free again.

    double: weights (n_blocks (S + 1), width), biases (width), output weights (S + 1, width), pair energies.
    """
    species, width, n2 = tables[SPECIES], tables[ENERGY_WIDTH], tables[N_NODES]
    n_blocks = tables[N_MESSAGES] + tables[N_KINDS]
    n_features = n_blocks * species
    bias = n_features * width
    last = bias + width
    pair = double[last + species * width :]

    first = at_counts + room(tables[N_ROUND1] * n_features + 8)
    free = first + room(2 * (n2 * (n_features + width + 1) + (n_blocks + 1) * width))
    exact = work[first:free].view(np.float64)
    z = 0
    shift = z + n2 * width
    nothing = shift + n_blocks * width
    value = nothing + width
    wide = value + n2
    for k in range(n2 * n_features):
        exact[wide + k] = work[at_counts + k]
    linear_layer_of_doubles(exact, wide, n_features, (n2, n_features, width), double, 0, double, bias, exact, z)
    exact[nothing:value] = 0.0
    for i in range(n2):
        exact[value + i] = shifted_swish_dot(
            exact, z + i * width, exact, nothing, nothing, double, last + env[i] * width, width
        )

    bonds = tables[tables[AT_BOND] :]
    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        n_bond = kind[T_BOND]
        near_v, near_j = tables[kind[T_AT_NEAR_V] :], tables[kind[T_AT_NEAR_J] :]
        for r in range(kind[T_ROWS]):
            j = tables[tables[AT_JUMP] + kind[T_FIRST] + r]
            s = np.int64(env[1 + j])
            for q in range(n_blocks):
                for c in range(width):  # what an atom s in place of a vacancy changes
                    exact[shift + q * width + c] = (
                        double[(q * species + s) * width + c] - double[q * species * width + c]
                    )
            change = 0.0
            for k in range(n_bond):
                site = bonds[kind[T_FIRST_BOND] + r * n_bond + k]
                more = shift + near_v[k] * width if near_v[k] >= 0 else nothing
                less = shift + near_j[k] * width if near_j[k] >= 0 else nothing
                own = s if k == 0 else np.int64(0) if k == 1 else np.int64(env[site])
                change += shifted_swish_dot(
                    exact, z + site * width, exact, more, less, double, last + own * width, width
                )
                change -= exact[value + site]
            out[j] = change + _pair_change(tables, pair, env, j)
    return free


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
    at_counts = first_aligned(work)
    count_species(tables, tables[N_ROUND1], env, work, at_counts)
    change = np.empty(z)
    free = _energy_changes(tables, model.double, env, work, at_counts, change)
    rows_of = np.arange(tables[MOST_BOND])
    out[:] = 0.0
    size = model.single.shape[0] // members
    for m in range(members):
        _symmetric_member(tables, model.single, m * size, env, work, at_counts, free, rows_of, out)
    clamped = 0
    for j in range(z):
        if env[1 + j] == 0:
            out[j] = np.inf
            continue
        out[j], raised = over_saddle(out[j] / members, change[j])
        clamped += raised
    out[z] = clamped
