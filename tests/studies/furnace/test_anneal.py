"""Order over a programme: exact laws of a linear equation, the course of the diagram, and what was not simulated."""

import logging

import linear_alloy as alloy
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import asemacro as am
from asemacro.studies.alloy.course import beyond_the_runs
from asemacro.studies.furnace import cooling as cooling_module

UNLIKE = [1, 2, 4]  # among all pairs of three species


@pytest.fixture(autouse=True)
def few_rates(monkeypatch):
    """The cooling rates are looked at in one test alone."""
    monkeypatch.setattr(cooling_module, "SLOWEST", 0.0)
    monkeypatch.setattr(cooling_module, "FASTEST", 1.0)


def annealed(kinetics, programme, seed=0, **options):
    return am.anneal(kinetics, programme, rng=np.random.default_rng(seed), **options)


def exact(schedule, clock):
    """Order (3,) and variances (3,) after each stage, by quadrature of the linear law; clock: KMC time a second."""
    z, variance, found = alloy.START, np.full(3, 1e-4), []
    for stage in schedule:

        def change(t, y, stage=stage):
            kelvin = stage.from_K + (stage.to_K - stage.from_K) * t / stage.duration_s
            k = alloy.rate(kelvin) * clock(kelvin)
            noise = 2 * alloy.NOISE * alloy.RATE / alloy.hop_s(kelvin) * clock(kelvin)
            return np.concatenate([-k * (y[:3] - alloy.mean(kelvin)), noise - 2 * k * y[3:]])

        y = np.concatenate([z, variance])
        last = solve_ivp(change, (0, stage.duration_s), y, method="Radau", rtol=1e-9, atol=1e-13).y[:, -1]
        z, variance = last[:3], last[3:]
        found.append((z, variance))
    return found


def ends(found):
    """Rows at which the stages end."""
    return [int(np.flatnonzero(found.stage == k)[-1]) for k in range(len(found.schedule))]


