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
        bond: (8, 2 + n_sites) rows of v, of the target j and of the readout sites of each jump, ordered by class and
            for all jumps in the same order up to a symmetry operation.
        class_start: (n_classes + 1,) where each class starts in the readout sites (the columns 2.. of `bond`).
        reverse_class: (n_classes,) the class with the two distances exchanged.
        bond_neighbours: for each message shell and each site of `bond`, the columns of `bond` that are its neighbours.
        near_v: (2 + n_sites,) 0 for v itself, 1..3 for sites in that message shell of v, else -1.
        near_j: the same for the target.
        pair_sites: (9, n_pair) rows of the sites within the pair shells of the vacancy (row 0) and of each target.
        pair_start: (9,) where each pair shell starts in the columns of `pair_sites`.
    """

    positions: NDArray[np.int64]
    n_nodes: int
    n_round1: int
    neighbours: NDArray[np.int64]
    shell_start: NDArray[np.int64]
    classes: tuple[tuple[int, int], ...]
    bond: NDArray[np.int64]
    class_start: NDArray[np.int64]
    reverse_class: NDArray[np.int64]
    bond_neighbours: tuple[tuple[NDArray[np.int64], ...], ...]
    near_v: NDArray[np.int64]
    near_j: NDArray[np.int64]
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

    # sites around the first jump, carried over to the others by the mirror operations that map the jumps
    first = targets[0]
    by_class: dict[tuple[int, int], list[Vector]] = {}
    for p in order[:n_nodes]:
        dv, dj = _d2(p, origin), _d2(p, first)
        if p not in (origin, first) and min(dv, dj) <= READOUT_D2:
            by_class.setdefault((dv, dj), []).append(p)
    classes = tuple(sorted(by_class))
    template = [origin, first, *(p for c in classes for p in by_class[c])]
    place = np.array(template)[None] * (np.array(targets) * np.array(first))[:, None]
    apart = np.array([[_d2(p, q) for q in template] for p in template])
    step = np.select([apart == 0, *(apart == d2 for d2 in MESSAGE_D2)], [0, *range(1, len(MESSAGE_D2) + 1)], -1)
    return BccGraph(
        positions=np.array(order, dtype=np.int64),
        n_nodes=n_nodes,
        n_round1=n_round1,
        neighbours=np.array([[row[_add(p, v)] for v in steps] for p in order[:n_round1]], dtype=np.int64),
        shell_start=np.cumsum([0, *(len(bcc_shell(d2)) for d2 in MESSAGE_D2)]),
        classes=classes,
        bond=np.array([[row[tuple(p)] for p in sites] for sites in place.tolist()], dtype=np.int64),
        class_start=np.cumsum([0, *(len(by_class[c]) for c in classes)]),
        reverse_class=np.array([classes.index((dj, dv)) for dv, dj in classes], dtype=np.int64),
        bond_neighbours=tuple(
            tuple(np.flatnonzero(step[i] == q) for i in range(len(template))) for q in range(1, len(MESSAGE_D2) + 1)
        ),
        near_v=step[0],
        near_j=step[1],
        pair_sites=np.array([[row[_add(c, v)] for v in pairs] for c in [origin, *targets]], dtype=np.int64),
        pair_start=np.cumsum([0, *(len(bcc_shell(d2)) for d2 in PAIR_D2)]),
    )
