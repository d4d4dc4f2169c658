"""The graph around a vacancy of a bcc lattice: which sites a barrier depends on, and through which edges.

Positions are integers in half-lattice units (half the cubic lattice vectors), the vacancy at the origin; a site of
bcc has three even or three odd coordinates. The same tables are read by the torch model and by the numba evaluator,
and they are made from distances only, so that whatever is computed from them is invariant under the 48 operations of
the cubic point group.

A barrier of the jump v -> j reads node features on the sites within `READOUT_D2` of v or j. These come from two rounds
of message passing over the first three shells, so that the environment is the set of all sites within three steps.
Sites are ordered so that the sets needed by each round are prefixes of one another:

    [vacancy, the 8 targets, rest of the readout sites | sites of round 1 | all sites]
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    pass

N_JUMPS = 8
MESSAGE_D2 = (3, 4, 8)
READOUT_D2 = 8
PAIR_D2 = (3, 4, 8, 11, 12, 16, 19, 20)
Vector = tuple[int, int, int]


def bcc_shell(d2: int) -> list[Vector]:
    """All bcc lattice vectors of squared length `d2` in half-lattice units, sorted."""
    reach = range(-int(d2**0.5) - 1, int(d2**0.5) + 2)
    vectors = itertools.product(reach, reach, reach)
    return [v for v in vectors if v[0] % 2 == v[1] % 2 == v[2] % 2 and v[0] ** 2 + v[1] ** 2 + v[2] ** 2 == d2]


def _add(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def _d2(a: Vector, b: Vector) -> int:
    return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))


@dataclass(frozen=True)
class BccGraph:
    """Tables of the environment of a vacancy.

    Attributes:
        positions: (n_env, 3) half-lattice units; row 0 the vacancy, rows 1..8 the targets in sorted order.
        n_nodes: sites with features after round 2 (the readout sites): the first `n_nodes` rows.
        n_round1: sites with features after round 1: the first `n_round1` rows.
        neighbours: (n_round1, 26) rows of the first three shells of each site, shell by shell.
        shell_start: (4,) where each message shell starts in the columns of `neighbours`.
        classes: the distance classes (d2(k, v), d2(k, j)) of the readout, v and j themselves left out.
        readout: (8, n_sites) readout sites of each jump, ordered by class.
        class_start: (n_classes + 1,) where each class starts in the columns of `readout`.
        reverse_class: (n_classes,) the class with the two distances exchanged.
        pair_sites: (9, n_pair) rows of the sites within the pair shells of the vacancy (row 0) and of each target.
        pair_start: (9,) where each pair shell starts in the columns of `pair_sites`.
    """

    positions: NDArray[np.int64]
    n_nodes: int
    n_round1: int
    neighbours: NDArray[np.int64]
    shell_start: NDArray[np.int64]
    classes: tuple[tuple[int, int], ...]
    readout: NDArray[np.int64]
    class_start: NDArray[np.int64]
    reverse_class: NDArray[np.int64]
    pair_sites: NDArray[np.int64]
    pair_start: NDArray[np.int64]

    @property
    def n_env(self) -> int:
        return len(self.positions)


@lru_cache(maxsize=1)
def bcc_graph() -> BccGraph:
    """The tables (made once; 0.1 s)."""
    origin: Vector = (0, 0, 0)
    targets = bcc_shell(3)
    steps = [v for d2 in MESSAGE_D2 for v in bcc_shell(d2)]
    around = [v for d2 in MESSAGE_D2 if d2 <= READOUT_D2 for v in bcc_shell(d2)]
    pairs = [v for d2 in PAIR_D2 for v in bcc_shell(d2)]

    order: list[Vector] = [origin, *targets]
    known = set(order)

    def extend(sites: set[Vector]) -> int:
        new = sorted(sites - known, key=lambda p: (_d2(p, origin), p))
        order.extend(new)
        known.update(new)
        return len(order)

    n_nodes = extend({_add(c, v) for c in [origin, *targets] for v in around})
    n_round1 = extend({_add(c, v) for c in order for v in steps})
    extend({_add(c, v) for c in order for v in steps} | {_add(c, v) for c in [origin, *targets] for v in pairs})
    row = {p: i for i, p in enumerate(order)}

    def classes_of(j: Vector) -> dict[tuple[int, int], list[int]]:
        found: dict[tuple[int, int], list[int]] = {}
        for p in order[:n_nodes]:
            dv, dj = _d2(p, origin), _d2(p, j)
            if p not in (origin, j) and min(dv, dj) <= READOUT_D2:
                found.setdefault((dv, dj), []).append(row[p])
        return dict(sorted(found.items()))

    by_jump = [classes_of(j) for j in targets]
    classes = tuple(by_jump[0])
    sizes = [len(by_jump[0][c]) for c in classes]
    return BccGraph(
        positions=np.array(order, dtype=np.int64),
        n_nodes=n_nodes,
        n_round1=n_round1,
        neighbours=np.array([[row[_add(p, v)] for v in steps] for p in order[:n_round1]], dtype=np.int64),
        shell_start=np.cumsum([0, *(len(bcc_shell(d2)) for d2 in MESSAGE_D2)]),
        classes=classes,
        readout=np.array([[s for c in classes for s in found[c]] for found in by_jump], dtype=np.int64),
        class_start=np.cumsum([0, *sizes]),
        reverse_class=np.array([classes.index((dj, dv)) for dv, dj in classes], dtype=np.int64),
        pair_sites=np.array([[row[_add(c, v)] for v in pairs] for c in [origin, *targets]], dtype=np.int64),
        pair_start=np.cumsum([0, *(len(bcc_shell(d2)) for d2 in PAIR_D2)]),
    )
