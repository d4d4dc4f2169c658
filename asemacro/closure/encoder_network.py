r"""Networks that make a few variables of a whole state, and their derivatives without an array (b, k, N).

phi'(x) has N columns, but through the first layer all of it is A(x) W with a small A (k x width) and a W that every
state shares (MLPEncoder), or a small factor for each particle (ParticleEncoder). Gram matrices and single columns
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
from asemacro.arguments.door import MOST_DEPTH, MOST_WIDTH, above_zero, checked, many, whole


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
    def start(self, x: Tensor, rows: Tensor, generator: torch.Generator) -> None:
        """Set scales and first parameters.

        Args:
            x: (n, N) some of the states.
            rows: (s, N) mean gradients of the given observables: those of the network shall be as large.
            generator: random parameters.
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
    for layer in _linear(layers):
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        layer.bias.zero_()


def run_softplus(layers: nn.ModuleList, features: Tensor) -> Tensor:
    """softplus between the layers, none after the last."""
    *inner, outer = _linear(layers)
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
    *inner, outer = _linear(layers)
    for layer in inner:
        before = layer(hidden)
        hidden = softplus(before)
        slopes.append(torch.sigmoid(before))
    back = outer.weight * slopes[-1].unsqueeze(-2)
    for layer, slope in zip(reversed(inner), reversed(slopes[:-1]), strict=True):
        back = (back @ layer.weight) * slope.unsqueeze(-2)
    return outer(hidden), back


def _linear(layers: nn.ModuleList) -> list[nn.Linear]:
    return [layer for layer in layers if isinstance(layer, nn.Linear)]


