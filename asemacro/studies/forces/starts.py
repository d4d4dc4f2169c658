"""The learned variables of a start: as the runs of the training start, not as they pass.

A run that started hotter passes the temperature of a start in the middle of its fall, in a state that no run starts
from. So the first states of the runs are looked at before all others.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from asemacro.typing import Floats

NEAR = 0.5  # standard deviations over the training states, by which a start may lie outside of those of the runs
SMOOTH = 0.25  # error of interpolation over that of the nearest state, squared, below which there is a curve to follow


@dataclasses.dataclass(frozen=True)
class Start:
    """The learned variables of a start, and which state of the training they are of.

    Attributes:
        learned: (d - s,) their values.
        words: one line.
        time: of that state, in its run.
        usual: whether runs of the training start so, or on both sides of it.
    """

    learned: Floats
    words: str
    time: float
    usual: bool = True


def learned_at_start(
    z: Floats, group: NDArray[np.int64], times: Floats, at: Floats, labels: tuple[str, ...], nearest: int
) -> Start:
    """What stands beside s given values z*: what the runs of the training started with.

    With one observable and enough runs it is interpolated between the two starts around the given one, if that does
    well for the starts themselves (`_interpolates`); else it is that of the nearest start. Where no run starts near,
    it is that of the nearest state of all.

    Args:
        z: (N, d) states of the training, the observables first.
        group: (N,) their runs.
        times: (N,) their times.
        at: (s,) the given values.
        labels: of the observables.
        nearest: number of states to take the mean of; more than 1 leaves out the interpolation.
    """
    s = len(at)
    spread = np.maximum(z[:, :s].std(axis=0), np.finfo(float).tiny)
    away = np.sqrt((((z[:, :s] - at) / spread) ** 2).sum(axis=1))
    first = np.flatnonzero(times == times.min())
    starts = z[first, :s]
    inside = bool(((starts.min(axis=0) <= at) & (at <= starts.max(axis=0))).all())
    ranges = ", ".join(
        f"{label} = {low:.3g} to {high:.3g}"
        for label, low, high in zip(labels, starts.min(axis=0), starts.max(axis=0), strict=True)
    )
    zero = float(times.min())
    if not inside and away[first].min() > NEAR:
        order = np.argsort(away, kind="stable")[:nearest]
        k = order[0]
        words = f"no run of the training starts near (they start from {ranges}): starts as run {group[k]} at time "
        return Start(z[order, s:].mean(axis=0), f"{words}{times[k]:.3g}", float(times[k]), usual=False)
    around = first[np.argsort(starts[:, 0], kind="stable")]
    if s == 1 and nearest == 1 and inside and _interpolates(z[around]):
        value = np.array([np.interp(at[0], z[around, 0], learned) for learned in z[around, 1:].T])
        k = int(np.clip(np.searchsorted(z[around, 0], at[0]), 1, len(around) - 1))
        left, right = group[around[k - 1]], group[around[k]]
        return Start(value, f"starts between run {left} and run {right} at time {zero:.3g}", zero)
    order = first[np.argsort(away[first], kind="stable")[:nearest]]
    words = "" if inside else f"the start lies outside of those of the training (they start from {ranges}): "
    words += f"starts as run {group[order[0]]} at time {zero:.3g}"
    return Start(z[order, s:].mean(axis=0), words, zero, usual=inside)


def _interpolates(ordered: Floats) -> bool:
    """Whether starts (n, d), by the first variable, lie where the two neighbours of each tell, itself left out.

    Starts on a curve (one structure at different temperatures) do; of starts that the observable leaves open the
    mean of two is like none, and is no better than the nearest.
    """
    gaps = np.diff(ordered[:, 0])
    if len(ordered) < 4 or not (gaps > 0).all():
        return False
    before, here, after = ordered[:-2, 1:], ordered[1:-1, 1:], ordered[2:, 1:]
    weight = (gaps[:-1] / (gaps[:-1] + gaps[1:]))[:, None]
    between = here - before - weight * (after - before)
    nearest = here - np.where(weight < 0.5, before, after)
    scale = np.maximum(ordered[:, 1:].std(axis=0), np.finfo(float).tiny)
    return bool(((between / scale) ** 2).sum() <= SMOOTH * ((nearest / scale) ** 2).sum())
