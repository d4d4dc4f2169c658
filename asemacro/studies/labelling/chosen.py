"""Which of the visited jumps are labelled next: the most uncertain ones, no two of them alike, from all paths."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from asemacro.barriers.labelling.bands import Jump
from asemacro.lattice.lattice import Lattice
from asemacro.studies.labelling.visited_jumps import VisitedJumps

ALIKE_SHELLS = 2
EVEN = 2  # a path gives at most so many times its even share


def choose(visited: VisitedJumps, box: Lattice, count: int, taken: Sequence[Jump], cell: str) -> list[Jump]:
    """The jumps of largest spread, at most `count`, all different from each other and from those that are taken.

    From one state comes one jump, from one path at most twice its even share, and no two jumps have the same
    surroundings (`likeness`). Where these rules leave too few, jumps that break them follow, the most uncertain first.

    Args:
        visited: jumps and their spread.
        box: the cell of the states.
        count: how many.
        taken: jumps that are labelled already.
        cell: of the new jumps, the number of the path is added: "visited-3" gives "visited-3-0", "visited-3-1", ...
    """
    spread = np.where(np.isfinite(visited.spread), visited.spread, -np.inf)
    order = [divmod(int(k), spread.shape[1]) for k in np.argsort(-spread, axis=None, kind="stable")]
    order = [(i, j) for i, j in order if np.isfinite(visited.spread[i, j])]
    paths = len(np.unique(visited.path))
    most = EVEN * math.ceil(count / max(paths, 1))
    names = {jump.name for jump in taken}
    known = {likeness(jump) for jump in taken}
    chosen: list[Jump] = []
    of_state, of_path = Counter[int](), Counter[int]()

    def add(places: Iterable[tuple[int, int]], *, strict: bool) -> None:
        for i, j in places:
            if len(chosen) == count:
                return
            path = int(visited.path[i])
            if strict and (of_state[i] or of_path[path] == most):
                continue
            jump = Jump(box, visited.x[i], int(visited.jumping[i, j]), f"{cell}-{path}")
            alike = likeness(jump)
            if jump.name in names or (strict and alike in known):
                continue
            chosen.append(jump)
            names.add(jump.name)
            known.add(alike)
            of_state[i] += 1
            of_path[path] += 1

    add(order, strict=True)
    add(order, strict=False)
    return chosen


def likeness(jump: Jump) -> tuple[object, ...]:
    """What jumps of the same surroundings have in common.

    The element that jumps and, for both ends of the jump in either order, how many atoms of each element are in the
    first two shells, the one that jumps left out: the same for a jump and the jump back, and under all symmetries.
    """
    lattice = jump.lattice
    x = jump.x.copy()
    x[jump.jumping] = 0
    ends = []
    for site in (jump.vacancy, jump.jumping):
        counts = [
            np.bincount(x[lattice.neighbours(shell.offsets)[site]], minlength=len(lattice.species) + 1)[1:].tolist()
            for shell in lattice.shells(ALIKE_SHELLS)
        ]
        ends.append(tuple(map(tuple, counts)))
    return (jump.species, *sorted(ends))
