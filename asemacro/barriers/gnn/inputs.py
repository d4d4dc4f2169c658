"""What graph networks evaluate: vacancies with all their jumps, or single jumps where few barriers are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.graph import Graph, graph_of
from asemacro.barriers.gnn.one_jump import one_jump_of
from asemacro.barriers.gnn.site_graph import SiteGraph
from asemacro.typing import Integers


@dataclass(frozen=True)
class Inputs:
    """Surroundings on the graphs of vacancies (all jumps of each) or of single jumps, m of them.

    They hold no parameter, so they are made once for a data set.

    Attributes:
        features: (m, n_round1, n_blocks (S + 1)) uint8: species on the message neighbours of each node, then its own
            one-hot.
        graph: (m,) kind of each site, or type of each jump; None if there is but one.
        row: (m,) which vacancy each is.
        jump: (m,) which of its jumps; None: all of them.
    """

    features: Tensor
    graph: Tensor | None
    row: Tensor
    jump: Tensor | None

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: Tensor) -> Inputs:
        """Some of them."""
        graph, jump = (None if x is None else x[rows] for x in (self.graph, self.jump))
        return Inputs(self.features[rows], graph, self.row[rows], jump)

    def of_rows(self, n: int) -> tuple[Tensor, ...]:
        """Which inputs belong to each of n vacancies."""
        return torch.arange(len(self)).split(torch.bincount(self.row, minlength=n).tolist())

    def asked(self, values: Tensor) -> Tensor:
        """Of values (n, Z) of all jumps those that networks give for these inputs, (m, Z) or (m, 1)."""
        return values[self.row] if self.jump is None else values[self.row, self.jump][:, None]

    def laid_back(self, found: NDArray[np.float64], n: int, n_jumps: int) -> NDArray[np.float64]:
        """(..., n, Z) of what networks gave, (..., m, Z) or (..., m, 1); nan for jumps that are not among them."""
        if self.jump is None:
            return found
        out = np.full((*found.shape[:-2], n, n_jumps), np.nan)
        out[..., self.row.numpy(), self.jump.numpy()] = found[..., 0]
        return out


def inputs_of(
    network: JumpNetwork,
    n_species: int,
    env: NDArray[np.int8],
    kind: Integers | None,
    only: NDArray[np.bool_] | None = None,
) -> Inputs:
    """Surroundings as networks take them.

    Args:
        network: the crystal and its jumps.
        n_species: S + 1.
        env: (n, n_env) species on the sites of the graph.
        kind: (n,) kinds of the sites; None if there is but one.
        only: (n, Z) the jumps that are evaluated, one by one; default all of each vacancy together.
    """
    graph = graph_of(network)
    if only is None:
        features = _features(graph, graph.sites, n_species, env, kind)
        return Inputs(features, None if kind is None else torch.as_tensor(kind), torch.arange(len(env)), None)
    one = one_jump_of(network)
    row, jump = np.nonzero(only & (env[:, 1 : 1 + graph.n_jumps] != 0))
    of = np.zeros(len(row), dtype=np.int64) if kind is None else kind[row]
    own = np.zeros((len(row), max(site.n_env for site in one.graphs)), dtype=np.int8)
    number = np.zeros(len(row), dtype=np.int64)
    for k, site in enumerate(graph.sites):
        for j, (t, rows) in enumerate(zip(site.jump_type, one.rows[k], strict=True)):
            here = np.flatnonzero((of == k) & (jump == j))
            own[here[:, None], np.arange(len(rows))] = env[row[here, None], rows]
            number[here] = t
    several = None if len(one.graphs) == 1 else number
    features = _features(graph, one.graphs, n_species, own, several)
    return Inputs(
        features, None if several is None else torch.as_tensor(several), torch.as_tensor(row), torch.as_tensor(jump)
    )


def better_one_by_one(network: JumpNetwork, kind: Integers | None, only: NDArray[np.bool_]) -> bool:
    """Whether single jumps cost less than all jumps of their vacancies, counted in nodes; arguments as above."""
    graph, one = graph_of(network), one_jump_of(network)
    whole, single = 0, 0
    for k, site in enumerate(graph.sites):
        rows = only if kind is None else only[kind == k]
        whole += len(rows) * _nodes(site)
        single += int(rows[:, : site.n_jumps].sum(axis=0) @ [_nodes(one.graphs[t]) for t in site.jump_type])
    return single < whole


def _nodes(site: SiteGraph) -> int:
    """Nodes of round 1, and of round 2 around each jump."""
    return site.n_round1 + sum(map(len, site.bonds))


def _features(
    graph: Graph, sites: tuple[SiteGraph, ...], n_species: int, env: NDArray[np.int8], of: Integers | None
) -> Tensor:
    """The features of surroundings on some graphs; `of`: (n,) which graph each is on, None for the first."""
    n_nodes, n_blocks = max(site.n_round1 for site in sites), graph.n_messages + graph.n_kinds
    out = np.zeros((len(env), n_nodes, n_blocks, n_species), dtype=np.uint8)
    for k, site in enumerate(sites if of is not None else sites[:1]):
        rows = slice(None) if of is None else np.flatnonzero(of == k)
        counts = np.zeros((len(env[rows]), site.n_round1, n_blocks, n_species), dtype=np.uint8)
        start = site.link_start[:-1].reshape(-1, graph.n_messages)
        sizes = np.diff(site.link_start).reshape(-1, graph.n_messages)
        for s in range(n_species):
            here = (env[rows] == s).astype(np.uint8)
            for q, size in enumerate(sizes.max(axis=0)):  # a site has all neighbours of a class or none
                nodes = slice(None) if sizes[:, q].all() else np.flatnonzero(sizes[:, q])
                for i in range(size):
                    counts[:, nodes, q, s] += here[:, site.links[start[nodes, q] + i]]
            counts[:, np.arange(site.n_round1), graph.n_messages + site.node_kind, s] = here[:, : site.n_round1]
        out[rows, : site.n_round1] = counts
    return torch.from_numpy(out.reshape(len(env), n_nodes, n_blocks * n_species))
