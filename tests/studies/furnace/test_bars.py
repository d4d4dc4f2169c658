"""Order, bars and marks where equilibrium is known, between learned temperatures, and outside of them."""

import linear_alloy as alloy
import numpy as np
import pytest

import asemacro as am
from asemacro.studies.furnace import cooling as cooling_module
from asemacro.studies.furnace.walk import carried

UNLIKE = [1, 2, 4]  # among all pairs of three species
SHIFT = np.array([0.004, -0.003, 0.002])  # of the equilibrium by swaps from that of the equation, within both errors
RUNS = 14.0  # relaxation times; the courses below are told that the runs do not know by themselves that they arrived


@pytest.fixture(autouse=True)
def few_rates(monkeypatch):
    """The cooling rates are looked at in one test alone."""
    monkeypatch.setattr(cooling_module, "SLOWEST", 0.0)
    monkeypatch.setattr(cooling_module, "FASTEST", 1.0)


def annealed(kinetics, programme, **options):
    return am.anneal(kinetics, programme, rng=np.random.default_rng(0), **options)


def few_runs(*, unknown=(1200.0,), growth=0.0, error=0.01, temperatures=(1000.0, 1200.0, 1400.0), shift=SHIFT):
    """Nowhere do the runs say that they arrived; swaps know equilibrium except at the temperatures `unknown`."""
    kinetics = alloy.kinetics(temperatures)
    for course in kinetics.courses:
        known = course.temperature_K not in unknown
        changes = {
            "reached": False, "goal_known": known, "growth": growth, "runs_s": RUNS * course.relaxation_s,
            "goal_error": np.full(3, error), "goal": course.learned + shift if known else course.learned,
            "path_error": np.full_like(course.path, 0.015),
        }  # fmt: skip
        for name, value in changes.items():
            object.__setattr__(course, name, value)
    return kinetics


def holds(kelvin, relaxations):
    return f"{kelvin:g}K {float(relaxations / alloy.rate(np.clip(kelvin, 800, 1400)))!r}s"


def test_a_long_hold_forgets_what_came_before():
    """At a temperature whose equilibrium swaps know: order, bar and mark are those of the diagram."""
    kinetics = few_runs()
    found = annealed(kinetics, f"{holds(1200, 40)}; {holds(1000, 130)}")
    hot = int(np.flatnonzero(found.stage == 0)[-1])
    assert found.extrapolated[hot]  # no simulation reached equilibrium there
    assert found.delta_err[hot, UNLIKE] == pytest.approx(np.hypot(0.01, 0.015))
    assert found.delta[-1, UNLIKE] == pytest.approx(alloy.mean(1000.0) + SHIFT, abs=1e-12)
    assert found.delta_err[-1, UNLIKE] == pytest.approx(0.01)
    assert not found.extrapolated[-1]
    # and it is not forgotten at once
    early = annealed(kinetics, f"{holds(1200, 40)}; {holds(1000, 1)}")
    assert early.extrapolated[-1]
    assert (early.delta_err[-1, UNLIKE] > 0.01).all()


@pytest.mark.parametrize(
    "options",
    [{"growth": 0.3}, {"shift": np.array([0.05, -0.001, 0.001])}],
    ids=["runs that still grow", "an equilibrium elsewhere"],
)
def test_runs_that_did_not_arrive_are_not_believed(options):
    kinetics = few_runs(**options)
    assert not kinetics.at(1000.0).reached
    found = annealed(kinetics, holds(1000, 2 * RUNS))
    assert (found.delta[-1, UNLIKE] != kinetics.courses[0].goal).all()
    assert (found.delta_err[-1, UNLIKE] > 0.01).all()


def test_where_even_the_slowest_growth_arrives_the_past_is_forgotten():
    kinetics = few_runs(growth=0.3, shift=np.array([0.05, 0, 0]))
    found = annealed(kinetics, holds(1000, 1e9))
    assert found.delta[-1, UNLIKE] == pytest.approx(alloy.mean(1000.0) + np.array([0.05, 0, 0]), abs=1e-12)
    assert found.delta_err[-1, UNLIKE] == pytest.approx(0.01)
    assert not found.extrapolated[-1]


def test_an_equilibrium_over_temperature_is_no_simulated_one():
    """The diagram says where its equilibrium is extrapolated from other temperatures."""
    kinetics = alloy.kinetics()
    kinetics.about["equilibrium_not_simulated_K"] = [1000.0]
    object.__setattr__(kinetics.courses[1], "reached", False)
    assert [c.simulated for c in kinetics.led] == [True, False, True, True]
    assert not kinetics.at(900.0).simulated
    assert kinetics.at(800.0).simulated


