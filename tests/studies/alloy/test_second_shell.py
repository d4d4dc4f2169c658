"""The order of the second shell as further variables: when it is taken, and what that leaves alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.campaign import Job, run_jobs
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.second_shell import gain
from asemacro.studies.alloy.simulated import Simulated
from asemacro.tasks.streams import Streams

UNLIKE = 1  # column of A-B among A-A, A-B, B-B


def simulated(coupling: float, runs: int, seed: int) -> Simulated:
    """Stationary runs dx = (coupling y - x) dt + dB, dy = -0.2 y dt + dB: x in the first shell, y in the second."""
    rng, dt, n = np.random.default_rng(seed), 0.2, 600
    order = np.zeros((runs, n, 6))
    x, y = np.zeros(runs), rng.standard_normal(runs) * np.sqrt(2.5)
    for k in range(n):
        order[:, k, UNLIKE], order[:, k, 3 + UNLIKE] = x, y
        noise = rng.standard_normal((2, runs)) * np.sqrt(dt)
        x, y = x + dt * (coupling * y - x) + noise[0], y - 0.2 * dt * y + noise[1]
    times = dt * np.arange(n)
    lattice = Lattice.bcc(3.2, ["Nb", "Mo"], 4)
    table = PairTable.of(WarrenCowley(["Nb", "Mo"], pairs="all"), {"Nb": 64, "Mo": 63, "X": 1}, lattice)
    hops, none = np.broadcast_to(times, order.shape[:2]).copy(), np.empty((runs, 0))
    return Simulated(table=table, runs=Record(1000.0, 4, times, order, hops, True, 5.0, 0, 0, 0, none, np.nan))


def test_a_hidden_variable_that_matters_is_taken() -> None:
    """It explains part of each step: the error of held-out runs falls by what theory says, and is told with its bar."""
    found = gain([simulated(1.0, 16, seed) for seed in (1, 2)])
    assert found.helps
    assert "is among the variables" in found.text
    # of the steps, coupling^2 Var(y | x) dt of the variance rate 1 is what y explains beyond x
    at = simulated(1.0, 400, 3)
    x, y = at.runs.late[:, ::10, UNLIKE].ravel(), at.runs.late[:, ::10, 3 + UNLIKE].ravel()
    hidden = y.var() - np.cov(x, y)[0, 1] ** 2 / x.var()
    step = 0.2 * round(at.runs.pair_step([UNLIKE]) / 0.2)
    assert found.change == pytest.approx(-hidden * step, rel=0.5)


def test_a_variable_that_says_nothing_is_left_out() -> None:
    """Whatever the seed: more coefficients make the error of held-out runs larger on average."""
    tries = [gain([simulated(0.0, 8, seed), simulated(0.0, 8, 100 + seed)]) for seed in range(10)]
    assert np.mean([found.change for found in tries]) > 0
    assert not any(found.helps for found in tries)
    assert "is left out" in tries[0].text


def test_the_variables_of_the_second_shell_stand_behind_those_of_the_first() -> None:
    at = simulated(1.0, 8, 0)
    closed = dataclasses.replace(at, closed=True)
    assert (at.variable_labels, closed.variable_labels) == (("Nb-Mo",), ("Nb-Mo", "Nb-Mo:2"))
    assert closed.variables.tolist() == [UNLIKE, 3 + UNLIKE]
    pairs = closed.runs.pairs(closed.variables, rng=np.random.default_rng(0))
    assert pairs.z0.shape[1] == 2
    # what is read off the first shell stays as it was
    np.testing.assert_array_equal(closed.order, at.order)
    assert closed.contacts.shape == (3,)


def test_runs_are_the_same_with_more_shells_recorded() -> None:
    lattice, counts = Lattice.bcc(3.2, ["Nb", "Mo"], 4), {"Nb": 64, "Mo": 63, "X": 1}
    model = PairBarrier(["Nb", "Mo"], {"Nb": 1.0, "Mo": 1.1}, [{"Nb-Mo": -0.03}])
    job = Job(lattice, model, 1000.0, counts, 4, 2, Budget(hops=2000), Streams.of(np.random.default_rng(5)))
    one, two = (run_jobs([dataclasses.replace(job, shells=shells)], 1)[0] for shells in (1, 2))
    np.testing.assert_array_equal(two.times_s, one.times_s)
    np.testing.assert_array_equal(two.order[:, :, :3], one.order)
    assert two.order.shape[2] == 6
    assert two.relaxation_time_s == pytest.approx(one.relaxation_time_s, nan_ok=True)
