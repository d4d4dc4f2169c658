"""Exact mean and spread of the Curie-Weiss magnetisation over time, for all starts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.integrate import solve_ivp

from asemacro.arguments.checks import shown
from asemacro.arguments.door import WEISS, array, checked
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.micro.spins.curie_weiss import CurieWeiss

_ROWS = 1 << 24  # spins of the states whose rates are looked up at a time
_LONGEST = 1e12
_TOLERANCE = 1e-8


@checked(system=WEISS, starts=array(finite=False), times=array(finite=False))
def magnetisation_moments(system: CurieWeiss, starts: ArrayLike, times: ArrayLike) -> tuple[Floats, Floats]:
    r"""Mean and standard deviation of M at given times after starts with exact magnetisations.

    The number k of up spins is a birth-death process with the generator Q. Its backward equation du/dt = Q u with
    u(0) = f gives u_k(t) = E[f(k_t) | k_0 = k] for every start in one solution; f = M and M^2 are smooth in k and stay
    so, so an implicit Runge-Kutta method (Radau, relative error 1e-8) takes few steps however large n is, where the
    law itself would need n times as many (uniformisation).

    Args:
        system: the Curie-Weiss system, of up to about 1e5 spins.
        starts: (n_starts,) magnetisations in [-1, 1], each rounded to the nearest that n spins allow.
        times: (n_times,) ascending, >= 0.

    Returns:
        mean and standard deviation, (n_starts, n_times) each.

    Raises:
        ValueError: a start outside [-1, 1], or times that are negative or do not ascend.
    """
    m0, t = np.atleast_1d(np.asarray(starts, dtype=float)), np.atleast_1d(np.asarray(times, dtype=float))
    if m0.ndim != 1 or not (np.abs(m0) <= 1).all():
        raise ValueError(f"magnetisations must lie in [-1, 1], got {shown(m0)}")
    if t.ndim != 1 or not t.size or not (np.isfinite(t).all() and (t >= 0).all() and (np.diff(t) > 0).all()):
        raise ValueError(f"times must be finite, not negative and ascending, got {shown(t)}")
    if t.size and t[-1] > _LONGEST:
        raise ValueError(f"times must be at most {_LONGEST:g}, by then all is in equilibrium, got {t[-1]:g}")
    n = system.lattice.n_sites
    generator = count_generator(system)
    m = 2 * np.arange(n + 1) / n - 1
    begin = np.rint(n * (1 + m0) / 2).astype(np.int64)
    first, second = (_expectations(generator, f, t)[begin] for f in (m, m * m))
    variance = second - first**2
    variance[:, t == 0] = 0.0
    return first, np.sqrt(np.maximum(variance, 0.0))


def count_generator(system: CurieWeiss) -> sparse.csr_matrix:
    """Q (n + 1, n + 1) of the number k of up spins: k -> k + 1 at the rate of a down spin times n - k, and back."""
    n = system.lattice.n_sites
    k = np.arange(n + 1)
    ends = np.broadcast_to(np.array([0, n - 1]), (n + 1, 2))  # an up spin, if there is one, and a down spin
    rows = max(1, _ROWS // n)
    parts = []
    for first in range(0, n + 1, rows):
        here = slice(first, first + rows)
        states = np.where(np.arange(n) < k[here, None], 1, -1).astype(np.int8)
        parts.append(system.rates(states, ends[here]))
    rates = np.concatenate(parts)
    down, up = k * rates[:, 0], (n - k) * rates[:, 1]
    return sparse.diags([down[1:], -(up + down), up[:-1]], [-1, 0, 1]).tocsr()


def _expectations(generator: sparse.csr_matrix, values: Floats, times: Floats) -> Floats:
    """(n + 1, n_times) E[f(k_t)] from each k, f given by its values (n + 1,)."""
    if times[-1] == 0:
        return values[:, None].copy()
    done = solve_ivp(
        lambda _, u: generator @ u,
        (0.0, float(times[-1])),
        values,
        method="Radau",
        t_eval=times,
        jac=generator.tocsc(),
        rtol=_TOLERANCE,
        atol=_TOLERANCE * 1e-2,
    )
    if not done.success:
        raise ArithmeticError(f"the backward equation was not solved: {done.message}")
    return np.asarray(done.y)
