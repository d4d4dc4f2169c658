"""What a learned model must show before it is trusted: its coefficients against labels, its paths against data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import chemical_symbols

from asemacro.data import Moments
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.trajectories import simulate
from asemacro.plot.short_range_order import color_of, pair_styles, shade_of
from asemacro.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 12
TRAJECTORIES = 200
_LOGARITHMIC = 50.0  # last over first time from which the axis of time is logarithmic
_STEPS = 600  # of a path: even steps, so that a model that runs away ends too


@dataclasses.dataclass(frozen=True)
class Path:
    """A course of the large system that was not learned from, and the model's from the same start.

    Attributes:
        name: for the legend.
        times: (n,) the first is 0.
        data: (n, d).
        mean: (n, d) of simulated trajectories.
        sd: (n, d).
        share: small runs behind the data over those that the large system is worth; below 1 they are noisier.
    """

    name: str
    times: Floats
    data: Floats
    mean: Floats
    sd: Floats
    share: float = 1.0

    @property
    def pull(self) -> float:
        """rms of (data - mean) over the sd of the data, without the start: about 1 for the right model."""
        return float(np.sqrt(np.mean(((self.data - self.mean)[1:] / self.sd[1:]) ** 2) * self.share))


def follow(
    sde: NeuralSDE,
    name: str,
    times: Floats,
    data: Floats,
    *,
    condition: float | None = None,
    share: float = 1.0,
    rng: np.random.Generator,
) -> Path:
    """Simulate the model from data[0] at the times of the data."""
    _, z = simulate(
        sde,
        data[0],
        times_s=times,
        condition=condition,
        n_trajectories=TRAJECTORIES,
        n_steps=_STEPS,
        rng=rng,
    )
    return Path(name, times, data, z.mean(axis=0), np.maximum(z.std(axis=0), 1e-300), share)


def binned(predicted: Floats, label: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean prediction, mean label and its standard error in bins (BINS,) of equally many labels by prediction."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(BINS, max(1, len(predicted) // 5)))
    rows = [
        (predicted[p].mean(), label[p].mean(), label[p].std(ddof=1) / np.sqrt(len(p)) if len(p) > 1 else 0.0)
        for p in parts
    ]
    return tuple(np.array(rows).T)  # type: ignore[return-value]


def explained(sde: NeuralSDE, labels: Moments) -> Floats:
    """(d,) part of the variance of the drift labels that the learned drift explains, 1 - mean (b - mu)^2 / Var b."""
    mu = sde.drift(labels.z, _condition(labels))
    return 1 - ((labels.drift - mu) ** 2).mean(axis=0) / np.maximum(labels.drift.var(axis=0), 1e-300)


def noise_ratio(sde: NeuralSDE, labels: Moments) -> Floats:
    """(d,) mean label of the variance rate over the mean learned one."""
    sigma = sde.diffusion(labels.z, _condition(labels)).diagonal(axis1=1, axis2=2)
    return labels.covariance.diagonal(axis1=1, axis2=2).mean(axis=0) / sigma.mean(axis=0)


def draw_diagnostics(sde: NeuralSDE, labels: Moments, paths: list[Path], *, unit: str, seen: bool = False) -> Figure:
    """A row for each variable: drift and variance rate against labels, and paths.

    Args:
        sde: the model.
        labels: drift and variance rates, held out from the fit.
        paths: to compare.
        unit: of time.
        seen: the labels are those of the fit after all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    d, which = sde.dim, "of the fit" if seen else "held out"
    names = sde.labels or tuple(f"z{k + 1}" for k in range(d))
    figure = Figure(figsize=(11.5, 2.9 * d + 0.4), layout="constrained", dpi=130)
    FigureCanvasAgg(figure)
    axes = figure.subplots(d, 3, squeeze=False)
    colors = _colors(names)
    mu = sde.drift(labels.z, _condition(labels))
    sigma = sde.diffusion(labels.z, _condition(labels)).diagonal(axis1=1, axis2=2)
    variance = labels.covariance.diagonal(axis1=1, axis2=2)
    per = "" if unit == "time" else f" (1/{unit.split()[-1].strip('()')})"
    scale = np.ones(len(labels))
    if sde.n_conditions:  # temperatures are decades of rate apart: in units of the time scale of each
        scale, per = sde.time_scale(_condition(labels)), r" $\times\ \tau(T)$"
    for k, row in enumerate(axes):
        _against(row[0], scale * mu[:, k], scale * labels.drift[:, k], f"drift of {names[k]}{per}", which, colors[k])
        title = f"variance rate of {names[k]}{per}"
        _against(row[1], scale * sigma[:, k], scale * variance[:, k], title, which, colors[k])
        for index, path in enumerate(paths):
            color = shade_of(index, len(paths))
            row[2].fill_between(
                path.times, (path.mean - path.sd)[:, k], (path.mean + path.sd)[:, k], color=color, alpha=0.2, lw=0
            )
            row[2].plot(path.times, path.mean[:, k], "-", color=color, lw=1.5, label=path.name)
            row[2].plot(path.times, path.data[:, k], "o", color=color, ms=3.5, mfc="white")
        if min(p.times[-1] / p.times[1] for p in paths) > _LOGARITHMIC:
            row[2].set_xscale("symlog", linthresh=float(min(p.times[1] for p in paths)))
        row[2].set_xlabel(unit)
        row[2].set_ylabel(names[k])
        for ax in row:
            ax.spines[["top", "right"]].set_visible(False)
    figure.suptitle("learned model (lines, bands of one sd) against data (circles)", fontsize=10)
    figure.legend(
        *axes[0][2].get_legend_handles_labels(), loc="outside lower right", ncols=max(1, len(paths)), fontsize=8
    )
    return figure


def _colors(names: Sequence[str]) -> list[str]:
    """Of the variables: pairs have those of every other figure."""
    elements = {part for name in names for part in name.split("-")}
    if all(name.count("-") == 1 for name in names) and elements <= set(chemical_symbols):
        return [color for color, _ in pair_styles(names).values()]
    return [color_of(k) for k in range(len(names))]


def _against(ax: Axes, predicted: Floats, label: Floats, name: str, which: str, color: str) -> None:
    x, y, error = binned(predicted, label)
    low, high = min(x.min(), (y - error).min()), max(x.max(), (y + error).max())
    least = 0.05 * max(abs(low), abs(high))  # a constant is shown as one, not with its rounding errors
    low, high = min(low, (low + high - least) / 2), max(high, (low + high + least) / 2)
    ax.plot([low, high], [low, high], "-", color="0.6", lw=1)
    ax.errorbar(x, y, error, fmt="o", ms=4, color=color, capsize=2, mfc="white")
    margin = 0.05 * (high - low)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(low - margin, high + margin)
    ax.ticklabel_format(useOffset=False, scilimits=(-3, 4))
    ax.locator_params(nbins=5)
    ax.set_xlabel(f"learned {name}")
    ax.set_ylabel(f"labels, {which}, binned")


def _condition(labels: Moments) -> Any:
    return labels.condition[:, 0] if labels.condition.shape[1] else None
