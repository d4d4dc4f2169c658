"""The figure of diffuse scattering: a plane of reciprocal space, every wave vector of the cell as one patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from asemacro.plot import short_range_order as plot
from asemacro.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from asemacro.lattice.reciprocal_plane import ReciprocalPlane
    from asemacro.observables.scattering import DiffuseScattering

PIXELS = 700  # along an axis
LEAST_RANGE = 2.0  # Laue units that the colours span
MOST_LINEAR = 10.0  # Laue units, above which they are logarithmic
FAINTEST = 0.1  # Laue units, of logarithmic ones
WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 6.4, 3.2, 8.0  # inches
_RIGHT_ANGLE = 1e-3


def draw_scattering(found: DiffuseScattering) -> Figure:
    """Intensity over the plane, the letters of its words along the axes at their true angle."""
    assert found.plane is not None
    from matplotlib.colors import LogNorm, Normalize

    first, second = _axes_of(found, found.plane)
    letters = _letters(found, found.plane)
    places = letters @ np.array([first, second])
    extent = float(letters.max())
    ends = extent * np.array([first, second, first + second, 0 * first])
    (left, _), (right, height) = ends.min(axis=0), ends.max(axis=0)
    x, y = np.meshgrid(np.linspace(left, right, PIXELS), np.linspace(0.0, height, PIXELS))
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    inside = pixels @ np.linalg.inv(np.array([first, second]))
    shown = ((inside > -1e-9) & (inside < extent + 1e-9)).all(axis=1)
    values = np.where(shown, found.intensity[cKDTree(places).query(pixels)[1]], np.nan).reshape(x.shape)
    top = float(np.nanmax(found.intensity))
    scale = Normalize(0.0, max(LEAST_RANGE, top)) if top <= MOST_LINEAR else LogNorm(FAINTEST, top)
    size = np.clip(1.3 + 0.7 * WIDTH * height / (right - left), LEAST_HEIGHT, MOST_HEIGHT)
    figure, (ax,) = plot.new_figure(WIDTH, float(size))
    image = ax.imshow(
        values, origin="lower", extent=(left, right, 0.0, height), norm=scale, cmap="viridis", interpolation="nearest"
    )
    sharp = ~np.isfinite(found.intensity)
    ax.plot(*places[sharp].T, "o", color="0.4", markerfacecolor="white", markersize=6, clip_on=False)
    _label(ax, found.plane, first, second, extent)
    bar = figure.colorbar(image, ax=ax, extend="min" if top > MOST_LINEAR else "neither")
    bar.set_label("diffuse intensity (Laue units; random alloy: 1)")
    of = "one structure" if found.states == 1 else f"mean of {found.states} structures"
    radiation = {"xray": "x-rays", "neutron": "neutrons"}[found.radiation]
    ax.set_title(
        f"{'-'.join(found.lattice.species)} ({found.lattice.prototype}), {found.lattice.n_sites} sites, {radiation}, "
        f"{of}; circles: Bragg peaks",
        fontsize=9,
    )
    return figure


def _axes_of(found: DiffuseScattering, plane: ReciprocalPlane) -> tuple[Floats, Floats]:
    """(2,) each: one more of either letter, with the length of the first one as unit and the first one along x."""
    reciprocal = np.linalg.inv(found.lattice.conventional).T
    one, two = (np.array(vector, dtype=float) @ reciprocal for vector in (plane.first, plane.second))
    unit = float(np.linalg.norm(one))
    along = float(two @ one) / unit**2
    across = float(np.sqrt(max(two @ two / unit**2 - along**2, 0.0)))
    return np.array([1.0, 0.0]), np.array([along, across])


def _letters(found: DiffuseScattering, plane: ReciprocalPlane) -> Floats:
    """(n, 2) values of the two letters."""
    span = np.array([plane.first, plane.second], dtype=float).T
    return np.asarray((found.hkl - np.array(plane.offset, dtype=float)) @ np.linalg.pinv(span).T)


def _label(ax: Axes, plane: ReciprocalPlane, first: Floats, second: Floats, extent: float) -> None:
    """Values of the letters along the axes; along a slanting one they stand beside it."""
    one, two = plane.letters
    whole = np.arange(0, int(np.floor(extent + 1e-9)) + 1)
    marks = whole if 0 < extent <= 8 and len(whole) > 2 else np.linspace(0, extent, 5)
    ax.set_xticks(marks, [f"{value:g}" for value in marks])
    ax.set_xlabel(f"${one}$ of the plane {plane.words} (reciprocal vectors of the conventional cell)")
    if abs(second[0]) < _RIGHT_ANGLE:
        ax.set_yticks(marks * second[1], [f"{value:g}" for value in marks])
        ax.set_ylabel(f"${two}$", rotation=0)
        return
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    for value in marks:
        place = float(value * second[0]), float(value * second[1])
        ax.annotate(
            f"${two}$ = {value:g}", place, (-8, 0), textcoords="offset points", ha="right", va="center", fontsize=8
        )
        for here, along in ((second, first), (first, second)):
            line = np.array([value * here, value * here + extent * along])
            ax.plot(*line.T, color="white", linewidth=0.5, alpha=0.5)
