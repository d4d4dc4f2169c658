"""Diffusion coefficients of one temperature from the mean products of displacements of its runs.

Every coefficient is half the slope of a mean product over the lag, between a lag and its double: what a vacancy that
hops to and fro adds at short lags is a constant, which the slope leaves out. The lag is the shortest at which that
slope agrees with those at all longer lags, doubled once more; where none agrees it is the longest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats

from asemacro.studies.transport.walked import Walked
from asemacro.typing import Floats

ANGSTROM2 = 1e-20  # m^2
AGREE = 0.1  # chance that slopes which are the same are not taken for it
CURVED = 1e-3  # chance that the last two slopes, being the same, are said to differ
SAME = 0.005  # relative difference of slopes that is none


@dataclasses.dataclass(frozen=True)
class Measured:
    """Values with their standard errors.

    Attributes:
        value: any shape.
        error: the same.
    """

    value: Floats
    error: Floats

    @classmethod
    def of(cls, runs: Sequence[Floats] | Floats, function: Callable[[Floats], Floats] = lambda mean: mean) -> Measured:
        """A function of the mean over independent runs (n, ...), its error from leaving each out (jackknife)."""
        each = np.asarray(runs)
        n = len(each)
        total = each.sum(axis=0)
        left_out = np.array([function((total - one) / (n - 1)) for one in each])
        spread = np.sqrt((n - 1) * ((left_out - left_out.mean(axis=0)) ** 2).mean(axis=0))
        return cls(function(total / n), spread)


@dataclasses.dataclass(frozen=True)
class AtTemperature:
    """What is known of one temperature; S species after the vacancies, C components of the tensors.

    Attributes:
        temperature_K: temperature.
        components: names of the components, "" where there is one.
        tracer: (S + 1, C) D* in m^2/s, of the vacancies first, at the vacancy concentration of the runs.
        factor: (S + 1, C) correlation factors D / (D of hops without memory).
        jump_rate: (S + 1,) hops of a particle, Hz.
        onsager: (S + 1, S + 1, C) kT x volume of a site x L_ij, m^2/s.
        asymmetry: (S + 1, S + 1) of products of successive displacements, over its standard error.
        lag_s: (S + 2,) lags, of tracers and last of L_ij.
        linear: (S + 2,) bool, whether the slopes agree from there on.
        concentration: vacancies per site.
        drift: of the hop rate from the first to the second half of the runs, over its standard error.
        runs: their number.
        hops: of all runs together.
        duration_s: of one.
        adjacent: fraction of the time in which a vacancy had another one beside it.
    """

    temperature_K: float
    components: tuple[str, ...]
    tracer: Measured
    factor: Measured
    jump_rate: Measured
    onsager: Measured
    asymmetry: Floats
    lag_s: Floats
    linear: tuple[bool, ...]
    concentration: float
    drift: float
    runs: int
    hops: int
    duration_s: float
    adjacent: float


def coefficients(temperature_K: float, runs: Sequence[Walked], weights: Mapping[str, Floats]) -> AtTemperature:
    """Coefficients of runs of equal length at one temperature.

    Args:
        temperature_K: temperature.
        runs: at least two.
        weights: of the components, see `components_of`.
    """
    w = np.array(list(weights.values())) * ANGSTROM2
    lags = runs[0].lags_s
    tracer, together = (_slopes([r.tracer for r in runs], lags, w), _slopes([r.collective for r in runs], lags, w))
    kinds = tracer.shape[2]
    chosen = [plateau(tracer[:, :, kind]) for kind in range(kinds)]
    diagonal = [plateau(together[:, :, kind, kind]) for kind in range(kinds)]
    common = max(diagonal, key=lambda at: (at[0], not at[1]))[0]
    chosen.append((common, all(settled for _, settled in diagonal)))
    at_plateau = np.stack([tracer[:, chosen[kind][0], kind] for kind in range(kinds)], axis=1)
    walks = np.array([np.einsum("cab,sab->sc", w, run.walk) for run in runs])
    halves = np.array([run.half_hops for run in runs], dtype=float)
    grown = Measured.of(halves, lambda mean: np.log(np.maximum(mean[1], 0.5) / np.maximum(mean[0], 0.5)))
    numbers = runs[0].numbers
    return AtTemperature(
        temperature_K=temperature_K,
        components=tuple(weights),
        tracer=Measured.of(at_plateau),
        factor=Measured.of(np.stack([at_plateau, walks], axis=1), _ratio),
        jump_rate=Measured.of([run.jump_rate for run in runs]),
        onsager=Measured.of(together[:, common]),
        asymmetry=_asymmetry(np.array([run.successive[common] for run in runs])),
        lag_s=np.array([lags[at + 1] for at, _ in chosen]),
        linear=tuple(settled for _, settled in chosen),
        concentration=float(numbers[0] / numbers.sum()),
        drift=float(grown.value / grown.error) if grown.error > 0 else 0.0,
        runs=len(runs),
        hops=sum(run.hops for run in runs),
        duration_s=runs[0].duration_s,
        adjacent=float(np.mean([run.adjacent for run in runs])),
    )


def plateau(slopes: Floats) -> tuple[int, bool]:
    """The lag from which slopes (runs, L, ...) no longer change, and whether the last two agree.

    Every later slope must agree with that at the lag, in all components: their difference between runs must be one
    that Student's law gives by chance (Bonferroni over all of them), or be within SAME. One lag more is taken, because
    the first that agrees does so partly by chance.
    """
    flat = slopes.reshape(*slopes.shape[:2], -1)
    last = flat.shape[1] - 1
    for at in range(last):
        if _agree(flat, at, AGREE):
            return min(at + 1, last), True
    return last, _agree(flat, last - 1, CURVED)


def _agree(slopes: Floats, at: int, chance: float) -> bool:
    """Whether the slopes (runs, L, C) after one agree with it."""
    runs, change = len(slopes), slopes[:, at + 1 :] - slopes[:, at : at + 1]
    error = change.std(axis=0, ddof=1) / np.sqrt(runs)
    most = error * stats.t.isf(chance / (2 * error.size), runs - 1)
    same = SAME * np.abs(slopes[:, at].mean(axis=0))
    return bool((np.abs(change.mean(axis=0)) <= np.maximum(most, same)).all())


def _slopes(products: Sequence[Floats], lags: Floats, weights: Floats) -> Floats:
    """(runs, L - 1, ..., C) half the slopes between successive lags of (runs, L, ..., 3, 3), by components."""
    each = np.einsum("...ab,cab->...c", np.array(products), weights)
    steps = np.diff(lags).reshape(-1, *[1] * (each.ndim - 2))
    slopes: Floats = np.diff(each, axis=1) / (2 * steps)
    return slopes


def _ratio(mean: Floats) -> Floats:
    """First over second; nan where a species never hops."""
    ratio: Floats = np.divide(mean[0], mean[1], out=np.full(mean[0].shape, np.nan), where=mean[1] > 0)
    return ratio


def _asymmetry(successive: Floats) -> Floats:
    """(k, k) antisymmetric part of (runs, k, k) over its standard error: 0 on the diagonal."""
    odd = Measured.of(successive - successive.transpose(0, 2, 1))
    return np.divide(odd.value, odd.error, out=np.zeros(odd.value.shape), where=odd.error > 0)
