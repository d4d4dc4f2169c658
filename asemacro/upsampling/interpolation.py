"""Large snapshots of fields from small ones: linear interpolation onto a finer grid of the same box."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.arguments.checks import bound_of_memory, generator_of
from asemacro.arguments.door import (
    CRYSTAL,
    array,
    batch,
    checked,
    whole,
)
from asemacro.micro.protocol import SYSTEM
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


@checked(system=SYSTEM, cells=batch, copies=whole(1), count=whole(1), rng=generator_of)
def interpolate(system: Any, cells: Floats, copies: int, count: int, *, rng: np.random.Generator) -> tuple[Any, Floats]:
    """Small snapshots at `copies` times as many points, linear between the centres of the cells; for `upsample`.

    Means of the fields are kept exactly. What is lost is noise on the scale of the grid: a point between two
    points of independent noise has w^2 + (1 - w)^2 of their variance, on average `interpolated_noise`, 5/8 on a
    chain of twice the points (placed on and between the points instead, alternately 1 and 1/2), and its neighbours
    are correlated. `upsample(..., relax_s=t)` brings the noise back, at the rates at which it decays.

    Args:
        system: micro system of the small grid; `system.on(lattice)` makes it again on the finer one.
        cells: (n_trajectories, n_sites, n_fields) small states of one age.
        copies: points of the large grid over points of the small one, m^d in d dimensions.
        count: number of large snapshots; the small ones are taken in turn, in random order.
        rng: random generator.

    Returns:
        The large system and its states, (count, copies * n_sites, n_fields).

    Raises:
        ValueError: a lattice with several sites in a unit cell, or copies that is not m^d.
    """
    small = system.lattice
    if cells.ndim != 3 or cells.shape[1] != small.n_sites:
        raise ValueError(f"cells must be fields (batch, {small.n_sites}, n_fields), got {cells.shape}")
    bound_of_memory(4.0 * count * copies * cells[0].nbytes, f"{count} snapshots of {copies} times the points")
    factor = _factor(small, copies)
    order = rng.permutation(len(cells))[np.arange(count) % len(cells)]
    return system.on(finer(small, factor)), refine(small, cells[order], factor)


@checked(factor=whole(1), dimensions=whole(1, 3))
def interpolated_noise(factor: int, dimensions: int = 1) -> float:
    """Mean variance of interpolated independent noise over that of the noise, at `factor` points a point and axis."""
    share = (np.arange(factor) + 0.5) / factor - 0.5
    share -= np.floor(share)
    return float(np.mean(share**2 + (1 - share) ** 2)) ** dimensions


@checked(lattice=CRYSTAL, factor=whole(1))
def finer(lattice: Lattice, factor: int) -> Lattice:
    """The same box with `factor` times as many unit cells along every periodic or open axis."""
    scale = np.where(lattice.pbc, 1.0 / factor, 1.0)[:, None]
    shape = tuple(n * factor if p else n for n, p in zip(lattice.shape, lattice.pbc, strict=True))
    return dataclasses.replace(
        lattice,
        cell=lattice.cell * scale,
        conventional=lattice.conventional * scale,
        ideal=lattice.ideal * scale,
        shape=shape,  # type: ignore[arg-type]
        _memo=lattice._memo.setdefault(("finer", factor), {}),  # shells are found once, not for every upsampling
    )


@checked(lattice=CRYSTAL, x=array(None, None, None), factor=whole(1))
def refine(lattice: Lattice, x: Floats, factor: int) -> Floats:
    """States (batch, n_sites, n_fields) at `factor` times as many points along each axis, linear in between.

    Values sit at the centres of cells; beyond an open end the field is continued by the last one.
    """
    _factor(lattice, factor ** sum(lattice.pbc))
    x = np.asarray(x, dtype=float)
    grid = x.reshape(len(x), *lattice.shape, -1)
    for axis, periodic in enumerate(lattice.pbc):
        if not periodic:
            continue
        n = lattice.shape[axis]
        place = (np.arange(n * factor) + 0.5) / factor - 0.5
        left = np.floor(place).astype(np.int64)
        share = (place - left).reshape([-1 if k == axis + 1 else 1 for k in range(grid.ndim)])
        low, high = ((left + k) for k in (0, 1))
        if lattice.open_axes[axis]:
            low, high = np.clip(low, 0, n - 1), np.clip(high, 0, n - 1)
        grid = (1 - share) * grid.take(low % n, axis + 1) + share * grid.take(high % n, axis + 1)
    return grid.reshape(len(x), -1, x.shape[2])


def _factor(lattice: Lattice, copies: int) -> int:
    """m of copies = m^d."""
    if lattice.n_basis > 1:
        raise ValueError(f"interpolation needs one site in a unit cell, this {lattice.prototype} has {lattice.n_basis}")
    d = sum(lattice.pbc)
    found = round(copies ** (1 / d))
    if copies < 1 or found**d != copies:
        raise ValueError(f"{copies} times the points are not a whole multiple along each of {d} axes")
    return found
