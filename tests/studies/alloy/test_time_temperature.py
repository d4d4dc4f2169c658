"""The map: exact where rate and order have the assumed form, and the same as the courses that it is made of."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.studies.alloy.course import EXTRAPOLATED, SIMULATED, UNKNOWN, Course
from asemacro.studies.alloy.prediction import Prediction
from asemacro.studies.alloy.time_temperature import time_temperature_map

ENERGY_K = 20_000.0


def first_time(kelvin: float) -> float:
    return 1e-12 * float(np.exp(ENERGY_K / kelvin))


def course_at(kelvin: float, anneal: float, *, thermal: float = 1.0, reached: bool = True, **more: object) -> Course:
    """delta = (1000 / T) (1 - exp(-t / 100 tau)), tau Arrhenius; runs of 2000 tau, anneals and runs in units of tau."""
    tau = first_time(kelvin)
    times = tau * np.geomspace(1, 2000, 400)
    level = np.array([1000 / kelvin])
    path = level * (1 - np.exp(-times / tau / 100))[:, None]
    error = np.full(path.shape, 0.01)
    prediction = Prediction(np.zeros(1), times, path, error, level, error[0], relaxation_time_s=tau * 100)
    fields = {
        "runs_s": 2000 * tau, "goal": level, "goal_error": error[0], "goal_known": True, "growth": 0.1,
        "most_growth": 0.2, "thermal": thermal, "anneal_s": anneal * tau, "reached": reached,
        "goal_shift": np.empty((0, 1)), "log_rates": np.empty(0),
    }  # fmt: skip
    return Course(kelvin, prediction, **(fields | more))  # type: ignore[arg-type]


def test_between_temperatures_an_arrhenius_process_is_exact() -> None:
    kelvin = [500.0, 800.0, 2000.0]
    found = time_temperature_map([course_at(k, 1e6) for k in kelvin], ["Mo-Ta"])
    assert found.pair == "Mo-Ta"
    assert set(kelvin) <= set(found.temperatures_K)
    reduced = found.times_s[None] / np.array([first_time(k) for k in found.temperatures_K])[:, None]
    expected = 1000 / found.temperatures_K[:, None] * (1 - np.exp(-reduced / 100))
    # also before the first time of a path, where the order grows in proportion to time
    np.testing.assert_allclose(found.delta, expected, atol=0.001)
    assert not found.extrapolated.any()


def test_the_map_agrees_with_the_curves() -> None:
    """At the anneal time it shows the annealed order, at the right edge where it is reached that of equilibrium."""
    slow = {"reached": False, "runs_s": 40 * first_time(700.0), "goal": np.array([1.5]), "growth": 0.5}
    courses = [course_at(700.0, 1e5, most_growth=0.6, **slow), course_at(1000.0, 3e4), course_at(1500.0, 300.0)]  # type: ignore[arg-type]
    found = time_temperature_map(courses, ["Mo-Ta"])
    for course in courses:
        row = int(np.flatnonzero(found.temperatures_K == course.temperature_K)[0])
        shown = np.interp(np.log(course.anneal_s), np.log(found.times_s), found.delta[row])
        assert shown == pytest.approx(course.annealed[0][0], abs=0.02)
        assert found.delta[row, -1] == pytest.approx(course.at(found.times_s[-1:])[0][0, 0], abs=1e-12)
    # hot runs are in equilibrium at the longest anneal
    assert found.delta[-1, -1] == pytest.approx(1000 / 1500, abs=1e-9)
    assert found.delta[found.temperatures_K == 1000, -1] == pytest.approx(1.0, abs=1e-9)
    # the cold one goes on to the equilibrium that is known from elsewhere, hatched, or empty where too much is open
    cold = found.times_s > 1.5 * courses[0].runs_s
    assert (found.extrapolated[0, cold] | np.isnan(found.delta[0, cold])).all()
    assert found.extrapolated[0, cold].mean() > 0.8
    assert found.extrapolated[0, -1]
    assert not found.extrapolated[0, ~cold].any()
    assert found.delta[0, -1] == pytest.approx(1.5, abs=0.1)
    assert courses[0].annealed[2] == EXTRAPOLATED


def test_what_is_not_known_is_empty() -> None:
    unknown = course_at(500.0, 1e6, reached=False, goal_known=False)
    found = time_temperature_map([unknown, course_at(800.0, 1e6)], ["Mo-Ta"])
    beyond = found.times_s > 1.5 * unknown.runs_s
    assert beyond.any()
    np.testing.assert_array_equal(np.isnan(found.delta[0]), beyond)
    assert not np.isnan(found.delta[-1]).any()
    assert unknown.annealed[2] == UNKNOWN
    # growth of which nothing is known leaves all of the way open
    open_way = course_at(
        500.0, 1e6, reached=False, runs_s=20 * first_time(500.0), growth=0.0, most_growth=1.0, goal=np.array([2.0])
    )
    assert open_way.annealed[2] == UNKNOWN


def test_runs_that_reached_it_end_at_the_equilibrium_that_is_known_best() -> None:
    course = course_at(1000.0, 1e5, goal=np.array([1.03]))
    order, _, standing = course.at(np.array([1e-30, course.prediction.times_s[-1], course.anneal_s]))
    np.testing.assert_allclose(order[:, 0], [0, 1.03, 1.03], atol=1e-6)
    assert (standing == SIMULATED).all()
    assert course.arrived
    assert not course_at(1000.0, 30.0).arrived  # the anneal is short: a quarter of the way
    assert not course_at(1000.0, 1e5, reached=False).arrived


def test_a_frozen_temperature_does_not_stretch_the_map() -> None:
    """At 40 K a hop takes 1e205 s: the map ends with the age of the universe, hot rows are as without it."""
    hot = [course_at(800.0, 1e6), course_at(1000.0, 1e6)]
    with_it, without = (time_temperature_map(courses, ["Mo-Ta"]) for courses in ([course_at(40.0, 1e6), *hot], hot))
    assert with_it.times_s[-1] == pytest.approx(4e17)
    assert np.isfinite(with_it.delta).all()
    np.testing.assert_allclose(with_it.delta[0], 0, atol=1e-150)  # nothing has moved
    last = without.delta[-1, without.times_s <= with_it.times_s[-1]]
    assert with_it.delta[-1, -1] == pytest.approx(last[-1], abs=1e-9)


def test_the_clock_shifts_the_times_alone() -> None:
    one, ten = (time_temperature_map([course_at(800.0, 1e6, thermal=factor)], ["Mo-Ta"]) for factor in (1.0, 10.0))
    np.testing.assert_allclose(ten.times_s, 10 * one.times_s)
    np.testing.assert_allclose(ten.delta, one.delta)
    assert ten.delta.shape == (1, len(ten.times_s))


def test_members_go_the_same_share_of_their_own_way_at_their_own_pace() -> None:
    """delta = L (1 - exp(-r t / 100 tau)), with a goal L and a rate r of each member."""
    goals, log_rates = np.array([[0.1], [-0.2]]), np.array([0.3, -0.1])
    gone = 1 - np.exp(-0.5)
    of_hops = course_at(1000.0, 50.0, goal_shift=goals, log_rates=np.zeros(2))
    assert of_hops.share == pytest.approx(gone, abs=1e-3)
    np.testing.assert_allclose(of_hops.annealed_shift, gone * goals, atol=1e-3)
    timed = course_at(1000.0, 50.0, goal_shift=0 * goals, log_rates=log_rates)
    np.testing.assert_allclose(timed.annealed_shift[:, 0], 1 - np.exp(-0.5 * np.exp(log_rates)) - gone, atol=1e-3)
    assert course_at(1000.0, 50.0).annealed_shift.shape == (0, 1)
