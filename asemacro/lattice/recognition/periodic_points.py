"""Atoms of a periodic box with their images: wrapped positions and search trees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from asemacro.typing import Floats

MANY = 20_000  # atoms: above it statistics are taken on as many atoms drawn at random


class Images(NamedTuple):
    """All images of the atoms within a margin of the box.

    Attributes:
        tree: to search them.
        positions: (m, 3) angstrom.
        owner: (m,) the atom that each is an image of.
    """

    tree: cKDTree
    positions: Floats
    owner: NDArray[np.int64]


def empty_layers(fractions: Floats) -> tuple[Floats, Floats]:
    """(3,) the widest empty layer across each axis, that around the end of the box too, and (3,) how far the atoms
    (n, 3) reach from the first to the last; all in fractions of the axis."""
    columns = np.sort(np.ascontiguousarray(fractions.T), axis=1)
    reach = columns[:, -1] - columns[:, 0]
    return np.maximum(np.diff(columns, axis=1).max(axis=1, initial=0.0), 1 - reach), reach


class PeriodicPoints:
    """Positions in a box that is periodic along some axes.

    Args:
        cell: (3, 3) box vectors in rows, angstrom.
        pbc: periodic axes.
        positions: (n, 3) angstrom, anywhere.

    Attributes:
        inverse: of the cell: fractions are positions @ inverse.
        height: (3,) distance between opposite faces of the box.
        inside: (n, 3) the positions wrapped into the box.
    """

    def __init__(self, cell: Floats, pbc: tuple[bool, ...], positions: Floats):
        self.cell, self.pbc = cell, np.array(pbc)
        self.inverse = np.linalg.inv(cell)
        self.height = 1 / np.linalg.norm(self.inverse, axis=0)
        self.inside = self.wrap(positions)
        self._kept: tuple[float, Images] | None = None

    def __len__(self) -> int:
        return len(self.inside)

    def wrap(self, positions: Floats) -> Floats:
        """The image of each position in the box."""
        return positions - np.floor(positions @ self.inverse) * self.pbc @ self.cell

    def sample(self) -> NDArray[np.int64]:
        """Atoms to take statistics on: all, or MANY of them, the same at every call."""
        n = len(self.inside)
        if n <= MANY:
            return np.arange(n)
        return np.sort(np.random.default_rng(0).choice(n, MANY, replace=False))

    def images(self, margin: float) -> Images:
        """All images within `margin` of the box.

        Of a box of many atoms they are kept, and made with a margin that serves the next questions too.
        """
        many = len(self.inside) > MANY
        if self._kept is not None and self._kept[0] >= margin:
            return self._kept[1]
        if many:
            step = 5 * (np.prod(self.height) / len(self.inside)) ** (1 / 3)
            margin = float(np.ceil(margin / step) * step)
        positions, owner = self._repeated(margin)
        # of many atoms a tree that is not balanced answers as fast and is made in less time
        found = Images(cKDTree(positions, balanced_tree=not many, compact_nodes=not many), positions, owner)
        if many:
            self._kept = (margin, found)
        return found

    def _repeated(self, margin: float) -> tuple[Floats, NDArray[np.int64]]:
        """(m, 3) positions of all images within `margin` of the box, and (m,) the atom each is one of."""
        reach = [int(np.ceil(margin / h)) if p else 0 for h, p in zip(self.height, self.pbc, strict=True)]
        fractions = self.inside @ self.inverse
        low = np.where(self.pbc, -margin / self.height, -np.inf)
        high = np.where(self.pbc, 1 + margin / self.height, np.inf)
        # axis by axis, so that the many atoms far from every face are looked at a few times, not 27
        kept = [(np.arange(len(fractions)), [0.0, 0.0, 0.0])]
        for k in range(3):
            longer = []
            for index, shift in kept:
                column = fractions[index, k]
                for r in range(-reach[k], reach[k] + 1):
                    moved = column + r
                    near = (moved >= low[k]) & (moved <= high[k])
                    if near.any():
                        longer.append((index[near], [*shift[:k], float(r), *shift[k + 1 :]]))
            kept = longer
        positions = [(fractions[index] + shift) @ self.cell for index, shift in kept]
        return np.concatenate(positions), np.concatenate([index for index, _ in kept])
