"""How smooth a kernel is, and how far it reaches, by the evidence of the data for each."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from asemacro.macro.spde.block_kernel import orbits
from asemacro.typing import Floats

_STRENGTHS = np.logspace(-1, 9, 41)  # inverse variance of a difference of neighbouring lags
_ORDERS = (1, 2)
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
    r"""The reach and smoothness for which the data are most probable.

    J is taken to be zero beyond a reach r, and within it Gaussian with the density exp(-s sum |D^p J|^2 / 2), D the
    difference of neighbouring lags, p = 1 or 2: of all r, p and s those with the largest evidence,
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
    longest = np.zeros(int(orbit.max()) + 1, dtype=int)
    np.maximum.at(longest, orbit, np.abs(lags).max(axis=1))
    longest = np.concatenate([longest, np.zeros(len(solution) - len(longest), dtype=int)])
    gradient = normal @ solution
    found = []
    for shorter in reaches or range(reach, reach + 1):
        kept = longest <= shorter
        h, g = normal[np.ix_(kept, kept)], gradient[kept]
        for order in _ORDERS:
            rough = roughness(shorter, dim, symmetry, order)
            for strength in _STRENGTHS:
                q = WEAK * np.eye(len(g))
                q[: len(rough), : len(rough)] += strength * rough
                found.append(KernelPrior(shorter, q, _evidence(h, g, q)))
    return max(found, key=lambda prior: prior.evidence)


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
