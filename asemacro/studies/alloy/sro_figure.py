"""The figure of the command sro: order over the shells and a layer of atoms, or order over the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.plot import short_range_order as plot
from asemacro.studies.alloy.sro_measured import Measured, value
from asemacro.typing import Floats

if TYPE_CHECKING:
    from ase import Atoms
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALPHA_LABEL = r"Warren-Cowley $\alpha_{ij} = 1 - p_{ij} / (Z c_j)$"
MOST_PANELS = 4  # shells that are drawn over the frames
LAYER = 0.3  # of the neighbour distance: half the thickness of a layer of atoms
_LINES = 200  # frames up to which each has a mark


def draw_order(measured: Measured) -> Figure:
    """Order of every pair: over the shells of one structure, or over the structures if there are several."""
    return _over_frames(measured) if measured.count > 1 else _of_one(measured)


def _of_one(measured: Measured) -> Figure:
    """Over the shells, and beside it the atoms of a layer, coloured by `alpha_unlike`."""
    order = measured.last
    atoms = None if order is None else order.atoms
    figure, axes = plot.new_figure(11.0 if atoms is not None else 7.0, 4.8, 1 if atoms is None else 2, share=False)
    for pair, (color, marker) in plot.pair_styles(dict.fromkeys(row["pair"] for row in measured.rows)).items():
        own = [row for row in measured.rows if row["pair"] == pair]
        shown: dict[str, Any] = {"color": color, "marker": marker, "label": pair, "linewidth": 1.0, "markersize": 5}
        axes[0].plot([row["distance"] for row in own], [value(row, "alpha") for row in own], **shown)
    axes[0].axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    axes[0].set_xlabel(r"distance of the neighbour shell ($\mathrm{\AA}$)")
    axes[0].set_ylabel(ALPHA_LABEL)
    axes[0].legend(frameon=False, fontsize=8, ncols=2)
    if atoms is not None and order is not None:
        _draw_layer(axes[1], atoms, float(order.distances[0]))
    return figure


def _draw_layer(ax: Axes, atoms: Atoms, neighbour: float) -> None:
    """The atoms of one layer in the middle, seen along the third axis of the cell."""
    first, second = atoms.cell[0], atoms.cell[1]
    normal = np.cross(first, second)
    normal = normal / np.linalg.norm(normal) if normal.any() else np.array([0.0, 0.0, 1.0])
    along = first / np.linalg.norm(first) if first.any() else np.array([1.0, 0.0, 0.0])
    height = atoms.positions @ normal
    middle = height[np.argmin(np.abs(height - 0.5 * (height.min() + height.max())))]
    layer = np.abs(height - middle) < LAYER * neighbour
    places = atoms.positions[layer] @ np.stack([along, np.cross(normal, along)]).T
    colours = atoms.arrays["alpha_unlike"][layer]
    limit = max(float(np.nanmax(np.abs(colours), initial=0.0)), 1e-3)
    points = ax.scatter(
        places[:, 0],
        places[:, 1],
        c=colours,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        s=_size(places),
        edgecolors="none",
    )
    ax.set_aspect("equal")
    ax.set_xlabel(r"along the first axis of the cell ($\mathrm{\AA}$)")
    ax.set_title("one layer of the atoms; blue: more unlike neighbours than at random", fontsize=9)
    bar = ax.figure.colorbar(points, ax=ax)
    bar.set_label(r"alpha_unlike, 1 - unlike neighbours / random mean")


def _size(places: Floats) -> float:
    """Area of the mark of an atom in points^2, so that neighbours nearly touch in a panel of 4 inches."""
    return float(np.clip(0.6 * (4 * 72) ** 2 / max(len(places), 1), 0.5, 200.0))


def _over_frames(measured: Measured) -> Figure:
    """One panel a shell; means with their errors as bands."""
    shells = sorted({row["shell"] for row in measured.rows})[:MOST_PANELS]
    files = list(dict.fromkeys(row["file"] for row in measured.rows))
    figure, axes = plot.new_figure(4.2 * max(len(shells), 1.6), 4.6, len(shells))
    places, label = _axis(measured, files)
    styles = plot.pair_styles(dict.fromkeys(row["pair"] for row in measured.rows))
    means = {(m.pair, m.shell): m for m in measured.means()} if len(files) == 1 else {}
    for ax, shell in zip(axes, shells, strict=True):
        for pair, (color, marker) in styles.items():
            own = [row for row in measured.rows if (row["pair"], row["shell"]) == (pair, shell)]
            x = np.array([places[row["file"], row["frame"]] for row in own])
            mark = marker if len(own) <= _LINES else ""
            ax.plot(x, [value(row, "alpha") for row in own], "-", color=color, marker=mark, ms=3, lw=0.9, label=pair)
            if (pair, shell) in means:
                m = means[pair, shell]
                ax.axhspan(m.alpha - m.alpha_err, m.alpha + m.alpha_err, color=color, alpha=plot.INNER, linewidth=0)
        ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
        ax.set_xlabel(label)
        ax.set_title(f"shell {shell}" + ("; bands: mean and one standard error" if means else ""), fontsize=9)
    axes[0].set_ylabel(ALPHA_LABEL)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure


def _axis(measured: Measured, files: list[str]) -> tuple[dict[tuple[str, int], float], str]:
    """Where each frame stands on the horizontal axis, and what that says."""
    keys = list(dict.fromkeys((row["file"], row["frame"]) for row in measured.rows))
    times = measured.times(files[0]) if len(files) == 1 else None
    if times is not None:
        return dict(zip(keys, times.tolist(), strict=True)), "time, as the file has it"
    if len(files) == 1:
        return {key: float(key[1]) for key in keys}, "frame of the file"
    return {key: float(n) for n, key in enumerate(keys)}, "structure, in the order given"
