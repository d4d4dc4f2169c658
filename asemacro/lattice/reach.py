"""Where jumps from site to site lead: along how many axes of a crystal, and to all of its sites or not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asemacro.typing import Integers


def unreached_axes(jumps: Sequence[Integers], pbc: Sequence[bool]) -> int:
    """How many of the periodic axes of a crystal no path of jumps gets along; 0 if a walker can go everywhere.

    Args:
        jumps: for each site of the unit cell, (Z, 4) rows (dc1, dc2, dc3, site): cell offset and place of the targets.
        pbc: which axes are lattice translations.
    """
    least = 3
    cell = np.full((len(jumps), 3), 0)
    seen = np.zeros(len(jumps), dtype=bool)
    for start in range(len(jumps)):
        if seen[start]:
            continue
        seen[start], todo, loops = True, [start], []
        while todo:
            site = todo.pop()
            for row in jumps[site]:
                there, other = cell[site] + row[:3], int(row[3])
                if not seen[other]:
                    seen[other], cell[other] = True, there
                    todo.append(other)
                elif np.any(there != cell[other]):
                    loops.append(there - cell[other])
        least = min(least, int(np.linalg.matrix_rank(np.array(loops))) if loops else 0)
    return max(0, sum(map(bool, pbc)) - least)
