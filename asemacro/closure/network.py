"""The local network of a closure variable: one round of messages over the first shells of a site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asemacro.macro.drift import reset_layers, run_layers, tanh_layers

MOST_SHELLS = 3
MOST_CODES = 1 << 20


class LocalNetwork(nn.Module):
    r"""f_i = U(x_i, m_i1, ..., m_iS), the mean over the neighbours j in shell k of messages m_ik = <V(x_i, x_j)>_j.

    U is a network with two hidden layers. For fields V = (x_j, tanh(A (x_i, x_j) + a)). For spins V = x_j: any message
    of a spin s_j = +-1, given s_i, is affine in s_j, so nothing more general exists, and f is a function of s_i and
    the numbers of up spins in each shell. Neighbours of one shell count the same, which makes the mean over sites
    of f invariant under the translations and the point group of the lattice.

    Args:
        n_fields: numbers on a site; 0 for a spin.
        neighbours: how many there are in each of the first shells, at most 3 shells.
        width: of the hidden layers.
        messages: channels of the learned messages of fields.

    Raises:
        ValueError: sizes that make no sense.
    """

    def __init__(self, n_fields: int, neighbours: Sequence[int], width: int = 16, messages: int = 8) -> None:
        super().__init__()
        self.neighbours = tuple(int(z) for z in neighbours)
        if not 1 <= len(self.neighbours) <= MOST_SHELLS or min(self.neighbours) < 1:
            raise ValueError(f"a closure looks at 1 to {MOST_SHELLS} shells with neighbours, got {self.neighbours}")
        if n_fields < 0 or width < 1 or messages < 1:
            raise ValueError(f"n_fields, width and messages make no network: {n_fields}, {width}, {messages}")
        self.n_fields, self.width, self.n_messages = int(n_fields), int(width), int(messages)
        own = max(1, self.n_fields)
        channels = own + (self.n_messages if self.n_fields else 0)
        self.message = tanh_layers([2 * own, self.n_messages] if self.n_fields else [])
        self.update = tanh_layers([own + len(self.neighbours) * channels, self.width, self.width, 1])
        self.double()

    @property
    def settings(self) -> dict[str, Any]:
        """JSON-ready arguments."""
        return {
            "n_fields": self.n_fields,
            "neighbours": list(self.neighbours),
            "width": self.width,
            "messages": self.n_messages,
        }

    def reset(self, generator: torch.Generator) -> None:
        """Draw new weights."""
        reset_layers(self.update, generator, 1.0)
        if len(self.message):
            reset_layers(self.message, generator, 1.0)

    def forward(self, own: Tensor, near: Tensor) -> Tensor:
        """f of sites, one value each.

        Args:
            own: (..., c) what a site holds, c = 1 for spins.
            near: (..., Z, c) what its neighbours hold, shell after shell.

        Returns:
            (...).
        """
        if len(self.message):
            pair = torch.cat([own.unsqueeze(-2).expand(near.shape), near], dim=-1)
            near = torch.cat([near, torch.tanh(run_layers(self.message, pair))], dim=-1)
        means = [part.mean(dim=-2) for part in near.split(self.neighbours, dim=-2)]
        return self.of_means(torch.cat([own, *means], dim=-1))

    def of_means(self, inputs: Tensor) -> Tensor:
        """U of (x_i, m_i1, ..., m_iS), (..., inputs); for spins the means are those of the spins of each shell."""
        return run_layers(self.update, inputs).squeeze(-1)


def products(own: Tensor, near: Tensor, neighbours: Sequence[int]) -> Tensor:
    """What a site holds and its products with the means of its shells, (..., c (1 + S)): the means over sites of these
    are the magnetisation (the means of the fields) and the correlations of each shell.
    """
    means = [part.mean(dim=-2) for part in near.split(tuple(neighbours), dim=-2)]
    return torch.cat([own, *(own * mean for mean in means)], dim=-1)


def code_steps(neighbours: Sequence[int]) -> tuple[int, ...]:
    """What an up spin of each shell adds to a code of `closure_kernels`, and then the number of codes of a down spin.

    Raises:
        ValueError: too many codes.
    """
    steps = [1]
    for z in neighbours:
        steps.append(steps[-1] * (z + 1))
    if 2 * steps[-1] > MOST_CODES:
        raise ValueError(f"{2 * steps[-1]} environments of a spin are more than {MOST_CODES}; use fewer shells")
    return tuple(steps)


def spin_codes(neighbours: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The spin (C, 1) and the mean spins of its shells (C, S) of every code of `closure_kernels`, float64."""
    sizes, radix = torch.tensor(tuple(neighbours)), torch.tensor(code_steps(neighbours))
    half = int(radix[-1])
    code = torch.arange(2 * half)
    up = (code % half)[:, None] // radix[:-1] % (sizes + 1)
    return (2.0 * (code // half) - 1).double().unsqueeze(1), (2 * up - sizes).double() / sizes
