"""The saddle of a jump whose energies are known, kept above both of its ends; compiled."""

from __future__ import annotations

from numba import njit

from asemacro.barriers.compiled import FLOOR_EV


@njit(cache=True, nogil=True)
def over_saddle(symmetric: float, change: float) -> tuple[float, int]:
    """Barrier max(S, |dE| / 2 + floor) + dE / 2 in eV, and 1 if S was raised for that, else 0.

    Args:
        symmetric: S, the same for a jump and its reverse.
        change: dE of the jump.
    """
    least = 0.5 * abs(change) + FLOOR_EV
    if symmetric < least:
        return least + 0.5 * change, 1
    return symmetric + 0.5 * change, 0
