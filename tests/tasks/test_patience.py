"""Long work says that it is long, once, and compiled loops are cut to a fifth of a second."""

from __future__ import annotations

import logging

import pytest

from asemacro.tasks.patience import PATIENCE_S, Patience, next_size


@pytest.mark.parametrize(
    ("elapsed", "share", "said"),
    [
        (2.0, 2 / 3599, ""),
        (2.0, 2 / 7200, "about 2 h"),
        (0.5, 1e-9, ""),  # too early to know
        (2.0, 0.0, "more than a hundred years"),
        (2.0, 1e-300, "more than a hundred years"),
        (3000.0, 0.5, "about 1.67 h"),
    ],
)
def test_what_takes_more_than_an_hour_is_said_once(caplog, elapsed: float, share: float, said: str) -> None:
    now = [10.0]
    with caplog.at_level(logging.WARNING, "asemacro"):
        for _ in range(2):
            now[0] = 10.0
            patience = Patience(f"the evolution of {elapsed} and {share}", clock=lambda: now[0])
            patience.done(0.0)
            now[0] += elapsed
            patience.done(share)
            patience.done(share)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == (1 if said else 0)
    assert all(said in line and "Ctrl-C" in line and "\n" not in line for line in lines)


def test_compilation_before_the_first_report_is_no_work(caplog) -> None:
    now = [0.0]
    with caplog.at_level(logging.WARNING, "asemacro"):
        patience = Patience("100 sweeps after a minute of compilation", clock=lambda: now[0])
        now[0] = 60.0
        patience.done(0.01)  # at this rate 100 minutes
        now[0] = 62.0
        patience.done(0.5)
    assert not caplog.records


def test_sizes_approach_the_patience() -> None:
    assert next_size(10, PATIENCE_S / 2) == 20
    assert next_size(10, PATIENCE_S * 2) == 5
    assert next_size(10, 1e-9) == 80  # at most 8 times as much
    assert next_size(1, 100.0) == 1
    assert next_size(100, 100.0, least=64) == 64
    assert next_size(100, 1e-9, most=200) == 200
