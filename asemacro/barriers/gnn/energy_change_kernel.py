"""Numba evaluator of the energy changes of jumps, from site features that are whole numbers (see `energy_weights`)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.barriers.blocks import EIGHT
from asemacro.barriers.dense import layer_of_whole_numbers
from asemacro.barriers.gnn.direct_kernel import (
    AT_BOND,
    AT_JUMP,
    AT_OWN_PAIR,
    AT_PAIR_START,
    AT_PAIRS,
    AT_TYPES,
    ENERGY_WIDTH,
    N_JUMPS,
    N_KINDS,
    N_MESSAGES,
    N_NODES,
    N_PAIRS,
    N_TYPES,
    SPECIES,
    T_AT_NEAR_J,
    T_AT_NEAR_V,
    T_BOND,
    T_FIRST,
    T_FIRST_BOND,
    T_ROWS,
    TYPE_SIZE,
    n_counts,
    room,
)
from asemacro.barriers.vectors import add_words, swish_of_whole_dot


@njit(cache=True, nogil=True)
def _pair_changes(tables: NDArray, pair: NDArray, words: NDArray, env: NDArray, out: NDArray) -> None:
    """Fill out[:Z] with the changes of the pair energies when the atom of each jump takes the place of the vacancy.

    `pair`: where the table of pairs starts, one number before it.
    """
    species, n_pairs = tables[SPECIES], tables[N_PAIRS]
    sites, start, own = tables[tables[AT_PAIRS] :], tables[tables[AT_PAIR_START] :], tables[tables[AT_OWN_PAIR] :]
    around = np.empty((1 + tables[N_JUMPS]) * n_pairs, dtype=np.int64)
    for k in range(around.shape[0]):
        around[k] = add_words(words, sites, start[k], start[k + 1])
    for j in range(tables[N_JUMPS]):
        s = np.int64(env[1 + j])
        # the atom that jumps is not its own neighbour
        change = -pair[1 + (own[j] * species + s) * species + s]
        for q in range(n_pairs):
            gained, lost, table = around[q], around[(1 + j) * n_pairs + q], 1 + (q * species + s) * species
            for _ in range(species):
                change += pair[table] * ((gained & 255) - (lost & 255))
                gained, lost, table = gained >> 8, lost >> 8, table + 1
        out[j] = change


@njit(cache=True, nogil=True)
def energy_changes(
    tables: NDArray,
    double: NDArray,
    words: NDArray,
    env: NDArray,
    work: NDArray,
    at_counts: int,
    free: int,
    out: NDArray,
) -> None:
    """Fill out[:Z] with E_f - E_i of the jumps; scratch from `free` on.

    double: see `whole_weights`.
    """
    species, width, n2, n_features = tables[SPECIES], tables[ENERGY_WIDTH], tables[N_NODES], n_counts(tables)
    _pair_changes(tables, double, words, env, out)
    unit = double[0]
    weights, last = double.view(np.int32), double.view(np.float32)
    first = 2 * (-(-(1 + tables[N_PAIRS] * species * species) // EIGHT) * EIGHT)
    bias = first + n_features * width
    changes = bias + width
    nothing = changes + (tables[N_MESSAGES] + tables[N_KINDS]) * species * width
    at_last = nothing + width

    whole = work[free:].view(np.int32)
    z = room(n2 * n_features)
    before = work[free + z + n2 * width :][: 2 * n2].view(np.float64)
    for k in range(n2 * n_features):
        whole[k] = np.int32(work[at_counts + k])
    layer_of_whole_numbers(
        whole, 0, n_features, (n2, n_features, width, width), weights, first, weights, bias, whole, z
    )
    for i in range(n2):
        here = z + i * width, nothing, nothing
        before[i] = swish_of_whole_dot(whole, unit, weights, here, last, at_last + env[i] * width, width)

    bonds, apart = tables[tables[AT_BOND] :], species * width
    for t in range(tables[N_TYPES]):
        kind = tables[tables[AT_TYPES] + t * TYPE_SIZE :]
        near_v, near_j = tables[kind[T_AT_NEAR_V] :], tables[kind[T_AT_NEAR_J] :]
        for r in range(kind[T_ROWS]):
            j = tables[tables[AT_JUMP] + kind[T_FIRST] + r]
            s, row = np.int64(env[1 + j]), kind[T_FIRST_BOND] + r * kind[T_BOND]
            of_jump, change = changes + s * width, out[j]
            for k in range(kind[T_BOND]):
                site = bonds[row + k]
                more = of_jump + near_v[k] * apart if near_v[k] >= 0 else nothing
                less = of_jump + near_j[k] * apart if near_j[k] >= 0 else nothing
                own = s if k == 0 else np.int64(0) if k == 1 else np.int64(env[site])
                places = z + site * width, more, less
                after = swish_of_whole_dot(whole, unit, weights, places, last, at_last + own * width, width)
                change += after - before[site]
            out[j] = change
