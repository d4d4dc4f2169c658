"""Order parameters near a critical point: susceptibility, Binder cumulant and what they say over sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import (
    MOST_DRAWS,
    above_zero,
    array,
    checked,
    instance,
    many,
    number,
    whole,
)
from asemacro.statistics.averages import autocorrelation_time
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

_BLOCK = 4.0  # a bootstrap block lasts this many autocorrelation times


@checked(m=array(), sites=whole(1))
def susceptibility(m: ArrayLike, sites: int) -> float:
    """chi = n (<M^2> - <|M|>^2) of magnetisations per site, all values of equal weight."""
    values = _some(m)
    return float(sites * (np.mean(values**2) - np.mean(np.abs(values)) ** 2))


@checked(m=array())
def binder_cumulant(m: ArrayLike) -> float:
    """U = 1 - <M^4> / (3 <M^2>^2): 2/3 for M = +-1, 0 for Gaussian M."""
    square = _some(m) ** 2
    if not square.any():
        raise ValueError("m is 0 throughout: its Binder cumulant is not defined")
    return float(1 - np.mean(square**2) / (3 * np.mean(square) ** 2))


def _some(m: ArrayLike) -> Floats:
    """The values of m, at least one."""
    values = np.asarray(m, dtype=float)
    if not values.size:
        raise ValueError("m holds no values")
    return values


@dataclasses.dataclass(frozen=True)
class OrderParameter:
    """What one size at one temperature says, with bootstrap errors.

    Attributes:
        sites: n.
        size: linear size that scaling is in.
        absolute: <|M|>, and its standard error; so for the others.
        susceptibility: n (<M^2> - <|M|>^2).
        binder: 1 - <M^4> / (3 <M^2>^2).
        replicas: (n_bootstrap, 3) of absolute, susceptibility and binder.
    """

    sites: int
    size: float
    absolute: float
    absolute_error: float
    susceptibility: float
    susceptibility_error: float
    binder: float
    binder_error: float
    replicas: Floats


@checked(m=array(), sites=whole(1), size=above_zero, n_bootstrap=whole(2, MOST_DRAWS), rng=generator_of)
def order_parameter(
    m: ArrayLike, sites: int, size: float | None = None, *, n_bootstrap: int = 200, rng: np.random.Generator
) -> OrderParameter:
    """Moments of the magnetisation per site from stationary runs.

    Errors: bootstrap over blocks of at least 4 autocorrelation times of |M|, or over whole runs where these are shorter
    than two such blocks.

    Args:
        m: (n,) or (n_runs, n) at even times (or independent values: then the time does not matter).
        sites: number of sites n.
        size: linear size; default sqrt(n), that of a square.
        n_bootstrap: number of resamplings.
        rng: random generator.

    Raises:
        ValueError: values that are not finite, or too few blocks for an error (fewer than 4).
    """
    series = np.atleast_2d(np.asarray(m, dtype=float))
    if series.ndim != 2 or not np.isfinite(series).all() or n_bootstrap < 2 or sites < 1:
        raise ValueError(f"M must be finite (n_runs, n) with sites and n_bootstrap positive, got {series.shape}")
    powers = np.stack([np.abs(series), series**2, series**4], axis=-1)
    blocks = _blocks(powers, np.abs(series))
    if len(blocks) < 4:
        raise ValueError(
            f"{series.size} values in {len(series)} runs make {len(blocks)} independent blocks; an error needs 4"
        )
    chosen = rng.integers(len(blocks), size=(n_bootstrap, len(blocks)))
    replicas = np.stack(_observables(blocks[chosen].mean(axis=1), sites), axis=1)
    values = [float(v) for v in _observables(powers.mean(axis=(0, 1)), sites)]
    errors = replicas.std(axis=0, ddof=1)
    edge = float(np.sqrt(sites)) if size is None else float(size)
    return OrderParameter(
        sites=sites,
        size=edge,
        absolute=values[0],
        absolute_error=float(errors[0]),
        susceptibility=values[1],
        susceptibility_error=float(errors[1]),
        binder=values[2],
        binder_error=float(errors[2]),
        replicas=replicas,
    )


def _blocks(powers: Floats, absolute: Floats) -> Floats:
    """(n_blocks, 3) means over equally long stretches of time that are nearly independent."""
    runs, n, _ = powers.shape
    if n < 4:
        return powers.mean(axis=1)
    length = int(np.ceil(_BLOCK * 2 * autocorrelation_time(absolute)))
    count = n // length
    if count < 2:
        return powers.mean(axis=1)
    length = n // count
    return powers[:, : count * length].reshape(runs * count, length, 3).mean(axis=1)


def _observables(moments: Floats, sites: int) -> tuple[Floats, Floats, Floats]:
    """<|M|>, chi and U from (..., 3) means of |M|, M^2, M^4."""
    first, second, fourth = np.moveaxis(moments, -1, 0)
    return first, sites * (second - first**2), 1 - fourth / (3 * second**2)


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """value = amplitude size^exponent, fitted to logarithms with weights 1 / error^2.

    Attributes:
        exponent: and its standard error.
        amplitude: value at size 1.
        chi_square: of the fit, with sizes - 2 degrees of freedom.
    """

    exponent: float
    error: float
    amplitude: float
    chi_square: float


@checked(sizes=array(), values=array(), replicas=array())
@one_thread()
def power_law(sizes: ArrayLike, values: ArrayLike, replicas: ArrayLike) -> PowerLaw:
    """Log-log fit over sizes; its error from refitting bootstrap replicas of the values.

    Args:
        sizes: (k,) linear sizes.
        values: (k,) positive values.
        replicas: (n_bootstrap, k) bootstrap replicas of them; they also give the weights.

    Raises:
        ValueError: fewer than two sizes, or a value or replica that is not positive.
    """
    x, y, copies = (np.asarray(a, dtype=float) for a in (sizes, values, replicas))
    if x.ndim != 1 or len(x) < 2 or y.shape != x.shape or copies.ndim != 2 or copies.shape[1:] != x.shape:
        raise ValueError(f"a power law needs (k >= 2,) sizes and values, got {x.shape}, {y.shape}, {copies.shape}")
    if not all((a > 0).all() for a in (x, y, copies)):
        raise ValueError("a power law needs positive sizes, values and replicas; one of them is not")
    log_x, log_y, logs = np.log(x), np.log(y), np.log(copies)
    error = logs.std(axis=0, ddof=1)
    weight = 1 / error**2 if (error > 0).all() else np.ones_like(x)
    centre = np.average(log_x, weights=weight)
    lever = weight * (log_x - centre) / (weight * (log_x - centre) ** 2).sum()
    slope = float(lever @ log_y)
    level = float(np.average(log_y, weights=weight))
    misfit = float((weight * (log_y - level - slope * (log_x - centre)) ** 2).sum())
    return PowerLaw(slope, float((logs @ lever).std(ddof=1)), float(np.exp(level - slope * centre)), misfit)


@dataclasses.dataclass(frozen=True)
class CriticalExponents:
    """Exponents from runs of several sizes at the critical point: <|M|> ~ L^(-beta/nu), chi ~ L^(gamma/nu)."""

    beta_nu: float
    beta_nu_error: float
    gamma_nu: float
    gamma_nu_error: float
    absolute: PowerLaw
    susceptibility: PowerLaw


@checked(orders=many(instance("OrderParameter")))
def critical_exponents(orders: Sequence[OrderParameter]) -> CriticalExponents:
    """beta/nu and gamma/nu from order parameters of different sizes at the critical temperature."""
    sizes = [o.size for o in orders]
    copies = min(len(o.replicas) for o in orders) if orders else 0
    replicas = np.stack([o.replicas[:copies] for o in orders], axis=1) if orders else np.zeros((0, 0, 3))
    first = power_law(sizes, [o.absolute for o in orders], replicas[..., 0])
    second = power_law(sizes, [o.susceptibility for o in orders], replicas[..., 1])
    return CriticalExponents(-first.exponent, first.error, second.exponent, second.error, first, second)


@dataclasses.dataclass(frozen=True)
class BinderSlope:
    """dU/dT of one size at a temperature.

    Attributes:
        size: linear size.
        slope: and its standard error.
        value: U at the temperature.
        replicas: (n_bootstrap,) of the slope.
    """

    size: float
    slope: float
    error: float
    value: float
    replicas: Floats


@checked(temperatures=array(), orders=many(instance("OrderParameter"), least=1), at=number(), degree=whole(1, 100))
@one_thread()
def binder_slope(
    temperatures: ArrayLike, orders: Sequence[OrderParameter], at: float, *, degree: int = 1
) -> BinderSlope:
    """Slope of the Binder cumulant at a temperature, from a weighted polynomial fit of U(T) of one size.

    Args:
        temperatures: (k,) of the order parameters, around `at`.
        orders: (k,) of one size.
        at: the critical temperature.
        degree: of the polynomial; 1 over a window in which U is straight.

    Raises:
        ValueError: fewer temperatures than coefficients, or several sizes.
    """
    t = np.asarray(temperatures, dtype=float) - at
    if t.shape != (len(orders),) or len(t) <= degree or degree < 1:
        raise ValueError(
            f"a fit of degree {degree} needs more temperatures, each with an order parameter, got {t.shape}"
        )
    if len({o.size for o in orders}) > 1:
        raise ValueError("the slope of the Binder cumulant is that of one size; the order parameters have several")
    u = np.array([o.binder for o in orders])
    errors = np.array([o.binder_error for o in orders])
    weight = 1 / errors if (errors > 0).all() else np.ones_like(errors)
    design = t[:, None] ** np.arange(degree + 1)
    solve = np.linalg.pinv(design * weight[:, None]) * weight
    copies = min(len(o.replicas) for o in orders)
    replicas = np.stack([o.replicas[:copies, 2] for o in orders], axis=1) @ solve[1]
    value, slope = (float(c) for c in (solve @ u)[:2])
    return BinderSlope(orders[0].size, slope, float(replicas.std(ddof=1)), value, replicas)


@checked(slopes=many(instance("BinderSlope")))
def correlation_length_exponent(slopes: Sequence[BinderSlope]) -> tuple[float, float, PowerLaw]:
    """nu, its standard error, and the fit |dU/dT| ~ L^(1/nu) at the critical temperature."""
    copies = min((len(s.replicas) for s in slopes), default=0)
    replicas = np.stack([np.abs(s.replicas[:copies]) for s in slopes], axis=1) if slopes else np.zeros((0, 0))
    fit = power_law([s.size for s in slopes], [abs(s.slope) for s in slopes], replicas)
    return 1 / fit.exponent, fit.error / fit.exponent**2, fit
