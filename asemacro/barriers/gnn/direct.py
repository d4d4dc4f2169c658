"""One member of the direct form: barriers from shared node features, two rounds of message passing."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from asemacro.barriers.gnn.graph import MESSAGE_D2, N_JUMPS, BccGraph, bcc_graph, bcc_shell
from asemacro.barriers.gnn.layers import Coded, SumOver, array

N_SHELLS = len(MESSAGE_D2)
SHELL_SCALE = np.array([1.0, *(len(bcc_shell(d2)) ** -0.5 for d2 in MESSAGE_D2)])
"""Factor of a node's own features and of the sum over each shell, so that all enter with like size."""


def shell_lists(graph: BccGraph, n_targets: int) -> list[NDArray[np.int64]]:
    """The neighbours of the first `n_targets` nodes in each message shell, shell by shell."""
    cuts = graph.shell_start
    return [graph.neighbours[i, cuts[s] : cuts[s + 1]] for s in range(N_SHELLS) for i in range(n_targets)]


def class_scale(graph: BccGraph) -> NDArray[np.float64]:
    """Factor of v, j and the sum over each readout class."""
    return np.concatenate([[1.0, 1.0], np.diff(graph.class_start) ** -0.5])


class DirectNet(nn.Module):
    """Barriers of the 8 jumps of a vacancy.

    With c_k the counts of species on the message shells of node k and its own one-hot species (the vacancy is a
    species), all nodes shared by the 8 jumps:

        h1_k = f(W1 c_k + b1)
        h2_k = h1_k + f(W2 [h1_k, sum over shell 1 of h1, shell 2, shell 3] + b2)
        barrier_j = w4 . f(W3 [h2_v, h2_j, sum of h2 over each class (d(k, v), d(k, j))] + b3) + b4

    f is hardswish. Sums are scaled by 1/sqrt(number of terms).

    Args:
        code: (S + 1, D) code of the species.
        width: features per node.
        hidden: width of the readout.
    """

    code: Tensor
    _shell_scale: Tensor
    _class_scale: Tensor

    def __init__(self, code: NDArray[np.float64], width: int, hidden: int) -> None:
        super().__init__()
        graph = bcc_graph()
        n_classes = len(graph.classes)
        self.n_nodes, self.width = graph.n_nodes, width
        self.register_buffer("code", torch.tensor(code, dtype=torch.float32))
        self.round1 = Coded(N_SHELLS + 1, code.shape[1], width)
        self.round2 = nn.Linear((N_SHELLS + 1) * width, width)
        self.readout = nn.Linear((n_classes + 2) * width, hidden)
        self.last = nn.Linear(hidden, 1)
        self.shells = SumOver(shell_lists(graph, graph.n_nodes), graph.n_round1)
        cuts = graph.class_start
        jumps = [row[2:][cuts[q] : cuts[q + 1]] for row in graph.bond for q in range(n_classes)]
        self.classes = SumOver(jumps, graph.n_nodes)
        self.register_buffer("_shell_scale", torch.tensor(SHELL_SCALE, dtype=torch.float32), persistent=False)
        self.register_buffer("_class_scale", torch.tensor(class_scale(graph), dtype=torch.float32), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, n_round1, 4 (S + 1)) counts -> (batch, 8) barriers, eV."""
        n, width = self.n_nodes, self.width
        batch = features.shape[0]
        h1 = F.hardswish(self.round1(features.transpose(0, 1).to(torch.float32), self.code))
        sums = self.shells(h1).view(N_SHELLS, n, batch, width)
        weight = self.round2.weight.view(width, N_SHELLS + 1, width) * self._shell_scale[:, None]
        z = F.linear(h1[:n], weight[:, 0], self.round2.bias)
        for s in range(N_SHELLS):  # summing products is cheaper than concatenating
            z = z + F.linear(sums[s], weight[:, s + 1])
        h2 = h1[:n] + F.hardswish(z)
        by_class = self.classes(h2).view(N_JUMPS, -1, batch, width).transpose(1, 2)
        at_v = h2[:1].expand(N_JUMPS, batch, width)
        read = torch.cat([at_v.unsqueeze(2), h2[1 : 1 + N_JUMPS].unsqueeze(2), by_class], dim=2)
        read = read * self._class_scale[:, None]
        return self.last(F.hardswish(self.readout(read.flatten(2))))[..., 0].T

    def flat_weights(self) -> NDArray[np.float64]:
        """The weights in the order that `gnn_kernel` reads, scales folded in."""
        w2 = array(self.round2.weight).T * np.repeat(SHELL_SCALE, self.width)[:, None]
        w3 = array(self.readout.weight).T * np.repeat(class_scale(bcc_graph()), self.width)[:, None]
        parts = [array(self.round1.table(self.code)), array(self.round1.bias), w2, array(self.round2.bias)]
        parts += [w3, array(self.readout.bias), array(self.last.weight), array(self.last.bias)]
        return np.concatenate([p.ravel() for p in parts])
