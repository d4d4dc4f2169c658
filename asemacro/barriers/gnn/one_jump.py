"""The graph of one jump: all that its barrier depends on, without what the other jumps of the vacancy need.

A label is the barrier of one jump. The graph of all jumps of a vacancy has some three times as many sites of round 1,
and each of its jumps has its own sites of round 2, so that one jump by itself costs a fraction of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.graph import Graph, JumpType, graph_of
from asemacro.barriers.gnn.orbits import as_sites
from asemacro.barriers.gnn.site_graph import SiteGraph, extended, row_of, rows_for, steps, tables_of
from asemacro.typing import Integers


@dataclass(frozen=True)
class OneJump:
    """Graphs of single jumps.

    Attributes:
        graphs: for each type of jump the graph of a vacancy with this jump alone.
        rows: for each kind of site and each of its jumps, which rows of the environment of the kind are the sites of
            the graph of the jump's type.
    """

    graphs: tuple[SiteGraph, ...]
    rows: tuple[tuple[Integers, ...], ...]


@lru_cache(maxsize=8)
def one_jump_of(network: JumpNetwork) -> OneJump:
    """The graphs of the jumps of a crystal (made once)."""
    graph = graph_of(network)
    graphs = tuple(_alone(graph, number, jump) for number, jump in enumerate(graph.types))
    rows = []
    for site in graph.sites:
        row = row_of(site.sites)
        targets = site.sites[1 : 1 + site.n_jumps]
        rows.append(
            tuple(
                rows_for(network, graphs[t].sites, target, site.origin, row)
                for t, target in zip(site.jump_type, targets, strict=True)
            )
        )
    return OneJump(graphs, tuple(rows))


def _alone(graph: Graph, number: int, jump: JumpType) -> SiteGraph:
    """The graph of a vacancy with one jump of a type, whose number is given: the sites of its template come first."""
    network, messages, pairs = graph.network, graph.messages, graph.pairs
    origin, template = network.firsts[jump.kind], as_sites(jump.template)
    near = steps(messages, set(template)) | steps(pairs, set(template[:2]))
    round1 = extended(network, origin, template, near)
    order = extended(network, origin, round1, steps(messages, set(round1)))
    bond = np.arange(len(template))
    return tables_of(
        messages,
        pairs,
        network,
        origin,
        np.array(order, dtype=np.int64),
        (len(template), len(round1)),
        np.array([number]),
        (bond,),
    )