@pytest.mark.parametrize("relaxations", [0.5, 2.0, 40.0])
@pytest.mark.parametrize("kelvin", [700.0, 1600.0])
def test_outside_of_the_learned_temperatures_bars_are_no_smaller(kelvin, relaxations):
    """Than at the nearest learned one after as many relaxation times; at rest by the trend of equilibrium in 1/T."""
    kinetics = alloy.kinetics()
    nearest = float(np.clip(kelvin, 800, 1400))
    slower = float((kinetics.rate(kinetics.ensemble[0], nearest) / kinetics.rate(kinetics.ensemble[0], kelvin))[0])
    seconds = relaxations / float(alloy.rate(nearest))
    inside, outside = (
        annealed(kinetics, p) for p in (f"{nearest:g}K {seconds!r}s", f"{kelvin:g}K {seconds * slower!r}s")
    )
    assert outside.delta[:, UNLIKE] == pytest.approx(inside.delta[:, UNLIKE], abs=1e-9)  # the same stage of the way
    assert (outside.delta_err >= inside.delta_err * (1 - 1e-9)).all()
    assert (outside.delta_err[-1] > inside.delta_err[-1]).all()
    if relaxations > 12:  # the mean is linear in 1/T, so its trend is exact
        trend = alloy.mean(kelvin) - alloy.mean(nearest)
        assert outside.delta_err[-1, UNLIKE] == pytest.approx(np.hypot(0.01, trend))


def test_the_bar_of_an_excursion_goes_with_the_share_of_the_way_and_is_forgotten():
    """A cold hold of x relaxation times after equilibrium nears the unknown one by 1 - exp(-x)."""
    kinetics = alloy.kinetics()
    slower = float((kinetics.rate(kinetics.ensemble[0], 800.0) / kinetics.rate(kinetics.ensemble[0], 700.0))[0])
    x = 0.7
    cold = f"700K {float(x * slower / alloy.rate(800.0))!r}s"
    found = annealed(kinetics, f"{holds(800, 40)}; {cold}; {holds(800, 1)}; {holds(800, 40)}")
    ends = [int(np.flatnonzero(found.stage == k)[-1]) for k in range(4)]
    off = (1 - np.exp(-x)) * (alloy.mean(700.0) - alloy.mean(800.0))
    for end, part in zip(ends, (0.0, 1.0, np.exp(-1.0), 0.0), strict=True):
        assert found.delta_err[end, UNLIKE] == pytest.approx(np.hypot(0.01, part * off), rel=0.02)


def test_bars_of_equilibrium_and_cooling_rates_are_smooth_in_temperature(monkeypatch):
    """Also beside a temperature that no simulation knows; and inf is where the first order itself is within the bar."""
    monkeypatch.setattr(cooling_module, "SLOWEST", 2.0)
    monkeypatch.setattr(cooling_module, "FASTEST", 14.0)
    kinetics = few_runs(error=0.03, shift=5 * SHIFT)
    kelvin = np.linspace(1000, 1400, 401)
    for name in ("rest_error", "goal", "target"):
        values = np.array([getattr(kinetics.at(float(t)), name)[0] for t in kelvin])
        # in 1/T a line between learned temperatures
        for low, high in ((1000, 1200), (1200, 1400)):
            part = (kelvin >= low) & (kelvin <= high)
            line = np.interp(1 / kelvin[part], [1 / high, 1 / low], values[[high - 1000, low - 1000]])
            assert values[part] == pytest.approx(line, abs=1e-12)
    found = annealed(kinetics, "1200K 1s; cool 1K/s to 1000K").cooling
    rates, frozen = found.rates_K_per_s, kinetics.at(1200.0).goal
    inside = [
        bool((np.abs(frozen - at.goal) <= at.rest_error).all())
        for at in map(kinetics.at, map(float, found.temperatures_K))
    ]
    assert np.isinf(rates).tolist() == inside
    assert 0 < sum(inside) < len(inside)
    finite = np.log10(rates[np.isfinite(rates)])
    steps = -np.diff(finite)
    assert (steps > 0).all()
    assert steps[1:].max() < 0.35  # the first one comes from where any rate will do
    assert found.simulated.tolist() == [False] * (len(rates) - 1) + [True]


def test_carried_errors_do_not_shrink_below_what_is_known():
    """However often an order that lags behind a ramp nears equilibrium by a little."""
    error = np.array([[0.05]])
    for _ in range(20):
        error = carried(error, np.array([[0.05]]), np.array([[0.03]]))
    assert error == pytest.approx(0.03)
    assert carried(np.array([[0.01]]), np.array([[0.05]]), np.array([[0.03]])) == pytest.approx(0.01)
