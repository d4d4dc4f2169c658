"""One member of the consistent form: barrier = S + (E_f - E_i) / 2, S symmetric under reversal, E a lattice energy."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from asemacro.barriers.gnn.direct import N_SHELLS, SHELL_SCALE, class_scale, shell_lists
from asemacro.barriers.gnn.graph import N_JUMPS, PAIR_D2, bcc_graph
from asemacro.barriers.gnn.layers import Coded, SumOver, array

N_BLOCKS = N_SHELLS + 1
PAIR_SCALE = 0.1  # pair energies are some 0.05 eV; weights of order one are learned faster


class ConsistentNet(nn.Module):
    """Symmetric part S and energy difference dE = E_f - E_i of the 8 jumps of a vacancy.

    Energy of a state, c_k the counts of species on the message shells of site k and its own one-hot species:

        E = sum over pairs of atoms P_shell(s_i, s_k) + sum_k w(s_k) . f(W_E c_k + b_E)

    over all sites, vacancies included (w(0) makes the vacancy's own function). Atoms see another vacancy only as a
    missing atom in the pair terms and as the species 0 in c_k; there is no vacancy-vacancy pair term.

    S of the jump of an atom of species s from j to v sees both sites filled alike, by half an atom in transit: the
    species 0 plus a code of s. Other vacancies are the species 0. Two rounds of messages as in `DirectNet`, on the
    sites of the bond, then a readout of the distance classes that is summed over both directions of the bond:

        S = w4 . (f(W3 r + b3) + f(W3 r' + b3)) / 2 + b4,   r' = r with the ends of the bond exchanged

    Args:
        code: (S + 1, D) code of the species.
        width: features per node of S.
        hidden: width of the readout of S.
        energy_width: features per site of E.
    """

    code: Tensor
    _bond: Tensor
    _near_v: Tensor
    _near_j: Tensor
    _reverse: Tensor
    _shell_scale: Tensor
    _class_scale: Tensor

    def __init__(self, code: NDArray[np.float64], width: int, hidden: int, energy_width: int) -> None:
        super().__init__()
        graph = bcc_graph()
        n_classes, n_bond, n_code = len(graph.classes), graph.bond.shape[1], code.shape[1]
        self.width, self.n_nodes, self.n_species = width, graph.n_nodes, len(code)
        self.register_buffer("code", torch.tensor(code, dtype=torch.float32))
        self.round1 = Coded(N_BLOCKS, n_code, width)
        self.transit = Coded(N_BLOCKS, n_code, width)
        self.round2 = nn.Linear(N_BLOCKS * width, width)
        self.readout = nn.Linear((n_classes + 2) * width, hidden)
        self.last = nn.Linear(hidden, 1)
        self.energy1 = Coded(N_BLOCKS, n_code, energy_width)
        self.energy2 = nn.Parameter(torch.zeros(n_code, energy_width))
        self.pair = nn.Parameter(torch.zeros(len(PAIR_D2), n_code, n_code))

        self.shells = SumOver(shell_lists(graph, graph.n_nodes), graph.n_round1)
        self.bond_shells = SumOver([x for shell in graph.bond_neighbours for x in shell], n_bond)
        cuts = graph.class_start
        self.classes = SumOver([2 + np.arange(cuts[q], cuts[q + 1]) for q in range(n_classes)], n_bond)
        at = graph.pair_start
        pairs = [row[at[q] : at[q + 1]] for row in graph.pair_sites for q in range(len(PAIR_D2))]
        self.pairs = SumOver(pairs, graph.n_round1)
        for name, value in (("bond", graph.bond), ("near_v", graph.near_v), ("near_j", graph.near_j)):
            self.register_buffer(f"_{name}", torch.as_tensor(value), persistent=False)
        self.register_buffer("_reverse", torch.tensor([1, 0, *(2 + graph.reverse_class)]), persistent=False)
        for name, scale in (("shell", SHELL_SCALE), ("class", class_scale(graph))):
            self.register_buffer(f"_{name}_scale", torch.tensor(scale, dtype=torch.float32), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, n_round1, 4 (S + 1)) counts -> (batch, 8) barriers S + dE / 2, eV, without the bound on S."""
        return self.symmetric(features) + 0.5 * self.energy_change(features)

    def symmetric(self, features: Tensor) -> Tensor:
        """(batch, 8) S in eV."""
        n, width, batch = self.n_nodes, self.width, features.shape[0]
        counts = features.transpose(0, 1).to(torch.float32)
        jumping = counts[1 : 1 + N_JUMPS, :, -self.n_species :]
        sites = self._bond.T  # (n_bond, 8)
        z1 = self.round1(counts, self.code)
        h1 = F.hardswish(z1)
        table, transit = self.round1.table(self.code), self.transit.table(self.code)
        at_v = self._spread(jumping, transit, self._near_v)
        at_j = self._spread(jumping, transit + table[:, :1] - table, self._near_j)
        h1_bond = F.hardswish(z1[sites] + at_v + at_j)  # (n_bond, 8, batch, width)
        change = (h1_bond - h1[sites]).flatten(1, 2)
        sums = self.shells(h1).view(N_SHELLS, n, batch, width)[:, sites].flatten(2, 3)
        sums = sums + self.bond_shells(change).view(N_SHELLS, -1, *change.shape[1:])
        h1_bond = h1_bond.flatten(1, 2)
        weight = self.round2.weight.view(width, N_BLOCKS, width) * self._shell_scale[:, None]
        z = F.linear(h1_bond, weight[:, 0], self.round2.bias)
        for s in range(N_SHELLS):
            z = z + F.linear(sums[s], weight[:, s + 1])
        h2 = h1_bond + F.hardswish(z)
        read = torch.cat([h2[:2], self.classes(h2)]).transpose(0, 1) * self._class_scale[:, None]
        forward = F.hardswish(self.readout(read.flatten(1)))
        backward = F.hardswish(self.readout(read[:, self._reverse].flatten(1)))
        return self.last(0.5 * (forward + backward)).view(N_JUMPS, batch).T

    def energy_change(self, features: Tensor) -> Tensor:
        """(batch, 8) E_f - E_i in eV."""
        counts = features.transpose(0, 1).to(torch.float32)
        own = counts[:, :, -self.n_species :]
        jumping = own[1 : 1 + N_JUMPS]
        sites = self._bond.T
        z = self.energy1(counts[: self.n_nodes], self.code)
        out = self.code @ self.energy2
        weight = own[: self.n_nodes] @ out
        before = (F.hardswish(z) * weight).sum(dim=-1)[sites].sum(dim=0)
        table = self.energy1.table(self.code)
        table = table - table[:, :1]
        step = self._spread(jumping, table, self._near_v) - self._spread(jumping, table, self._near_j)
        after_weight = weight[sites]
        after_weight = torch.cat([(jumping @ out)[None], out[0].expand_as(jumping @ out)[None], after_weight[2:]])
        after = (F.hardswish(z[sites] + step) * after_weight).sum(dim=-1).sum(dim=0)
        return (after - before + self._pair_change(own, jumping)).T

    def pair_table(self) -> Tensor:
        """(n_shells, S + 1, S + 1) symmetric pair energies, eV; those of the vacancy are 0."""
        table = PAIR_SCALE * (self.code @ (self.pair + self.pair.transpose(1, 2)) @ self.code.T)
        atoms = torch.ones(self.n_species, dtype=table.dtype)
        atoms[0] = 0.0
        return table * atoms * atoms[:, None]

    def _pair_change(self, own: Tensor, jumping: Tensor) -> Tensor:
        """(8, batch) change of the pair energy: the atom loses its bonds at j and gains those at v, save its own."""
        around = self.pairs(own).view(1 + N_JUMPS, len(PAIR_D2), *own.shape[1:])
        gained = around[:1] - around[1:]  # (8, n_shells, batch, S + 1)
        table = torch.einsum("jbs,qst->jqbt", jumping, self.pair_table())
        return (gained * table).sum(dim=(1, 3)) - (jumping * table[:, 0]).sum(dim=-1)

    def flat_weights(self) -> NDArray[np.float64]:
        """The weights of S in the order that `gnn_consistent_kernel` reads, scales folded in."""
        table, transit = self.round1.table(self.code), self.transit.table(self.code)
        w2 = array(self.round2.weight).T * np.repeat(SHELL_SCALE, self.width)[:, None]
        w3 = array(self.readout.weight).T * np.repeat(class_scale(bcc_graph()), self.width)[:, None]
        parts = [array(table), array(transit), array(transit + table[:, :1] - table), array(self.round1.bias)]
        parts += [w2, array(self.round2.bias), w3, array(self.readout.bias)]
        parts += [array(self.last.weight), array(self.last.bias)]
        return np.concatenate([p.ravel() for p in parts])

    def energy_weights(self) -> tuple[NDArray[np.float64], ...]:
        """Of E: (4 (S + 1), width) and (width,) of the sites, (S + 1, width) output, (n_shells, S + 1, S + 1) pairs."""
        table = array(self.energy1.table(self.code)).reshape(-1, self.energy2.shape[1])
        pair = array(self.pair_table())
        pair = 0.5 * (
            pair + pair.transpose(0, 2, 1)
        )  # symmetric to the last bit, or E would not be a function of state
        return table, array(self.energy1.bias), array(self.code @ self.energy2), pair

    def _spread(self, jumping: Tensor, table: Tensor, near: Tensor) -> Tensor:
        """(n_bond, 8, batch, width): row of `table` for the jumping species, in the block by which each site is near.

        Blocks of `table`: the message shells, then the site itself. `near`: 0 itself, 1..3 shells, -1 not near.
        """
        rows = torch.einsum("jbs,qsc->qjbc", jumping, table)
        rows = torch.cat([rows[-1:], rows[:-1], torch.zeros_like(rows[:1])])
        return rows[near]
