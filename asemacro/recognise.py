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

import itertools
import logging
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.geometry.minkowski_reduction import minkowski_reduce
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from asemacro.boxes import as_grid, sites_in
from asemacro.crystal import VACANCY, Crystal, read_crystal
from asemacro.lattice import Lattice
from asemacro.naming import name_crystal

if TYPE_CHECKING:
    from pymatgen.core import Structure

MAPPED = 0.9  # a translation maps this fraction of the atoms
NEAR = 0.25  # onto atoms within this fraction of the neighbour distance
GAP = 3.0  # neighbour distances of nothing make an axis a vacuum
REACH = 6.0  # longest primitive vector looked for, neighbour distances
LARGEST_BASIS = 64
log = logging.getLogger("asemacro")
Floats = NDArray[np.float64]
NO_LATTICE = (
    "no crystal lattice found under the {n} atoms: the cell is amorphous, atoms are displaced by more than a "
    "quarter of the neighbour distance, or more than a few per cent of the sites are empty "
    "without an atom X on them"
)


class _Points:
    """Atoms of a periodic box with their images within a margin."""

    def __init__(self, cell: Floats, pbc: tuple[bool, ...], positions: Floats):
        self.cell, self.pbc = cell, np.array(pbc)
        self.inverse = np.linalg.inv(cell)
        self.height = 1 / np.linalg.norm(self.inverse, axis=0)
        self.inside = self.wrap(positions)

    def wrap(self, positions: Floats) -> Floats:
        """The image of each position in the box."""
        return positions - np.floor(positions @ self.inverse) * self.pbc @ self.cell

    def tree(self, margin: float) -> tuple[cKDTree, Floats]:
        """A search tree of all images within `margin` of the box, and their positions."""
        reach = [int(np.ceil(margin / h)) if p else 0 for h, p in zip(self.height, self.pbc, strict=True)]
        fractions = self.inside @ self.inverse
        low = np.where(self.pbc, -margin / self.height, -np.inf)
        high = np.where(self.pbc, 1 + margin / self.height, np.inf)
        images = []
        for shift in itertools.product(*(range(-r, r + 1) for r in reach)):
            moved = fractions + shift
            keep = np.all((moved >= low) & (moved <= high), axis=1)
            images.append(moved[keep] @ self.cell)
        found = np.concatenate(images)
        return cKDTree(found), found


def recognise(source: Atoms | Structure) -> Lattice:
    """The lattice under the atoms of a crystal, whatever species they are; X atoms are sites too.

    Args:
        source: a perfect, strained, rotated, sheared or rattled cell or supercell, atoms may be missing.

    Returns:
        The lattice of the whole box, its composition from the atoms or from the fractional occupancy.

    Raises:
        ValueError: no lattice is found.
    """
    crystal = read_crystal(source)
    points = _Points(crystal.cell, crystal.pbc, crystal.positions)
    near = _neighbour_distance(points)
    points = _Points(crystal.cell, _translations_axes(points, near), crystal.positions)
    primitive = _primitive_cell(points, near)
    basis = _fold(points, primitive, near)
    named = name_crystal(primitive, basis, tuple(points.pbc), near, crystal.cell)
    cell, shape = as_grid(crystal.cell, primitive, named.conventional, points.pbc)
    composition = crystal.composition()
    return Lattice(
        cell=cell,
        basis=sites_in(primitive, named.basis, cell),
        shape=shape,
        pbc=(bool(points.pbc[0]), bool(points.pbc[1]), bool(points.pbc[2])),
        species=tuple(composition),
        composition=composition,
        prototype=named.prototype,
        conventional=named.conventional,
        ideal=named.ideal,
    )


