"""What the readout of a jump and that of the jump back have in common.

Both are linear in the same sums of features, before the activation: forth = A r and back = B r. Then half their sum and
half their difference, which are products too, give both of them. If the jump back is of the same type, it sees the same
sums in another order: r of one class where the jump itself has r' of another. Then

    forth = (A + A') / 2 (r + r') + (A - A') / 2 (r - r'),    back = the same with a minus,

over pairs of classes, which is half the work of two products.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.gnn.graph import Graph
from asemacro.typing import Floats, Integers


class Turned(NamedTuple):
    """How the inputs of the readout (vacancy, target, classes) of a type of jump are combined.

    Attributes:
        inputs: (n_even, 2) one input and another, whose sum is an even input; -1 for nothing. Pairs come first.
        n_odd: the differences of the first so many are the odd inputs.
    """

    inputs: Integers
    n_odd: int


def turned(graph: Graph, number: int) -> Turned:
    """The inputs of the type of jump with this number."""
    jump = graph.types[number]
    if jump.reverse != number:
        n = 2 + jump.n_classes
        return Turned(np.column_stack([np.arange(n), np.full(n, -1)]), n)
    place = _place(graph, number)
    pairs = [(c, p) for c, p in enumerate(place) if c < p]
    alone = [(c, -1) for c, p in enumerate(place) if c == p]
    return Turned(np.array(pairs + alone), len(pairs))


def turned_starts(graph: Graph) -> Integers:
    """(n_types, 2) where the even and where the odd inputs of each type start among those of all; their number last."""
    numbers = [n for t in range(len(graph.types)) for n in (len(turned(graph, t).inputs), turned(graph, t).n_odd)]
    return np.cumsum([0, *numbers])


def turned_weights(graph: Graph, weights: NDArray[np.float64]) -> Floats:
    """Weights (inputs of all types, width, hidden) of the readout as those of the even and odd inputs, type by type."""
    start, parts = graph.read_start, []
    for number, jump in enumerate(graph.types):
        inputs, n_odd = turned(graph, number)
        forth = weights[start[number] : start[number + 1]]
        back = weights[start[jump.reverse] : start[jump.reverse + 1]][_place(graph, number)]
        parts += [0.5 * (forth + back)[inputs[:, 0]], 0.5 * (forth - back)[inputs[:n_odd, 0]]]
    return np.concatenate(parts)


def _place(graph: Graph, number: int) -> Integers:
    """Which input of the jump back each input of the jump is."""
    return np.concatenate([[1, 0], 2 + graph.types[number].reverse_class]).astype(np.int64)
