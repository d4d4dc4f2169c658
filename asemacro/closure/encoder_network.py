r"""Networks that make a few variables of a whole state, and their derivatives without an array (b, k, N).

phi'(x) has N columns, but through the first layer all of it is A(x) W with a small A (k x width) and a W that every
state shares (MLPEncoder), or a small factor for each particle (`particle_encoder`). Gram matrices and single columns
follow from the factors; the memory that they need does not grow with N but for W and x.
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from scipy.linalg import eigh
from torch import Tensor, nn
from torch.nn.functional import softplus

from asemacro.arguments.checks import bound_of_memory
from asemacro.arguments.door import MOST_WIDTH, checked, flag, many, whole

LEAST_SHARE = 1e-10
"""Of the mean square spread of the states: what varies less is the rounding of states in single precision."""


class Derivative(abc.ABC):
    """phi'(x), (b, k, N), of a network at some states, in factors."""

    @abc.abstractmethod
    def gram(self) -> Tensor:
        """phi' phi'^T, (b, k, k)."""

    @abc.abstractmethod
    def times(self, gradient: Tensor) -> Tensor:
        """phi' gradient^T, (b, k, s), of other gradients (b or 1, s, N)."""

    @abc.abstractmethod
    def columns(self, components: Tensor) -> Tensor:
        """Columns (b, k, m) of the components (b, m)."""


class EncoderNetwork(nn.Module, abc.ABC):
    """k numbers of a state of N: `network(x) -> (b, k)`.

    Attributes:
        kind: the word that files know the class by.
        dim: k.
    """

    kind: ClassVar[str]
    dim: int

    @property
    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """JSON-ready arguments that make it again."""

    @abc.abstractmethod
    def start(self, x: Tensor, rows: Tensor, length: float, generator: torch.Generator) -> int:
        """Set scales and first parameters.

        Args:
            x: (n, N) some of the states.
            rows: (s, N) mean gradients of the given observables, directions that they have already.
            length: root mean square length of their gradients: those of the network shall be as long.
            generator: random parameters.

        Returns:
            How many of the variables can tell states from each other that `rows` do not.
        """

    @abc.abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Values (b, k) of states x (b, N)."""

    @abc.abstractmethod
    def derivative(self, x: Tensor) -> tuple[Tensor, Derivative]:
        """Values (b, k) of states x (b, N), and phi' there, which can be differentiated by the parameters."""

    @abc.abstractmethod
    def leading(self, count: int) -> Self:
        """A network of its first `count` variables."""


def softplus_layers(sizes: Sequence[int]) -> nn.ModuleList:
    """Linear layers of the given sizes; filled by `reset_softplus`."""
    return nn.ModuleList(nn.utils.skip_init(nn.Linear, a, b) for a, b in itertools.pairwise(sizes))


@torch.no_grad()
def reset_softplus(layers: nn.ModuleList, generator: torch.Generator) -> None:
    """Xavier's uniform weights, zero biases."""
    for layer in linear_layers(layers):
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        layer.bias.zero_()


def run_softplus(layers: nn.ModuleList, features: Tensor) -> Tensor:
    """softplus between the layers, none after the last."""
    *inner, outer = linear_layers(layers)
    for layer in inner:
        features = softplus(layer(features))
    return outer(features)  # type: ignore[no-any-return]


def with_slope(layers: nn.ModuleList, first: Tensor) -> tuple[Tensor, Tensor]:
    """Output (..., k) and its derivative (..., k, w) with respect to what enters the first softplus, (..., w).

    Args:
        layers: the layers after the first.
        first: (..., w) what the first layer gives.
    """
    before, hidden, slope = first, softplus(first), torch.sigmoid(first)
    slopes = [slope]
    *inner, outer = linear_layers(layers)
    for layer in inner:
        before = layer(hidden)
        hidden = softplus(before)
        slopes.append(torch.sigmoid(before))
    back = outer.weight * slopes[-1].unsqueeze(-2)
    for layer, slope in zip(reversed(inner), reversed(slopes[:-1]), strict=True):
        back = (back @ layer.weight) * slope.unsqueeze(-2)
    return outer(hidden), back


def linear_layers(layers: nn.ModuleList) -> list[nn.Linear]:
    """The layers, typed."""
    return [layer for layer in layers if isinstance(layer, nn.Linear)]


def take_over(part: EncoderNetwork, whole: EncoderNetwork) -> None:
    """Give a network of fewer variables the parameters of another, of those variables that it has."""
    part.to(next(whole.parameters()).dtype)
    own, values = part.state_dict(), whole.state_dict()
    part.load_state_dict({name: v if v.shape == own[name].shape else v[: part.dim] for name, v in values.items()})