def read_state(lattice: Lattice, source: Atoms | Structure) -> NDArray[np.int8]:
    """(1, n_sites) state of the atoms on their nearest sites; see `Lattice.state`."""
    crystal = read_crystal(source)
    if crystal.occupancy is not None:
        raise ValueError(
            "the structure has fractional occupancy and so no definite state; draw one with lattice.random_state"
        )
    _check_box(lattice, crystal)
    symbols = np.array(crystal.symbols)
    unknown = sorted(set(symbols) - {VACANCY, *lattice.species})
    if unknown:
        raise ValueError(f"the lattice has no species {unknown[0]}, only {', '.join(lattice.species)}")
    site, distance = lattice.nearest_sites(crystal.positions)
    stray = distance > 0.5 * lattice.shells(1)[0].distance
    if stray.sum() > 0.1 * len(symbols):
        raise ValueError(
            f"{stray.sum()} of {len(symbols)} atoms are off the lattice (more than half a neighbour distance "
            "from any site); at most 10 % may be"
        )
    filled, count = np.unique(site[~stray], return_counts=True)
    if np.any(count > 1):
        pair = np.flatnonzero((site == filled[count > 1][0]) & ~stray)[:2]
        raise ValueError(f"atoms {pair[0]} and {pair[1]} (counted from 0) are on the same lattice site")
    x = np.zeros((1, lattice.n_sites), dtype=np.int8)
    index = {s: i + 1 for i, s in enumerate(lattice.species)} | {VACANCY: 0}
    x[0, site[~stray]] = [index[s] for s in symbols[~stray]]
    if stray.any():
        log.info("%d atoms are far from any lattice site and left out", stray.sum())
    if len(filled) < lattice.n_sites:
        log.info("%d lattice sites have no atom: vacancies", lattice.n_sites - len(filled))
    return x


def _check_box(lattice: Lattice, crystal: Crystal) -> None:
    box = lattice.cell * np.array(lattice.shape)[:, None]
    ratio = (crystal.cell @ np.linalg.inv(box))[np.ix_(lattice.pbc, lattice.pbc)]
    if np.abs(ratio - np.rint(ratio)).max() > 0.05 or abs(round(np.linalg.det(np.rint(ratio)))) != 1:
        raise ValueError(
            f"the atoms are in another box than the lattice ({lattice.n_sites} sites); "
            "take Lattice.from_atoms(atoms).state(atoms), and tile() for a larger box"
        )


def _neighbour_distance(points: _Points) -> float:
    """Typical distance to a first neighbour, angstrom."""
    some = points.inside[np.unique(np.linspace(0, len(points.inside) - 1, 2000).astype(int))]
    margin = 1.5 * (np.prod(points.height) / len(points.inside)) ** (1 / 3)
    while True:
        tree, _ = points.tree(margin)
        if tree.n > 1:
            nearest = tree.query(some, k=2)[0][:, 1]
            if np.median(nearest) < margin:
                break
        elif not points.pbc.any():
            raise ValueError("a single atom without periodic axes is no crystal")
        margin *= 2
    # the nearest of noisy neighbours is too near; the median over the first shell is not
    first = float(np.median(nearest))
    if first < 1e-3:
        raise ValueError("atoms of the structure lie on top of each other")
    tree, found = points.tree(1.3 * first)
    all_near = [
        np.linalg.norm(found[k] - p, axis=1)
        for p, k in zip(some, tree.query_ball_point(some, 1.3 * first), strict=True)
    ]
    distances = np.concatenate(all_near)
    return float(np.median(distances[distances > 0.3 * first]))


def _translations_axes(points: _Points, near: float) -> tuple[bool, ...]:
    fractions = np.sort(points.inside @ points.inverse, axis=0)
    gaps = np.vstack([np.diff(fractions, axis=0), fractions[:1] + 1 - fractions[-1:]]).max(0) * points.height
    axes = points.pbc & (gaps < GAP * near)
    if not axes.any():
        raise ValueError("the atoms have no neighbours along any axis of the cell: no lattice to find")
    return tuple(bool(a) for a in axes)


def _primitive_cell(points: _Points, near: float) -> Floats:
    """Primitive vectors that divide the box exactly; the box's own vector along a vacuum axis."""
    axes = np.flatnonzero(points.pbc)
    longest = np.linalg.norm(minkowski_reduce(points.cell, pbc=points.pbc)[0][axes], axis=1).max()
    reach = min(2.2 * near, 1.02 * longest)
    while True:
        vectors = _smallest_cell(_translations(points, near, reach), len(axes), near)
        # the shortest vectors of a lattice span it: complete if nothing longer was needed
        if vectors is not None and np.linalg.norm(vectors, axis=1).max() <= 1.05 * reach:
            break
        if reach >= min(REACH * near, longest):
            raise ValueError(NO_LATTICE.format(n=len(points.inside)))
        reach = min(1.5 * reach, REACH * near, 1.02 * longest)
    rough = points.cell.copy()
    tree, everywhere = points.tree(near)
    # with all atoms, so that counting cells along a long box is safe
    rough[axes] = [_averaged(points, tree, everywhere, points.inside, t, NEAR * near)[0] for t in vectors]
    exact = points.cell @ np.linalg.inv(rough)
    divisions = np.rint(exact)
    if np.abs(exact - divisions).max() > 0.25:
        raise ValueError(NO_LATTICE.format(n=len(points.inside)))
    primitive = np.linalg.inv(divisions) @ points.cell
    return np.array(minkowski_reduce(primitive, pbc=points.pbc)[0])


