"""Data collapse: do curves of several sizes fall on one when scaled, and with which exponents best?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import optimize

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import (
    MOST_DRAWS,
    array,
    check_fields,
    checked,
    dictionary,
    instance,
    many,
    number,
    real,
    text,
    whole,
)
from asemacro.typing import Floats

MOST_EXPONENT = 100.0
LEAST_NU = 0.01  # below it powers of the size overflow
NAMES = ("critical_temperature", "nu", "exponent")


@dataclasses.dataclass(frozen=True)
class Curve:
    """One size's values over temperature.

    Attributes:
        size: linear size L.
        temperatures: (k,) increasing.
        values: (k,).
        errors: (k,) standard errors, positive.

    Raises:
        ValueError: shapes that differ, temperatures that do not increase, errors that are not positive.
    """

    size: float
    temperatures: Floats
    values: Floats
    errors: Floats

    def __post_init__(self) -> None:
        check_fields(self, size=real, temperatures=array(), values=array(), errors=array())
        t, v, e = self.temperatures, self.values, self.errors
        if t.ndim != 1 or len(t) < 2 or t.shape != v.shape or t.shape != e.shape:
            raise ValueError(
                f"a curve needs at least 2 temperatures, values and errors, got {t.shape, v.shape, e.shape}"
            )
        if not (np.isfinite(v).all() and (np.diff(t) > 0).all() and (e > 0).all() and self.size > 0):
            raise ValueError(
                "a curve needs increasing temperatures, finite values, positive errors and a positive size"
            )


@dataclasses.dataclass(frozen=True)
class Collapse:
    """Best scaling of a set of curves.

    Attributes:
        critical_temperature: T_c; so for the others their value or what they were fixed at.
        nu: of x = (T - T_c) L^(1/nu).
        exponent: of y = value L^exponent: beta/nu for |M|, -gamma/nu for chi, 0 for the Binder cumulant.
        residual: `collapse_residual` there, about 1 if the curves are one within their errors.
        errors: standard error of each parameter that was varied, by name.
    """

    critical_temperature: float
    nu: float
    exponent: float
    residual: float
    errors: dict[str, float]


@checked(
    curve=instance("Curve"),
    critical_temperature=number(),
    nu=number(LEAST_NU),
    exponent=number(-MOST_EXPONENT, MOST_EXPONENT),
)
def scaled(curve: Curve, critical_temperature: float, nu: float, exponent: float) -> tuple[Floats, Floats, Floats]:
    """x = (T - T_c) L^(1/nu), y = value L^exponent, and the error of y."""
    factor = curve.size**exponent
    x = (curve.temperatures - critical_temperature) * curve.size ** (1 / nu)
    return x, curve.values * factor, curve.errors * factor


@checked(
    curves=many(instance("Curve")),
    critical_temperature=number(),
    nu=number(),
    exponent=number(-MOST_EXPONENT, MOST_EXPONENT),
    overlap=number(0, 1),
)
def collapse_residual(
    curves: Sequence[Curve], critical_temperature: float, nu: float, exponent: float, *, overlap: float = 0.5
) -> float:
    r"""Mean of (y - Y)^2 / (dy^2 + dY^2) over the points, Y from the curves of the other sizes.

    Y at a point is the weighted straight line through the two points of every other curve that bracket its x.
    Points that no other curve brackets are left out. About 1 for a collapse within errors and points close enough for
    straight lines. Source: J. Houdayer and A. K. Hartmann, Phys. Rev. B 70, 014418 (2004).

    Args:
        curves: at least two sizes.
        critical_temperature: T_c.
        nu: positive; infinite below .01, where powers overflow.
        exponent: see `Collapse`.
        overlap: infinite if less than this part of the points, or half of it of one curve's, can be compared (no
            overlap is no collapse: as nu goes to 0 all but the largest size shrink to a point).

    Raises:
        ValueError: fewer than two curves.
    """
    if len(curves) < 2:
        raise ValueError(f"a collapse takes at least two sizes, got {len(curves)}")
    if not nu > LEAST_NU:
        return np.inf
    points = [scaled(c, critical_temperature, nu, exponent) for c in curves]
    total, compared = 0.0, []
    for own, (xs, ys, errors) in enumerate(points):
        left, right = [], []
        for other, (x, y, e) in enumerate(points):
            if other == own:
                continue
            k = np.searchsorted(x, xs, side="right") - 1
            inside = ((k >= 0) & (k < len(x) - 1)) | (xs == x[-1])
            k = np.clip(k, 0, len(x) - 2)
            weight = [np.where(inside, 1 / e[k + s] ** 2, 0.0) for s in (0, 1)]
            left.append(np.stack([weight[0], x[k], y[k]]))
            right.append(np.stack([weight[1], x[k + 1], y[k + 1]]))
        w, x, y = np.moveaxis(np.array(left + right), 1, 0)
        known = w.sum(axis=0) > 0
        w, x, y = w[:, known], x[:, known] - xs[known], y[:, known]
        # weighted line through the points, at x = 0
        s0, s1, s2 = w.sum(axis=0), (w * x).sum(axis=0), (w * x * x).sum(axis=0)
        sy, sxy = (w * y).sum(axis=0), (w * x * y).sum(axis=0)
        determinant = np.maximum(s0 * s2 - s1**2, 1e-300)
        line, variance = (s2 * sy - s1 * sxy) / determinant, s2 / determinant
        total += float(((ys[known] - line) ** 2 / (errors[known] ** 2 + variance)).sum())
        compared.append(int(known.sum()))
    scarce = any(n < 0.5 * overlap * len(c.values) for n, c in zip(compared, curves, strict=True))
    if scarce or sum(compared) < overlap * sum(len(c.values) for c in curves):
        return np.inf
    return total / sum(compared)


@checked(
    curves=many(instance("Curve")),
    start=dictionary(number()),
    vary=many(text),
    n_bootstrap=whole(0, MOST_DRAWS),
    rng=generator_of,
)
def optimise_collapse(
    curves: Sequence[Curve],
    start: dict[str, float],
    vary: Sequence[str] = NAMES,
    *,
    n_bootstrap: int = 50,
    rng: np.random.Generator,
) -> Collapse:
    """The T_c, nu and exponent of the best collapse; their errors from values drawn again within their errors.

    Args:
        curves: at least two sizes.
        start: a value for each of critical_temperature, nu and exponent; those not varied stay there.
        vary: names of the parameters to vary.
        n_bootstrap: number of redrawn sets; 0 for no errors.
        rng: random generator.

    Raises:
        ValueError: names that are not parameters, or a start at which the curves do not overlap.
    """
    names = list(vary)
    if set(start) != set(NAMES) or not set(names) <= set(NAMES) or not names:
        raise ValueError(f"start and vary must name {', '.join(NAMES)}, got {list(start)} and {names}")
    if not np.isfinite(collapse_residual(curves, **start)):
        raise ValueError(f"the curves hardly overlap when scaled with {start}; start nearer to the collapse")
    window = float(np.mean([np.ptp(c.temperatures) for c in curves]))
    step = {"critical_temperature": 0.05 * window, "nu": 0.05, "exponent": 0.02}

    def best(some: Sequence[Curve], first: dict[str, float]) -> dict[str, float]:
        def at(x: Floats) -> dict[str, float]:
            return {**first, **{n: first[n] + step[n] * float(v) for n, v in zip(names, x, strict=True)}}

        simplex = np.vstack([np.zeros(len(names)), np.eye(len(names))])
        found = optimize.minimize(
            lambda x: collapse_residual(some, **at(x)),
            simplex[0],
            method="Nelder-Mead",
            options={"initial_simplex": simplex, "xatol": 2e-3, "fatol": 1e-3, "maxiter": 400 * len(names)},
        )
        return at(found.x)

    central = best(curves, start)
    redrawn = []
    for _ in range(n_bootstrap):
        again = [dataclasses.replace(c, values=rng.normal(c.values, c.errors)) for c in curves]
        redrawn.append([best(again, central)[n] for n in names])
    spread = np.std(redrawn, axis=0, ddof=1) if n_bootstrap > 1 else np.full(len(names), np.nan)
    errors = {n: float(s) for n, s in zip(names, spread, strict=True)}
    return Collapse(**central, residual=collapse_residual(curves, **central), errors=errors)
