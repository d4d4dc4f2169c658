"""Random packings of particles, relaxed just enough to be moved in steps of ordinary length."""

from __future__ import annotations

from collections.abc import Callable

from asemacro.tasks.interrupts import stop_if_told
from asemacro.typing import Floats

_FURTHEST = 0.1  # that an atom goes in a step
_NOWHERE = 1e-9
_MOST_STEPS = 10_000
_HARDLY = 1e-4  # of the energy


def relaxed(potential: Callable[[Floats], tuple[float, Floats]], r: Floats, enough: float) -> Floats:
    """Positions (N, 3) after steps down the energy, until it is no more than `enough` or hardly falls.

    Conjugate gradients (Polak and Ribiere); no atom goes further than a tenth of its size in a step, and a step is
    halved until it lowers the energy. While the energy is that of a few overlaps, beyond all scales, only their atoms
    move.

    Args:
        potential: energy and forces (N, 3) of positions.
        r: start.
        enough: energy at which the steps end.
    """
    energy, f = potential(r)
    way = f
    for _ in range(_MOST_STEPS):
        stop_if_told()
        if (f * way).sum() <= 0:
            way = f
        longest = abs(way).max()
        step = min(1.0, _FURTHEST / longest) if longest > 0 else 0.0
        while step * longest > _NOWHERE:
            next_energy, next_f = potential(r + step * way)
            if next_energy < energy:
                break
            step /= 2
        else:
            return r
        r, gained = r + step * way, energy - next_energy
        way = next_f + max(0.0, float(((next_f - f) * next_f).sum() / (f * f).sum())) * way
        energy, f = next_energy, next_f
        if energy <= enough or gained < _HARDLY * abs(energy):
            break
    return r
