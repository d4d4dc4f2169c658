"""The first layer of the networks as the kernels read it: without the counts of one species."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.gnn.graph import Graph
from asemacro.typing import Floats, Integers


def class_sizes(graph: Graph) -> Integers:
    """(n_kinds, n_messages) neighbours of a site of each kind in each message class."""
    return np.array([np.diff(site.link_start[: graph.n_messages + 1]) for site in graph.sites])


def of_counts(graph: Graph, table: NDArray[np.float64]) -> Floats:
    """Weights (n, width) of the counts of all species but the last in each message class, then of a site's own species.

    All counts of a class add up to its size, so the last species has a share that is the same for all sites of a kind;
    it joins the weights of the own species.

    Args:
        graph: of the crystal.
        table: (n_messages + n_kinds, S + 1, width) weights of all counts.
    """
    n, width = graph.n_messages, table.shape[-1]
    last = table[:n, -1]
    counted, own = table[:n, :-1] - last[:, None], table[n:] + (class_sizes(graph) @ last)[:, None]
    return np.concatenate([counted.reshape(-1, width), own.reshape(-1, width)])
