"""Programmes of a furnace: what is read, what is refused and where, and integrals over them."""

import math

import numpy as np
import pytest
from ase.units import kB
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import asemacro as am

ISSUE = "1200K 1h; cool 5K/s to 900K; 900K 100h"


def test_the_programme_of_the_issue():
    schedule = am.Schedule.parse(ISSUE)
    assert [tuple(stage) for stage in schedule] == [
        (0.0, 3600.0, 1200.0, 1200.0),
        (3600.0, 60.0, 1200.0, 900.0),
        (3660.0, 360000.0, 900.0, 900.0),
    ]
    assert (schedule.duration_s, schedule.lowest_K, schedule.highest_K) == (363660.0, 900.0, 1200.0)
    times = [0, 3600, 3630, 3660, 363660]
    assert schedule.temperature(times).tolist() == [1200, 1200, 1050, 900, 900]
    assert str(schedule) == "1200 K 1 h; cool 5 K/s to 900 K; 900 K 100 h"
    assert str(am.Schedule.parse(str(schedule))) == str(schedule)


@pytest.mark.parametrize(
    ("words", "stages"),
    [
        ("927C 30min;", [(0, 1800, 1200.15, 1200.15)]),
        ("25 °C ; heat 10 K/min to 1225C", [(0, 7200, 298.15, 1498.15)]),
        ("1000K 2d; 500K .5h", [(0, 172800, 1000, 1000), (172800, 1800, 500, 500)]),
        ("1e3K 1e2s; cool 3.6e3C/h to 900K", [(0, 100, 1000, 1000), (100, 100, 1000, 900)]),
    ],
)
def test_units_and_spaces(words, stages):
    found = [tuple(stage) for stage in am.Schedule.parse(words)]
    assert len(found) == len(stages)
    for a, b in zip(found, stages, strict=True):
        assert a == pytest.approx(b)


def test_a_quench_is_known_and_takes_no_time():
    schedule = am.Schedule.parse("1200K 1h; 600K 1h")
    assert schedule.jumps == [(1200.0, 600.0)]
    assert schedule.temperature([3599.9, 3600.0]).tolist() == [1200.0, 600.0]


@pytest.mark.parametrize(
    ("words", "place", "what"),
    [
        ("", 1, "expected a temperature"),
        ("1200", 1, "expected a temperature"),
        ("1200K 1x", 7, "expected a duration"),
        ("1200K nans", 7, "expected a duration"),
        ("1200K -1h", 7, "above zero"),
        ("1200K 1h;; 900K 1h", 10, "expected a temperature"),
        ("1200K 1h 900K 1h", 10, "separated by ';'"),
        ("cool 5K/s to 900K", 6, "where the programme starts"),
        ("1200K 1h; cool 0K/s to 900K", 16, "expected a rate"),
        ("1200K 1h; cool 5K to 900K", 16, "expected a rate"),
        ("1200K 1h; cool 5K/s 900K", 21, "expected 'to'"),
        ("1200K 1h; cool 5K/s to 1300K", 24, "other way"),
        ("1200K 1h; heat 5K/s to 1200K", 24, "other way or nowhere"),
        ("-5K 1h", 1, "a temperature must be from 1 to 100,000 K"),
        ("1200K 1e30h", 12, "at most 1e\\+18 s"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(words, place, what):
    with pytest.raises(ValueError, match=rf"^schedule, character {place}, at .*{what}") as refused:
        am.Schedule.parse(words)
    assert "\n" not in str(refused.value)


def test_a_temperature_alone_is_no_programme():
    with pytest.raises(ValueError, match="nothing lasts any time"):
        am.Schedule.parse("1200K")


def test_times_outside_are_refused():
    with pytest.raises(ValueError, match="from 0 to 3600 s"):
        am.Schedule.parse("1200K 1h").temperature([3601.0])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.floats(200, 2000), st.floats(200, 2000), st.floats(1e-3, 1e3), st.floats(0.05, 6.0))
def test_boltzmann_time_is_the_integral(a, b, rate, energy):
    if abs(a - b) < 1:
        return
    schedule = am.Schedule.parse(f"{a!r}K; {'heat' if b > a else 'cool'} {rate!r}K/s to {b!r}K")
    top = energy / kB / max(a, b)

    def scaled(kelvin):
        return math.exp(top - energy / kB / kelvin)

    exact, _ = quad(scaled, min(a, b), max(a, b), epsabs=0, epsrel=1e-11, limit=200, points=[max(a, b) - 1e-9])
    assert schedule.boltzmann_time(energy, 0) == pytest.approx(exact * math.exp(-top) / rate, rel=1e-8)


def test_boltzmann_time_of_a_hold():
    schedule = am.Schedule.parse(ISSUE)
    assert schedule.boltzmann_time(3.0, 0) == pytest.approx(3600 * np.exp(-3.0 / (kB * 1200)), rel=1e-14)
    with pytest.raises(ValueError, match="there is no 3"):
        schedule.boltzmann_time(3.0, 3)
