"""Encoders: given observables and learned variables of a whole state as one differentiable observable."""

from __future__ import annotations

import torch
from torch import Tensor

from asemacro.arguments.door import checked, instance
from asemacro.closure.encoder_network import EncoderNetwork
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.observables.linearised import Linearised, columns_of


class Encoder(DifferentiableObservable):
    r"""z = (phi*(x), phi_hat(x)), with exact phi' at a memory that does not grow as d x N.

    With c = phi*'(x) and the factors of phi_hat' (`Derivative`),

        G = [[c c^T, (phi_hat' c^T)^T], [phi_hat' c^T, phi_hat' phi_hat'^T]],

    and single columns follow alike. All is evaluated in float64.

    Args:
        phi: the given observables phi*.
        network: phi_hat.

    Attributes:
        labels: those of phi*, then "encoder_1", ...
    """

    @checked(phi=instance("DifferentiableObservable"), network=instance("EncoderNetwork"))
    def __init__(self, phi: DifferentiableObservable, network: EncoderNetwork) -> None:
        self.phi, self.network = phi, network.double()
        self.labels = (*phi.labels, *(f"encoder_{k + 1}" for k in range(network.dim)))

    def __call__(self, x: Tensor) -> Tensor:
        """Values (b, dim) of states x (b, N)."""
        return torch.cat([self.phi(x), self.network(x)], dim=1)

    def gradient(self, x: Tensor) -> Tensor:
        """phi'(x), (b, dim, N)."""
        return self.linearised(x, torch.arange(x.shape[1]).expand(len(x), -1)).columns

    def leading(self, count: int) -> Encoder:
        """The first `count` variables: phi* and what is left of the count of the network's.

        Raises:
            ValueError: fewer than those of phi* and one more, or more than there are.
        """
        if not self.phi.dim < count <= self.dim:
            raise ValueError(f"an encoder of {self.dim} variables, {self.phi.dim} given, has no first {count}")
        return Encoder(self.phi, self.network.leading(count - self.phi.dim))

    def linearised(self, x: Tensor, components: Tensor) -> Linearised:
        """Values, Gram matrix and the columns of phi' of some components (b, m)."""
        value, derivative = self.network.derivative(x)
        given = self.phi.gradient(x)
        gram = joined_gram(given, derivative.times(given), derivative.gram())
        columns = torch.cat([columns_of(given, components), derivative.columns(components)], dim=1)
        return Linearised(torch.cat([self.phi(x), value], dim=1), gram, columns)


def joined_gram(given: Tensor, mixed: Tensor, own: Tensor) -> Tensor:
    """G (b, d, d) of given gradients (b, s, N), of the products (b, k, s) of others with them, and of those others."""
    top = torch.cat([given @ given.transpose(1, 2), mixed.transpose(1, 2)], dim=2)
    return torch.cat([top, torch.cat([mixed, own], dim=2)], dim=1)


def condition(gram: Tensor) -> Tensor:
    """kappa (b,), ratio of the extreme eigenvalues of Gram matrices (b, d, d).

    Raises:
        ValueError: they are not finite.
    """
    if not gram.isfinite().all():
        raise ValueError(
            "the encoder runs away: the observables have no gradient in some of the states, as a minimum has; leave "
            "those states out, or lower learning_rate"
        )
    values = torch.linalg.eigvalsh(gram)
    return values[:, -1] / values[:, 0].clamp(min=torch.finfo(gram.dtype).tiny)
