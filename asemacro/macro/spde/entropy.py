"""s'(m), the derivative of the entropy of a block: odd, growing, with the slope 1 at m = 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from asemacro.arguments.door import array, checked
from asemacro.typing import Floats

_NEAREST_TO_ONE = 1e-7  # of |m|: atanh is not asked beyond
_GRID = np.linspace(0.0, 9.0, 4097)  # of atanh m
_POWERS = np.tanh(_GRID) ** 2
MOST_TERMS = 8


class EntropySlope:
    r"""s'(m) = integral_0^m g(x) / (1 - x^2) dx with g(m) = exp(sum_j c_j m^(2j)), j >= 1.

    g is even, positive, and 1 at m = 0; so s' is odd, grows for any c, and s'(m) = atanh m, the entropy of independent
    spins, without any c. Two freedoms of a field equation are fixed by that: s'(m) + a m with J(0) + a T is the same
    equation, which s''(0) = 1 decides; an even part of s' is an external field, which is none of it.

    Args:
        coefficients: c_1, c_2, ...; none for independent spins.

    Raises:
        ValueError: more than 8 coefficients, or such that s' is not a number of any use.
    """

    @checked(coefficients=array(None))
    def __init__(self, coefficients: ArrayLike = ()) -> None:
        c = np.asarray(coefficients, dtype=float)
        if len(c) > MOST_TERMS or np.abs(c).sum() > 50:
            raise ValueError(
                f"an entropy takes at most {MOST_TERMS} coefficients whose sizes sum up to 50, got {len(c)}, "
                f"{np.abs(c).sum():.3g}"
            )
        self.coefficients: Floats = c
        powers = [_POWERS ** (j + 1) for j in range(len(c))]
        g = np.exp(sum((cj * p for cj, p in zip(c, powers, strict=True)), np.zeros_like(_GRID)))
        self._excess = _integral(g - 1, _GRID)
        self._gradients = [_integral(g * p, _GRID) for p in powers]
        self._excess_entropy = _integral(self._excess, np.tanh(_GRID))

    def excess(self, m: ArrayLike) -> Floats:
        """s'(m) - atanh m."""
        return self._odd(np.asarray(m), self._excess)

    def gradients(self, m: ArrayLike) -> list[Floats]:
        """Derivatives of s'(m) by each coefficient."""
        return [self._odd(np.asarray(m), part) for part in self._gradients]

    @checked(m=array())
    def __call__(self, m: ArrayLike) -> Floats:
        """s'(m) of any array; |m| beyond 1 - 1e-7 counts as that."""
        return atanh_within(m) + self.excess(m)

    def of_block(self, m: Floats, sites: int) -> Floats:
        """s'(m) of a block of V spins: -1/V d/dm of the logarithm of the number of its states of magnetisation m.

        For independent spins that is (digamma(V (1 + m) / 2 + 1) - digamma(V (1 - m) / 2 + 1)) / 2 = atanh m -
        m / (V (1 - m^2)) + ...: the factor (1 - m^2)^(-1/2) of Stirling's formula, finite at |m| = 1.
        """
        up, down = (digamma(sites * (1 + side * np.clip(m, -1, 1)) / 2 + 1) for side in (1, -1))
        return np.asarray((up - down) / 2 + self.excess(m))

    @checked(m=array())
    def value(self, m: ArrayLike) -> Floats:
        """s(m), 0 at m = 0: what T s(m) adds to the free energy of a spin."""
        x = np.clip(np.asarray(m, dtype=float), -1, 1)
        up, down = (1 + x) / 2, (1 - x) / 2
        independent = np.log(2) + sum(p * np.log(np.where(p > 0, p, 1.0)) for p in (up, down))
        return np.asarray(independent + self._excess_value(x))

    def states_of_block(self, m: Floats, sites: int) -> Floats:
        """Logarithm of the number of states of V spins at m, over V; `of_block` is minus its slope."""
        x = np.clip(m, -1, 1)
        up, down = (gammaln(sites * (1 + side * x) / 2 + 1) for side in (1, -1))
        return np.asarray((gammaln(sites + 1) - up - down) / sites - self._excess_value(x))

    def _excess_value(self, m: Floats) -> Floats:
        return np.asarray(np.interp(np.abs(m), np.tanh(_GRID), self._excess_entropy))

    def _odd(self, m: Floats, values: Floats) -> Floats:
        if not values.any():
            return np.zeros(m.shape)
        a = atanh_within(m)
        return np.sign(a) * np.interp(np.abs(a), _GRID, values)


def atanh_within(m: ArrayLike) -> Floats:
    """atanh m with |m| at most 1 - 1e-7."""
    bound = 1 - _NEAREST_TO_ONE
    return np.arctanh(np.clip(np.asarray(m, dtype=float), -bound, bound))


def _integral(values: Floats, x: Floats) -> Floats:
    """From the first x on, by trapezoids."""
    return np.concatenate([[0.0], np.cumsum((values[1:] + values[:-1]) / 2 * np.diff(x))])
