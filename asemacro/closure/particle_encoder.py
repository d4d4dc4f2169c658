"""A network of particles that does not see their order.

Each particle has a small factor of its own in phi'(x): Gram matrices and single columns follow from the factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from asemacro.arguments.door import MOST_DEPTH, MOST_WIDTH, above_zero, checked, many, whole
from asemacro.closure.encoder_network import (
    Derivative,
    EncoderNetwork,
    check_size,
    linear_layers,
    reset_softplus,
    run_softplus,
    softplus_layers,
    take_over,
    with_slope,
)


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
    def start(self, x: Tensor, rows: Tensor, length: float, generator: torch.Generator) -> int:
        """Random features of numbers over their spread over all particles; those of a periodic box stay as they are."""
        check_size(x, self.n_particles * self.blocks * self.width)
        reset_softplus(self.each, generator)
        reset_softplus(self.pooled, generator)
        own = particles(x.double(), self.blocks, self.width).flatten(0, 1)
        mean, scale = own.mean(dim=0), own.std(dim=0).clamp(min=1e-12)
        mean[: len(self.box)], scale[: len(self.box)] = 0.0, 1.0
        self.mean, self.scale = mean.to(self.mean.dtype), scale.to(self.mean.dtype)
        self.gain = torch.ones_like(self.gain)
        own_length = self.derivative(x.to(self.mean.dtype))[1].gram().diagonal(dim1=1, dim2=2).mean().sqrt()
        self.gain = (length / own_length).to(self.gain.dtype)
        return self.dim

    def forward(self, x: Tensor) -> Tensor:
        """Values (b, dim) of states x (b, N)."""
        inputs, _ = self._inputs(x)
        return self.gain * run_softplus(self.pooled, run_softplus(self.each, inputs).mean(dim=1))

    def derivative(self, x: Tensor) -> tuple[Tensor, Derivative]:
        """Values (b, dim), and phi' = U' h'(x_i) / n."""
        inputs, slope = self._inputs(x)
        first = linear_layers(self.each)[0]
        values, factor = with_slope(self.each[1:], first(inputs))
        each = (factor @ first.weight) @ slope / self.n_particles
        second = linear_layers(self.pooled)[0]
        value, back = with_slope(self.pooled[1:], second(values.mean(dim=1)))
        return self.gain * value, _OfEach(self.gain * (back @ second.weight), each, self.blocks, self.width)

    def leading(self, count: int) -> Self:
        """A network of its first `count` variables."""
        sizes = (self.n_particles, count, self.blocks, self.width, self.hidden, self.features)
        part = type(self)(*sizes, periods=self.box.tolist())
        take_over(part, self)
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


def particles(x: Tensor, blocks: int, width: int) -> Tensor:
    """(b, n, blocks width) numbers of each particle of states (b, N) that list all particles `blocks` times."""
    return x.reshape(len(x), blocks, -1, width).transpose(1, 2).reshape(len(x), -1, blocks * width)
