"""The population of vacancies: equilibrium, a constant number, and sinks at a distance, against quadrature."""

import math

import numpy as np
import pytest
from ase.units import kB
from scipy.integrate import quad, solve_ivp

import asemacro as am
from asemacro.studies.furnace.cells import Cells, log_mean
from asemacro.studies.furnace.vacancies import EVERYWHERE, NOWHERE, Vacancies, sinks_of
from asemacro.studies.furnace.walk import kmc_time

ISSUE = am.Schedule.parse("1200K 1h; cool 5K/s to 900K; 900K 100h")


def diffusion(kelvin):
    return 1e-6 * np.exp(-1.2 / (kB * np.asarray(kelvin)))


def totals(schedule, vacancies):
    cells = Cells.of(schedule)
    kmc = kmc_time(cells, vacancies.follow(cells, diffusion), vacancies)
    return [float(kmc[cells.stage == k].sum()) for k in range(len(schedule))]


def test_two_steps_by_hand():
    """1 h at 1200 K and 100 h at 900 K with 1/1024 vacancies in the simulations and E_f = 3 eV."""
    first, ramp, last = totals(ISSUE, Vacancies(3.0, 0.0, EVERYWHERE, 1 / 1024))
    assert first == pytest.approx(9.3e-7, rel=5e-3)
    assert last == pytest.approx(5.9e-9, rel=1e-2)
    assert first == pytest.approx(3600 * 1024 * math.exp(-3.0 / (kB * 1200)), rel=1e-12)
    assert last == pytest.approx(360000 * 1024 * math.exp(-3.0 / (kB * 900)), rel=1e-12)
    # a ramp is as exact as its cells are short
    assert ramp == pytest.approx(1024 * ISSUE.boltzmann_time(3.0, 1), rel=1e-4)


def test_entropy_multiplies():
    plain, more = (totals(ISSUE, Vacancies(3.0, s, EVERYWHERE, 1 / 1024)) for s in (0.0, 2.0))
    assert np.array(more) / plain == pytest.approx(math.exp(2.0))


def test_without_sinks_the_number_stays_that_of_the_first_temperature():
    first, _, last = totals(ISSUE, Vacancies(3.0, 0.0, NOWHERE, 1 / 1024))
    assert last / first == pytest.approx(100.0)


def test_without_an_energy_furnace_time_is_that_of_the_simulations():
    assert totals(ISSUE, Vacancies(None, 0.0, EVERYWHERE, 1 / 1024)) == pytest.approx([3600.0, 60.0, 360000.0])


@pytest.mark.parametrize("sinks_m", [1e-7, 3e-5, 1e-3])
def test_sinks_at_a_distance_against_quadrature(sinks_m):
    """From quenched-in excess to equilibrium: the solution of dc/dt = (c_eq - c) k by a stiff solver."""
    vacancies = Vacancies(1.4, 1.0, sinks_m, 1e-3)
    cells = Cells.of(ISSUE)
    found = vacancies.follow(cells, diffusion)
    c, total = float(vacancies.equilibrium(1200.0)), 0.0
    for number, stage in enumerate(ISSUE):

        def rate(t, y, stage=stage):
            kelvin = stage.from_K + (stage.to_K - stage.from_K) * t / stage.duration_s
            k = (math.pi / sinks_m) ** 2 * diffusion(kelvin)
            return [k * (float(vacancies.equilibrium(kelvin)) - y[0]), y[0]]

        exact = solve_ivp(rate, (0, stage.duration_s), [c, 0.0], method="Radau", rtol=1e-9, atol=1e-16)
        c, total = float(exact.y[0, -1]), float(exact.y[1, -1])
        of = cells.stage == number
        assert found.end[of][-1] == pytest.approx(c, rel=3e-4)
        assert float((found.mean * cells.length_s)[of].sum()) == pytest.approx(total, rel=3e-4)


def test_far_sinks_are_none_and_near_ones_are_everywhere():
    cells = Cells.of(ISSUE)
    ends = {L: Vacancies(1.4, 0.0, L, 1e-3).follow(cells, diffusion) for L in (EVERYWHERE, 1e-10, 100.0, NOWHERE)}
    for near, far in ((1e-10, EVERYWHERE), (100.0, NOWHERE)):
        assert ends[near].end == pytest.approx(ends[far].end, rel=1e-3)
        assert ends[near].mean == pytest.approx(ends[far].mean, rel=1e-3)


def test_rows_of_cooling_are_those_of_single_programmes():
    vacancies, rates = Vacancies(1.4, 0.0, 1e-5, 1e-3), np.array([1e-3, 1.0, 1e3])
    cells = Cells.of_cooling(1200.0, 900.0, rates)
    rows = vacancies.follow(cells, diffusion)
    for k, rate in enumerate(rates):
        alone = vacancies.follow(Cells.of(am.Schedule.parse(f"1200K; cool {float(rate)!r}K/s to 900K")), diffusion)
        assert rows.end[k, -1] == pytest.approx(alone.end[-1], rel=1e-3)  # in other cells
        assert rows.end[k, 0] < rows.start[k, 0]


def test_log_mean():
    assert log_mean(np.array([1.0, 2.0]), np.array([math.e, 2.0])) == pytest.approx([math.e - 1, 2.0])
    assert quad(math.exp, 0, 1)[0] == pytest.approx(math.e - 1)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((None, 1.0, EVERYWHERE), "need the formation energy"),
        ((None, 0.0, 1e-6), "need the formation energy"),
        ((-1.0, 0.0, EVERYWHERE), "must be positive"),
        ((math.nan, 0.0, EVERYWHERE), "must be positive"),
        ((1.0, 21.0, EVERYWHERE), "within"),
        ((1.0, 0.0, -1e-6), "from 0 to 1000 m"),
        ((1.0, 0.0, math.nan), "from 0 to 1000 m"),
    ],
)
def test_numbers_without_sense_are_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        Vacancies(*arguments, 1e-3)


def test_more_vacancies_than_sites_are_refused():
    with pytest.raises(ValueError, match="at 2000 K"):
        Vacancies(0.1, 5.0, EVERYWHERE, 1e-3).check(2000.0)


def test_lengths():
    assert [sinks_of(w) for w in ("10um", "10 um", "2µm", "0.5mm", "5nm", "1m")] == pytest.approx(
        [1e-5, 1e-5, 2e-6, 5e-4, 5e-9, 1.0]
    )
    assert (sinks_of("everywhere"), sinks_of("none")) == (EVERYWHERE, NOWHERE)
    for words in ("10", "um", "-1um", "0um", "nanum", "10km", "infm"):
        with pytest.raises(ValueError, match=r"--sinks .*give a length"):
            sinks_of(words)
