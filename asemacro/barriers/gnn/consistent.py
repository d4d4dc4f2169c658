"""One member of the consistent form: barrier = S + (E_f - E_i) / 2, S symmetric under reversal, E a lattice energy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from asemacro.barriers.gnn.counts import of_counts
from asemacro.barriers.gnn.direct import (
    SiteSums,
    block_scale,
    class_scale,
    flat_and_padded,
    n_blocks,
    second_and_readout_weights,
    second_round,
)
from asemacro.barriers.gnn.energy_weights import EnergyWeights
from asemacro.barriers.gnn.graph import Graph, JumpType
from asemacro.barriers.gnn.inputs import Inputs
from asemacro.barriers.gnn.layers import ByGraph, Coded, SumOver, array
from asemacro.barriers.gnn.one_jump import one_jump_of
from asemacro.barriers.gnn.site_graph import SiteGraph
from asemacro.barriers.gnn.turned import turned_weights
from asemacro.barriers.vectors import with_padded_columns
from asemacro.typing import Integers

PAIR_SCALE = 0.1  # pair energies are some 0.05 eV; weights of order one are learned faster


class _ConsistentSums(SiteSums):
    """With those of the pair energies."""

    def __init__(self, graph: Graph, site: SiteGraph) -> None:
        super().__init__(graph, site)
        self.bonds = [np.array([site.bonds[j] for j in jumps]).T for jumps in self.jumps]  # (n_bond, jumps)
        start = site.pair_start
        pairs = [site.pairs[a:b] for a, b in itertools.pairwise(start)]
        self.pairs = SumOver(pairs, site.n_round1)
        # of the target itself among the pair neighbours of the vacancy: the atom that jumps is not its own neighbour
        self.own_pair = site.own_pair


class _TypeSums(nn.Module):
    """The sums around one type of jump."""

    def __init__(self, graph: Graph, jump: JumpType) -> None:
        super().__init__()
        n_bond, cuts = len(jump.template), jump.class_start
        self.messages = SumOver([x for links in jump.links for x in links], n_bond)
        self.classes = SumOver([2 + np.arange(cuts[q], cuts[q + 1]) for q in range(jump.n_classes)], n_bond)
        self.near_v, self.near_j = torch.as_tensor(jump.near_v), torch.as_tensor(jump.near_j)
        self.reverse = jump.reverse
        # place of each input of the jump back among those of the jump itself
        self.turned = torch.as_tensor(np.argsort([1, 0, *(2 + jump.reverse_class)]))


class ConsistentNet(ByGraph):
    """Symmetric part S and energy difference dE = E_f - E_i of the jumps of a vacancy.

    Energy of a state, c_k the counts of species on the message neighbours of site k, class by class, and its own
    one-hot species as one of its kind of site:

        E = sum over pairs of atoms P_class(s_i, s_k) + sum_k w(s_k) . f(W_E c_k + b_E)

    over all sites, vacancies included (w(0) makes the vacancy's own function). Atoms see another vacancy only as a
    missing atom in the pair terms and as the species 0 in c_k; there is no vacancy-vacancy pair term.

    S of the jump of an atom of species s from j to v sees both sites filled alike, by half an atom in transit: the
    species 0 plus a code of s. Other vacancies are the species 0. Two rounds of messages as in `DirectNet`, on the
    sites of the bond, then a readout of the classes of its type of jump that is summed over both directions:

        S = w4 . (f(W3_t r + b3) + f(W3_t' r' + b3)) / 2 + b4,   t' and r' = type and sums of the jump back

    Args:
        code: (S + 1, D) code of the species.
        width: features per node of S.
        hidden: width of the readout of S.
        energy_width: features per site of E.
        graph: of the crystal.
    """

    code: Tensor
    around: Any
    _block_scale: Tensor
    _class_scale: Tensor
    _pair_reverse: Tensor

    def __init__(self, code: NDArray[np.float64], width: int, hidden: int, energy_width: int, graph: Graph) -> None:
        super().__init__()
        n_code, blocks = code.shape[1], n_blocks(graph)
        self.width, self.n_species, self.n_messages, self.n_pairs = (
            width,
            len(code),
            graph.n_messages,
            graph.pairs.number,
        )
        self.register_buffer("code", torch.tensor(code, dtype=torch.float32))
        self.round1 = Coded(blocks, n_code, width)
        self.transit = Coded(blocks, n_code, width)
        self.round2 = nn.Linear((graph.n_messages + 1) * width, width)
        self.readout = nn.Linear(int(graph.read_start[-1]) * width, hidden)
        self.last = nn.Linear(hidden, 1)
        self.energy1 = Coded(blocks, n_code, energy_width)
        self.energy2 = nn.Parameter(torch.zeros(n_code, energy_width))
        self.pair = nn.Parameter(torch.zeros(graph.pairs.number, n_code, n_code))

        self.sums = nn.ModuleList(_ConsistentSums(graph, site) for site in graph.sites)
        self.sums_alone = nn.ModuleList(_ConsistentSums(graph, site) for site in one_jump_of(graph.network).graphs)
        self.around = nn.ModuleList(_TypeSums(graph, jump) for jump in graph.types)
        self._read_start, self._graph = graph.read_start, graph
        self.register_buffer("_pair_reverse", torch.as_tensor(graph.pairs.reverse), persistent=False)
        for name, scale in (("block", block_scale(graph)), ("class", class_scale(graph))):
            self.register_buffer(f"_{name}_scale", torch.tensor(scale, dtype=torch.float32), persistent=False)

    def forward(self, inputs: Inputs) -> Tensor:
        """(m, Z) barriers S + dE / 2 of vacancies in eV, without the bound on S; (m, 1) of single jumps."""
        return self.symmetric(inputs) + 0.5 * self.energy_change(inputs)

    def symmetric(self, inputs: Inputs) -> Tensor:
        """(m, Z) or (m, 1) S in eV."""
        return self.by_graph(self._symmetric, inputs)

    def energy_change(self, inputs: Inputs) -> Tensor:
        """(m, Z) or (m, 1) E_f - E_i in eV."""
        return self.by_graph(self._energy_change, inputs)

    def _symmetric(self, features: Tensor, sums: _ConsistentSums) -> Tensor:
        width, batch = self.width, features.shape[0]
        counts = features.transpose(0, 1).to(self.code.dtype)
        own = self._own(counts[: 1 + sums.n_jumps])
        z1 = self.round1(counts, self.code)
        h1 = F.hardswish(z1)
        around = sums.messages(h1).view(self.n_messages, sums.n_nodes, batch, width)
        table, transit = self.round1.table(self.code), self.transit.table(self.code)
        out = []
        for t, jumps, sites in zip(sums.types, sums.jumps, sums.bonds, strict=True):
            near, jumping = self.around[t], own[1 + jumps]
            at_v = self._spread(jumping, transit, near.near_v)
            at_j = self._spread(jumping, transit + table[:, :1] - table, near.near_j)
            h1_bond = F.hardswish(z1[sites] + at_v + at_j)  # (n_bond, jumps, batch, width)
            change = (h1_bond - h1[sites]).flatten(1, 2)
            of_bond = around[:, sites].flatten(2, 3)
            of_bond = of_bond + near.messages(change).view(self.n_messages, -1, *change.shape[1:])
            h1_bond = h1_bond.flatten(1, 2)
            h2 = h1_bond + F.hardswish(second_round(self.round2, self._block_scale, h1_bond, of_bond))
            read = torch.cat([h2[:2], near.classes(h2)]).transpose(0, 1)
            there = self._read(read, t) + self._read(read[:, near.turned], near.reverse)
            out.append(self.last(0.5 * there).view(len(jumps), batch))
        return torch.cat(out)[sums.order].T

    def _read(self, read: Tensor, t: int) -> Tensor:
        """(n, hidden) f(W3_t r + b3) of sums (n, 2 + n_classes, width)."""
        start, end = self._read_start[t], self._read_start[t + 1]
        weight = self.readout.weight[:, start * self.width : end * self.width]
        scaled = (read * self._class_scale[start:end, None]).flatten(1)
        return F.hardswish(F.linear(scaled, weight, self.readout.bias))

    def _energy_change(self, features: Tensor, sums: _ConsistentSums) -> Tensor:
        counts = features.transpose(0, 1).to(self.code.dtype)
        own = self._own(counts)
        z = self.energy1(counts[: sums.n_nodes], self.code)
        out = self.code @ self.energy2
        weight = own[: sums.n_nodes] @ out
        before = (F.hardswish(z) * weight).sum(dim=-1)
        table = self.energy1.table(self.code)
        table = table - table[:, :1]
        found = []
        for t, jumps, sites in zip(sums.types, sums.jumps, sums.bonds, strict=True):
            near, jumping = self.around[t], own[1 + jumps]
            step = self._spread(jumping, table, near.near_v) - self._spread(jumping, table, near.near_j)
            after_weight = weight[sites]
            after_weight = torch.cat([(jumping @ out)[None], out[0].expand_as(jumping @ out)[None], after_weight[2:]])
            after = (F.hardswish(z[sites] + step) * after_weight).sum(dim=-1).sum(dim=0)
            found.append(after - before[sites].sum(dim=0))
        return (torch.cat(found)[sums.order] + self._pair_change(own, sums)).T

    def _own(self, counts: Tensor) -> Tensor:
        """(..., S + 1) one-hot species of nodes from their counts."""
        return counts[..., self.n_messages * self.n_species :].unflatten(-1, (-1, self.n_species)).sum(dim=-2)

    def pair_table(self) -> Tensor:
        """(n_pairs, S + 1, S + 1) energies of the ordered pairs of a class, eV; those of the vacancy are 0."""
        both = self.pair + self.pair[self._pair_reverse].transpose(1, 2)
        table = PAIR_SCALE * (self.code @ both @ self.code.T)
        atoms = torch.ones(self.n_species, dtype=table.dtype)
        atoms[0] = 0.0
        return table * atoms * atoms[:, None]

    def _pair_change(self, own: Tensor, sums: _ConsistentSums) -> Tensor:
        """(Z, batch) change of the pair energy: the atom loses its bonds at j and gains those at v, save its own."""
        jumping = own[1 : 1 + sums.n_jumps]
        around = sums.pairs(own).view(1 + sums.n_jumps, self.n_pairs, *own.shape[1:])
        gained = around[:1] - around[1:]  # (Z, n_pairs, batch, S + 1)
        all_pairs = self.pair_table()
        table = torch.einsum("jbs,qst->jqbt", jumping, all_pairs)
        itself = torch.einsum("jbs,jst,jbt->jb", jumping, all_pairs[sums.own_pair], jumping)
        return (gained * table).sum(dim=(1, 3)) - itself

    def flat_weights(self, species: Integers) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
        """The weights of S that `gnn_consistent` reads, scales folded in, padded; zeros where it adds nothing.

        Args:
            species: that occur, the vacancy first.

        Returns:
            Those of the first round, which the kernel has side by side with those of other members (see
            `side_by_side`), and all others one after another.
        """
        table, transit = (array(layer.table(self.code))[:, species] for layer in (self.round1, self.transit))
        at_j = transit + table[:, :1] - table
        first = [of_counts(self._graph, table), transit, at_j, np.zeros(self.width), array(self.round1.bias)]
        more = second_and_readout_weights(self, lambda w3: turned_weights(self._graph, w3))
        return list(map(with_padded_columns, first)), flat_and_padded(*more, np.zeros(self.readout.out_features))

    def energy_weights(self) -> EnergyWeights:
        """The weights of E."""
        pair = array(self.pair_table())
        # symmetric to the last bit, or E would not be a function of state
        pair = 0.5 * (pair + pair[array(self._pair_reverse).astype(int)].transpose(0, 2, 1))
        table, last = array(self.energy1.table(self.code)), array(self.code @ self.energy2)
        return EnergyWeights(table, array(self.energy1.bias), last, pair)

    def _spread(self, jumping: Tensor, table: Tensor, near: Tensor) -> Tensor:
        """(n_bond, jumps, batch, width): row of `table` for the jumping species, in the block by which a site is near.

        `near`: the block of each site, -1 not near.
        """
        rows = torch.einsum("jbs,qsc->qjbc", jumping, table)
        return torch.cat([rows, torch.zeros_like(rows[:1])])[near]


def side_by_side(members: Sequence[tuple[list[NDArray[np.float64]], NDArray[np.float64]]]) -> NDArray[np.float64]:
    """The `flat_weights` of all members as the kernel reads them."""
    first = [np.concatenate(parts, axis=-1).ravel() for parts in zip(*(m[0] for m in members), strict=True)]
    return np.concatenate([*first, *(m[1] for m in members)])
