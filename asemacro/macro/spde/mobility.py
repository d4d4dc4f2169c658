"""Mobilities K(m, u, T) of block fields: what each gives, and three kinds of them."""

from __future__ import annotations

import abc
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike

from asemacro.arguments.door import above_zero, array, checked, whole
from asemacro.typing import Floats

MOST_DEGREE = 12
_SHARPNESS = 12.0  # of the knee at 0


class Mobility(abc.ABC):
    r"""T K(m, u, T): the mobility of a block in units of beta, a rate for each spin.

    Twice the number of flips of a spin in a unit of time: T K = 2 <r>. A mobility of your own gives `__call__`; to be
    saved it also needs a `word` and the two methods that follow.

    Attributes:
        word: names the kind in files; None for kinds that files do not know.
    """

    word: ClassVar[str | None] = None

    @abc.abstractmethod
    def __call__(self, m: ArrayLike, u: ArrayLike, temperature: ArrayLike) -> Floats:
        """T K, above zero, of block magnetisations m and fields u = (J * m + h) / T, arrays of one shape."""

    def tensors(self) -> dict[str, Floats]:
        """Arrays that a file keeps."""
        return {}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats]) -> Self:
        """The mobility that gave these arrays."""
        return cls()


class GlauberMobility(Mobility):
    """T K = 1 - m tanh u: spins that flip at the rates (1 - s tanh u) / 2, exactly."""

    word = "glauber"

    def __call__(self, m: ArrayLike, u: ArrayLike, temperature: ArrayLike) -> Floats:
        return np.asarray(1 - np.asarray(m) * np.tanh(u))


class ConstantMobility(Mobility):
    """T K that is the same everywhere.

    Args:
        value: of T K, above 0.
    """

    word = "constant"

    @checked(value=above_zero)
    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def __call__(self, m: ArrayLike, u: ArrayLike, temperature: ArrayLike) -> Floats:
        return np.full(np.broadcast_shapes(np.shape(m), np.shape(u)), self.value)

    def tensors(self) -> dict[str, Floats]:
        return {"value": np.array([self.value])}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats]) -> Self:
        return cls(float(tensors["value"][0]))


class SmoothMobility(Mobility):
    r"""T K = scale log(1 + exp(12 p)) / 12, p = sum_k c_k P_k(x): positive and smooth in x = (m, tanh u[, 1/T]).

    It is scale p where p is well above 0, so what is nearly a polynomial needs few terms. P_k are products of Legendre
    polynomials of total degree up to `degree`, on the box of x that data were seen in; outside of it the value on its
    edge is used. tanh u rather than u, so that strong fields bring nothing new.

    Args:
        coefficients: (n,) c.
        degree: of the polynomials.
        box: (d, 2) least and largest m, tanh u and, if d = 3, 1/T.
        scale: of T K.
        covariance: (n, n) of the coefficients.

    Raises:
        ValueError: shapes that do not fit, or a box without width.
    """

    word = "smooth"

    @checked(
        coefficients=array(None), degree=whole(0, MOST_DEGREE), box=array(None, 2), scale=above_zero,
        covariance=array(None, None),
    )  # fmt: skip
    def __init__(
        self, coefficients: ArrayLike, degree: int, box: ArrayLike, scale: float, covariance: ArrayLike
    ) -> None:
        self.coefficients, self.box, self.covariance = (
            np.asarray(part, dtype=float) for part in (coefficients, box, covariance)
        )
        self.degree, self.scale = degree, scale
        self._powers = powers(len(self.box), degree)
        n = len(self._powers)
        if self.coefficients.shape != (n,) or self.covariance.shape != (n, n) or len(self.box) not in (2, 3):
            raise ValueError(
                f"a mobility of degree {degree} in {len(self.box)} variables has {n} coefficients, "
                f"got {self.coefficients.shape} and a covariance {self.covariance.shape}"
            )
        if not (self.box[:, 1] > self.box[:, 0]).all():
            raise ValueError("the box of a mobility must have a width along every axis")

    def features(self, m: ArrayLike, u: ArrayLike, temperature: ArrayLike) -> Floats:
        """(n, *shape) values of the polynomials."""
        given = (m, np.tanh(u), 1 / np.asarray(temperature, dtype=float))
        return features(given[: len(self.box)], self.box, self._powers, self.degree)

    def __call__(self, m: ArrayLike, u: ArrayLike, temperature: ArrayLike) -> Floats:
        return self.scale * softplus(np.tensordot(self.coefficients, self.features(m, u, temperature), axes=1))

    @checked(m=array(), u=array(), temperature=array())
    def error(self, m: ArrayLike, u: ArrayLike, temperature: ArrayLike) -> Floats:
        """Standard error of T K, of what was counted; not of the form."""
        phi = self.features(m, u, temperature)
        slope = self.scale * sigmoid(np.tensordot(self.coefficients, phi, axes=1))
        spread = np.einsum("i...,ij,j...->...", phi, self.covariance, phi)
        return np.asarray(slope * np.sqrt(np.maximum(spread, 0)))

    def tensors(self) -> dict[str, Floats]:
        return {
            "coefficients": self.coefficients,
            "covariance": self.covariance,
            "box": self.box,
            "scale": np.array([self.scale]),
            "degree": np.array([float(self.degree)]),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats]) -> Self:
        degree, scale = float(tensors["degree"][0]), float(tensors["scale"][0])
        return cls(tensors["coefficients"], degree, tensors["box"], scale, tensors["covariance"])  # type: ignore[arg-type]


def mobility_named(word: Any) -> type[Mobility]:
    """The kind of mobility that a file calls so.

    Raises:
        ValueError: a word that no kind has.
    """
    kinds = {kind.word: kind for kind in (GlauberMobility, ConstantMobility, SmoothMobility)}
    if word not in kinds:
        raise ValueError(f"there is no mobility {word!r}; known are {', '.join(sorted(map(str, kinds)))}")
    return kinds[word]


def powers(dim: int, degree: int) -> list[tuple[int, ...]]:
    """Degrees along each variable of all products of total degree up to `degree`, the constant first."""
    found = [p for p in itertools.product(range(degree + 1), repeat=dim) if sum(p) <= degree]
    return sorted(found, key=lambda p: (sum(p), p))


def features(x: Sequence[ArrayLike], box: Floats, degrees: list[tuple[int, ...]], degree: int) -> Floats:
    """(n, *shape) products of Legendre polynomials on a box, whose edges stand for what is outside."""
    shape = np.broadcast_shapes(*(np.shape(part) for part in x))
    factors = []
    for part, (low, high) in zip(x, box, strict=True):
        at = np.clip((2 * np.asarray(part, dtype=float) - low - high) / (high - low), -1, 1)
        factors.append(np.moveaxis(legendre.legvander(np.broadcast_to(at, shape).ravel(), degree), -1, 0))
    values = np.empty((len(degrees), factors[0].shape[1]))
    for k, p in enumerate(degrees):
        values[k] = np.prod([factor[q] for factor, q in zip(factors, p, strict=True)], axis=0)
    return values.reshape(len(degrees), *shape)


def softplus(x: ArrayLike) -> Floats:
    """log(1 + exp(12 x)) / 12."""
    return np.logaddexp(0.0, _SHARPNESS * np.asarray(x)) / _SHARPNESS


def sigmoid(x: ArrayLike) -> Floats:
    """Its derivative."""
    return 1 / (1 + np.exp(-np.clip(_SHARPNESS * np.asarray(x, dtype=float), -700, 700)))
