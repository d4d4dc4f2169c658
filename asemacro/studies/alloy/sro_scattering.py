"""The diffuse scattering of the command sro: which structures it is the mean of, its table, and what is said of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from asemacro.files.store import write_csv
from asemacro.observables.scattering import DiffuseScattering, ScatteringMean
from asemacro.observables.short_range_order import ShortRangeOrder
from asemacro.studies.alloy.scattering_figure import draw_scattering
from asemacro.tasks.publication import Files

PLANE, EXTENT = "hk0", 2.0
WORDS = {"xray": "x-rays", "neutron": "neutrons"}


def asked(radiation: str | None, plane: str | None, extent: float | None, output: Any) -> ScatteringMean | None:
    """The scattering that is asked for; None if none is.

    Args:
        radiation: "xray" or "neutron"; None for no scattering.
        plane: words of a plane, None for hk0.
        extent: to which its letters run, None for 2.
        output: folder of the results.

    Raises:
        ValueError: a plane that is not understood, options without scattering, scattering without a folder.
    """
    if radiation is None:
        for option, value in (("--plane", plane), ("--extent", extent)):
            if value is not None:
                raise ValueError(f"{option} belongs to --scattering, which is xray or neutron")
        return None
    if output is None:
        raise ValueError("--scattering gives a table and a figure; give a folder for them with -o")
    return ScatteringMean(
        PLANE if plane is None else plane,
        radiation=radiation,
        extent=EXTENT if extent is None else extent,
        symmetric=True,
    )


def take(mean: ScatteringMean, order: ShortRangeOrder) -> None:
    """One more structure.

    Raises:
        ValueError: it has no definite arrangement, or none that goes with those before.
    """
    if order.state is None:
        raise ValueError(
            "fractional occupancy is no definite arrangement, so it has no diffuse scattering of its own (that of a "
            "random alloy is 1 everywhere); give a structure with one element on each site, as `asemacro kmc` writes it"
        )
    mean.add(order.lattice, order.state)


def told(found: DiffuseScattering) -> list[str]:
    """What a reader of table and figure must know."""
    waves = int(np.isfinite(found.intensity).sum())
    plane = "" if found.plane is None else f" in the plane {found.plane.words}"
    of = "one structure" if found.states == 1 else f"mean of {found.states} structures"
    lines = [
        f"diffuse scattering of {WORDS[found.radiation]}{plane}: {of}, {waves} wave vectors that fit the cell beside "
        "the Bragg peaks, averaged over the point group of the crystal; by short-range order alone (atoms on their "
        "sites, a vacant site scatters like the mean atom)"
    ]
    if waves:
        best = int(np.nanargmax(found.intensity))
        error = f" +- {found.error[best]:.2g}" if math.isfinite(found.error[best]) else ""
        at = ", ".join(f"{h + 0.0:.4g}" for h in found.hkl[best])
        lines.append(f"strongest: {found.intensity[best]:.3g}{error} Laue units at ({at}); a random alloy has 1")
    return lines


def scattering_files(found: DiffuseScattering) -> Files:
    """The files of a folder, by name."""
    columns = ["h", "k", "l", "length", "intensity", "intensity_err"]
    columns += [f"{what}_{pair}" for what in ("alpha", "part") for pair in found.pairs]
    table = np.column_stack([found.hkl, found.length, found.intensity, found.error, found.alpha, found.part])
    rows = [[value + 0.0 if math.isfinite(value) else "" for value in row] for row in np.round(table, 10).tolist()]
    figure = draw_scattering(found)
    return {
        "scattering.csv": lambda path: write_csv(path, columns, rows),
        "scattering.png": lambda path: figure.savefig(path, format="png"),
    }
