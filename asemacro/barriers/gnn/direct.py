"""One member of the direct form: barriers from shared node features, two rounds of message passing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from asemacro.barriers.blocks import SIXTEEN
from asemacro.barriers.gnn.counts import of_counts
from asemacro.barriers.gnn.graph import Graph
from asemacro.barriers.gnn.inputs import Inputs
from asemacro.barriers.gnn.layers import ByGraph, Coded, SumOver, array
from asemacro.barriers.gnn.one_jump import one_jump_of
from asemacro.barriers.gnn.site_graph import SiteGraph
from asemacro.barriers.vectors import with_padded_columns
from asemacro.typing import Integers


def block_scale(graph: Graph) -> NDArray[np.float64]:
    """Factor of a node's own features and of the sum over each message class, so that all enter with like size."""
    return np.concatenate([[1.0], graph.messages.sizes**-0.5])


def n_blocks(graph: Graph) -> int:
    """Kinds of counts at a node: its neighbours class by class, then its own species, for each kind of site."""
    return graph.n_messages + graph.n_kinds


def message_lists(graph: Graph, site: SiteGraph, n_targets: int) -> list[NDArray[np.int64]]:
    """The neighbours of the first `n_targets` nodes in each message class, class by class."""
    n, start = graph.n_messages, site.link_start
    return [site.links[start[i * n + q] : start[i * n + q + 1]] for q in range(n) for i in range(n_targets)]


def class_scale(graph: Graph) -> NDArray[np.float64]:
    """Factor of v, j and the sum over each readout class, for each type of jump after the other."""
    return np.concatenate([s for t in graph.types for s in ([1.0, 1.0], np.diff(t.class_start) ** -0.5)])


class SiteSums(nn.Module):
    """The sums on one graph that both forms have, and its jumps type by type."""

    def __init__(self, graph: Graph, site: SiteGraph) -> None:
        super().__init__()
        self.n_nodes, self.n_round1, self.n_jumps = site.n_nodes, site.n_round1, site.n_jumps
        self.messages = SumOver(message_lists(graph, site, site.n_nodes), site.n_round1)
        self.types = [int(t) for t in np.unique(site.jump_type)]
        self.jumps = [np.flatnonzero(site.jump_type == t) for t in self.types]
        self.order = np.argsort(np.concatenate(self.jumps))


class _DirectSums(SiteSums):
    """With those of the readout."""

    def __init__(self, graph: Graph, site: SiteGraph) -> None:
        super().__init__(graph, site)
        self.classes = nn.ModuleList()
        for t, jumps in zip(self.types, self.jumps, strict=True):
            cuts = graph.types[t].class_start
            lists = [site.bonds[j][2:][a:b] for j in jumps for a, b in itertools.pairwise(cuts)]
            self.classes.append(SumOver(lists, site.n_nodes))


