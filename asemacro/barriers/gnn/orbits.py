"""Which neighbours of a site a crystal's symmetry treats alike: the classes that messages and pair energies go by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.typing import Integers

Site = tuple[int, int, int, int]


def orbits(images: Integers) -> Integers:
    """(n,) class of each of n things, in the order of their first members.

    Args:
        images: (m, n) where each operation of a group takes them.
    """
    first = images.min(axis=0)
    return np.unique(first, return_inverse=True)[1].astype(np.int64)


def as_sites(rows: Integers) -> list[Site]:
    """Rows (n, 4) as tuples."""
    return [(a, b, c, d) for a, b, c, d in rows.tolist()]


def images_of(network: JumpNetwork, operations: list[int], sites: Integers, origin: int) -> Integers:
    """(m, n) which of the sites (n, 4) around `origin` each operation that keeps it takes them to."""
    index = {site: i for i, site in enumerate(as_sites(sites))}
    return np.array([[index[s] for s in as_sites(network.moved(k, sites, origin))] for k in operations])


@dataclass(frozen=True)
class NeighbourClasses:
    """Ordered pairs of sites within a distance, those alike under the space group in one class.

    Attributes:
        around: for each site of the basis the sites (n, 4) near to it, class by class.
        of: for each of them the class, ascending.
        sizes: (n_classes,) neighbours in each class, of a site that has neighbours in it.
        reverse: (n_classes,) class of the pair with its ends exchanged.
        last_shell: for each site of the basis, which of `around` are at the largest distance.
    """

    around: tuple[Integers, ...]
    of: tuple[Integers, ...]
    sizes: Integers
    reverse: Integers
    last_shell: tuple[Integers, ...]

    @property
    def number(self) -> int:
        """Number of classes."""
        return len(self.sizes)

    def class_of(self, origin: int) -> dict[Site, int]:
        """Class of each site near to the site `origin` of cell 0."""
        return dict(zip(as_sites(self.around[origin]), self.of[origin].tolist(), strict=True))


def neighbour_classes(network: JumpNetwork, reach: float) -> NeighbourClasses:
    """Classes of the pairs of sites within `reach`, kind by kind of the first site, by distance."""
    first: list[tuple[Integers, Integers]] = []
    count = 0
    for origin in network.firsts:
        near = network.near(origin, reach)
        found = orbits(images_of(network, list(network.between(origin, origin)), near, origin))
        order = np.argsort(found, kind="stable")
        first.append((near[order], found[order] + count))
        count += int(found.max(initial=-1)) + 1
    around, of, last = [], [], []
    for site, kind in enumerate(network.kinds):
        near, classes = first[kind]
        origin = network.firsts[kind]
        moved = network.moved(network.between(origin, site)[0], near, origin)
        far = network.distances(moved, site)
        around.append(moved)
        of.append(classes)
        last.append(np.flatnonzero(far > far.max(initial=0.0) - 1e-3))
    sizes = np.zeros(count, dtype=np.int64)
    reverse = np.zeros(count, dtype=np.int64)
    for origin in network.firsts:
        for (a, b, c, s), k in zip(as_sites(around[origin]), of[origin].tolist(), strict=True):
            sizes[k] += 1
            back = np.flatnonzero((around[s] == (-a, -b, -c, origin)).all(axis=1))[0]
            reverse[k] = of[s][back]
    return NeighbourClasses(tuple(around), tuple(of), sizes, reverse, tuple(last))
