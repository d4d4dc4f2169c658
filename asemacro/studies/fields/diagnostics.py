"""What a learned field equation must show before it is trusted, in one figure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.field_data import FieldData
from asemacro.macro.spde.block_kernel import BlockKernel
from asemacro.macro.spde.field_measures import structure_factor
from asemacro.macro.spde.mobility_fit import MobilityTable
from asemacro.studies.fields.figures import draw_kernel, draw_mobility, draw_snapshots, draw_structure_factors
from asemacro.studies.fields.learned import LearnedFields

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 20
_FLAT = 1.5  # scatter of blocks over that of independent spins: below it a field is the same everywhere


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Block fields of the system at a later time, and those of the equation from the same fields.

    Attributes:
        start: what they start from, in words.
        temperature: T.
        until: the later time.
        before: (n, *grid) fields at the start.
        after: (n, *grid) of the system.
        model: (n, *grid) of the equation.
        reflected: part of the changes of the equation that led out of [-1, 1].
    """

    start: str
    temperature: float
    until: float
    before: NDArray[Any]
    after: NDArray[Any]
    model: NDArray[Any]
    reflected: float


def mobility_of_homogeneous(learned: LearnedFields, data: FieldData) -> MobilityTable:
    """T K as flips were counted in fields that are the same everywhere, in bins of m; in all fields without such.

    T K = 2 N / (V dt) for each block. A field is the same everywhere if its blocks scatter as independent spins do.
    """
    assert learned.report is not None
    axes = tuple(range(1, data.before.ndim))
    m = data.before.mean(axis=axes, dtype=float)
    scatter = data.before.var(axis=axes, dtype=float) * data.sites / np.maximum(1 - m**2, 1 / data.sites)
    flat = np.flatnonzero(scatter < _FLAT)
    if data.flips is None or not len(flat):
        return learned.report.mobility
    m = (m[flat] + data.after[flat].mean(axis=axes, dtype=float)) / 2
    temperatures, index = np.unique(data.temperature[flat], return_inverse=True)
    place, n = index * _BINS + np.clip(((m + 1) * _BINS / 2).astype(int), 0, _BINS - 1), len(temperatures) * _BINS
    blocks = np.full(len(flat), float(np.prod(data.grid)))
    expected = data.duration[flat] * blocks * (data.sites / 2)  # flips if T K were 1
    flips = data.flips[flat].sum(axis=axes).astype(float)
    tanh_u = np.tanh((learned.spde.kernel.total * m + data.field[flat]) / data.temperature[flat])
    weight = np.bincount(place, expected, n)
    kept = weight > 0
    count, at, tanh = (np.bincount(place, part, n)[kept] for part in (flips, expected * m, expected * tanh_u))
    weight = weight[kept]
    return MobilityTable(
        at / weight,
        np.repeat(temperatures, _BINS)[kept],
        count / weight,
        np.sqrt(np.maximum(count, 1)) / weight,
        tanh / weight,
        np.bincount(place, blocks, n)[kept].astype(float),
    )


def draw_fields(learned: LearnedFields, mobility: MobilityTable, found: Comparison, true: BlockKernel | None) -> Figure:
    """Kernel, mobility and S(k) above; a field of the system, at the start and later, and of the equation below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 6.4), layout="constrained", dpi=130)
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 3)
    draw_kernel(above[0], learned.spde.kernel, true)
    draw_mobility(above[1], mobility, learned.spde, field=learned.field)
    sites = learned.spde.sites
    draw_structure_factors(
        above[2], {"system": structure_factor(found.after, sites), "equation": structure_factor(found.model, sites)}
    )
    for ax in (*above, *(below if np.ndim(found.after) == 2 else ())):
        ax.spines[["top", "right"]].set_visible(False)
    titles = (found.start, f"system, time {found.until:g}", f"equation, time {found.until:g}")
    draw_snapshots(list(below), [part[0] for part in (found.before, found.after, found.model)], titles)
    figure.suptitle(f"learned field equation against the system, T = {found.temperature:g}", fontsize=10)
    return figure
