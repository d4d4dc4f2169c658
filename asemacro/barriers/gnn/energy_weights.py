"""The weights of the lattice energy of a network of the consistent form, and how the kernel of the barriers keeps them.

The energy changes of a closed path must add up to zero, however long it is. So what a site's features are must not
depend on the path: the kernel adds up counts and weights of the first layer as whole numbers of a small unit, which
knows no rounding, and what it makes of them is the same for the same surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.blocks import EIGHT
from asemacro.barriers.gnn.counts import class_sizes, of_counts
from asemacro.barriers.gnn.graph import Graph
from asemacro.barriers.vectors import with_padded_columns
from asemacro.typing import Integers

_LARGEST = 2.0**29
"""Of a whole number; what rounding adds to it and the sums of three rows stay within the 31 bits of an int32."""


class EnergyWeights(NamedTuple):
    """Weights of the energy sum of P(s_i, s_k) over pairs + sum of w(s_k) . f(W c_k + b) over sites.

    Attributes:
        table: (n_blocks, S + 1, width) W.
        bias: (width,) b.
        last: (S + 1, width) w.
        pair: (n_pairs, S + 1, S + 1) P.
    """

    table: NDArray[np.float64]
    bias: NDArray[np.float64]
    last: NDArray[np.float64]
    pair: NDArray[np.float64]


def mean_energy(parts: Sequence[EnergyWeights]) -> EnergyWeights:
    """The mean of energies as one, whose site features are theirs side by side."""
    return EnergyWeights(
        np.concatenate([p.table for p in parts], axis=-1),
        np.concatenate([p.bias for p in parts]),
        np.concatenate([p.last for p in parts], axis=-1) / len(parts),
        np.mean([p.pair for p in parts], axis=0),
    )


def whole_weights(graph: Graph, energy: EnergyWeights, species: Integers) -> NDArray[np.float64]:
    """What `gnn_consistent` reads of the energy, one after another.

    As doubles: the unit, then P of pairs (n_pairs, S + 1, S + 1), and zeros up to a multiple of eight. As int32, two in
    the bits of each double: W of counts (see `of_counts`), b, what an atom in place of a vacancy changes (n_blocks,
    S + 1, width), a row of zeros; as float32: w. Widths are padded with zeros to a multiple of sixteen.

    Args:
        graph: of the crystal.
        energy: the weights.
        species: that occur, the vacancy first.
    """
    table, last = energy.table[:, species], energy.last[species]
    n, most = graph.n_messages, np.abs(table).max(axis=1)
    largest = np.abs(energy.bias) + (class_sizes(graph) @ most[:n] + most[n:]).max(axis=0)
    unit = 2.0 ** np.ceil(np.log2(max(largest.max(), 1e-3) / _LARGEST))
    whole = np.rint(table / unit)
    changes = whole - whole[:, :1]
    rows = [of_counts(graph, whole), np.rint(energy.bias / unit), changes, np.zeros(len(energy.bias))]
    bits = [with_padded_columns(part).astype(np.int32).ravel() for part in rows]
    bits.append(with_padded_columns(last).astype(np.float32).ravel().view(np.int32))
    doubles = with_padded_columns(np.append(unit, energy.pair[:, species][:, :, species]), EIGHT)
    return np.concatenate([doubles, np.concatenate(bits).view(np.float64)])