def _translations(points: _Points, near: float, reach: float) -> Floats:
    """(n, 3) translations of the crystal of at most `reach`, one of each pair +-t, noise averaged out."""
    n = len(points.inside)
    tree, everywhere = points.tree(1.1 * reach + near)
    tested = points.inside[np.unique(np.linspace(0, n - 1, 500).astype(int))]
    few = tested[:: max(1, len(tested) // 40)]
    vacuum = [v / np.linalg.norm(v) for v in (points.inverse.T[~points.pbc])]
    candidates = []
    for p in points.inside[np.unique(np.linspace(0, n - 1, 6).astype(int))]:
        candidates.append(everywhere[tree.query_ball_point(p, 1.1 * reach)] - p)
    vectors = np.concatenate(candidates)
    vectors = vectors[np.argsort(np.linalg.norm(vectors, axis=1), kind="stable")]
    accepted: list[Floats] = []
    for t in vectors:
        if np.linalg.norm(t) < 0.5 * near or any(abs(t @ v) > 0.3 * near for v in vacuum):
            continue
        if any(min(np.linalg.norm(t - a), np.linalg.norm(t + a)) < 0.35 * near for a in accepted):
            continue
        # a loose look at a few atoms first, then the rule on the averaged vector
        if np.mean(tree.query(points.wrap(few + t), distance_upper_bound=0.5 * near)[0] < np.inf) < 0.7:
            continue
        for sample, width in ((few, 0.5), (tested, 0.4), (tested, NEAR)):
            t, share = _averaged(points, tree, everywhere, sample, t, width * near)
        if share >= MAPPED:
            accepted.append(t)
    return np.array(accepted).reshape(-1, 3)


def _averaged(
    points: _Points, tree: cKDTree, everywhere: Floats, sample: Floats, t: Floats, width: float
) -> tuple[Floats, float]:
    """The translation `t` averaged over the sample atoms that it maps onto an atom, and their share."""
    start = points.wrap(sample + t)
    distance, index = tree.query(start, distance_upper_bound=width)
    hit = distance < np.inf
    return (t + (everywhere[index[hit]] - start[hit]).mean(0) if hit.any() else t), float(hit.mean())


def _smallest_cell(translations: Floats, dim: int, near: float) -> Floats | None:
    """The `dim` translations that span the smallest cell, the most compact of those; None if none do."""
    kept = translations[np.argsort(np.linalg.norm(translations, axis=1), kind="stable")][:40]
    triples = np.array(list(itertools.combinations(range(len(kept)), dim)), dtype=int).reshape(-1, dim)
    spanned = kept[triples]
    volume = np.sqrt(np.abs(np.linalg.det(spanned @ spanned.transpose(0, 2, 1))))
    valid = volume > 0.3 * near**dim
    if not valid.any():
        return None
    smallest = volume[valid].min()
    size = np.linalg.norm(spanned, axis=2).sum(1)
    size[~valid | (volume > 1.15 * smallest)] = np.inf
    return spanned[size.argmin()]


def _fold(points: _Points, primitive: Floats, near: float) -> Floats:
    """(n_basis, 3) fractions of the primitive cell at which the atoms cluster."""
    copies = round(abs(np.linalg.det(points.cell) / np.linalg.det(primitive)))
    inverse = np.linalg.inv(primitive)
    fractions = points.inside @ inverse
    left = np.arange(len(fractions))
    basis = []
    while len(left):
        centre = fractions[left[0]]
        for _ in range(3):
            gap = fractions[left] - centre
            gap -= np.rint(gap) * points.pbc
            close = np.linalg.norm(gap @ primitive, axis=1) < 0.4 * near
            if not close.any():
                break
            centre = centre + gap[close].mean(0)
        close[0] = True  # the first atom is dealt with, wherever the centre went
        if close.sum() > 0.5 * copies:
            basis.append(centre)
        left = left[~close]
    if not basis or len(basis) > LARGEST_BASIS or len(points.inside) > 1.1 * len(basis) * copies:
        raise ValueError(NO_LATTICE.format(n=len(points.inside)))
    return np.array(basis)