def _take_over(part: EncoderNetwork, whole: EncoderNetwork) -> None:
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

    Raises:
        ValueError: a size is not positive.
    """

    kind = "mlp"
    mean: Tensor
    scale: Tensor
    gain: Tensor

    @checked(n_components=whole(1), dim=whole(1, MOST_WIDTH), hidden=many(whole(1, MOST_WIDTH), least=1))
    def __init__(self, n_components: int, dim: int, hidden: Sequence[int] = (64, 64)) -> None:
        super().__init__()
        bound_of_memory(8.0 * n_components * (hidden[0] + dim), f"an encoder of {n_components} numbers")
        self.n_components, self.dim, self.hidden = n_components, dim, tuple(hidden)
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
    def start(self, x: Tensor, rows: Tensor, generator: torch.Generator) -> None:
        """Start at the principal components, one spread for all numbers: phi' keeps the proportions of its columns."""
        check_size(x, self.n_components)
        reset_softplus(self.layers, generator)
        _linear(self.layers)[-1].weight.zero_()
        mean = x.double().mean(dim=0)
        apart = x.double() - mean
        scale = apart.square().mean().sqrt()
        rows = rows.double()
        self.mean, self.scale = mean.to(self.mean.dtype), scale.to(self.mean.dtype)
        self.gain = (rows.square().sum(dim=1).mean().sqrt() * scale).to(self.mean.dtype)
        apart = apart - torch.linalg.lstsq(rows.T, apart.T).solution.T @ rows
        # of the smaller of the two Gram matrices
        gram = (apart @ apart.T if len(apart) < apart.shape[1] else apart.T @ apart).numpy()
        first = max(0, len(gram) - self.dim)  # only those of the largest values, which come last
        chosen = torch.from_numpy(eigh(gram, subset_by_index=(first, len(gram) - 1))[1][:, ::-1].copy())
        directions = (apart.T @ chosen if len(apart) < apart.shape[1] else chosen).T
        found = torch.nn.functional.normalize(directions, dim=1)
        self.straight.zero_()
        self.straight[: len(found)] = found.to(self.straight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Values (b, k) of states x (b, N)."""
        u = self._scaled(x)
        return self.gain * (u @ self.straight.T + run_softplus(self.layers, u))

    def derivative(self, x: Tensor) -> tuple[Tensor, Derivative]:
        """Values (b, k), and phi' = (A(x), 1) (W, S) with the weights W (w, N) of the first layer."""
        u = self._scaled(x)
        first = _linear(self.layers)[0]
        value, factor = with_slope(self.layers[1:], first(u))
        eye = torch.eye(self.dim, dtype=x.dtype).expand(len(x), -1, -1)
        factor = torch.cat([factor, eye], dim=2) * (self.gain / self.scale)
        value = self.gain * (u @ self.straight.T + value)
        return value, _Shared(factor, torch.cat([first.weight, self.straight]))

    def leading(self, count: int) -> Self:
        """A network of its first `count` variables."""
        part = type(self)(self.n_components, count, self.hidden)
        _take_over(part, self)
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


class ParticleEncoder(EncoderNetwork):
    r"""A network of the mean over particles of features of each: the order of the particles does not matter.

    phi(x) = gain U(1/n sum_i h(x_i)), h one softplus network for the numbers of every particle, U another of the mean.
    phi'(x) = gain U' h'(x_i) / n in the columns of particle i: those of a few particles cost what these cost.

    Args:
        n_particles: n.
        dim: numbers that it gives.
        blocks: how often a state lists all particles (2 for positions and velocities).
        width: numbers of a particle in a block.
        hidden: width of the softplus layers.
        features: of a particle.
        periods: (width,) lengths of a periodic box: numbers of the first block enter as cosines and sines, so that
            images of a particle count the same; none where there is no box.

    Raises:
        ValueError: a size is not positive, or periods of another number than the width.
    """

    kind = "particles"
    box: Tensor
    mean: Tensor
    scale: Tensor
    gain: Tensor

    @checked(
        n_particles=whole(1),
        dim=whole(1, MOST_WIDTH),
        blocks=whole(1, MOST_DEPTH),
        width=whole(1, MOST_WIDTH),
        hidden=whole(1, MOST_WIDTH),
        features=whole(1, MOST_WIDTH),
        periods=many(above_zero),
    )
    def __init__(
        self,
        n_particles: int,
        dim: int,
        blocks: int = 2,
        width: int = 3,
        hidden: int = 32,
        features: int = 32,
        periods: Sequence[float] = (),
    ) -> None:
        super().__init__()
        if len(periods) not in (0, width):
            raise ValueError(f"{len(periods)} periods for {width} directions; give one for each or none")
        self.n_particles, self.dim, self.blocks, self.width = n_particles, dim, blocks, width
        self.hidden, self.features = hidden, features
        self.register_buffer("box", torch.tensor(tuple(periods), dtype=torch.float32))
        self.register_buffer("mean", torch.zeros(blocks * width))
        self.register_buffer("scale", torch.ones(blocks * width))
        self.register_buffer("gain", torch.ones(()))
        own = blocks * width + (width if periods else 0)
        self.each = softplus_layers([own, hidden, hidden, features])
        self.pooled = softplus_layers([features, hidden, dim])
        reset_softplus(self.each, torch.Generator().manual_seed(0))
        reset_softplus(self.pooled, torch.Generator().manual_seed(0))

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this network again."""
        names = ("n_particles", "dim", "blocks", "width", "hidden", "features")
        return {name: self.__dict__[name] for name in names} | {"periods": self.box.tolist()}

    @torch.no_grad()
    def start(self, x: Tensor, rows: Tensor, generator: torch.Generator) -> None:
        """Random features of numbers over their spread over all particles; those of a periodic box stay as they are."""
        check_size(x, self.n_particles * self.blocks * self.width)
        reset_softplus(self.each, generator)
        reset_softplus(self.pooled, generator)
        own = particles(x.double(), self.blocks, self.width).flatten(0, 1)
        mean, scale = own.mean(dim=0), own.std(dim=0).clamp(min=1e-12)
        mean[: len(self.box)], scale[: len(self.box)] = 0.0, 1.0
        self.mean, self.scale = mean.to(self.mean.dtype), scale.to(self.mean.dtype)
        self.gain = torch.ones_like(self.gain)
        lengths = self.derivative(x.to(self.mean.dtype))[1].gram().diagonal(dim1=1, dim2=2).mean()
        self.gain = (rows.square().sum(dim=1).mean() / lengths).sqrt().to(self.gain.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Values (b, dim) of states x (b, N)."""
        inputs, _ = self._inputs(x)
        return self.gain * run_softplus(self.pooled, run_softplus(self.each, inputs).mean(dim=1))

    def derivative(self, x: Tensor) -> tuple[Tensor, Derivative]:
        """Values (b, dim), and phi' = U' h'(x_i) / n."""
        inputs, slope = self._inputs(x)
        first = _linear(self.each)[0]
        values, factor = with_slope(self.each[1:], first(inputs))
        each = (factor @ first.weight) @ slope / self.n_particles
        second = _linear(self.pooled)[0]
        value, back = with_slope(self.pooled[1:], second(values.mean(dim=1)))
        return self.gain * value, _OfEach(self.gain * (back @ second.weight), each, self.blocks, self.width)

    def leading(self, count: int) -> Self:
        """A network of its first `count` variables."""
        sizes = (self.n_particles, count, self.blocks, self.width, self.hidden, self.features)
        part = type(self)(*sizes, periods=self.box.tolist())
        _take_over(part, self)
        return part

    def _inputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What enters h, (b, n, a), and its derivative (b, n, a, k) with respect to the numbers of a particle."""
        check_size(x, self.n_particles * self.blocks * self.width)
        own = (particles(x, self.blocks, self.width) - self.mean) / self.scale
        eye = torch.diag(1 / self.scale).expand(*own.shape[:2], -1, -1)
        if not len(self.box):
            return own, eye
        turn = 2 * torch.pi / self.box
        angle, rest = own[..., : self.width] * turn, own[..., self.width :]
        flat = eye[..., : self.width, :] * turn[:, None]
        slopes = (
            -torch.sin(angle).unsqueeze(-1) * flat,
            torch.cos(angle).unsqueeze(-1) * flat,
            eye[..., self.width :, :],
        )
        return torch.cat([torch.cos(angle), torch.sin(angle), rest], dim=-1), torch.cat(slopes, dim=-2)


class _OfEach(Derivative):
    """B(x) h_i(x): factors B (b, k, f) of each state and h (b, n, f, c) of each particle."""

    def __init__(self, factor: Tensor, each: Tensor, blocks: int, width: int) -> None:
        self._factor, self._each, self._blocks, self._width = factor, each, blocks, width

    def gram(self) -> Tensor:
        """B (sum_i h_i h_i^T) B^T."""
        return self._factor @ torch.einsum("bnfc,bngc->bfg", self._each, self._each) @ self._factor.transpose(1, 2)

    def times(self, gradient: Tensor) -> Tensor:
        """B sum_i h_i gradient_i^T."""
        b, s, n_components = gradient.shape
        own = particles(gradient.reshape(b * s, n_components), self._blocks, self._width)
        own = own.reshape(b, s, *own.shape[1:]).expand(len(self._each), -1, -1, -1)
        return self._factor @ torch.einsum("bnfc,bsnc->bfs", self._each, own)

    def columns(self, components: Tensor) -> Tensor:
        """B h_i of the particles that the components belong to."""
        block, place = (
            components // (self._each.shape[1] * self._width),
            components % (self._each.shape[1] * self._width),
        )
        particle, number = place // self._width, block * self._width + place % self._width
        row = torch.arange(len(components))[:, None]
        return self._factor @ self._each.transpose(2, 3)[row, particle, number].transpose(1, 2)


def check_size(x: Tensor, n_components: int) -> None:
    """Refuse states of another size.

    Raises:
        ValueError: they hold another number of numbers.
    """
    if x.shape[1] != n_components:
        raise ValueError(f"the encoder is one of states of {n_components} numbers, got {x.shape[1]}")


def particles(x: Tensor, blocks: int, width: int) -> Tensor:
    """(b, n, blocks width) numbers of each particle of states (b, N) that list all particles `blocks` times."""
    return x.reshape(len(x), blocks, -1, width).transpose(1, 2).reshape(len(x), -1, blocks * width)
