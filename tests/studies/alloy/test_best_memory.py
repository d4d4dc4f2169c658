"""The past order as further variables: when it is taken, and what that leaves alone."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.linalg import solve_discrete_lyapunov

from asemacro.closure.memory import remembered
from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.memory import HOPS, STEPS, best_memory
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.simulated import Simulated

UNLIKE = 1  # column of A-B among A-A, A-B, B-B


HOP_S = 0.2 / HOPS[2]  # a step of the runs is the third of the memories that are tried


def simulated(coupling: float, runs: int, seed: int) -> Simulated:
    """Stationary runs dx = (coupling y - x) dt + dB, dy = -0.2 y dt + dB: x is the order, y is hidden."""
    rng, dt, n = np.random.default_rng(seed), 0.2, 600
    order = np.zeros((runs, n, 3))
    x, y = np.zeros(runs), rng.standard_normal(runs) * np.sqrt(2.5)
    for k in range(n):
        order[:, k, UNLIKE] = x
        noise = rng.standard_normal((2, runs)) * np.sqrt(dt)
        x, y = x + dt * (coupling * y - x) + noise[0], y - 0.2 * dt * y + noise[1]
    times = dt * np.arange(n)
    lattice = Lattice.bcc(3.2, ["Nb", "Mo"], 4)
    table = PairTable.of(WarrenCowley(["Nb", "Mo"], pairs="all"), {"Nb": 64, "Mo": 63, "X": 1}, lattice)
    hops, none = np.broadcast_to(times / HOP_S, order.shape[:2]).copy(), np.empty((runs, 0))
    return Simulated(table=table, runs=Record(1000.0, 4, times, order, hops, True, 5.0, 0, 0, 0, none, np.nan))


def exact_change(coupling: float, memory_s: float, steps: int) -> float:
    """What a memory changes in endless runs of `simulated`, predicted over so many of their steps.

    From the stationary covariance of x, y and the past of x.
    """
    dt = 0.2
    lost, step = -np.expm1(-dt / memory_s), dt / memory_s
    forth = np.array([[1 - dt, coupling * dt, 0.0], [0.0, 1 - 0.2 * dt, 0.0], np.zeros(3)])
    new = 1 - lost / step  # part of a step of x that the past has followed when it ends
    forth[2] = new * forth[0] + [lost / step - (1 - lost), 0.0, 1 - lost]
    noise = np.sqrt(dt) * np.array([[1.0, 0.0], [0.0, 1.0], [new, 0.0]])
    covariance = solve_discrete_lyapunov(forth, noise @ noise.T)
    moves = (np.linalg.matrix_power(forth, steps) - np.eye(3))[0] @ covariance  # with x, y and the past
    whole = -2 * moves[0]  # the variance of a step of a stationary x
    without, with_it = (
        whole - moves[known] @ np.linalg.solve(covariance[np.ix_(known, known)], moves[known])
        for known in ([0], [0, 2])
    )
    return float(with_it / without - 1)


def test_a_past_that_matters_is_taken() -> None:
    """It tells of the hidden variable as much as it can, by the covariances of the process."""
    found = [simulated(2.0, 100, seed) for seed in (1, 2)]
    tried = best_memory(found)
    assert tried.helps
    assert "is among the variables" in tried.text
    steps = {STEPS * round(at.runs.pair_step(at.order) / 0.2) for at in found}
    exact = [exact_change(2.0, hops * HOP_S, max(steps)) for hops in HOPS]
    assert len(steps) == 1
    assert abs(tried.change - exact[HOPS.index(tried.hops)]) < 4.5 * tried.error
    assert exact[HOPS.index(tried.hops)] < 0.8 * min(exact)  # all but the best


def test_a_past_that_says_nothing_is_left_out() -> None:
    """Whatever the seed: the order alone determines how it goes on."""
    tries = [best_memory([simulated(0.0, 8, seed), simulated(0.0, 8, 100 + seed)]) for seed in range(10)]
    assert not any(tried.helps for tried in tries)
    assert "is left out" in tries[0].text


def test_the_past_stands_behind_the_order() -> None:
    at = simulated(1.0, 8, 0)
    closed = dataclasses.replace(at, memory_hops=1000.0)
    assert (at.variable_labels, closed.variable_labels) == (("Nb-Mo",), ("Nb-Mo", "Nb-Mo:memory"))
    past = remembered(at.order, at.runs.times_s, 1000 * HOP_S)
    np.testing.assert_allclose(closed.series, np.concatenate([at.order, past], axis=2), rtol=1e-9)
    assert closed.pairs(np.random.default_rng(0)).z0.shape[1] == 2
    assert at.pairs(np.random.default_rng(0)).z0.shape[1] == 1
    # what is read off the order stays as it was
    np.testing.assert_array_equal(closed.order, at.order)
    assert closed.contacts.shape == (3,)
