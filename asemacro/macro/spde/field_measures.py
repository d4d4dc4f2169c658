"""What is measured on block fields: scattering, domains, growth, switching, and the law of the magnetisation."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, optimize

from asemacro.arguments.door import above_zero, array, checked, instance, number, whole
from asemacro.macro.spde.spde import NeuralSPDE
from asemacro.typing import Floats


@dataclasses.dataclass(frozen=True)
class StructureFactor:
    """S over rings of wave vectors of about one length.

    Attributes:
        k: (n_rings,) mean |k| in radians per block; the first ring is k = 0 alone.
        value: (n_rings,) mean S(k).
        error: (n_rings,) standard error over fields and waves, as if all were independent.
        waves: (n_rings,) wave vectors of each ring.
    """

    k: Floats
    value: Floats
    error: Floats
    waves: NDArray[np.int64]


@checked(fields=array(kind="n"), sites=whole(1))
def structure_factor(fields: ArrayLike, sites: int) -> StructureFactor:
    r"""S(k) = V <|m_k|^2> / N of fields (n, *grid) of N blocks with V spins, 1 for independent spins.

    In units of spins: it is that of the lattice, sum_r <s_0 s_r> exp(i k r), for waves much longer than a block; for
    shorter ones the mean over a block takes away the factor (sin(k/2) / (k/2))^2 of each axis, and puts what
    it folded in its place. Rings are one wave number of the longest edge wide; ring 0 is k = 0 alone.

    Args:
        fields: (n, *grid) of 1 to 3 axes.
        sites: V.

    Raises:
        ValueError: fields without a grid.
    """
    m = _grids(fields)
    power = sites * np.abs(fft.fftn(m, axes=range(1, m.ndim))) ** 2 / np.prod(m.shape[1:])
    k = _wave_lengths(m.shape[1:])
    longest = max(m.shape[1:])
    ring = np.rint(k * longest / (2 * np.pi)).astype(int)
    n = longest // 2 + 1
    inside = ring < n
    waves = np.bincount(ring[inside], minlength=n)
    rows = power.reshape(len(m), -1)[:, inside.ravel()]
    names = ring[inside]
    per_ring = waves * len(m)
    mean = np.bincount(names, rows.sum(axis=0), n) / per_ring
    square = np.bincount(names, (rows**2).sum(axis=0), n) / per_ring
    # a wave and its opposite are one number
    error = np.sqrt(np.maximum(square - mean**2, 0) / np.maximum(per_ring * np.where(np.arange(n) > 0, 0.5, 1.0), 1))
    return StructureFactor(np.bincount(names, k[inside], n) / waves, mean, error, waves)


@checked(fields=array(kind="n"))
def domain_length(fields: ArrayLike) -> Floats:
    r"""Length of the domains of each of some fields (n, *grid), in blocks: the mean chord of regions of one sign.

    One over the part of neighbouring blocks that differ in the sign of m, all axes together; inf for fields of one
    sign. Not a moment of S(k): that of 1/k sees the size of the system first, that of k the noise within domains and
    the sharpness of walls. In a quench where this length grew by a power 0.53 of time they grew by 0.29 both.

    Raises:
        ValueError: fields without a grid.
    """
    up = _grids(fields) > 0
    axes = range(1, up.ndim)
    walls = np.mean([(up != np.roll(up, 1, axis=axis)).mean(axis=tuple(axes)) for axis in axes], axis=0)
    return np.asarray(np.divide(1.0, walls, out=np.full(len(up), np.inf), where=walls > 0))


@checked(times=array(None), values=array(None, None), noise=number(0))
def growth_rates(times: ArrayLike, values: ArrayLike, noise: float = 1.0) -> Floats:
    r"""Rates a of waves whose S(k, t) was seen to grow or fade: dS/dt = 2 a S + 2 c.

    By least squares of log S for each k, its start and a unknown: S = (S0 + c / a) exp(2 a t) - c / a. In a quench of
    spins to m = 0 a = J(k) / T - 1 and c = 1 as long as m^2 is small.

    Args:
        times: (n_times,) at least three.
        values: (n_times, n_k) S above 0.
        noise: c, T K at m = 0.

    Raises:
        ValueError: shapes that do not fit, or S that is not above 0.
    """
    t, s = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    if len(t) != len(s) or len(t) < 3 or not (np.diff(t) > 0).all():
        raise ValueError(f"growth needs at least three ascending times with values of each, got {len(t)} and {len(s)}")
    if not (s > 0).all():
        raise ValueError(f"a structure factor must be above 0 to grow, got {s.min():g}")
    t = t - t[0]
    rates = np.empty(s.shape[1])
    for column in range(s.shape[1]):
        seen = s[:, column]

        def missed(x: Floats, seen: Floats = seen) -> Floats:
            grown = np.clip(2 * x[0] * t, -500, 500)
            gained = np.where(np.abs(grown) < 1e-9, t, np.expm1(grown) / (2 * x[0] if x[0] else 1.0))
            return np.asarray(np.log(np.exp(x[1] + grown) + 2 * noise * gained) - np.log(seen))

        slope = np.log(seen[-1] / seen[0]) / (2 * t[-1])
        rates[column] = optimize.least_squares(missed, [slope, np.log(seen[0])]).x[0]
    return rates


@dataclasses.dataclass(frozen=True)
class Switching:
    """How often a magnetisation changed its well.

    Attributes:
        count: changes of all runs.
        time: that all runs spent in a well that they were seen to enter or to start in.
        rate: count over time.
        error: its standard error, rate / sqrt(count); inf if none was seen.
    """

    count: int
    time: float
    rate: float
    error: float


@checked(times=array(None), series=array(), well=above_zero)
def switching(times: ArrayLike, series: ArrayLike, well: float) -> Switching:
    """Changes between the wells at m <= -well and m >= well; a run that turns back in between has changed nothing.

    Args:
        times: (n_times,) even or not.
        series: (n_times,) or (n_times, n_runs) magnetisations.
        well: where a well begins, best its bottom.

    Raises:
        ValueError: shapes that do not fit.
    """
    t, m = np.asarray(times, dtype=float), np.asarray(series, dtype=float)
    m = m[:, None] if m.ndim == 1 else m
    if m.ndim != 2 or len(m) != len(t):
        raise ValueError(f"{len(t)} times do not fit a series of the shape {m.shape}")
    count, time = 0, 0.0
    for run in m.T:
        at = np.flatnonzero(np.abs(run) >= well)
        if len(at):
            sides = np.sign(run[at])
            count += int((np.diff(sides) != 0).sum())
            time += float(t[-1] - t[at[0]])
    rate = count / time if time else 0.0
    return Switching(count, time, rate, rate / np.sqrt(count) if count else np.inf)


@checked(spde=instance("NeuralSPDE"), temperature=above_zero, field=number(), sites=whole(2, 10**6))
def magnetisation_law(spde: NeuralSPDE, temperature: float, field: float = 0.0, *, sites: int) -> tuple[Floats, Floats]:
    """m and its stationary density where all `sites` spins are one block: a grid shorter than the kernel's reach.

    exp(-V F / T) with the entropy of V spins, at the V + 1 magnetisations that they have; for a kernel that couples all
    spins alike this is the exact law of Curie and Weiss.

    Args:
        spde: the equation, whose J0 counts.
        temperature: T.
        field: h.
        sites: V of the whole system.
    """
    m = np.linspace(-1, 1, sites + 1)
    energy = (spde.kernel.total * sites / (sites - 1) * m**2 / 2 + field * m) / temperature
    exponent = sites * (spde.entropy.states_of_block(m, sites) + energy)
    weight = np.exp(exponent - exponent.max())
    return m, weight / (weight.sum() * 2 / sites)


def _grids(fields: ArrayLike) -> Floats:
    m = np.asarray(fields, dtype=float)
    if not 2 <= m.ndim <= 4 or not m.size:
        raise ValueError(f"fields must be (n, *grid) of 1 to 3 axes, got the shape {m.shape}")
    return m


def _wave_lengths(grid: tuple[int, ...]) -> Floats:
    """|k| of every wave of `fftn`, radians per block."""
    axes = np.meshgrid(*(2 * np.pi * np.fft.fftfreq(n) for n in grid), indexing="ij")
    return np.asarray(np.sqrt(sum(axis**2 for axis in axes)))
