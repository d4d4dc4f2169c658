"""Variables near some states, and what the mapping between the rates of variables and of states needs of them."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Linearised(NamedTuple):
    """Variables z = phi(x) near some states.

    Attributes:
        z: (b, d) values.
        gram: (b, d, d) phi' phi'^T, over all components.
        columns: (b, d, m) phi' of some components.
    """

    z: Tensor
    gram: Tensor
    columns: Tensor


def columns_of(gradient: Tensor, components: Tensor) -> Tensor:
    """Columns (b, d, m) of gradients (b, d, N): those of the components (b, m)."""
    return gradient.gather(2, components[:, None].expand(-1, gradient.shape[1], -1))
