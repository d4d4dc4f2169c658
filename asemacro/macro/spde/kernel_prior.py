"""How smooth a kernel is, how fast it dies away and how far it reaches, by the evidence of the data for each."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import optimize, sparse

from asemacro.macro.spde.block_kernel import orbits
from asemacro.typing import Floats

_ORDERS = (1, 2)
_STARTS = (1.0, 3.0)  # lengths of decay in blocks from which the search begins
_MOST = np.log(1e9)  # the largest logarithm of a strength
_SIMPLEX = np.vstack([np.zeros(3), 3 * np.eye(3)[:2], [0, 0, 0.7]])
_EQUAL = 1.0  # of the logarithm of probability: reaches that the data do not tell apart, of which the shortest is taken
WEAK = 1e-2  # inverse variance of every unknown beside that: J and coefficients are of the order of 1


@dataclasses.dataclass(frozen=True)
class KernelPrior:
    """What a kernel is taken for before data are seen.

    Attributes:
        reach: longest lag.
        precision: (n, n) inverse covariance of its unknowns.
        evidence: logarithm of the probability of the data given it, but for a constant.
    """

    reach: int
    precision: Floats
    evidence: float


def best_prior(
    normal: Floats, solution: Floats, reach: int, dim: int, symmetry: str, reaches: range | None = None
) -> KernelPrior:
    r"""The smoothness, decay and reach for which the data are most probable.

    J is taken to be Gaussian with the density exp(-s sum |D^p J|^2 / 2 - a sum_r exp(|r|^2 / l^2) J(r)^2 / 2), D the
    difference of neighbouring lags, p = 1 or 2, and zero beyond a reach: kernels are smooth and die away. Of all
    p, s, a, l, and then of all reaches (the shortest of equal ones), those with the largest evidence,
    g (H + Q)^-1 g / 2 - log |H + Q| / 2 + log |Q| / 2 with the normal equations H x = g. Few data make a smooth and
    short kernel, many leave it as it is.

    Args:
        normal: (n, n) H of a fit with lags up to `reach` and without a prior, then coefficients of the entropy.
        solution: (n,) x of that fit.
        reach: its longest lag.
        dim: of the grid.
        symmetry: of the lags.
        reaches: to choose from; default that of the fit alone.
    """
    lags, orbit = orbits(reach, dim, symmetry)
    n_orbits = int(orbit.max()) + 1
    longest, square = np.zeros(len(solution), dtype=int), np.zeros(n_orbits)
    np.maximum.at(longest, orbit, np.abs(lags).max(axis=1))
    np.maximum.at(square, orbit, (lags**2).sum(axis=1).astype(float))
    gradient = normal @ solution
    bounds = [(-_MOST, _MOST), (-_MOST, _MOST), (-1.0, float(np.log(2.0 * max(reach, 1))))]

    def prior(shape: Floats, rough: Floats, reach: int) -> KernelPrior:
        kept = longest <= reach
        smooth, decay, length = shape
        far = np.minimum(decay + square[kept[:n_orbits]] * np.exp(-2 * length), _MOST)
        q = WEAK * np.eye(int(kept.sum()))
        q[: len(rough), : len(rough)] += np.exp(smooth) * rough + np.diag(np.exp(far))
        return KernelPrior(reach, q, _evidence(normal[np.ix_(kept, kept)], gradient[kept], q))

    found = []
    for order in _ORDERS:
        rough = roughness(reach, dim, symmetry, order)
        for start in _STARTS:
            first = np.array([5.0, 3.0, min(np.log(start), bounds[2][1])])
            best = optimize.minimize(
                lambda shape, rough=rough: -prior(shape, rough, reach).evidence, first, method="Nelder-Mead",
                bounds=bounds, options={"xatol": 0.05, "fatol": 0.05, "initial_simplex": first + _SIMPLEX},
            )  # fmt: skip
            found.append((-best.fun, order, best.x))
    _, order, shape = max(found, key=lambda one: one[0])
    each = [prior(shape, roughness(one, dim, symmetry, order), one) for one in reaches or [reach]]
    most = max(one.evidence for one in each)
    return next(one for one in each if one.evidence > most - _EQUAL)


def _evidence(h: Floats, g: Floats, q: Floats) -> float:
    total = h + q
    logs = [np.linalg.slogdet(part)[1] for part in (q, total)]
    return float(g @ np.linalg.solve(total, g) + logs[0] - logs[1]) / 2


def roughness(reach: int, dim: int, symmetry: str, order: int) -> Floats:
    """(n, n) R of the orbits, x R x = sum |D^p J|^2 over all lags and axes, J being zero beyond the reach."""
    lags, orbit = orbits(reach, dim, symmetry)
    edge = 2 * reach + 1
    spread = sparse.csr_matrix((np.ones(len(lags)), (np.arange(len(lags)), orbit)))
    wide = sparse.diags([1.0, -1.0], [0, -1], shape=(edge + 1, edge))
    if order == 2:
        wide = sparse.diags([1.0, -2.0, 1.0], [0, -1, -2], shape=(edge + 2, edge))
    total = np.zeros((int(orbit.max()) + 1,) * 2)
    for axis in range(dim):
        parts = [sparse.identity(edge)] * dim
        parts[axis] = wide
        difference = parts[0]
        for part in parts[1:]:
            difference = sparse.kron(difference, part)
        seen = difference @ spread
        total += (seen.T @ seen).toarray()
    return total
