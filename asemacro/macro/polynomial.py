"""Polynomial drift and diffusion of the macroscopic variables: least squares can fit them, a small network refines.

With noisy labels of a smooth drift, a polynomial fitted by least squares beats a network trained by gradients by an
order of magnitude; the network then only has to learn what the polynomial leaves. float64 throughout.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from asemacro.arguments.door import MOST_WIDTH, checked, many, whole
from asemacro.macro.base import Diffusion, Drift
from asemacro.macro.drift import reset_layers, run_layers, tanh_layers
from asemacro.macro.polynomial_kernel import combine

_MOST_PRODUCTS = 10**7  # exponents that are looked through for those of a basis
_LARGEST = 6.0  # of the logarithm of an entry of the diffusion's factor, relative to the base


class PolynomialBasis(nn.Module):
    r"""Products of Legendre polynomials of the coordinates of a box, by ascending total degree.

    With lower and upper corners l and u of the box, x = (2 y - l - u) / (u - l), cut off at -1 and 1: outside the box
    a function of the basis stays what it is at the nearest point of the box.

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.
        degree: largest total degree in the variables.
        odd: variables that change sign together under a symmetry of the system (the magnetisation).
        condition_degree: largest degree in the condition, times all degrees in the variables.

    Attributes:
        exponents: (n_features, d + n_conditions) degree of each factor.
        total: (n_features,) degree in the variables.
        is_odd: (n_features,) whether it changes sign with the odd variables.
    """

    lower: Tensor
    upper: Tensor
    exponents: Tensor
    total: Tensor
    is_odd: Tensor

    @checked(
        dim=whole(1, MOST_WIDTH),
        n_conditions=whole(0, 1),
        degree=whole(0, MOST_WIDTH),
        odd=many(whole()),
        condition_degree=whole(0, MOST_WIDTH),
    )
    def __init__(
        self, dim: int, n_conditions: int, degree: int, odd: Iterable[int] = (), condition_degree: int = 2
    ) -> None:
        super().__init__()
        self.dim, self.n_conditions, self.degree, self.condition_degree = dim, n_conditions, degree, condition_degree
        self.odd = tuple(sorted(set(odd)))
        if any(not 0 <= k < dim for k in self.odd):
            raise ValueError(f"odd variables must be among 0..{dim - 1}, got {self.odd}")
        if dim * math.log(degree + 1) + math.log(dim) > math.log(_MOST_PRODUCTS):
            raise ValueError(f"polynomials of degree {degree} in {dim} variables have too many terms; take fewer")
        powers = [p for p in itertools.product(range(degree + 1), repeat=dim) if sum(p) <= degree]
        powers.sort(key=lambda p: (sum(p), p[::-1]))
        rows = [(*p, *q) for p in powers for q in itertools.product(range(condition_degree + 1), repeat=n_conditions)]
        self.register_buffer("exponents", torch.tensor(rows), persistent=False)
        self.register_buffer("total", self.exponents[:, :dim].sum(1), persistent=False)
        self.register_buffer("is_odd", self.exponents[:, list(self.odd)].sum(1) % 2 == 1, persistent=False)
        self.register_buffer("lower", torch.full((dim + n_conditions,), -4.0, dtype=torch.float64))
        self.register_buffer("upper", torch.full((dim + n_conditions,), 4.0, dtype=torch.float64))

    def __len__(self) -> int:
        return len(self.exponents)

    @torch.no_grad()
    def set_box(self, y: Tensor, c: Tensor, margin: float = 0.0) -> None:
        """Fit the box to points y (N, d), c (N, n_conditions), wider in y by `margin` of its width on each side."""
        points = torch.cat([y, c], dim=1).double()
        low, high = points.min(0).values, points.max(0).values
        for k in self.odd:
            high[k] = torch.maximum(high[k], -low[k])
            low[k] = -high[k]
        width = (high - low).clamp(min=1e-9)
        widen = margin * width
        widen[self.dim :] = 0.0
        self.lower, self.upper = low - widen, low + width + widen

    def inside(self, y: Tensor) -> Tensor:
        """The points of the box nearest to y (N, d)."""
        return torch.minimum(torch.maximum(y, self.lower[: self.dim]), self.upper[: self.dim])

    def coordinates(self, y: Tensor, c: Tensor) -> Tensor:
        """x (N, d + n_conditions) in [-1, 1]."""
        points = torch.cat([y, c], dim=1)
        return ((2 * points - self.lower - self.upper) / (self.upper - self.lower)).clamp(-1.0, 1.0)

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """(N, n_features) values."""
        return self._product(_legendre(self.coordinates(y, c), self._most()))

    def combine(self, y: Tensor, c: Tensor, coefficients: Tensor) -> Tensor:
        """(N, m) values of the functions with coefficients (n_features, m); compiled where no gradient is asked for."""
        return self(y, c) @ coefficients if torch.is_grad_enabled() else self._compiled(y, c, coefficients, 0)[:, :, 0]

    def slopes(self, y: Tensor, c: Tensor, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """Values (N, m) as `combine` and first derivatives by y (N, m, d) as `derivatives`."""
        if torch.is_grad_enabled():
            values, first = self.derivatives(y, c)
            return values @ coefficients, torch.einsum("nfd,fm->nmd", first, coefficients)
        both = self._compiled(y, c, coefficients, self.dim)
        return both[:, :, 0], both[:, :, 1:]

    def _compiled(self, y: Tensor, c: Tensor, coefficients: Tensor, slopes: int) -> Tensor:
        points, *box, weights = (
            a.double().numpy() for a in (torch.cat([y, c], 1), self.lower, self.upper, coefficients)
        )
        return torch.from_numpy(combine(points, *box, self.exponents.numpy(), weights, slopes)).to(y.dtype)

    def derivatives(self, y: Tensor, c: Tensor, order: int = 1) -> tuple[Tensor, ...]:
        """Values (N, n_features), first derivatives by y and, to order 2, pure second ones (N, n_features, d).

        They are taken at the nearest point of the box and not set to zero outside it.
        """
        tables = [_legendre(self.coordinates(y, c), self._most())]
        for _ in range(order):
            tables.append(_differentiate(tables[-1]))
        scale = 2 / (self.upper - self.lower)[: self.dim]
        out = [self._product(tables[0])]
        for power, table in enumerate(tables[1:], start=1):
            parts = []
            for k in range(self.dim):
                mixed = tables[0].clone()
                mixed[:, k] = table[:, k] * scale[k] ** power
                parts.append(self._product(mixed))
            out.append(torch.stack(parts, dim=2))
        return tuple(out)

    def _most(self) -> int:
        return int(self.exponents.max()) if len(self.exponents) else 0

    def _product(self, tables: Tensor) -> Tensor:
        """Products over the variables of entries of tables (N, d + n_conditions, degree + 1)."""
        out = tables[:, 0, self.exponents[:, 0]]
        for k in range(1, self.exponents.shape[1]):
            out = out * tables[:, k, self.exponents[:, k]]
        return out


def _legendre(x: Tensor, degree: int) -> Tensor:
    """(..., degree + 1) Legendre polynomials at x (...)."""
    values = [torch.ones_like(x), x]
    for k in range(1, degree):
        values.append(((2 * k + 1) * x * values[k] - k * values[k - 1]) / (k + 1))
    return torch.stack(values[: degree + 1], dim=-1)


def _differentiate(values: Tensor) -> Tensor:
    """Derivatives of tables over Legendre polynomials, by P'_(k+1) = P'_(k-1) + (2 k + 1) P_k."""
    out = [torch.zeros_like(values[..., 0])]
    for k in range(1, values.shape[-1]):
        out.append((2 * k - 1) * values[..., k - 1] + (out[k - 2] if k > 1 else 0.0))
    return torch.stack(out, dim=-1)


class PolynomialDrift(Drift):
    r"""Drift f(p) - pull (y - p) in normalised variables, f a polynomial plus a tanh network, p the nearest point of
    the box of the data: bounded functions inside, and outside it leads back to the box.

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.
        degree: largest total degree of the polynomial; the fit chooses how much of it is used.
        hidden: width of the two tanh layers of the network that learns the rest; 0 for none.
        odd: variables that change sign together under a symmetry (M at zero field); the drift then has that symmetry.
        condition_degree: largest degree in the condition.

    Raises:
        ValueError: sizes or degrees out of range.
    """

    kind = "PolynomialDrift"
    pull: Tensor
    allowed: Tensor

    @checked(hidden=whole(0, MOST_WIDTH))
    def __init__(
        self,
        dim: int,
        n_conditions: int = 0,
        degree: int = 9,
        hidden: int = 16,
        odd: Iterable[int] = (),
        condition_degree: int = 2,
    ) -> None:
        super().__init__(dim, n_conditions)
        self.basis = PolynomialBasis(dim, n_conditions, degree, odd, condition_degree)
        if hidden < 0:
            raise ValueError(f"hidden must not be negative, got {hidden}")
        self.hidden, self.odd = hidden, self.basis.odd
        self.coefficients = nn.Parameter(torch.zeros(len(self.basis), dim, dtype=torch.float64))
        sizes = [dim + n_conditions, hidden, hidden, dim]
        self.network = tanh_layers(sizes).double() if hidden else nn.ModuleList()
        self.register_buffer("pull", torch.ones((), dtype=torch.float64))
        self.register_buffer("allowed", _parity(self.basis, [(k,) for k in range(dim)]), persistent=False)
        self.reset(torch.Generator().manual_seed(0))

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this drift again."""
        return {
            **super().settings,
            "degree": self.basis.degree,
            "hidden": self.hidden,
            "odd": list(self.basis.odd),
            "condition_degree": self.basis.condition_degree,
        }

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Zero drift: no polynomial, and a random network whose last layer is zero."""
        nn.init.zeros_(self.coefficients)
        if self.hidden:
            reset_layers(self.network, generator, last=0.0)

    @torch.no_grad()
    def set_linear(self, slope: Tensor, covariance: Tensor, centre: Tensor, c: Tensor) -> None:
        """Make the polynomial the least-squares fit of -A_g (y - a_g) at each of G conditions, over the box.

        Args:
            slope: (G, d, d) A.
            covariance: not used, beside that of OnsagerNet.
            centre: (G, d) a.
            c: (G, n_conditions) the conditions.
        """
        if self.n_conditions:
            self.basis.lower[self.dim :], self.basis.upper[self.dim :] = c.min(0).values, c.max(0).values + 1e-9
        corners = torch.tensor(list(itertools.product((-1.0, 0.0, 1.0), repeat=self.dim)), dtype=torch.float64)
        low, high = self.basis.lower[: self.dim], self.basis.upper[: self.dim]
        points = 0.5 * (low + high) + 0.5 * (high - low) * corners
        features, targets = [], []
        for a, centre_g, c_g in zip(slope.double(), centre.double(), c.double(), strict=True):
            features.append(self.basis(points, c_g.expand(len(points), -1)))
            targets.append(-(points - centre_g) @ a.T)
        linear = self.basis.total <= 1
        solved = torch.linalg.pinv(torch.cat(features)[:, linear], rtol=1e-10) @ torch.cat(targets)
        nn.init.zeros_(self.coefficients)
        self.coefficients[linear] = solved * self.allowed[linear]

    def rest(self, y: Tensor, c: Tensor) -> Tensor:
        """What the network adds to the polynomial, (N, d)."""
        if not self.hidden:
            return torch.zeros_like(y)
        x = self.basis.coordinates(y, c)
        out = run_layers(self.network, x)
        if not self.basis.odd:
            return out
        sign, turned = torch.ones_like(x[:1]), torch.ones(self.dim, dtype=x.dtype)
        sign[:, list(self.basis.odd)] = -1.0
        turned[list(self.basis.odd)] = -1.0
        return 0.5 * (out + turned * run_layers(self.network, x * sign))

    def forward(self, y: Tensor, c: Tensor) -> Tensor:
        """Drift of normalised variables y (N, d) at normalised conditions c (N, n_conditions): (N, d)."""
        value = self.basis.combine(y, c, self.coefficients * self.allowed) + self.rest(y, c)
        return value - self.pull * (y - self.basis.inside(y))


class PolynomialDiffusion(Diffusion):
    r"""Sigma(y, c) = (B L)(B L)^T in normalised variables, the entries of L polynomials on the box of the data.

    B is a fixed lower-triangular matrix, the Cholesky factor of the mean covariance rate; L is lower triangular with a
    diagonal exp(.), so Sigma is positive definite, smooth, and constant along outward normals outside the box.

    Args:
        dim: number of variables d.
        n_conditions: 0, or 1 for the temperature.
        degree: total degree of the polynomials.
        odd: variables that change sign together under a symmetry; Sigma then has it (B must be diagonal between odd
            and other variables, as the mean covariance of a symmetric system is).
        condition_degree: largest degree in the condition.

    Raises:
        ValueError: sizes or degrees out of range.
    """

    kind = "PolynomialDiffusion"
    lower: Tensor
    allowed: Tensor

    def __init__(
        self, dim: int, n_conditions: int = 0, degree: int = 6, odd: Iterable[int] = (), condition_degree: int = 2
    ) -> None:
        super().__init__(dim, n_conditions, dtype=torch.float64)
        self.basis = PolynomialBasis(dim, n_conditions, degree, odd, condition_degree)
        self.odd, entries = self.basis.odd, torch.tril_indices(dim, dim)
        self.coefficients = nn.Parameter(torch.zeros(len(self.basis), entries.shape[1], dtype=torch.float64))
        self.register_buffer("lower", entries, persistent=False)
        self.register_buffer("allowed", _parity(self.basis, entries.T.tolist()), persistent=False)

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make this diffusion again."""
        return {
            **super().settings,
            "degree": self.basis.degree,
            "odd": list(self.basis.odd),
            "condition_degree": self.basis.condition_degree,
        }

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Sigma = B B^T; nothing is drawn."""
        nn.init.zeros_(self.coefficients)

    def factor_of(self, features: Tensor) -> Tensor:
        """F with Sigma = F F^T, (N, d, d), from values of the basis (N, n_features)."""
        return self._factor(features @ (self.coefficients * self.allowed))

    def _factor(self, entries: Tensor) -> Tensor:
        diagonal = self.lower[0] == self.lower[1]
        return self.base @ self._triangle(torch.where(diagonal, torch.exp(entries.clamp(-_LARGEST, _LARGEST)), entries))

    def _triangle(self, entries: Tensor) -> Tensor:
        """(N, d, d) lower triangular matrices of entries (N, n_entries)."""
        rows = torch.arange(len(entries))[:, None]
        zero = entries.new_zeros(len(entries), self.dim, self.dim)
        return zero.index_put((rows, self.lower[0], self.lower[1]), entries)

    def with_divergence(self, y: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Sigma (N, d, d) and its divergence sum_j d Sigma_ij / d y_j (N, d)."""
        entries, slopes = self.basis.slopes(y, c, self.coefficients * self.allowed)
        factor = self._factor(entries)
        diagonal = self.lower[0] == self.lower[1]
        # d exp(e) = exp(e) de on the diagonal; zero where the exponent or the point is cut off
        size = torch.where(diagonal, torch.exp(entries) * (entries.abs() < _LARGEST), torch.ones_like(entries))
        total = torch.zeros_like(y)
        for j in range(self.dim):
            change = self.base @ self._triangle(size * slopes[:, :, j])
            column = change @ factor[:, j, :, None] + factor @ change[:, j, :, None]
            inside = (y[:, j] > self.basis.lower[j]) & (y[:, j] < self.basis.upper[j])
            total = total + column[:, :, 0] * inside[:, None]
        return factor @ factor.transpose(1, 2), total

    def factor(self, y: Tensor, c: Tensor) -> Tensor:
        """Lower-triangular F with Sigma = F F^T, (N, d, d), at normalised y (N, d) and c (N, n_conditions)."""
        return self._factor(self.basis.combine(y, c, self.coefficients * self.allowed))


def _parity(basis: PolynomialBasis, entries: list[Any]) -> Tensor:
    """(n_features, n_entries) 1 where a feature has the parity of an entry, the product of its variables' parities."""
    odd = torch.tensor([sum(k in basis.odd for k in entry) % 2 == 1 for entry in entries])
    return (basis.is_odd[:, None] == odd[None, :]).double()
