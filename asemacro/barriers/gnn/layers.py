"""Message passing on the fixed graph around a vacancy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from asemacro.barriers.gnn.inputs import Inputs

# A block of this many vacancies stays in the cache of one core; four times faster than the whole batch at once.
_BLOCK = 16


class _Aggregate(torch.autograd.Function):
    """y = A x for a constant sparse A; the gradient uses the transpose made beforehand."""

    @staticmethod
    def forward(ctx: Any, adjacency: Tensor, transposed: Tensor, x: Tensor) -> Tensor:
        ctx.transposed = transposed
        return _blocks(adjacency, x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor]:  # type: ignore[override]
        return None, None, _blocks(ctx.transposed, gradient)


def _blocks(adjacency: Tensor, x: Tensor) -> Tensor:
    n, batch, width = x.shape
    out = x.new_empty(adjacency.shape[0], batch, width)
    for start in range(0, batch, _BLOCK):
        part = x[:, start : start + _BLOCK]
        out[:, start : start + _BLOCK] = (adjacency @ part.reshape(n, -1)).reshape(-1, part.shape[1], width)
    return out


class SumOver(MessagePassing):
    """Sum the features of the source nodes of each target: x (n_sources, batch, C) -> (n_targets, batch, C).

    The graph is the same for every vacancy, so it is a constant of the layer and not part of the batch.

    Args:
        lists: for each target, the sources that are summed.
        n_sources: number of source nodes.
    """

    adjacency: Tensor
    transposed: Tensor

    def __init__(self, lists: list[NDArray[np.int64]], n_sources: int) -> None:
        super().__init__(aggr="sum", node_dim=0)
        target = np.repeat(np.arange(len(lists)), [len(x) for x in lists])
        source = np.concatenate(lists)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its CSR tensors a beta feature
            matrix = torch.sparse_coo_tensor(
                torch.as_tensor(np.stack([target, source])),
                torch.ones(len(target)),
                (len(lists), n_sources),
                check_invariants=True,
            ).coalesce()
            self.register_buffer("adjacency", matrix.to_sparse_csr(), persistent=False)
            self.register_buffer("transposed", matrix.t().coalesce().to_sparse_csr(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Sums, in the order of the lists."""
        return self.propagate(self.adjacency, x=(x, None))

    def message_and_aggregate(self, edge_index: Tensor, x: tuple[Tensor, None]) -> Tensor:
        return _Aggregate.apply(edge_index, self.transposed, x[0])


class Coded(nn.Module):
    """Linear layer on counts of species whose weights come from a code of the species: W = code V for each block.

    Args:
        n_blocks: kinds of counts (own species and shells), one V each.
        n_code: length of the code.
        width: number of outputs.
    """

    def __init__(self, n_blocks: int, n_code: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_blocks, n_code, width))
        self.bias = nn.Parameter(torch.empty(width))
        self.reset(torch.default_generator)

    def table(self, code: Tensor) -> Tensor:
        """(n_blocks, S + 1, width) weights of each species."""
        return code @ self.weight

    def forward(self, counts: Tensor, code: Tensor) -> Tensor:
        """(..., n_blocks * (S + 1)) counts -> (..., width)."""
        return F.linear(counts, self.table(code).flatten(0, 1).T, self.bias)

    def reset(self, generator: torch.Generator) -> None:
        """Uniform in +-1/sqrt(inputs)."""
        bound = (self.weight.shape[0] * self.weight.shape[1]) ** -0.5
        with torch.no_grad():
            self.weight.uniform_(-bound, bound, generator=generator)
            self.bias.uniform_(-bound, bound, generator=generator)


class ByGraph(nn.Module):
    """A network whose sums differ between graphs: of the kinds of sites that vacancies are on, of the types of jumps.

    Attributes:
        sums: for each kind a module with `n_round1` and `n_jumps`.
        sums_alone: the same for each type of jump by itself.
        code: a tensor in the precision of the network.
    """

    code: Tensor
    sums: Any
    sums_alone: Any

    def by_graph(self, part: Callable[[Tensor, Any], Tensor], inputs: Inputs) -> Tensor:
        """(m, Z) what `part` makes of the features on each graph, (m, 1) of single jumps; 0 for jumps that are none.

        Args:
            part: (features on one graph, its sums) -> (m, its jumps).
            inputs: features and their graphs.
        """
        each = self.sums if inputs.jump is None else self.sums_alone
        out = self.code.new_zeros(len(inputs), max(sums.n_jumps for sums in each))
        if not len(inputs):
            return out
        if inputs.graph is None:
            return part(inputs.features, each[0])
        for k, sums in enumerate(each):
            rows = torch.nonzero(inputs.graph == k)[:, 0]
            if len(rows):
                found = part(inputs.features[rows, : sums.n_round1], sums)
                out[rows, : found.shape[1]] = found
        return out


def array(tensor: Tensor) -> NDArray[np.float64]:
    """The values in double precision."""
    return tensor.detach().cpu().double().numpy()
