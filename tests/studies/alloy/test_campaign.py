"""Runs in rounds: the same whatever the workers, resumed exactly, ended when they should be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from asemacro.barriers import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.campaign import Job, run_jobs
from asemacro.studies.alloy.record import Record
from asemacro.tasks.checkpoint import Checkpoint, write_arrays
from asemacro.tasks.streams import Streams


def jobs(budget: Budget) -> list[Job]:
    lattice = Lattice.bcc(3.2, ["Nb", "Mo"], 4)
    model = PairBarrier(["Nb", "Mo"], {"Nb": 1.0, "Mo": 1.1}, [{"Nb-Mo": -0.03}])
    counts = {"Nb": 64, "Mo": 63, "X": 1}
    streams = Streams.of(np.random.default_rng(5))
    return [Job(lattice, model, temperature, counts, 4, 2, budget, streams) for temperature in (1000.0, 1500.0)]


def silent(task: str, fraction: float, text: str) -> None:
    assert 0 <= fraction <= 1


def test_records_do_not_depend_on_workers_or_interruptions(tmp_path: Path) -> None:
    budget = Budget(hops=2000)
    alone = run_jobs(jobs(budget), 1, None, silent)
    together = run_jobs(jobs(budget), 2, None, silent)
    checkpoint = Checkpoint(tmp_path)
    first = jobs(budget)[0]
    checkpoint.entry(first.name, first.inputs()).save(lambda path: write_arrays(path, alone[0].to_arrays()))
    resumed = run_jobs(jobs(budget), 2, checkpoint, silent)
    for one, two, three in zip(alone, together, resumed, strict=True):
        np.testing.assert_array_equal(one.order, two.order)
        np.testing.assert_array_equal(one.order, three.order)
        np.testing.assert_array_equal(one.times_s, three.times_s)


def test_a_run_is_known_by_its_number() -> None:
    """The first runs of many are those of few, up to the times that both know."""
    few, many = (dataclasses.replace(jobs(Budget(hops=2000))[1], runs=runs) for runs in (2, 6))
    one, other = run_jobs([few], 1, None, silent)[0], run_jobs([many], 1, None, silent)[0]
    np.testing.assert_array_equal(one.order[:, :64], other.order[:2, :64])


def test_the_grid_ends_with_the_budget() -> None:
    record = run_jobs(jobs(Budget(hops=3000, relaxations=1e9))[:1], 1, None, silent)[0]
    assert 2500 < np.median(record.hops[:, -1]) < 6500
    assert (np.diff(record.times_s) > 0).all()
    assert (np.diff(record.hops, axis=1) >= 0).all()
    assert record.order.shape[1] == len(record.times_s)


def test_a_run_ends_with_its_evaluations() -> None:
    few, more = (
        run_jobs(jobs(Budget(hops=1e5, evaluations=n, relaxations=1e9))[:1], 1, None, silent)[0] for n in (1600, 6400)
    )
    # pair energies of a small cell are soon known, so most hops ask for nothing new
    assert np.median(few.hops[:, -1]) < np.median(more.hops[:, -1]) < 0.9e5


def test_interruption_stops_all(tmp_path: Path) -> None:
    def stop(task: str, fraction: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs(Budget(hops=1e9)), 2, Checkpoint(tmp_path), stop)
    assert not list(tmp_path.rglob("*.npz"))


def test_record_knows_its_late_half() -> None:
    times = np.array([0.0, 1, 2, 4, 8, 12, 16])
    record = Record(1.0, 1, times, times[None, :, None], times[None], True, 1.0, 0, 0, 0, np.empty((1, 0)), np.nan)
    np.testing.assert_array_equal(record.late[0, :, 0], [8, 12, 16])
