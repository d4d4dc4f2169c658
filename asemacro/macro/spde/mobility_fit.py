"""The mobility from its estimates in cells: tables with error bars, and a smooth positive fit."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from asemacro.macro.spde.cells import MobilityCells
from asemacro.macro.spde.mobility import SmoothMobility, features, powers, sigmoid, softplus
from asemacro.typing import Floats

FLIPS_PER_COEFFICIENT = 100
_DEGREES = range(1, 7)
_STEPS = 60
_PRIOR = 1.0  # inverse variance of each coefficient but the first: they are of the order of 1
_BETTER = 2.0  # units of chi2 that a coefficient must be worth without anything held out
_MUCH_BETTER = 10.0  # units of chi2 of what is held out that a higher degree must be worth
_WIDEST = 1e-3  # the least width of an axis of the box


@dataclasses.dataclass(frozen=True)
class MobilityTable:
    """T K over m at each temperature: means over all fields in which blocks of that m were seen.

    Attributes:
        m: (n,) magnetisations.
        temperature: (n,).
        value: (n,) T K.
        error: (n,) standard errors.
        tanh_u: (n,) mean tanh u of these blocks: T K of Glauber spins is 1 - m tanh u.
        blocks: (n,) how many there were.
    """

    m: Floats
    temperature: Floats
    value: Floats
    error: Floats
    tanh_u: Floats
    blocks: Floats


def mobility_table(cells: MobilityCells, bins: int = 20) -> MobilityTable:
    """The mobility in `bins` even bins of m; those without a block are left out."""
    temperatures, index = np.unique(cells.temperature, return_inverse=True)
    place = index * bins + np.clip(((cells.m + 1) * bins / 2).astype(int), 0, bins - 1)
    n = len(temperatures) * bins
    weight, blocks = (np.bincount(place, part, n) for part in (cells.weight, cells.blocks))
    kept = weight > 0
    m, t, value, squares = (
        np.bincount(place, cells.weight * part, n)[kept] / weight[kept]
        for part in (cells.m, cells.t, cells.value, cells.squares)
    )
    # the scatter of single blocks, their number: counting errors if they are that, more if there is more
    error = np.sqrt(np.maximum(squares - value**2, 0) / np.maximum(blocks[kept] - 1, 1))
    return MobilityTable(m, np.repeat(temperatures, bins)[kept], value, error, t, blocks[kept].astype(float))


def fit_smooth(cells: MobilityCells, held_out: MobilityCells | None) -> tuple[SmoothMobility, float]:
    """A smooth mobility by maximum quasi-likelihood, its degree judged by what is held out.

    Args:
        cells: to fit.
        held_out: the same of other rows; None: the degree is chosen by chi2 plus 2 for each coefficient.

    Returns:
        the mobility, and the mean squared residual of cells held out over their variance (of those fitted without any).

    Raises:
        ValueError: too few flips, with how many more are needed.
    """
    several = len(np.unique(cells.temperature)) > 1
    dim = 3 if several else 2
    check_enough(cells, dim)
    x = _coordinates(cells, dim)
    box = _box(x)
    judged = held_out or cells
    best: tuple[float, SmoothMobility] | None = None
    for degree in _DEGREES:
        n = len(powers(dim, degree))
        if n >= len(cells.value) or (cells.flips and cells.flips < FLIPS_PER_COEFFICIENT * n):
            break
        model = _fit_degree(cells, x, box, degree)
        chi2 = _chi2(model, judged)
        score = chi2 if held_out else chi2 + _BETTER * n
        if best is None or score < best[0] - _MUCH_BETTER:
            best = score, model
    if best is None:
        raise ValueError(f"blocks were seen in {len(cells.value)} cells of (m, u) only; give fields that vary more")
    return best[1], _chi2(best[1], judged) / len(judged.value)


def _chi2(model: SmoothMobility, cells: MobilityCells) -> float:
    """Squared deviations of cells over the variance that the scatter of their blocks gives them."""
    k = model(cells.m, np.arctanh(cells.t), cells.temperature)
    return float(((cells.value - k) ** 2 / cells.variance_at(k)).sum()) / cells.dispersion(k)


def check_enough(cells: MobilityCells, dim: int) -> None:
    """Refuse what holds too little for the simplest fit.

    Raises:
        ValueError: how many more flips, or blocks, are needed.
    """
    needed = FLIPS_PER_COEFFICIENT * len(powers(dim, 1))
    have, what = (cells.flips, "flips") if cells.source == "flips" else (int(cells.blocks.sum()), "changes of blocks")
    if have < needed:
        raise ValueError(
            f"{have} {what} are too few to fit a mobility, {needed - have} more are needed; "
            "give more rows, longer durations or larger fields"
        )


def _coordinates(cells: MobilityCells, dim: int) -> list[Floats]:
    return [cells.m, cells.t, 1 / cells.temperature][:dim]


def _box(x: list[Floats]) -> Floats:
    """Least and largest value along each axis."""
    low, high = (np.array([pick(part) for part in x]) for pick in (np.min, np.max))
    pad = np.maximum(0, _WIDEST - (high - low)) / 2
    return np.stack([low - pad, high + pad], axis=1)


def _fit_degree(cells: MobilityCells, x: list[Floats], box: Floats, degree: int) -> SmoothMobility:
    """Fisher scoring of the quasi-likelihood, with a weak prior."""
    degrees = powers(len(box), degree)
    phi = features(x, box, degrees, degree)
    scale = float(np.average(cells.value, weights=cells.weight))
    prior = np.where(np.arange(len(phi)) > 0, _PRIOR, 0.0)
    c = (np.arange(len(phi)) == 0).astype(float)

    def parts(c: Floats) -> tuple[Floats, Floats, NDArray[np.float64]]:
        eta = c @ phi
        k = scale * softplus(eta)
        return k, scale * sigmoid(eta), cells.variance_at(np.maximum(k, 1e-9 * scale))

    for _ in range(_STEPS):
        k, slope, variance = parts(c)
        normal = (phi * (slope**2 / variance)) @ phi.T + np.diag(prior)
        gradient = phi @ (slope * (cells.value - k) / variance) - prior * c
        step = np.linalg.solve(normal, gradient)
        step *= min(1.0, 0.3 / max(float(np.abs(step @ phi).max()), 1e-12))
        c = c + step
        if np.abs(step @ phi).max() < 1e-9:
            break
    k, slope, variance = parts(c)
    normal = (phi * (slope**2 / variance)) @ phi.T + np.diag(prior)
    covariance = np.linalg.inv(normal) * max(1.0, cells.dispersion(k))
    return SmoothMobility(c, degree, box, scale, covariance)
