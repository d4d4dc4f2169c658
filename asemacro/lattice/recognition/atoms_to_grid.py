"""From the atoms of a real cell (strained, rattled, defective, in any supercell) to the lattice they sit on.

1. Candidate translations are vectors from an atom to others near it; those that map at least 90 % of the
   atoms onto atoms, within a quarter of the neighbour distance, are translations of the crystal.
2. The triple of them with the smallest volume spans the primitive cell. It divides the box exactly, so the
   box gives its vectors without any error of the atoms (the least-squares lattice of a periodic box).
3. Atoms folded into the primitive cell fall into clusters: the basis.
4. spglib names the ideal crystal, all sites being of one kind, and gives its conventional cell.
5. The box is written as unit cells x (N1, N2, N3): of conventional cells if it is a multiple of one, else of
   a primitive cell along its own edges, else of the primitive cell in which the box is cyclic along the axes.

An axis that is not periodic, or along which there is a gap of more than three neighbour distances, is vacuum:
it is no translation, so the crystal is a plane (two axes) or a chain (one axis).
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

from asemacro.arguments.checks import number_of
from asemacro.lattice.boxes import as_grid, sites_in
from asemacro.lattice.grid import Grid
from asemacro.lattice.recognition.crystal import Crystal, read_crystal
from asemacro.lattice.recognition.distortion import SHELL_TOLERANCE, WIDEST
from asemacro.lattice.recognition.periodic_points import PeriodicPoints
from asemacro.lattice.recognition.placement import Places, nearest_sites
from asemacro.lattice.recognition.possible import check_cell, check_distances, near_pairs, too_near
from asemacro.lattice.recognition.sublattice import describe_sublattice, likely_vacancies, spectators_of
from asemacro.lattice.recognition.symmetry import describe_distortion, name_crystal
from asemacro.lattice.recognition.translations import (
    NO_LATTICE,
    fold,
    neighbour_distance,
    primitive_cell,
    translation_axes,
)
from asemacro.typing import Floats

if TYPE_CHECKING:
    from pymatgen.core import Structure

log = logging.getLogger("asemacro")


class Recognised(NamedTuple):
    """A lattice, and where the atoms are on it that it was found under.

    Attributes:
        grid: the lattice of the whole box, its composition from the atoms on it or from the fractional occupancy.
        places: the site nearest to each atom and the distance to it, see `nearest_sites`.
    """

    grid: Grid
    places: Places


def recognise(source: Atoms | Structure | Crystal, *, shell_tolerance: float | None = None) -> Recognised:
    """The lattice under the atoms of a crystal, whatever species they are; X atoms are sites too.

    Args:
        source: a perfect, strained, rotated, sheared or rattled cell or supercell, atoms may be missing.
            If it names a sublattice (`sublattice_of`), the lattice is that of its sites alone.
        shell_tolerance: distortion (1 - smallest / largest principal stretch, 0.07 at c/a = 0.93 of a face-centred
            crystal) up to which a strained crystal is read as the more symmetric one that it is near to, whose
            neighbour shells it then has; 0 to 0.15, None for 0.08. What was chosen is said in one line.

    Returns:
        The lattice and the places of the atoms. Atoms far from any site are left out, in one line that names them.

    Raises:
        ValueError: no lattice is found; a cell that cannot be (vectors, volume per atom, distances, see `possible`).
    """
    asked = SHELL_TOLERANCE if shell_tolerance is None else shell_tolerance
    tolerance = number_of(asked, "shell_tolerance", least=0, most=WIDEST)
    crystal = read_crystal(source)
    whole = crystal if crystal.whole is None else crystal.whole
    check_cell(whole)
    points = PeriodicPoints(whole.cell, whole.pbc, whole.positions)
    nearest = check_distances(whole, points)
    alone = whole is crystal
    found = _lattice_under(points, crystal.positions, tolerance) if alone else _sublattice_under(crystal, tolerance)
    places = nearest_sites(found.bare, crystal.positions)
    placed = _on_lattice(found, crystal, points, places)
    composition = placed.composition()
    for line in (*crystal.notes, nearest, found.distortion):
        if line:
            log.info("%s", line)
    grid = dataclasses.replace(found.bare, species=tuple(composition), composition=composition, vacant=placed.vacant())
    if not alone:
        grid = dataclasses.replace(grid, _spectators=spectators_of(crystal, grid, found.near))
        log.info("%s", describe_sublattice(grid, places.distance))
    return Recognised(grid, places)


class _Found(NamedTuple):
    """A lattice without species, the distance to a first neighbour, and what to say of its distortion."""

    bare: Grid
    near: float
    distortion: str | None


def _sublattice_under(crystal: Crystal, tolerance: float) -> _Found:
    """The lattice of a sublattice; empty sites (X) count where they are likely to be its own, if that gives one."""
    alone = PeriodicPoints(crystal.cell, crystal.pbc, crystal.positions)
    empty = likely_vacancies(crystal, alone)
    if len(empty):
        with contextlib.suppress(ValueError):
            joined = np.concatenate([crystal.positions, empty])
            return _lattice_under(PeriodicPoints(crystal.cell, crystal.pbc, joined), joined, tolerance)
    return _lattice_under(alone, crystal.positions, tolerance)


def _lattice_under(points: PeriodicPoints, positions: Floats, tolerance: float) -> _Found:
    """The lattice that most of the points, whose positions are not wrapped, are on."""
    box, near = points.cell, neighbour_distance(points)
    axes = translation_axes(points, near)
    if axes != tuple(bool(p) for p in points.pbc):
        points = PeriodicPoints(box, axes, positions)
    primitive = primitive_cell(points, near)
    basis = fold(points, primitive, near)
    named = name_crystal(primitive, basis, axes, near, box, tolerance)
    if named.kinds == len(basis) > 2:  # two sites always have a centre of symmetry between them
        raise ValueError(NO_LATTICE.format(n=len(points)))
    cell, shape = as_grid(box, primitive, named.conventional, points.pbc)
    bare = Grid(
        cell=cell,
        basis=sites_in(primitive, named.basis, cell),
        shape=shape,
        pbc=(axes[0], axes[1], axes[2]),
        species=(),
        composition={},
        prototype=named.prototype,
        conventional=named.conventional,
        ideal=named.ideal,
    )
    return _Found(bare, near, describe_distortion(named, primitive, basis, axes, near, tolerance))


def _on_lattice(found: _Found, crystal: Crystal, points: PeriodicPoints, places: Places) -> Crystal:
    """The crystal without the atoms that are far from any site; species that are lost so are named.

    `points` are those of the whole crystal.
    """
    stray = places.distance > 0.5 * found.near
    if not stray.any():
        return crystal
    whole = crystal if crystal.whole is None else crystal.whole
    pairs = near_pairs(whole, points, crystal.numbers_in_file(np.flatnonzero(stray)))
    if pairs:
        raise ValueError(f"{too_near(pairs)}, and not on the lattice: take the misplaced atom out")
    left = crystal.at(np.flatnonzero(~stray))
    lost = [s for s in crystal.composition() if s not in left.composition()]
    if lost:
        log.info(
            "%s: on no site of the %s lattice (%d of %d atoms); left out",
            ", ".join(lost),
            found.bare.prototype,
            stray.sum(),
            len(stray),
        )
    return left


def read_state(
    lattice: Grid, source: Atoms | Structure | Crystal, near: float, places: Places | None = None
) -> NDArray[np.int8]:
    """(1, n_sites) state of the atoms on their nearest sites, whose neighbours are at `near`; see `Lattice.state`.

    `places` are those of the atoms on this lattice, if they are known.
    """
    crystal = read_crystal(source)
    if lattice.spectators is not None and crystal.whole is None:
        crystal = crystal.sublattice(lattice.species)
    if crystal.occupancy is not None:
        raise ValueError(
            "the structure has fractional occupancy and so no definite state; draw one with lattice.random_state"
        )
    _check_box(lattice, crystal)
    site, distance = places or nearest_sites(lattice, crystal.positions)
    stray = distance > 0.5 * near
    value = np.full(len(chemical_symbols), -1, dtype=np.int8)
    value[[0, *(atomic_numbers[s] for s in lattice.species)]] = np.arange(len(lattice.species) + 1)
    values = value[crystal.numbers]
    unknown = sorted(chemical_symbols[k] for k in set(crystal.numbers[(values < 0) & ~stray].tolist()))
    if unknown:
        raise ValueError(f"the lattice has no species {unknown[0]}, only {', '.join(lattice.species)}")
    if stray.sum() > 0.1 * len(stray):
        raise ValueError(
            f"{stray.sum()} of {len(stray)} atoms are off the lattice (more than half a neighbour distance "
            "from any site); at most 10 % may be"
        )
    count = np.bincount(site[~stray], minlength=lattice.n_sites)
    if np.any(count > 1):
        pair = crystal.numbers_in_file(np.flatnonzero((site == np.argmax(count > 1)) & ~stray)[:2])
        raise ValueError(
            f"atoms {pair[0]} and {pair[1]} (counted from 0) are on the same lattice site, which holds one atom; take "
            "one of them out (interstitial atoms, dumbbells and crowdions cannot be represented)"
        )
    x = np.zeros((1, lattice.n_sites), dtype=np.int8)
    x[0, site[~stray]] = values[~stray]
    on_sites = np.unique(values[~stray])
    more = int(np.isin(values[stray], on_sites).sum())  # the others are of species that `recognise` named
    if more:
        log.info("%d %s far from any lattice site and left out", more, "atom is" if more == 1 else "atoms are")
    empty = int((count == 0).sum())
    if empty:
        log.info(
            "1 lattice site has no atom: a vacancy" if empty == 1 else f"{empty} lattice sites have no atom: vacancies"
        )
    return x


def _check_box(lattice: Grid, crystal: Crystal) -> None:
    box = lattice.cell * np.array(lattice.shape)[:, None]
    ratio = (crystal.cell @ np.linalg.inv(box))[np.ix_(lattice.pbc, lattice.pbc)]
    if np.abs(ratio - np.rint(ratio)).max() > 0.05 or abs(round(np.linalg.det(np.rint(ratio)))) != 1:
        raise ValueError(
            f"the atoms are in another box than the lattice ({lattice.n_sites} sites); "
            "take Lattice.from_atoms(atoms).state(atoms), and tile() for a larger box"
        )
