"""What the form of the equation presumes, tested on data: a number, its error and one line for each."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.macro.spde.block_kernel import BlockKernel, diagonals, neighbours
from asemacro.macro.spde.cells import MobilityCells
from asemacro.macro.spde.drift_fit import residual_variance
from asemacro.macro.spde.mobility import SmoothMobility, features, powers
from asemacro.macro.spde.window import Relaxation, changes, parts_of
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.field_data import FieldData

CLOSURE, WHITE, NOISE, DISSIPATION = "closure", "white noise", "noise of flips", "fluctuation-dissipation"
_SIGMAS = 4.0  # that a deviation must have beside being large
_CLOSURE_SHARE = 0.01  # of the mean square of the drift that other features may explain
_CORRELATION = 0.02  # of the noise of neighbouring blocks
_NOISE_RATIO = 0.05  # of the variance of the noise over that of the flips, from 1
_MOBILITY_RATIO = 0.10  # root mean square of the mobility of the noise over that of the drift, from 1
_DEGREE = 3  # of polynomials in m and tanh u
_ROWS_NEEDED = 4


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One assumption.

    Attributes:
        name: which.
        holds: False if the data contradict it, None if they cannot tell.
        value: of the deviation.
        error: its standard error.
        text: the verdict in one line.
    """

    name: str
    holds: bool | None
    value: float
    error: float
    text: str


def judged(
    data: FieldData, relaxation: Relaxation, mobility: SmoothMobility, cells: MobilityCells
) -> tuple[Verdict, ...]:
    """Whether the drift closes on m and J * m, the noise is white and that of flips, and both have one mobility.

    Args:
        data: rows that were not fitted, if there are such.
        relaxation: the fitted drift.
        mobility: the fitted T K.
        cells: estimates of T K that it was fitted to.
    """
    ratio = DISSIPATION, *_mobility_ratio(relaxation, mobility, cells)
    if len(data) < _ROWS_NEEDED:
        few = f"{len(data)} rows are too few to tell; give at least {_ROWS_NEEDED}"
        unknown = tuple(Verdict(name, None, np.nan, np.nan, f"{name}: {few}") for name in (CLOSURE, WHITE, NOISE))
        return (*unknown, _dissipation(*ratio))
    return (
        _closure(*_closure_share(data, relaxation)),
        _white(_correlations(data, relaxation)),
        _flips(*_noise_ratio(data, relaxation, mobility), cells.source),
        _dissipation(*ratio),
    )


def _holds(value: float, error: float, limit: float) -> bool | None:
    """False if larger than is tolerated and than its error allows; None if the error hides what is not tolerated."""
    if abs(value) > limit and abs(value) > _SIGMAS * error:
        return False
    return None if error > limit else True


def _words(holds: bool | None, yes: str, no: str) -> str:
    """The beginning of a line."""
    if holds is None:
        return f"too few data to tell whether {yes}"
    return yes if holds else no


def _closure_share(data: FieldData, relaxation: Relaxation) -> tuple[float, float]:
    """Share of the mean square drift that features beyond m and J * m explain, judged on rows they were not fitted to.

    Features: polynomials in m and tanh u, and what lies inside the kernel's sums: neighbours, their squares, gradients.
    """
    half = np.arange(len(data)) % 2 == 0
    normal: Any = 0.0
    target: Any = 0.0
    for part in parts_of(data.take(half), 24):
        x, r, _ = _extra(part, relaxation, data.sites)
        normal, target = normal + np.einsum("knb,lnb->kl", x, x), target + np.einsum("knb,nb->k", x, r)
    c = np.linalg.solve(normal + np.eye(len(normal)), target)
    gains, squares = [], []
    for part in parts_of(data.take(~half), 24):
        x, r, drift = _extra(part, relaxation, data.sites)
        f = np.tensordot(c, x, axes=1)
        gains.append((2 * r * f - f * f).mean(axis=1))
        squares.append((drift**2).mean(axis=1))
    gain, square = np.concatenate(gains), float(np.concatenate(squares).mean())
    return float(gain.mean()) / square, float(gain.std() / np.sqrt(len(gain))) / square


def _extra(part: FieldData, relaxation: Relaxation, sites: int) -> tuple[Floats, Floats, Floats]:
    """Features (k, n, blocks), residuals and drifts (n, blocks), both over the standard deviation of the noise."""
    before, after = changes(part)
    window, n = relaxation.over(part), len(part)
    spread = np.sqrt(residual_variance(window.variance(before), window.left, sites))
    m, t = window.state, window.target
    around = [np.roll(m, lag, axis=range(1, m.ndim)) for one in neighbours(m.ndim - 1) for lag in (one, _minus(one))]
    near = sum(around) / len(around)
    near_square, near_cube = (sum(v**p for v in around) / len(around) for p in (2, 3))
    plain = features((m, t), np.array([[-1.0, 1.0]] * 2), powers(2, _DEGREE), _DEGREE)
    found = [
        *plain,
        near - m,
        near_square,
        m * near_square,
        near_cube,
        near_square - near**2,
        m * (near_square - near**2),
    ]
    x = np.stack([((1 - window.left) / spread * part_).reshape(n, -1) for part_ in found])
    r = ((after - window.expected(before)) / spread).reshape(n, -1)
    drift = ((1 - window.left) * (t - before) / spread).reshape(n, -1)
    return x, r, drift


def _minus(lag: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-r for r in lag)


def _closure(share: float, error: float) -> Verdict:
    holds = _holds(share, error, _CLOSURE_SHARE)
    said = _words(holds, "the drift closes on m and J * m", "the drift does not close on m and J * m")
    size = f"{100 * max(share, 0.0):.2f} +- {100 * error:.2f} % of its mean square"
    return Verdict(CLOSURE, holds, share, error, f"{said}: what else the fields hold explains {size}")


