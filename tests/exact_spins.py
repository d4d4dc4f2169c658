"""Ising squares of 9 or 16 spins by enumeration of all states, Curie-Weiss by its master equation; own arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats
from scipy.sparse.linalg import spsolve
from scipy.special import ellipk, gammaln

from asemacro.typing import Floats


def uniformised(generator: sparse.spmatrix, p: Floats, t: float) -> Floats:
    """p exp(Q t) as the Poisson mixture of powers of 1 + Q / L, L the largest rate; accurate to 1e-12."""
    most = float(-generator.diagonal().min())
    step = (sparse.identity(len(p)) + generator / most).T.tocsr()
    weights = stats.poisson.pmf(np.arange(int(stats.poisson.isf(1e-13, most * t)) + 2), most * t)
    out = np.zeros(len(p))
    for weight in weights:
        out += weight * p
        p = step @ p
    return out / weights.sum()


class ExactIsing:
    """All 2^(L^2) states of the periodic L x L Ising square with Glauber rates; state number = sum of up_i 2^i."""

    def __init__(self, side: int, temperature: float, field: float = 0.0) -> None:
        self.n = side * side
        numbers = np.arange(1 << self.n)
        self.x = np.where(numbers[:, None] >> np.arange(self.n) & 1, 1, -1).astype(np.int8)
        grid = self.x.reshape(-1, side, side).astype(int)
        near = sum(np.roll(grid, step, axis) for axis in (1, 2) for step in (1, -1)).reshape(-1, self.n)
        self.energy = -(self.x * near).sum(1) / 2 - field * self.x.sum(1)
        self.law = np.exp(-(self.energy - self.energy.min()) / temperature)
        self.law /= self.law.sum()
        self.m = self.x.mean(axis=1)
        self.walls = 0.5 + (self.energy + field * self.x.sum(1)) / (4 * self.n)
        self.rates = 1 / (1 + np.exp(2 / temperature * self.x * (near + field)))
        rows = np.repeat(numbers, self.n)
        columns = (numbers[:, None] ^ (1 << np.arange(self.n))).reshape(-1)
        jumps = sparse.csr_matrix((self.rates.reshape(-1), (rows, columns)), shape=(len(numbers),) * 2)
        self.generator = jumps - sparse.diags(self.rates.sum(axis=1))

    def number(self, x: NDArray[np.int8]) -> NDArray[np.int64]:
        """(batch,) number of each state."""
        return (x > 0) @ (1 << np.arange(self.n))

    def law_after(self, t: float, start: int | Floats) -> Floats:
        """Probabilities of all states a time after a state or a law."""
        p = np.eye(1, len(self.x), start)[0] if isinstance(start, int) else start
        return uniformised(self.generator, p, t)

    def first_passage(self, target: NDArray[np.bool_]) -> Floats:
        """Mean time to reach the target from each state."""
        rest = np.flatnonzero(~target)
        times = np.zeros(len(self.x))
        times[rest] = spsolve(self.generator[rest][:, rest].tocsc(), -np.ones(len(rest)))
        return times


class ExactCurieWeiss:
    """The number of up spins k = 0..n of a Curie-Weiss model without self-interaction, a birth-death process."""

    def __init__(self, n: int, temperature: float, field: float = 0.0) -> None:
        self.n, k = n, np.arange(n + 1)
        total = 2 * k - n
        self.m = total / n
        up = (n - k) / (1 + np.exp(-2 / temperature * ((total + 1) / n + field)))
        down = k / (1 + np.exp(2 / temperature * ((total - 1) / n + field)))
        self.generator = sparse.diags([down[1:], -(up + down), up[:-1]], [-1, 0, 1]).tocsr()
        self.up, self.down = up, down
        logs = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + (total**2 / (2 * n) + field * total) / temperature
        self.law = np.exp(logs - logs.max())
        self.law /= self.law.sum()

    def moments(self, m0: float, times: ArrayLike) -> Floats:
        """(n_times, 2) mean and standard deviation of the magnetisation after a start at m0."""
        p = np.zeros(self.n + 1)
        p[round(self.n * (1 + m0) / 2)] = 1.0
        found, now = [], 0.0
        for t in np.atleast_1d(times):
            p, now = uniformised(self.generator, p, t - now), t
            mean = p @ self.m
            found.append((mean, np.sqrt(p @ (self.m - mean) ** 2)))
        return np.array(found)

    def passage_up(self, low: int, high: int) -> float:
        """Mean time from k = low to k = high."""
        step, total = 0.0, 0.0
        for k in range(high):
            step = 1 / self.up[k] + self.down[k] / self.up[k] * step
            total += step if k >= low else 0.0
        return total


def onsager(temperature: float) -> tuple[float, float]:
    """Energy per spin and spontaneous magnetisation of the infinite square lattice, J = 1."""
    k = 1 / temperature
    modulus = 2 * np.sinh(2 * k) / np.cosh(2 * k) ** 2
    factor = 1 + 2 / np.pi * (2 * np.tanh(2 * k) ** 2 - 1) * ellipk(modulus**2)
    below = np.sinh(2 * k) > 1
    return -factor / np.tanh(2 * k), (1 - np.sinh(2 * k) ** -4) ** 0.125 if below else 0.0
