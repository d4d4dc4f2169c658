"""Averages at any temperature between those that were sampled, from all samples together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from asemacro.typing import Floats


class MultiHistogram:
    r"""Samples of the Boltzmann law at several temperatures, joined to weights at any other one.

        p_i(beta) ~ exp(-beta E_i) / sum_k n_k exp(f_k - beta_k E_i),    exp(-f_k) = sum_i exp(-beta_k E_i) / (...)

    i runs over all samples, n_k of them at beta_k; the f_k solve the second equation. It is the maximum of a concave
    likelihood, which is found by Newton's method within a trust region. Energies are only needed above any common zero.
    Source: Ferrenberg and Swendsen, Phys. Rev. Lett. 63, 1195 (1989); in this form, without bins, Shirts and Chodera,
    J. Chem. Phys. 129, 124105 (2008).

    Args:
        energy: for each temperature the energies of its samples, 1/beta in unit.
        beta: (n_T,) inverse temperatures.
        free_energy: (n_T,) start of the search, f of a similar set; default by integration of the mean energy.

    Attributes:
        free_energy: (n_T,) f_k, the first is 0.
    """

    def __init__(self, energy: Sequence[Floats], beta: Floats, free_energy: Floats | None = None) -> None:
        self._energy = np.concatenate(energy)
        counts = np.array([len(part) for part in energy], dtype=float)
        self._log_counts = np.log(counts)
        order = np.argsort(beta)
        if free_energy is None:
            mean = np.array([part.mean() for part in energy])[order]
            steps = np.diff(beta[order]) * (mean[1:] + mean[:-1]) / 2
            free_energy = np.zeros(len(beta))
            free_energy[order] = np.concatenate([[0.0], np.cumsum(steps)])
        minus = -np.outer(self._energy, beta)  # (samples, n_T)
        share = counts / counts.sum()

        def occupied(f: Floats) -> tuple[Floats, Floats]:
            exponent = minus + np.append(0.0, f) + self._log_counts  # f of the first is 0
            top = logsumexp(exponent, axis=1)
            return top, np.exp(exponent - top[:, None])

        def loss(f: Floats) -> tuple[float, Floats]:
            top, part = occupied(f)
            return float(top.mean() - share[1:] @ f), (part.mean(axis=0) - share)[1:]

        def curvature(f: Floats) -> Floats:
            part = occupied(f)[1][:, 1:]
            return np.asarray(np.diag(part.mean(axis=0)) - part.T @ part / len(part))

        start = free_energy[1:] - free_energy[0]
        if len(start):
            found = minimize(loss, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-8})
            start = found.x
        self.free_energy = np.append(0.0, start)
        self._log_below = logsumexp(minus + self.free_energy + self._log_counts, axis=1)

    def weights(self, beta: float) -> Floats:
        """(n_samples,) of all samples in the order of the temperatures, at an inverse temperature; they add up to 1."""
        exponent = -beta * self._energy - self._log_below
        weight = np.exp(exponent - exponent.max())
        return np.asarray(weight / weight.sum())
