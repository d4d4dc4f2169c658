"""Progress that does not lie: time left from measured work, a share that never falls, lines without a terminal."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest

from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.campaign import task_name
from asemacro.tasks import progress as module
from asemacro.tasks.progress import Progress, duration, progress_bar


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_one_task_goes_on_at_its_pace(clock: Clock) -> None:
    progress = Progress({"kmc": 1.0}, clock=clock)
    assert progress.remaining_s is None
    assert progress.share == 0
    assert progress.line() == "0 % done, 0 s elapsed, time left not known yet"
    clock.now += 50  # compiling
    progress("kmc", 0.1, "")
    clock.now += 20
    progress("kmc", 0.2, "1000 K")
    # a tenth takes 20 s, eight are left
    assert progress.remaining_s == pytest.approx(160)
    assert progress.share == pytest.approx(70 / 230)
    assert progress.line() == "30 % done, 1 min 10 s elapsed, about 2 min 40 s left, 1000 K"
    clock.now += 160
    progress("kmc", 1.0, "")
    assert progress.remaining_s == 0
    assert progress.share == 1


def test_two_workers_share_four_tasks_and_a_fit_follows(clock: Clock) -> None:
    progress = Progress({name: 10.0 for name in "abcd"}, {"fit": 30.0}, workers=2, clock=clock)
    progress("a", 0.001, "")
    progress("b", 0.001, "")
    clock.now += 50
    progress("a", 0.501, "")
    progress("b", 0.251, "")
    # a takes 100 s and has 49.9 left, b 200 s and 149.8; c and d the mean, 150 s each; two at once; the fit comes last
    assert progress.remaining_s == pytest.approx((49.9 + 149.8 + 150 + 150) / 2 + 30, rel=1e-6)


def test_a_task_that_ends_early_is_no_lie(clock: Clock) -> None:
    progress = Progress({"a": 30.0, "b": 30.0}, {"fit": 20.0}, clock=clock)
    shares = []
    for name in "ab":
        progress(name, 0.0, "compiling")
        for step in range(1, 11):
            clock.now += 1
            progress(name, 0.01 * step, "")  # looks like 100 s, ends after 10
            shares.append(progress.share)
        progress(name, 1.0, "")
        shares.append(progress.share)
    # a and b are over, whatever they were expected to take: 20 s have passed, the fit is left
    assert progress.remaining_s == pytest.approx(20)
    assert shares == sorted(shares)
    progress("fit", 0.0, "")
    clock.now += 15
    assert progress.remaining_s == pytest.approx(5)
    clock.now += 485  # 500 s for the 20 expected: nobody can say "1 s left", and the share does not reach 1
    assert progress.remaining_s == pytest.approx(125)
    assert progress.share == pytest.approx(520 / 645)


def test_a_hundred_percent_is_said_at_the_end_only(clock: Clock) -> None:
    progress = Progress({"a": 1.0}, clock=clock)
    progress("a", 0.0001, "")
    clock.now += 1000
    progress("a", 0.9991, "")
    assert progress.line().startswith("99 % done")
    progress("a", 1.0, "")
    assert progress.line().startswith("100 % done")


def test_the_share_never_falls_and_reports_may_come_back(clock: Clock) -> None:
    rng = np.random.default_rng(0)
    progress = Progress({"a": 1.0, "b": 1.0}, {"c": 1.0}, workers=2, clock=clock)
    shares = []
    for _ in range(300):
        clock.now += rng.random()
        progress(str(rng.choice(["a", "b", "c", "d"])), float(rng.random()) ** 8, "")
        shares.append(progress.share)
    assert shares == sorted(shares)
    assert 0 < shares[-1] < 1


def test_tasks_of_a_checkpoint_took_no_time(clock: Clock) -> None:
    progress = Progress({"a": 30.0, "b": 30.0}, workers=1, clock=clock)
    progress("a", 1.0, "")
    progress("b", 0.01, "")
    clock.now += 10
    progress("b", 0.51, "")
    assert progress.remaining_s == pytest.approx(9.8)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (3600, "1 h 00 min"), (1e5, "1 d 3 h")],
)
def test_durations_as_people_write_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def until(condition) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("nothing was shown in 20 s")


def test_a_line_a_minute_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.LINE_EVERY_S == 60
    stream = io.StringIO()
    monkeypatch.setattr(module, "LINE_EVERY_S", 0.01)
    monkeypatch.setattr(module.sys, "stderr", stream)
    with progress_bar({"fit": 1.0}) as report:
        report("fit", 0.0, "fit the SDE")
        until(lambda: stream.getvalue().count("\n") > 2)  # also while the work says nothing
    lines = stream.getvalue().splitlines()
    assert all(line.startswith("0 % done, 0 s elapsed, time left not known yet") for line in lines)
    assert lines[-1].endswith("fit the SDE")


def test_a_bar_on_a_terminal_is_wiped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(module, "BAR_EVERY_S", 0.01)
    monkeypatch.setattr(module.sys, "stderr", stream)
    with progress_bar({"kmc": 1.0}) as report:
        report("kmc", 0.5, "500 hops")
        until(lambda: "500 hops" in stream.getvalue())
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().endswith("\r")


def test_a_run_is_over_by_whichever_limit_it_meets_first() -> None:
    quick = Budget(hops=6e5, evaluations=4e4, relaxations=12.0)
    assert quick.share(5.7e4, 0, 0) == pytest.approx(0.1)
    assert quick.share(0, 2e4, 0) == pytest.approx(0.5)
    assert quick.share(0, 0, 9.0) == pytest.approx(0.75)
    assert quick.share(5.7e5, 0, 0) == 1
    assert Budget(hops=1000).share(475, 1e9, 1) == pytest.approx(0.5)


def test_no_two_temperatures_share_a_name() -> None:
    names = {task_name("small", t) for t in (900.0001, 900.0004, 900.0, np.float64(900.00040000000001))}
    assert names == {"small-900.0K", "small-900.0001K", "small-900.0004K"}
    assert task_name("direct", 900) != task_name("small", 900)