def test_constant_temperature_is_the_law_and_the_equation_itself():
    """dz = -k (z - m) dt: z(t) = m + (z_0 - m) exp(-k t); `simulate` of the same equation gives the same."""
    k, m = alloy.rate(1000.0), alloy.mean(1000.0)
    kinetics = alloy.kinetics()
    found = annealed(kinetics, f"1000K {float(3 / k)!r}s")
    law = m + (alloy.START - m) * np.exp(-k * found.times_s)[:, None]
    assert found.delta[:, UNLIKE] == pytest.approx(law, abs=1.5e-3)
    times, z = am.simulate(
        kinetics.ensemble[0], alloy.START, times_s=found.times_s, condition=1000.0, noise=False,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert times.tolist() == found.times_s.tolist()
    assert found.delta[:, UNLIKE] == pytest.approx(z[0], abs=1.5e-3)
    # the bars are those of the course from random, which end at that of equilibrium
    assert found.delta_err[0, UNLIKE].tolist() == [0, 0, 0]
    assert found.delta_err[-1, UNLIKE] == pytest.approx(0.005, rel=0.05)
    assert not found.extrapolated.any()
    assert not found.outside.any()


def test_equilibrium_ends_the_work_whatever_the_length():
    found = annealed(alloy.kinetics(), "1000K 1e17s")
    assert found.delta[-1, UNLIKE] == pytest.approx(alloy.mean(1000.0), abs=1e-12)
    assert found.delta_err[-1, UNLIKE] == pytest.approx(0.01)
    rest = np.sqrt(alloy.NOISE / (1 + 0.3 * alloy.theta(1000.0)))
    assert found.delta_sd[-1, UNLIKE] == pytest.approx(rest, rel=1e-6)


@pytest.mark.parametrize("energy", [None, 1.3])
def test_ramps_against_quadrature(energy):
    """Mean and scatter of the linear law with temperature-dependent mean, rate and clock, heated and cooled."""
    kelvin_rate = 300 * alloy.rate(1100.0) / 6  # passes 300 K in six relaxation times
    if energy is None:
        programme = f"1300K {float(2 / alloy.rate(1300.0))!r}s; cool {float(kelvin_rate)!r}K/s to 900K"
        clock = lambda kelvin: 1.0  # noqa: E731
    else:
        programme = "1100K 1s; heat 50K/s to 1250K; cool 20K/s to 850K; 850K 60s"
        clock = lambda kelvin: 1024 * np.exp(-energy / (8.617330337217213e-05 * kelvin))  # noqa: E731
    found = annealed(alloy.kinetics(), programme, vacancy_formation_energy_eV=energy)
    for row, (z, variance) in zip(ends(found), exact(found.schedule, clock), strict=True):
        assert found.delta[row, UNLIKE] == pytest.approx(z, abs=1.5e-3)
        # of TRAJECTORIES = 64 specimens the sd is known within 9 %, alpha 1e-5
        assert found.delta_sd[row, UNLIKE] == pytest.approx(np.sqrt(variance), rel=0.4)


def test_all_pairs_keep_the_sum_rule_and_alpha():
    kinetics = alloy.kinetics()
    found = annealed(kinetics, f"1000K {float(1 / alloy.rate(1000.0))!r}s")
    sums = found.delta[:, [0, 1, 2]].sum(axis=1)  # Cr-Cr, Cr-Co, Cr-Ni: what is missing are contacts with vacancies
    assert sums == pytest.approx(-1e-3, abs=1e-9)
    assert found.alpha == pytest.approx(-found.delta / 4.0)


def test_sensitivity_is_that_of_another_energy():
    kinetics, programme = alloy.kinetics(), "1000K 0.2s; 1200K 0.01s"
    found = annealed(kinetics, programme, vacancy_formation_energy_eV=1.4)
    assert sorted(found.by_energy) == [-0.1, 0.1]
    for shift, delta in found.by_energy.items():
        other = annealed(kinetics, programme, vacancy_formation_energy_eV=1.4 + shift)
        assert other.delta[-1] == pytest.approx(delta, abs=1e-9)


def test_stages_tell_the_clock():
    """Two steps by hand: KMC seconds, furnace seconds in each, hops."""
    found = annealed(alloy.kinetics(), "1200K 1h; 900K 100h", vacancy_formation_energy_eV=3.0)
    first, last = found.stages
    assert first.kmc_s == pytest.approx(9.27e-7, rel=1e-3)
    assert last.kmc_s == pytest.approx(5.85e-9, rel=1e-3)
    assert first.furnace_s_per_kmc_s == pytest.approx(3600 / first.kmc_s)
    assert first.hops_per_vacancy == pytest.approx(first.kmc_s / alloy.hop_s(1200.0))
    assert found.kmc_time_s[-1] == pytest.approx(first.kmc_s + last.kmc_s)
    assert (first.vacancies, last.vacancies) == pytest.approx((2.515e-13, 1.588e-17), rel=2e-3)


def test_cold_stretches_change_nothing_and_what_was_not_learned_is_said(caplog):
    caplog.set_level(logging.INFO, logger="asemacro")
    found = annealed(alloy.kinetics(), "1200K 1s; cool 100K/s to 300K; 300K 100h", vacancy_formation_energy_eV=2.2)
    ramp_end, last = ends(found)[1:]
    assert found.delta[last] == pytest.approx(found.delta[ramp_end], abs=1e-9)
    assert found.delta_err[last] == pytest.approx(found.delta_err[ramp_end], abs=1e-9)
    assert found.outside[last]
    assert not found.extrapolated[last]  # nothing moved there
    assert any("below 800 K (down to 300 K) nothing was learned" in line for line in caplog.messages)
    assert any("sinks everywhere" in line for line in caplog.messages)


def test_hotter_than_learned_is_extrapolated(caplog):
    found = annealed(alloy.kinetics(), "1600K 1s")
    assert found.extrapolated[-1]
    assert found.delta[-1, UNLIKE] == pytest.approx(alloy.mean(1400.0), abs=1e-12)
    assert any("above 1400 K" in line for line in caplog.messages)


def test_beyond_simulations_that_did_not_arrive_it_is_the_course_of_the_diagram(caplog):
    """At constant temperature: the equation as long as the runs last, then `beyond_the_runs`."""
    goal = alloy.mean(800.0) * 1.5
    kinetics = alloy.kinetics(runs={800.0: 1.5}, goal=None)
    cold = kinetics.courses[0]
    object.__setattr__(cold, "goal", goal)
    runs_s = cold.runs_s
    found = annealed(kinetics, f"800K {float(8 * runs_s)!r}s")
    inside = found.times_s <= runs_s
    law = alloy.mean(800.0) + (alloy.START - alloy.mean(800.0)) * np.exp(-alloy.rate(800.0) * found.times_s)[:, None]
    assert found.delta[inside][:, UNLIKE] == pytest.approx(law[inside], abs=2e-3)
    end = alloy.mean(800.0) + (alloy.START - alloy.mean(800.0)) * np.exp(-1.5)
    order, error, _ = beyond_the_runs(end, np.full(3, 0.005), goal, np.full(3, 0.01), 0.2, 0.4, 3.0)
    assert found.delta[-1, UNLIKE] == pytest.approx(order, abs=3e-3)
    assert found.delta_err[-1, UNLIKE] == pytest.approx(error, rel=0.05)
    assert found.extrapolated[-1]
    assert not found.extrapolated[inside].any()
    assert any("lies beyond what was simulated" in line for line in caplog.messages)


def test_the_equation_is_led_to_the_equilibrium_that_is_known_best():
    """Where swaps know it better, as the course of the diagram is: in proportion to the way."""
    kinetics = alloy.kinetics()
    shift = np.array([0.05, -0.02, 0.01])
    for course in kinetics.courses:
        object.__setattr__(course, "goal", course.learned + shift)
    k, m = alloy.rate(1000.0), alloy.mean(1000.0)
    found = annealed(kinetics, f"1000K {float(30 / k)!r}s")
    gone = 1 - np.exp(-k * found.times_s)[:, None]
    assert found.delta[:, UNLIKE] == pytest.approx(alloy.START + gone * (m + shift - alloy.START), abs=1.5e-3)
    assert found.delta[-1, UNLIKE] == pytest.approx(m + shift, abs=1e-12)


def test_critical_cooling_rate(monkeypatch):
    """At the rate that is told, the exact order ends one bar from equilibrium."""
    monkeypatch.setattr(cooling_module, "SLOWEST", 2.0)
    monkeypatch.setattr(cooling_module, "FASTEST", 12.0)
    found = annealed(alloy.kinetics(), "1300K 1s; cool 1K/s to 900K")
    cooling = found.cooling
    assert cooling.from_K == 1300.0
    assert cooling.rates_K_per_s.tolist() == sorted(cooling.rates_K_per_s, reverse=True)  # the colder, the slower
    rate, simulated = cooling.at(900.0)
    assert simulated

    def change(t, z):
        kelvin = 1300.0 - rate * t
        return -alloy.rate(kelvin) * (z - alloy.mean(kelvin))

    end = solve_ivp(change, (0, 400 / rate), alloy.mean(1300.0), method="Radau", rtol=1e-9, atol=1e-13).y[:, -1]
    assert np.abs(end - alloy.mean(900.0)).max() / 0.01 == pytest.approx(1.0, rel=0.25)


def test_same_seed_same_result_and_files(tmp_path):
    kinetics = alloy.kinetics(members=2)
    one, two = (annealed(kinetics, "1000K 1e-6s; cool 1e8K/s to 900K", seed=3) for _ in range(2))
    assert (one.delta == two.delta).all()
    assert (one.delta_sd == two.delta_sd).all()
    assert {path.name for path in one.save(tmp_path)} == {"anneal.csv", "anneal.png", "cooling.csv"}
    lines = (tmp_path / "anneal.csv").read_text().splitlines()
    assert lines[0].startswith("time_s,temperature_K,stage,vacancies_per_site,kmc_time_s,hops_per_vacancy,pair")
    assert len(lines) == 1 + 6 * len(one.times_s)


def test_a_folder_that_is_no_diagram_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no finished run; give a structure file, or the folder"):
        annealed(tmp_path, "1000K 1s")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        annealed(tmp_path / "none", "1000K 1s")
