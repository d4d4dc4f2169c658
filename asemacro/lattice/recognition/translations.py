"""The primitive cell of a real crystal: translations that map atoms onto atoms, noise averaged out."""

from __future__ import annotations

import itertools

import numpy as np
from ase.geometry.minkowski_reduction import minkowski_reduce

from asemacro.lattice.recognition.periodic_points import Images, PeriodicPoints, empty_layers
from asemacro.typing import Floats

MAPPED = 0.9  # a translation maps this fraction of the atoms
NEAR = 0.25  # onto atoms within this fraction of the neighbour distance
GAP = 3.0  # neighbour distances of nothing make an axis a vacuum
REACH = 6.0  # longest primitive vector looked for, neighbour distances
LARGEST_BASIS = 64
NO_LATTICE = (
    "no crystal lattice found under the {n} atoms: the cell is amorphous, atoms are displaced by more than a "
    "quarter of the neighbour distance, or more than a few per cent of the sites are empty "
    "without an atom X on them"
)


def neighbour_distance(points: PeriodicPoints) -> float:
    """Typical distance to a first neighbour, angstrom."""
    some = points.inside[np.unique(np.linspace(0, len(points.inside) - 1, 2000).astype(int))]
    margin = 1.5 * (np.prod(points.height) / len(points.inside)) ** (1 / 3)
    while True:
        tree = points.images(margin).tree
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
    tree, found, _ = points.images(1.3 * first)
    all_near = [
        np.linalg.norm(found[k] - p, axis=1)
        for p, k in zip(some, tree.query_ball_point(some, 1.3 * first), strict=True)
    ]
    distances = np.concatenate(all_near)
    return float(np.median(distances[distances > 0.3 * first]))


def translation_axes(points: PeriodicPoints, near: float) -> tuple[bool, ...]:
    gaps = empty_layers(points.inside @ points.inverse)[0] * points.height
    axes = points.pbc & (gaps < GAP * near)
    if not axes.any():
        raise ValueError("the atoms have no neighbours along any axis of the cell: no lattice to find")
    return tuple(bool(a) for a in axes)


def primitive_cell(points: PeriodicPoints, near: float) -> Floats:
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
    rough[axes] = [_drawn_out(points, points.images(near), t, NEAR * near) for t in vectors]
    flat = abs(np.linalg.det(rough)) < 1e-6 * np.prod(np.linalg.norm(rough, axis=1))
    exact = points.cell @ np.linalg.inv(np.eye(3) if flat else rough)
    divisions = np.rint(exact)
    if flat or np.abs(exact - divisions).max() > 0.25 or round(abs(np.linalg.det(divisions))) == 0:
        raise ValueError(NO_LATTICE.format(n=len(points.inside)))
    primitive = np.linalg.inv(divisions) @ points.cell
    return np.array(minkowski_reduce(primitive, pbc=points.pbc)[0])


def _translations(points: PeriodicPoints, near: float, reach: float) -> Floats:
    """(n, 3) translations of the crystal of at most `reach`, one of each pair +-t, noise averaged out."""
    n = len(points.inside)
    images = points.images(1.1 * reach + near)
    tree, everywhere, _ = images
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
            t, share = _averaged(points, images, sample, t, width * near)
        if share >= MAPPED:
            accepted.append(t)
    return np.array(accepted).reshape(-1, 3)


def _averaged(points: PeriodicPoints, images: Images, sample: Floats, t: Floats, width: float) -> tuple[Floats, float]:
    """The translation `t` averaged over the sample atoms that it maps onto an atom, and their share."""
    start = points.wrap(sample + t)
    distance, index = images.tree.query(start, distance_upper_bound=width)
    hit = distance < np.inf
    return (t + (images.positions[index[hit]] - start[hit]).mean(0) if hit.any() else t), float(hit.mean())


def _drawn_out(points: PeriodicPoints, images: Images, t: Floats, width: float) -> Floats:
    """The translation `t` so exact that counting cells along a long box is safe.

    The average over all atoms does it, for few. For many it is taken over a sample of them, and of 2 t, 4 t, ...
    up to the size of the box, whose error per t falls as the number of steps grows.
    """
    sample = points.sample()
    if len(sample) == len(points):
        return _averaged(points, images, points.inside[sample], t, width)[0]
    sample = sample[::5]  # a first step good to a hundredth of the spacing is enough to go on from
    t, _ = _averaged(points, images, points.inside[sample], t, width)
    steps, longest = 2, np.linalg.norm(points.cell[points.pbc], axis=1).max()
    while steps * np.linalg.norm(t) < longest:
        t = _averaged(points, images, points.inside[sample], steps * t, width)[0] / steps
        steps *= 2
    return t


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


def fold(points: PeriodicPoints, primitive: Floats, near: float) -> Floats:
    """(n_basis, 3) fractions of the primitive cell at which the atoms cluster.

    Raises:
        ValueError: no clusters, more than LARGEST_BASIS of them, or many atoms outside of them.
    """
    copies = abs(np.linalg.det(points.cell) / np.linalg.det(primitive))
    sample = points.sample()
    expected = round(copies) * len(sample) / len(points)  # atoms of the sample in a cluster
    fractions = points.inside[sample] @ np.linalg.inv(primitive)
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
        if close.sum() > 0.5 * expected:
            basis.append(centre)
        left = left[~close]
    if not basis or len(basis) > LARGEST_BASIS or len(points) > 1.1 * len(basis) * round(copies):
        raise ValueError(NO_LATTICE.format(n=len(points)))
    return np.array(basis)