def _correlations(data: FieldData, relaxation: Relaxation) -> dict[str, tuple[float, float]]:
    """Correlation of the noise of neighbours and of second neighbours, with errors, as far as a grid has them."""
    dim = data.before.ndim - 1
    axes = tuple(range(1, dim + 1))
    known = {"first": neighbours(dim), "second": diagonals(dim)}
    near = {name: [lag for lag in lags if np.any(np.mod(lag, data.grid))] for name, lags in known.items()}
    near = {name: lags for name, lags in near.items() if lags}
    rows: dict[str, list[Floats]] = {name: [] for name in (*near, "square")}
    for part in parts_of(data, 4):
        before, after = changes(part)
        window = relaxation.over(part)
        spread = np.sqrt(residual_variance(window.variance(before), window.left, part.sites))
        z = (after - window.expected(before)) / spread
        square = (z**2).mean(axis=axes)
        # within the window the noise of a block already moves its neighbours: duration times the slope of their drift
        slope = ((1 - window.left) * (1 - window.target**2) / window.temperature).mean(axis=axes)
        for name, lags in near.items():
            pairs = [
                (z * np.roll(z, lag, axis=axes)).mean(axis=axes) - value_at(relaxation.kernel, lag) * slope * square
                for lag in lags
            ]
            rows[name].append(np.mean(pairs, axis=0))
        rows["square"].append(square)
    mean = {name: np.concatenate(part) for name, part in rows.items()}
    scale = float(mean["square"].mean())
    return {
        name: (float(mean[name].mean()) / scale, float(mean[name].std() / np.sqrt(len(mean[name]))) / scale)
        for name in near
    }


def value_at(kernel: BlockKernel, lag: tuple[int, ...]) -> float:
    """J at a lag, 0 beyond its reach."""
    at = tuple(edge // 2 + r for edge, r in zip(kernel.values.shape, lag, strict=True))
    inside = all(0 <= i < edge for i, edge in zip(at, kernel.values.shape, strict=True))
    return float(kernel.values[at]) if inside else 0.0


def _white(found: dict[str, tuple[float, float]]) -> Verdict:
    if not found:
        return Verdict(WHITE, None, 0.0, np.inf, "a single block has no neighbours whose noise could be compared")
    worst = max(found, key=lambda name: abs(found[name][0]))
    value, error = found[worst]
    holds = _holds(value, error, _CORRELATION)
    why = "blocks move together" if value > 0 else "what one block loses its neighbours gain, as if m were conserved"
    said = _words(holds, "the noise is white across blocks", f"the noise is not white across blocks, {why}")
    return Verdict(WHITE, holds, value, error, f"{said}: correlation of {worst} neighbours {value:+.4f} +- {error:.4f}")


def _noise_ratio(data: FieldData, relaxation: Relaxation, mobility: SmoothMobility) -> tuple[float, float]:
    """Squared residuals over what the mobility says of them, and the error."""
    rows: list[NDArray[Any]] = []
    for part in parts_of(data):
        before, after = changes(part)
        window = relaxation.over(part)
        k = mobility(window.state, window.u, window.temperature) / relaxation.rate
        e, t = window.left, window.target
        variance = (1 - e) * ((1 - e) * (1 - t**2) + 2 * e * k) / part.sites
        squared = (after - window.expected(before)) ** 2
        rows.append((squared / variance).reshape(len(part), -1).mean(axis=1))
    ratio = np.concatenate(rows)
    return float(ratio.mean()), float(ratio.std() / np.sqrt(len(ratio)))


def _flips(ratio: float, error: float, source: str) -> Verdict:
    if source != "flips":
        text = (
            f"no flips were counted to compare the noise with (its variance is {ratio:.3f} +- {error:.3f} of the fit)"
        )
        return Verdict(NOISE, None, ratio - 1, error, text)
    holds = _holds(ratio - 1, error, _NOISE_RATIO)
    why = "something that the fields do not show moves the blocks" if ratio > 1 else "flips undo each other"
    said = _words(holds, "the noise is that of independent flips", f"the noise is not that of independent flips, {why}")
    return Verdict(NOISE, holds, ratio - 1, error, f"{said}: its variance is {ratio:.3f} +- {error:.3f} of theirs")


def _mobility_ratio(relaxation: Relaxation, mobility: SmoothMobility, cells: MobilityCells) -> tuple[float, float]:
    """Root mean square of k / (rate (1 - m tanh v)) - 1 over the cells, and what noise alone would give."""
    u = np.arctanh(np.clip(cells.t, -1 + 1e-9, 1 - 1e-9))
    t = np.tanh(u - relaxation.entropy.excess(cells.m))
    drift = relaxation.rate * np.maximum(1 - cells.m * t, 1e-3)
    ratio = mobility(cells.m, u, cells.temperature) / drift - 1
    error = mobility.error(cells.m, u, cells.temperature) / drift
    return tuple(float(np.sqrt(np.average(v**2, weights=cells.blocks))) for v in (ratio, error))  # type: ignore[return-value]


def _dissipation(name: str, value: float, error: float) -> Verdict:
    holds = _holds(value, error, _MOBILITY_RATIO)
    said = _words(holds, "drift and noise have one mobility", "drift and noise do not have one mobility")
    size = f"they differ by {100 * value:.1f} % (root mean square; {100 * error:.1f} % of it is counting noise)"
    return Verdict(name, holds, value, error, f"{said}: {size}")