class MLPEncoder(EncoderNetwork):
    r"""phi_hat(x) = gain (S u + h(u)), u = (x - mean) / scale of all N numbers in their order, h a softplus network.

    It starts linear, at the principal components of the states, those directions left out in which the given
    observables change: all rows of phi' are then orthogonal and of one length.

    Args:
        n_components: N.
        dim: k.
        hidden: widths of the softplus layers, at least one.
        at_random: it starts with S = 0, random h and u = x instead, as published (Chen and Li 2024); the weight of the
            condition then decides how well phi' is conditioned.

    Raises:
        ValueError: a size is not positive.
    """

    kind = "mlp"
    mean: Tensor
    scale: Tensor
    gain: Tensor

    @checked(
        n_components=whole(1), dim=whole(1, MOST_WIDTH), hidden=many(whole(1, MOST_WIDTH), least=1), at_random=flag
    )
    def __init__(
        self, n_components: int, dim: int, hidden: Sequence[int] = (64, 64), *, at_random: bool = False
    ) -> None:
        super().__init__()
        bound_of_memory(8.0 * n_components * (hidden[0] + dim), f"an encoder of {n_components} numbers")
        self.n_components, self.dim, self.hidden = n_components, dim, tuple(hidden)
        self._at_random = at_random
        self.layers = softplus_layers([n_components, *hidden, dim])
        self.straight = nn.Parameter(torch.zeros(dim, n_components))
        self.register_buffer("mean", torch.zeros(n_components))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("gain", torch.ones(()))
        reset_softplus(self.layers, torch.Generator().manual_seed(0))

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this network again."""
        return {"n_components": self.n_components, "dim": self.dim, "hidden": list(self.hidden)}

    @torch.no_grad()
    def start(self, x: Tensor, rows: Tensor, length: float, generator: torch.Generator) -> int:
        """Start at the principal components, one spread for all numbers: phi' keeps the proportions of its columns.

        Where the states vary in fewer directions, the others are random ones: they take noise from the rates as well.
        """
        check_size(x, self.n_components)
        reset_softplus(self.layers, generator)
        if self._at_random:
            return self.dim
        linear_layers(self.layers)[-1].weight.zero_()
        mean = x.double().mean(dim=0)
        apart = x.double() - mean
        scale = apart.square().mean().sqrt()
        rows = rows.double()
        self.mean, self.scale = mean.to(self.mean.dtype), scale.to(self.mean.dtype)
        self.gain = (length * scale).to(self.mean.dtype)
        found = _principal(apart, rows, self.dim)
        spanned = len(found)
        if spanned < self.dim:
            other = torch.randn(self.dim - spanned, x.shape[1], dtype=torch.float64, generator=generator)
            taken = torch.cat([rows, found])
            found = torch.cat([found, torch.linalg.qr(_beside(other, taken).T)[0].T[: len(other)]])
        self.straight.zero_()
        self.straight[: len(found)] = found.to(self.straight.dtype)
        return spanned

    def forward(self, x: Tensor) -> Tensor:
        """Values (b, k) of states x (b, N)."""
        u = self._scaled(x)
        return self.gain * (u @ self.straight.T + run_softplus(self.layers, u))

    def derivative(self, x: Tensor) -> tuple[Tensor, Derivative]:
        """Values (b, k), and phi' = (A(x), 1) (W, S) with the weights W (w, N) of the first layer."""
        u = self._scaled(x)
        first = linear_layers(self.layers)[0]
        value, factor = with_slope(self.layers[1:], first(u))
        eye = torch.eye(self.dim, dtype=x.dtype).expand(len(x), -1, -1)
        factor = torch.cat([factor, eye], dim=2) * (self.gain / self.scale)
        value = self.gain * (u @ self.straight.T + value)
        return value, _Shared(factor, torch.cat([first.weight, self.straight]))

    def leading(self, count: int) -> Self:
        """A network of its first `count` variables."""
        part = type(self)(self.n_components, count, self.hidden)
        take_over(part, self)
        return part

    def _scaled(self, x: Tensor) -> Tensor:
        check_size(x, self.n_components)
        return (x - self.mean) / self.scale


class _Shared(Derivative):
    """A(x) W: factors (b, k, w) of each state, weights (w, N) of all."""

    def __init__(self, factor: Tensor, weight: Tensor) -> None:
        self._factor, self._weight = factor, weight

    def gram(self) -> Tensor:
        """A (W W^T) A^T."""
        return self._factor @ (self._weight @ self._weight.T) @ self._factor.transpose(1, 2)

    def times(self, gradient: Tensor) -> Tensor:
        """A (W gradient^T)."""
        return self._factor @ (gradient @ self._weight.T).transpose(1, 2)

    def columns(self, components: Tensor) -> Tensor:
        """A W_I."""
        return self._factor @ self._weight.T[components].transpose(1, 2)


def check_size(x: Tensor, n_components: int) -> None:
    """Refuse states of another size.

    Raises:
        ValueError: they hold another number of numbers.
    """
    if x.shape[1] != n_components:
        raise ValueError(f"the encoder is one of states of {n_components} numbers, got {x.shape[1]}")


def _beside(x: Tensor, rows: Tensor) -> Tensor:
    """(n, N) without the part that lies in the directions of rows (s, N)."""
    return x - torch.linalg.lstsq(rows.T, x.T).solution.T @ rows


def _principal(apart: Tensor, rows: Tensor, most: int) -> Tensor:
    """Directions (k, N), k <= most, in which states apart from their mean (n, N) vary most beside the rows (s, N)."""
    whole = float(apart.square().sum())
    apart = _beside(apart, rows)
    small = len(apart) < apart.shape[1]
    gram = (apart @ apart.T if small else apart.T @ apart).numpy()  # the smaller of the two
    first = max(0, len(gram) - most)  # only those of the largest values, which come last
    values, vectors = eigh(gram, subset_by_index=(first, len(gram) - 1))
    chosen = torch.from_numpy(vectors[:, values > LEAST_SHARE * whole][:, ::-1].copy())
    return torch.nn.functional.normalize((apart.T @ chosen if small else chosen).T, dim=1)
