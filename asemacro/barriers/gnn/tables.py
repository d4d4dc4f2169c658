"""The flat tables and the scratch memory of the numba evaluators of the graph networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.gnn.direct_kernel import HEADER, N_JUMPS, N_SHELLS
from asemacro.barriers.gnn.graph import MESSAGE_D2, PAIR_D2, bcc_graph, bcc_shell


def integer_tables(n_species: int, settings: Mapping[str, int]) -> NDArray[np.int64]:
    """Header (see `gnn_kernel`) and graph.

    Args:
        n_species: S + 1.
        settings: members, width, hidden and, for the consistent form, energy_width of one member.
    """
    graph = bcc_graph()
    links = [x for shell in graph.bond_neighbours for x in shell]
    blocks = np.array([N_SHELLS, *range(N_SHELLS), -1])  # near 0 itself, 1.. shells, -1 -> block of the weights
    tables = [
        graph.neighbours,
        graph.shell_start,
        graph.bond,
        graph.class_start,
        blocks[graph.near_v],
        blocks[graph.near_j],
        np.concatenate([np.cumsum([0, *(len(x) for x in links)]), *links]),
        graph.reverse_class,
        graph.pair_sites,
        graph.pair_start,
    ]
    header = [n_species, settings["members"], settings["width"], settings["hidden"]]
    header += [settings["members"] * settings.get("energy_width", 0)]
    header += [graph.n_round1, graph.n_nodes, len(graph.classes)]
    start = HEADER
    for table in tables:
        header.append(start)
        start += table.size
    assert len(header) == HEADER
    return np.concatenate([np.array(header), *(t.ravel() for t in tables)]).astype(np.int64)


def workspace(n_species: int, settings: Mapping[str, int], form: str) -> int:
    """Number of float32 words that one evaluation needs."""
    graph = bcc_graph()
    width, hidden = settings["width"], settings["hidden"]
    n_features, n_bond = (N_SHELLS + 1) * n_species, graph.bond.shape[1]
    n_read = (len(graph.classes) + 2) * width
    counts, nodes, sums = graph.n_round1 * n_features, graph.n_round1 * width, graph.n_nodes * 4 * width
    if form == "direct":
        return counts + nodes + sums + graph.n_nodes * width + N_JUMPS * (n_read + hidden)
    energy_width = settings["members"] * settings["energy_width"]
    exact = 2 * (graph.n_nodes * (n_features + energy_width + 1) + energy_width + N_JUMPS)
    bonds = N_JUMPS * n_bond * 5 * width + n_bond * width
    return counts + exact + 2 * nodes + sums + bonds + 2 * N_JUMPS * (n_read + hidden)


def energy_steps() -> NDArray[np.int64]:
    """(n, 3) displacements that the lattice energy reads: the message shells, then the pair shells."""
    return np.array([v for d2 in (*MESSAGE_D2, *PAIR_D2) for v in bcc_shell(d2)])


def energy_tables(n_species: int, settings: Mapping[str, int]) -> NDArray[np.int64]:
    """Header of `gnn_energy`: S + 1, width, ends of the message shells, ends of the pair shells."""
    graph = bcc_graph()
    header = np.array([n_species, settings["members"] * settings["energy_width"]])
    return np.concatenate([header, graph.shell_start, graph.pair_start]).astype(np.int64)
