"""Figures of learned field equations; each takes data and an Axes, and gives what it shows as the table of a CSV too.

draw_kernel             J over the length of the lag, recovered and true
draw_mobility           T K over m with bars, beside 1 and 1 - m^2
draw_snapshots          fields side by side
draw_structure_factors  S(k)
draw_magnetisations     distributions of the magnetisation
draw_rates              how often the magnetisation changes its well
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.macro.spde.block_kernel import BlockKernel, lags_of
from asemacro.macro.spde.field_measures import StructureFactor, Switching
from asemacro.macro.spde.mobility_fit import MobilityTable
from asemacro.macro.spde.spde import NeuralSPDE
from asemacro.plot.short_range_order import color_of, shade_of
from asemacro.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FINE = 201  # points of a curve
_BINS = 40
_BELOW = 0.5  # of the lowest rate that was seen: where none was seen


class Lines(NamedTuple):
    """What a CSV holds: names of the columns, and the rows."""

    columns: tuple[str, ...]
    rows: list[list[Any]]


def kernel_lines(kernel: BlockKernel, true: BlockKernel | None = None) -> Lines:
    """A row for each of two opposite lags: its components, length, J, error and the true J."""
    reach = max(kernel.reach, true.reach if true else 0)
    lags = lags_of((2 * reach + 1,) * kernel.dim)
    lags = lags[len(lags) // 2 :]
    columns = (*(f"lag_{k + 1}" for k in range(kernel.dim)), "length", "J", "J_error", "J_true")
    values, errors = values_at(kernel, lags)
    exact = [""] * len(lags) if true is None else values_at(true, lags)[0].tolist()
    length = np.sqrt((lags**2).sum(axis=1))
    order = np.argsort(length, kind="stable")
    return Lines(columns, [[*lags[k].tolist(), length[k], values[k], errors[k], exact[k]] for k in order])


def values_at(kernel: BlockKernel, lags: NDArray[np.integer[Any]]) -> tuple[Floats, Floats]:
    """J and its standard error at lags (n, dim); both 0 beyond the reach, errors 0 if J is exact."""
    middle = np.array(kernel.values.shape) // 2
    inside = (np.abs(lags) <= middle).all(axis=1)
    at = tuple((lags[inside] + middle).T)
    out = np.zeros((2, len(lags)))
    out[0, inside] = kernel.values[at]
    if kernel.errors is not None:
        out[1, inside] = kernel.errors[at]
    return out[0], out[1]


def draw_kernel(ax: Axes, kernel: BlockKernel, true: BlockKernel | None = None, *, color: str = "") -> Axes:
    """J over the length of the lag in blocks: points with bars as it was recovered, crosses as it is.

    Args:
        ax: where to draw.
        kernel: the recovered one.
        true: the exact one, see `box_averaged`; None if nobody knows it.
        color: of the points.
    """
    rows = kernel_lines(kernel, true).rows
    length, value, error = (np.array([row[k] for row in rows]) for k in (-4, -3, -2))
    ax.axhline(0, color="0.8", linewidth=0.8)
    ax.errorbar(length, value, error, fmt="o", color=color or color_of(0), markersize=4, label="recovered")
    if true is not None:
        ax.plot(length, [row[-1] for row in rows], "x", color="black", markersize=6, label="true, box-averaged")
    ax.set_xlabel("length of the lag (blocks)")
    ax.set_ylabel("J between blocks")
    ax.legend(frameon=False, fontsize=8)
    return ax


def mobility_lines(table: MobilityTable) -> Lines:
    """A row for each bin of m: T K as it was counted, its error, and the three laws at the same m."""
    columns = ("temperature", "m", "TK", "TK_error", "1-m_tanh_u", "1", "1-m^2", "blocks")
    return Lines(columns, [
        [t, m, value, error, 1 - m * tanh_u, 1.0, 1 - m**2, int(blocks)]
        for t, m, value, error, tanh_u, blocks in zip(
            table.temperature, table.m, table.value, table.error, table.tanh_u, table.blocks, strict=True
        )
    ])  # fmt: skip


def draw_mobility(ax: Axes, table: MobilityTable, spde: NeuralSPDE | None = None, *, field: float = 0.0) -> Axes:
    """T K over m: points with bars as flips or noise show it, lines of the model, and the textbook forms in dashes.

    Args:
        ax: where to draw.
        table: counted in homogeneous fields, or over all fields (then the model's line is that of homogeneous ones).
        spde: the model; None: no lines.
        field: h of the lines.
    """
    m = np.linspace(-1, 1, _FINE)
    ax.plot(m, np.ones_like(m), "--", color="0.5", linewidth=1, label="1")
    ax.plot(m, 1 - m**2, ":", color="0.5", linewidth=1.4, label="$1 - m^2$")
    temperatures = np.unique(table.temperature)
    for k, t in enumerate(temperatures):
        here, color = table.temperature == t, shade_of(k, len(temperatures))
        ax.errorbar(
            table.m[here], table.value[here], table.error[here], fmt="o", color=color, markersize=4, label=f"T = {t:g}"
        )
        if spde is not None:
            ends = table.m[here].min(), table.m[here].max()
            inner = np.linspace(*ends, _FINE)
            ax.plot(inner, spde.homogeneous_mobility(inner, float(t), field), "-", color=color, linewidth=1.2)
    ax.set_xlabel("m")
    ax.set_ylabel("mobility T K")
    ax.set_ylim(0, None)
    ax.legend(frameon=False, fontsize=8)
    return ax


def draw_snapshots(axes: Sequence[Axes], fields: Sequence[ArrayLike], titles: Sequence[str]) -> None:
    """Block fields as pictures, one an Axes, blue at -1 and red at 1; those of three dimensions cut in the middle."""
    for ax, given, title in zip(axes, fields, titles, strict=True):
        field = np.asarray(given, dtype=float)
        if field.ndim == 3:
            field = field[len(field) // 2]
        ax.set_title(title, fontsize=9)
        if field.ndim == 1:
            ax.plot(field, color=color_of(0), linewidth=1)
            ax.set_ylim(-1, 1)
            continue
        ax.imshow(field, cmap="coolwarm", vmin=-1, vmax=1, interpolation="nearest")
        ax.set_xticks([])
        ax.set_yticks([])


def structure_factor_lines(found: Mapping[str, StructureFactor]) -> Lines:
    """A row for each ring of waves: |k| and S with its error, of each of several fields with the same grid."""
    first = next(iter(found.values()))
    columns = ("k", "waves", *(f"S_{name}{what}" for name in found for what in ("", "_error")))
    return Lines(columns, [
        [k, int(first.waves[ring]), *(float(x) for one in found.values() for x in (one.value[ring], one.error[ring]))]
        for ring, k in enumerate(first.k)
    ])  # fmt: skip


def draw_structure_factors(
    ax: Axes, found: Mapping[str, StructureFactor], theory: Callable[[Floats], Floats] | None = None
) -> Axes:
    """S over |k|: circles for the first of the fields, which the others, lines, are to agree with.

    Args:
        ax: where to draw.
        found: by name.
        theory: S of wave numbers, in dots.
    """
    for place, (name, one) in enumerate(found.items()):
        seen = slice(1, None)
        if place:
            ax.plot(one.k[seen], one.value[seen], "-", color=color_of(place), linewidth=1.4, label=name)
        else:
            ax.errorbar(
                one.k[seen], one.value[seen], one.error[seen], fmt="o", color="black", mfc="white", ms=4, label=name
            )
    if theory is not None:
        k = next(iter(found.values())).k[1:]
        ax.plot(k, theory(k), ":", color="0.4", label=r"$1 / (1 - \hat J(k) / T)$")
    ax.set_xlabel("|k| (radians per block)")
    ax.set_ylabel("S(k)")
    ax.set_yscale("log")
    ax.legend(frameon=False, fontsize=8)
    return ax


def magnetisation_lines(found: Mapping[str, ArrayLike], bins: int = _BINS) -> Lines:
    """A row for each bin of m: its middle, and the density of each of several samples."""
    edges, densities = _densities(found, bins)
    middle = (edges[1:] + edges[:-1]) / 2
    return Lines(("m", *(f"density_{name}" for name in found)), np.column_stack([middle, *densities]).tolist())


def draw_magnetisations(
    ax: Axes, found: Mapping[str, ArrayLike], law: tuple[ArrayLike, ArrayLike] | None = None, *, bins: int = _BINS
) -> Axes:
    """Densities of the magnetisation: a filled histogram for the first sample, steps for the others.

    Args:
        ax: where to draw.
        found: samples by name.
        law: m and its density, dotted.
        bins: of the histograms, from the least to the largest m that was seen.
    """
    edges, densities = _densities(found, bins)
    for place, (name, density) in enumerate(zip(found, densities, strict=True)):
        style: dict[str, Any] = {"color": color_of(place), "linewidth": 1.4} if place else {"color": "0.8"}
        ax.stairs(density, edges, fill=not place, label=name, **style)
    if law is not None:
        m, density = (np.asarray(part, dtype=float) for part in law)
        inside = (m >= edges[0]) & (m <= edges[-1])
        ax.plot(m[inside], density[inside], ":", color="black", linewidth=1.2, label="law of one block")
    ax.set_xlabel("magnetisation")
    ax.set_ylabel("density")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _densities(found: Mapping[str, ArrayLike], bins: int) -> tuple[Floats, list[Floats]]:
    """Edges of the bins, and the density of each sample."""
    samples = [np.asarray(sample, dtype=float).ravel() for sample in found.values()]
    low, high = min(sample.min() for sample in samples), max(sample.max() for sample in samples)
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    return edges, [np.histogram(sample, edges, density=True)[0] for sample in samples]


def rate_lines(found: Mapping[str, Switching]) -> Lines:
    """A row for each of several systems: changes of the well, time watched, rate and its error."""
    return Lines(
        ("system", "changes", "time", "rate", "rate_error"),
        [[name, one.count, one.time, one.rate, one.error if one.count else ""] for name, one in found.items()],
    )


def draw_rates(ax: Axes, found: Mapping[str, Switching]) -> Axes:
    """Rates at which the magnetisation changes its well, with bars; an arrow down where no change was seen."""
    seen = [one.rate for one in found.values() if one.count]
    floor = _BELOW * min(seen, default=1.0)
    for place, one in enumerate(found.values()):
        color = color_of(place)
        if one.count:
            ax.errorbar([place], [one.rate], [one.error], fmt="o", color=color, markersize=5)
        else:
            ax.plot([place], [floor], "v", color=color, markersize=7)
            ax.annotate("none", (place, floor), (0, 8), textcoords="offset points", ha="center", fontsize=8)
    ax.set_xticks(range(len(found)), list(found), rotation=20, fontsize=8)
    ax.set_xlim(-0.5, len(found) - 0.5)
    ax.set_yscale("log")
    ax.set_ylabel("changes of the well per time")
    return ax