class DirectNet(ByGraph):
    """Barriers of the jumps of a vacancy.

    With c_k the counts of species on the message neighbours of node k, class by class, and its own one-hot species
    (the vacancy is a species) as one of its kind of site, all nodes shared by the jumps:

        h1_k = f(W1 c_k + b1)
        h2_k = h1_k + f(W2 [h1_k, sum over each message class of h1] + b2)
        barrier_j = w4 . f(W3_t [h2_v, h2_j, sum of h2 over each class of sites around the jump] + b3) + b4

    f is hardswish, t the type of jump. Sums are scaled by 1/sqrt(number of terms).

    Args:
        code: (S + 1, D) code of the species.
        width: features per node.
        hidden: width of the readout.
        graph: of the crystal.
    """

    code: Tensor
    _block_scale: Tensor
    _class_scale: Tensor

    def __init__(self, code: NDArray[np.float64], width: int, hidden: int, graph: Graph) -> None:
        super().__init__()
        self.width, self.n_messages = width, graph.n_messages
        self.register_buffer("code", torch.tensor(code, dtype=torch.float32))
        self.round1 = Coded(n_blocks(graph), code.shape[1], width)
        self.round2 = nn.Linear((graph.n_messages + 1) * width, width)
        self.readout = nn.Linear(int(graph.read_start[-1]) * width, hidden)
        self.last = nn.Linear(hidden, 1)
        self.sums = nn.ModuleList(_DirectSums(graph, site) for site in graph.sites)
        self.sums_alone = nn.ModuleList(_DirectSums(graph, site) for site in one_jump_of(graph.network).graphs)
        self._read_start, self._graph = graph.read_start, graph
        self.register_buffer("_block_scale", torch.tensor(block_scale(graph), dtype=torch.float32), persistent=False)
        self.register_buffer("_class_scale", torch.tensor(class_scale(graph), dtype=torch.float32), persistent=False)

    def forward(self, inputs: Inputs) -> Tensor:
        """(m, Z) barriers of vacancies in eV, (m, 1) of single jumps."""
        return self.by_graph(self._barriers, inputs)

    def _barriers(self, features: Tensor, sums: _DirectSums) -> Tensor:
        width, batch = self.width, features.shape[0]
        n = sums.n_nodes
        h1 = F.hardswish(self.round1(features.transpose(0, 1).to(self.code.dtype), self.code))
        around = sums.messages(h1).view(self.n_messages, n, batch, width)
        h2 = h1[:n] + F.hardswish(second_round(self.round2, self._block_scale, h1[:n], around))
        out = []
        for t, jumps, classes in zip(sums.types, sums.jumps, sums.classes, strict=True):
            by_class = classes(h2).view(len(jumps), -1, batch, width).transpose(1, 2)
            at_v = h2[:1].expand(len(jumps), batch, width)
            read = torch.cat([at_v.unsqueeze(2), h2[1 + jumps].unsqueeze(2), by_class], dim=2)
            start, end = self._read_start[t], self._read_start[t + 1]
            read = read * self._class_scale[start:end, None]
            weight = self.readout.weight[:, start * width : end * width]
            out.append(self.last(F.hardswish(F.linear(read.flatten(2), weight, self.readout.bias)))[..., 0])
        return torch.cat(out)[sums.order].T

    def flat_weights(self, species: Integers) -> NDArray[np.float64]:
        """The weights in the order that `gnn_direct` reads, scales folded in.

        Args:
            species: that occur, the vacancy first.
        """
        table = array(self.round1.table(self.code))[:, species]
        parts = [of_counts(self._graph, table), array(self.round1.bias)]
        return flat_and_padded(*parts, *second_and_readout_weights(self, lambda w3: w3))


def second_round(layer: nn.Linear, scale: Tensor, own: Tensor, around: Tensor) -> Tensor:
    """W2 [own, sum over each message class] + b2, of nodes (n, ..., width) and sums (n_messages, n, ..., width)."""
    width = layer.weight.shape[0]
    weight = layer.weight.view(width, len(scale), width) * scale[:, None]
    z = F.linear(own, weight[:, 0], layer.bias)
    for q, sums in enumerate(around):  # summing products is cheaper than concatenating
        z = z + F.linear(sums, weight[:, q + 1])
    return z


def second_and_readout_weights(
    net: Any, arranged: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Of both forms: W2, b2, W3 of each type, b3, w4, b4, scales folded in.

    Args:
        net: the network.
        arranged: what the kernel reads of W3 (inputs, width, hidden).
    """
    width = net.width
    w2 = _padded_rows(array(net.round2.weight).T.reshape(-1, width, width) * array(net._block_scale)[:, None, None])
    # sixteen features of a node and of the sums around it, then the next sixteen
    w2 = w2.reshape(len(w2), -1, SIXTEEN, width).swapaxes(0, 1)
    w3 = array(net.readout.weight).T.reshape(-1, width, net.readout.out_features)
    w3 = w3 * array(net._class_scale)[:, None, None]
    return [w2, array(net.round2.bias), _padded_rows(arranged(w3)), array(net.readout.bias),
            array(net.last.weight), array(net.last.bias)]  # fmt: skip


def _padded_rows(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (n, width, columns) of blocks of features, with rows of zeros for those that the kernels add."""
    return np.swapaxes(with_padded_columns(np.swapaxes(blocks, 1, 2)), 1, 2)


def flat_and_padded(*parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Arrays one after another, their columns padded with zeros as the kernels read them."""
    return np.concatenate([with_padded_columns(part).ravel() for part in parts])
