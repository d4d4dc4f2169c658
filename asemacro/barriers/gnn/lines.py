"""The sites around a vacancy line after line, so that the neighbours of eight sites are counted at once.

If two sites are a lattice vector apart, so are their neighbours. With all sites of a line along an axis one after
another, the neighbours of a site and of those that follow it are runs of as many places, which a processor adds up
together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from asemacro.barriers.blocks import EIGHT
from asemacro.typing import Integers


class Lines(NamedTuple):
    """Sites in lines.

    Attributes:
        places: (n,) place of each site.
        number: how many places there are; behind the last line are enough for a run of eight.
        firsts: sites whose neighbours stand for those of up to eight sites on the same line, the next places.
        of_node: (n_round1,) eight times which of these stands for a node, plus how many places the node is behind.
    """

    places: Integers
    number: int
    firsts: Integers
    of_node: Integers


def lines_of(sites: Integers, n_round1: int) -> Lines:
    """The environment (n, 4) of a vacancy in the fewest lines along an axis of the cell.

    Args:
        sites: cell offset and place in the cell; some may stand there twice.
        n_round1: how many of them, the first ones, have neighbours that are counted.
    """
    along = [np.unique(np.delete(sites, axis, axis=1), axis=0, return_inverse=True)[1].reshape(-1) for axis in range(3)]
    axis = int(np.argmin([line.max() for line in along]))
    line, at = along[axis], sites[:, axis]
    low, high = np.full(line.max() + 1, at.max()), np.full(line.max() + 1, at.min())
    np.minimum.at(low, line, at)
    np.maximum.at(high, line, at)
    ends = np.cumsum(high - low + 1)
    places = (ends - high - 1)[line] + at
    firsts: list[int] = []
    of_node = np.empty(n_round1, dtype=np.int64)
    for i in np.argsort(places[:n_round1], kind="stable"):
        if not firsts or line[i] != line[firsts[-1]] or places[i] - places[firsts[-1]] >= EIGHT:
            firsts.append(int(i))
        of_node[i] = EIGHT * (len(firsts) - 1) + places[i] - places[firsts[-1]]
    return Lines(places, int(ends[-1]) + EIGHT - 1, np.array(firsts), of_node)
