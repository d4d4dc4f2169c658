"""Where an alloy orders: peaks of the heat capacity and of the order's fluctuation, and what two sizes say of it.

Long-range order is what does not vanish in larger boxes. The square of an order parameter goes as N^x in N sites, with
x = -1 where it is noise, x = 0 where it is order, and in between at the temperature of order (-0.35 in the Ising
class). So the alloy orders where x lies above ORDERED at the cold end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from ase.units import kB

from asemacro.statistics.multi_histogram import MultiHistogram
from asemacro.studies.alloy.swap_heat import ABOVE_NOISE, DISCARD
from asemacro.studies.ordering.chains import Sampled
from asemacro.studies.ordering.levels import Level
from asemacro.typing import Floats

ORDERED = -0.5  # exponent of the size above which there is long-range order
SURE = 2.0  # standard errors
BLOCKS = 5  # of a chain, for the errors of curves
GRID = 400  # temperatures of a curve
ENOUGH = 3  # temperatures at equilibrium that a curve needs


@dataclasses.dataclass(frozen=True)
class Peak:
    """The highest point of a curve over temperature.

    Attributes:
        temperature_K: where it is, with its standard error.
        height: of it, with its standard error.
        inside: whether it stands above both ends of the curve by SURE standard errors.
    """

    temperature_K: float
    error_K: float
    height: float
    height_error: float
    inside: bool


@dataclasses.dataclass(frozen=True)
class Curves:
    """A box at all temperatures between those at equilibrium, from all samples together (`MultiHistogram`).

    Attributes:
        sites: of the box.
        temperatures_K: (GRID,).
        heat_capacity_kB: (GRID,) per atom, with errors.
        fluctuation: (GRID, n_stars) of the order parameters.
        heat_peak: of the heat capacity.
        order_peaks: of the fluctuation of each star.
    """

    sites: int
    temperatures_K: Floats
    heat_capacity_kB: Floats
    heat_capacity_error_kB: Floats
    fluctuation: Floats
    heat_peak: Peak
    order_peaks: tuple[Peak, ...]


@dataclasses.dataclass(frozen=True)
class Ordering:
    """What is known of one star of waves.

    Attributes:
        star: its name.
        structures: what such waves make.
        ordered: whether there is long-range order at the cold end.
        temperature_K: of order; nan without order, or if the alloy is ordered at every temperature.
        error_K: one standard error of the peak in the larger box, at least what the boxes differ by, and half of the
            distance between the temperatures at equilibrium around it if there are others between them.
        exponents: (n_T,) x at the temperatures where both boxes are at equilibrium, with errors.
        exponent_errors: (n_T,).
        crossing_K: where x falls through ORDERED; nan if it does not.
    """

    star: str
    structures: str
    ordered: bool
    temperature_K: float
    error_K: float
    exponents: Floats
    exponent_errors: Floats
    crossing_K: float


def curves_of(sampled: Sampled, levels: Sequence[Level]) -> Curves | None:
    """The curves of a box with errors by a jackknife over blocks of both chains; None if too few are at equilibrium."""
    chosen = [k for k, level in enumerate(levels) if level.equilibrated]
    if len(chosen) < ENOUGH:
        return None
    m = sampled.energy_eV.shape[2]
    first, stars = int(np.ceil(DISCARD * m)), len(sampled.sublattices.stars)
    energy = sampled.energy_eV[chosen, :, first:]
    order = sampled.waves[chosen, :, first:, :stars]
    kelvin = sampled.levels_K[chosen]
    block = np.arange(2)[:, None] * BLOCKS + np.arange(m - first) * BLOCKS // (m - first)
    grid = np.geomspace(kelvin[0], kelvin[-1], GRID)
    whole, start = _fluctuations(energy, order, kelvin, grid, np.ones_like(block, dtype=bool), None)
    left = [_fluctuations(energy, order, kelvin, grid, block != b, start)[0] for b in range(2 * BLOCKS)]
    scale = np.concatenate([[1 / sampled.box.atoms], np.full(stars, sampled.box.lattice.n_sites)])
    each, curves = np.array(left) * scale, whole * scale
    error = np.sqrt((len(each) - 1) * each.var(axis=0))
    peaks = [_peak(grid, curves[:, c], each[:, :, c]) for c in range(1 + stars)]
    return Curves(
        sampled.box.lattice.n_sites, grid, curves[:, 0], error[:, 0], curves[:, 1:], peaks[0], tuple(peaks[1:])
    )


def _fluctuations(
    energy: Floats, order: Floats, kelvin: Floats, grid: Floats, used: Floats, start: Floats | None
) -> tuple[Floats, Floats]:
    """(GRID, 1 + n_stars) variances of E / kT and of the order parameters from the samples `used`; free energies."""
    joined = MultiHistogram([part[used] for part in energy], 1 / (kB * kelvin), start)
    e, z = energy[:, used].ravel(), order[:, used].reshape(-1, order.shape[-1])
    values = np.column_stack([e, z])
    found = np.empty((len(grid), values.shape[1]))
    for k, temperature in enumerate(grid):
        weight = joined.weights(1 / (kB * temperature))
        mean = weight @ values
        found[k] = weight @ (values - mean) ** 2
        found[k, 0] /= (kB * temperature) ** 2
    return found, joined.free_energy


def _peak(grid: Floats, curve: Floats, left: Floats) -> Peak:
    """Highest point of a curve (GRID,), with the curves (n, GRID) that leave out a block each."""
    top, n = int(curve.argmax()), len(left)

    def error(values: Floats) -> float:
        return float(np.sqrt((n - 1) * values.var()))

    inside = all(curve[top] - curve[end] > SURE * error(left[:, top] - left[:, end]) for end in (0, -1))
    spread = max(error(grid[left.argmax(axis=1)]), float(np.diff(grid)[max(top - 1, 0)]))
    return Peak(float(grid[top]), spread, float(curve[top]), error(left[:, top]), inside and 0 < top < len(grid) - 1)


def orderings_of(
    temperatures_K: Sequence[float],
    sampled: Sequence[Sampled],
    levels: Sequence[Sequence[Level]],
    curves: Sequence[Curves | None],
) -> tuple[Floats, list[Ordering]]:
    """The temperatures at which both boxes are at equilibrium, and what they say of each star.

    Args:
        temperatures_K: that were asked for.
        sampled: the small and the large box.
        levels: of each, at all its temperatures.
        curves: of each.
    """
    small, large = ({level.temperature_K: level for level in box if level.equilibrated} for box in levels)
    common = np.array([t for t in temperatures_K if t in small and t in large])
    found = []
    for s in range(len(sampled[1].sublattices.stars)):
        one = _ordering(s, sampled[1], common, [[box[kelvin] for kelvin in common] for box in (small, large)])
        found.append(_with_temperature(s, one, levels, curves))
    return common, found


def _ordering(s: int, sampled: Sampled, common: Floats, boxes: Sequence[Sequence[Level]]) -> Ordering:
    """One star by the sizes alone; the exponent is that of the square of the mean order parameter."""
    star, structures = sampled.sublattices.stars[s], sampled.sublattices.structures[s]
    if not len(common):
        none = np.empty(0)
        return Ordering(star, structures, False, np.nan, np.nan, none, none, np.nan)
    log_ratio = np.log(boxes[1][0].sites / boxes[0][0].sites)
    eta = np.array([[level.order[s] for level in box] for box in boxes])
    error = np.array([[level.order_error[s] for level in box] for box in boxes])
    exponent = 2 * np.log(eta[1] / eta[0]) / log_ratio
    exponent_error = 2 * np.hypot(*(error / eta)) / log_ratio
    above_noise = eta[1, 0] ** 2 > ABOVE_NOISE * sampled.random.waves[s] ** 2
    ordered = bool(exponent[0] - SURE * exponent_error[0] > ORDERED and above_noise)
    above = exponent > ORDERED
    crossing = np.nan
    if ordered and not above.all():
        k = int(np.argmin(above))
        share = (exponent[k - 1] - ORDERED) / (exponent[k - 1] - exponent[k])
        crossing = float(common[k - 1] + share * (common[k] - common[k - 1]))
    return Ordering(star, structures, ordered, np.nan, np.nan, exponent, exponent_error, crossing)


def _with_temperature(
    s: int, one: Ordering, levels: Sequence[Sequence[Level]], curves: Sequence[Curves | None]
) -> Ordering:
    """The same with the temperature of order by the peak of the fluctuation, if there is order and a peak."""
    peaks = [curve.order_peaks[s] for curve in curves if curve is not None]
    if not one.ordered or len(peaks) < 2 or not peaks[1].inside:
        return one
    kelvin = peaks[1].temperature_K
    errors = [peaks[1].error_K, *(_gap(kelvin, box) for box in levels)]
    if peaks[0].inside:
        errors.append(abs(kelvin - peaks[0].temperature_K))
    return dataclasses.replace(one, temperature_K=kelvin, error_K=max(errors))


def _gap(kelvin: float, levels: Sequence[Level]) -> float:
    """Half the distance of the temperatures at equilibrium around one if there are others between them, else 0."""
    good = np.array([level.temperature_K for level in levels if level.equilibrated])
    low = good[good <= kelvin].max(initial=levels[0].temperature_K)
    high = good[good >= kelvin].min(initial=levels[-1].temperature_K)
    lost = any(low < level.temperature_K < high for level in levels)
    return float(high - low) / 2 if lost else 0.0
