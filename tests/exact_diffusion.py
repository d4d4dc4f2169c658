"""Exact transport coefficients of one vacancy and one marked atom in a periodic box, by a linear solve.

The place of the vacancy relative to the atom is a Markov chain of N - 1 states (times the sites of a unit cell). A
function chi of the state with Q chi = -b, b the mean velocity in a state, makes R + chi a martingale, so that
<R R^T> / 2t = 1/2 sum over states and jumps of pi rate (d + change of chi)(d + change of chi)^T, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.sites import cells_of, neighbours_of, sites_at
from asemacro.typing import Floats

VACANCY, ATOM = 0, 1


class Exact(NamedTuple):
    """Of a box: products over both walkers, vacancy first."""

    products: Floats
    """(2, 2, 3, 3) <R_i R_j^T> / 2t, angstrom^2/s."""
    walk: Floats
    """(2, 3, 3) the same of hops without memory."""

    @property
    def factor(self) -> Floats:
        """(3,) correlation factor of the marked atom along each axis."""
        return np.diag(self.products[ATOM, ATOM]) / np.diag(self.walk[ATOM])


def exact(lattice: Lattice, jumps: np.ndarray, rates: Callable[[int, int], Floats]) -> Exact:
    """Coefficients of a vacancy and one marked atom.

    Args:
        lattice: the box.
        jumps: (n_basis, Z, 4) offsets.
        rates: (vacancy site, atom site) -> (Z,) in Hz.
    """
    n, n_basis = lattice.n_sites, lattice.n_basis
    steps = (jumps[..., :3] + lattice.basis[jumps[..., 3]] - lattice.basis[:, None]) @ lattice.cell
    states = [(b, v) for b in range(n_basis) for v in range(n) if v != b]
    number = {state: k for k, state in enumerate(states)}
    rows, columns, values, moves = [], [], [], []
    for k, (atom, vacancy) in enumerate(states):
        targets = neighbours_of(lattice.shape, n_basis, np.array(vacancy), jumps)
        for j, (target, rate) in enumerate(zip(targets, rates(vacancy, atom), strict=True)):
            d = steps[vacancy % n_basis, j]
            at, empty = (vacancy, atom) if target == atom else (atom, int(target))
            cell, _ = cells_of(lattice.shape, n_basis, np.array(at))
            there, basis = cells_of(lattice.shape, n_basis, np.array(empty))
            rows.append(k)
            columns.append(number[at % n_basis, int(sites_at(lattice.shape, n_basis, there - cell, basis))])
            values.append(rate)
            moves.append([d, -d if target == atom else 0 * d])
    rate, move = np.array(values), np.array(moves)
    size = len(states)
    flow = sparse.csr_matrix((rate, (rows, columns)), shape=(size, size))
    generator = flow - sparse.diags(np.asarray(flow.sum(axis=1)).ravel())
    # one equation of each singular system is replaced by a normalisation
    balance = generator.T.tolil()
    balance[0] = 1.0
    pi = linalg.spsolve(balance.tocsc(), np.eye(size)[0])
    velocity = np.zeros((size, 2, 3))
    np.add.at(velocity, rows, rate[:, None, None] * move)
    assert np.abs(pi @ velocity.reshape(size, 6)).max() < 1e-9 * np.abs(velocity).max()
    pinned = generator.tolil()
    pinned[0] = 0.0
    pinned[0, 0] = 1.0
    right = -velocity.reshape(size, 6)
    right[0] = 0.0
    chi = linalg.splu(pinned.tocsc()).solve(right).reshape(size, 2, 3)
    whole = move + chi[columns] - chi[rows]
    weight = pi[rows] * rate / 2
    return Exact(np.einsum("k,kia,kjb->ijab", weight, whole, whole), np.einsum("k,kia,kib->iab", weight, move, move))


def equal_rates(lattice: Lattice, jumps: np.ndarray) -> Exact:
    """Of a pure metal with a rate of 1 Hz of each jump: the marked atom is a tracer."""
    ones = np.ones(jumps.shape[1])
    return exact(lattice, jumps, lambda vacancy, atom: ones)
