"""What every drift and diffusion of a macroscopic SDE gives, with defaults; saved models name them by a word."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor, nn

from asemacro.arguments.checks import choice_of
from asemacro.arguments.door import MOST_WIDTH, checked, whole

P = TypeVar("P", bound="Part")


class Part(nn.Module, abc.ABC):
    """What drift and diffusion share: functions of normalised variables y (N, d) and conditions c (N, n_conditions).

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.

    Attributes:
        kind: the word that saved models know the class by; None for a class that is not saved. It never changes: the
            words of this package are the names that its classes had in version 0.1.
        odd: variables that change sign together under a symmetry, and are measured from 0.

    Raises:
        ValueError: sizes out of range.
    """

    kind: ClassVar[str | None] = None
    odd: tuple[int, ...] = ()
    _kinds: ClassVar[dict[str, type[Part]]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if Part in cls.__bases__:
            cls._kinds = {}
        word = cls.__dict__.get("kind")
        if word is None:
            return
        other = cls._kinds.setdefault(word, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(
                f"the word {word!r} is taken by {other.__qualname__}; give {cls.__qualname__} another kind"
            )
        cls._kinds[word] = cls

    @checked(dim=whole(1, MOST_WIDTH), n_conditions=whole(0, 1))
    def __init__(self, dim: int, n_conditions: int = 0) -> None:
        super().__init__()
        self.dim, self.n_conditions = dim, n_conditions

    @property
    def settings(self) -> dict[str, Any]:
        """JSON-ready arguments that make it again; by default those of this class."""
        return {"dim": self.dim, "n_conditions": self.n_conditions}

    @classmethod
    def named(cls: type[P], word: Any, name: str) -> type[P]:
        """The class that saved models know by a word.

        Raises:
            ValueError: there is none; a class of one's own is known once its module is imported.
        """
        return cls._kinds[choice_of(word, name, list(cls._kinds))]  # type: ignore[return-value]

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """What `settings` describe, untrained."""
        return cls(**settings)

    def check_saved(self) -> None:
        """Raise a one-line ValueError if a saved model could not be made again."""
        if "kind" not in type(self).__dict__ or self.kind is None:
            raise ValueError(
                f"{type(self).__name__} cannot be saved: give the class a word of its own that files know it by "
                '(kind = "...") and settings, the arguments that make it again'
            )

    def reset(self, generator: torch.Generator) -> None:
        """Draw new parameters, as before a fit; by default they stay."""


class Drift(Part):
    """mu(y, c) of a NeuralSDE, in normalised variables: `forward(y, c) -> (N, d)`.

    All but `forward` has a default. The drift must lead back to the data from far outside of it.
    """

    @abc.abstractmethod
    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """Drift of normalised variables y (N, d) at normalised conditions c (N, n_conditions): (N, d)."""

    def set_linear(self, slope: Tensor, covariance: Tensor, centre: Tensor, c: Tensor) -> None:
        """Start a fit near the drift -A_g (y - a_g) at each of G conditions; by default where `reset` has left it.

        Args:
            slope: (G, d, d) A; its eigenvalues have positive real parts.
            covariance: (d, d) mean of Sigma.
            centre: (G, d) a.
            c: (G, n_conditions) the conditions.
        """

    def attach(self, diffusion: Diffusion) -> None:
        """Take notice of the diffusion of the SDE that the drift is a part of; by default it does not matter."""

    @property
    def stationary_density(self) -> Density | None:
        """ln of the stationary density of the SDE where the drift knows it, else None."""
        return None


class Diffusion(Part):
    """Sigma(y, c) = F F^T of a NeuralSDE, in normalised variables: `factor(y, c) -> (N, d, d)`.

    All but `factor` has a default.

    Attributes:
        base: (d, d) Cholesky factor of the mean covariance rate of the data, set before a fit. F is base times
            something of order 1, best with a positive lower bound.
    """

    base: Tensor

    def __init__(self, dim: int, n_conditions: int = 0, *, dtype: torch.dtype | None = None) -> None:
        super().__init__(dim, n_conditions)
        self.register_buffer("base", torch.eye(dim, dtype=dtype))

    @abc.abstractmethod
    def factor(self, y: Tensor, c: Tensor) -> Tensor:
        """Lower-triangular F with Sigma = F F^T, (N, d, d), at normalised y (N, d) and c (N, n_conditions)."""

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """Sigma, (N, d, d)."""
        factor = self.factor(y, c)
        return factor @ factor.transpose(1, 2)

    def with_divergence(self, y: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Sigma (N, d, d) and its divergence sum_j d Sigma_ij / d y_j (N, d); by default by forward differentiation."""
        total = torch.zeros_like(y)
        for j in range(self.dim):
            along = torch.zeros_like(y)
            along[:, j] = 1.0
            slope = torch.func.jvp(lambda point: self(point, c), (y,), (along,))[1]
            total = total + slope[:, :, j]
        return self(y, c), total


class Density(nn.Module, abc.ABC):
    """ln P(y, c) of a stationary density, up to a constant for each condition: `forward(y, c) -> (N,)`."""

    @property
    @abc.abstractmethod
    def box(self) -> tuple[Tensor, Tensor]:
        """Lower and upper corner, (d,) each, of the box that holds nearly all of P."""

    @abc.abstractmethod
    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """ln P at y (N, d), inside the box."""
