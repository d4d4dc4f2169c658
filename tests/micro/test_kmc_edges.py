"""KMC at its edges: a clock that runs for ages, barriers that are no numbers, species beyond the model's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase.units import kB

from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC

LATTICE = Lattice.bcc(3.24, ("Nb", "Mo"), 4)


@pytest.mark.parametrize(
    ("trap_s", "wait_s", "resolution_s"), [(1e9, 9.2e-7, 2e-7), (1e15, 9.2e-4, 0.25)], ids=["1e9 s", "1e15 s"]
)
def test_the_clock_counts_short_waits_after_a_long_one(trap_s: float, wait_s: float, resolution_s: float) -> None:
    """A vacancy in a cage of slow atoms, then 1e5 hops among fast ones, each far shorter than what the time resolves.

    A plain sum gives 0.068 s for 0.1 s after 1e9 s, and nothing at all after 1e15 s.
    """
    temperature_K, hops = 1000.0, 100_000
    # 8 jumps of a vacancy, each at 1e13 Hz exp(-E / kT)
    energy = {s: kB * temperature_K * np.log(8e13 * time) for s, time in (("Nb", wait_s), ("Mo", trap_s))}
    system = VacancyKMC(LATTICE, PairBarrier(("Nb", "Mo"), energy, [{}]), temperature_K)
    x = np.ones((1, LATTICE.n_sites), dtype=np.int8)
    x[0, LATTICE.neighbours(LATTICE.shells(1)[0].offsets)[0]] = 2
    x[0, 0] = 0
    run = system.run(x, record_hops=np.arange(1, hops + 2), observe=lambda x: 0, rng=np.random.default_rng(3))
    assert 0.001 * trap_s < run.record_times_s[0] < 20 * trap_s  # an exponential wait
    residence = run.record_residence_s[:-1]  # the mean and the standard deviation of each wait
    passed = run.record_times_s[-1] - run.record_times_s[0]
    assert abs(passed - residence.sum()) < 4.4 * np.sqrt((residence**2).sum()) + resolution_s  # alpha = 1e-5
    assert 0.9 < residence.mean() / wait_s < 1.3


class Damaged(PairBarrier):
    """Pair energies of which one table was damaged after it was checked."""

    def __init__(self, **tables: Any) -> None:
        super().__init__(("Nb", "Mo"), {"Nb": 0.9, "Mo": 1.0}, [{"Nb-Mo": -0.02}], name="damaged")
        self._damage = tables

    def compile(self, lattice: Lattice) -> CompiledBarriers:
        """The tables, damaged."""
        good = super().compile(lattice)
        return good._replace(**{name: np.full_like(getattr(good, name), value) for name, value in self._damage.items()})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_barrier_that_is_no_number_ends_the_run_and_names_the_model(value: float) -> None:
    rng = np.random.default_rng(1)
    x = LATTICE.random_state(vacancies=2, rng=rng)
    model = Damaged(double=value)
    system = VacancyKMC(LATTICE, model, 1000)
    sites = system.carriers(x)[0]
    for call in (
        lambda: system.run(x, hops=10, rng=rng),
        lambda: system.evolve(x, 1.0, rng=rng),
        lambda: system.rates(x),
        lambda: model.barriers(LATTICE, x[0], sites),
    ):
        with pytest.raises(ValueError, match=r"barrier model damaged.*not a number") as error:
            call()
        assert "\n" not in str(error.value)


def test_a_vacant_target_still_has_an_infinite_barrier_and_counts_as_vacant() -> None:
    model = PairBarrier(("Nb", "Mo"), {"Nb": 0.9, "Mo": 1.0}, [{"Nb-Mo": -0.02}])
    x = np.ones((1, LATTICE.n_sites), dtype=np.int8)
    neighbour = LATTICE.neighbours(LATTICE.shells(1)[0].offsets)[0]
    x[0, [0, neighbour[3]]] = 0
    barriers = model.barriers(LATTICE, x[0], np.array([0]))[0]
    assert np.isinf(barriers).tolist() == [j == 3 for j in range(8)]
    system = VacancyKMC(LATTICE, model, 1000)
    assert (system.rates(x)[0] == 0).tolist() == [j == 3 for j in range(8)]
    assert system.run(x, hops=1, rng=np.random.default_rng(0)).adjacent_fraction == 1.0


def test_species_numbers_beyond_the_tables_are_refused_before_they_are_read() -> None:
    rng = np.random.default_rng(1)
    model = PairBarrier(("Nb", "Mo"), {"Nb": 0.9, "Mo": 1.0}, [{"Nb-Mo": -0.02}])
    x = LATTICE.random_state(vacancies=1, rng=rng)[0]
    site = np.flatnonzero(x == 0)
    for wrong in (3, 100, -1):
        state = np.where(np.arange(len(x)) == (site[0] + 1) % len(x), np.int8(wrong), x)
        with pytest.raises(ValueError, match=f"species ind.*{wrong}"):
            model.barriers(LATTICE, state, site)
        with pytest.raises(ValueError, match=f"species ind.*{wrong}"):
            VacancyKMC(LATTICE, model, 1000).run(state, hops=1, rng=rng)
        with pytest.raises(ValueError, match=f"species ind.*{wrong}"):
            model.energy(LATTICE, state[None])
    with pytest.raises(ValueError, match="damaged has tables for the species 1 to 2"):
        VacancyKMC(LATTICE, Damaged(species=5), 1000)
    with pytest.raises(ValueError, match="damaged has tables for the species 1 to 2"):
        Damaged(species=5).barriers(LATTICE, x, site)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k, x, r: k.at(1e-320), "temperature must be from 1 to 100,000 K, got 1e-320"),
        (lambda k, x, r: k.at(1e308), "temperature must be from 1 to 100,000 K"),
        (lambda k, x, r: k.run(x, hops=1e19, rng=r), "number of hops must be a whole number"),
        (lambda k, x, r: k.run(x, duration_s=np.nan, rng=r), "finite time"),
        (lambda k, x, r: k.run(x, record_hops=[1, 2.5], rng=r), "record_hops must be whole numbers, got 2.5"),
        (lambda k, x, r: k.run(x, record_times_s=[1, np.inf], rng=r), "record_times_s must be finite"),
        (lambda k, x, r: k.evolve(x, [1.0, 2.0, 3.0], rng=r), "duration must be one number"),
        (lambda k, x, r: VacancyKMC(LATTICE, k.barriers, 900, 1e308), "attempt frequency"),
        (
            lambda k, x, r: VacancyKMC(LATTICE, k.barriers, 900, cache_entries=10**18),
            "cache_entries must be a whole number from 0 to",
        ),
    ],
)
def test_numbers_out_of_range_are_one_line(call: Any, message: str) -> None:
    rng = np.random.default_rng(0)
    system = VacancyKMC(LATTICE, PairBarrier(("Nb", "Mo"), {"Nb": 0.9, "Mo": 1.0}, [{}]), 1000)
    with pytest.raises(ValueError, match=message) as error:
        call(system, LATTICE.random_state(vacancies=1, rng=rng), rng)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k, x, r: k.run(x, hops=1, rng=7), "rng must be a numpy.random.Generator, got int"),
        (lambda k, x, r: k.evolve(x, 1.0, rng=None), "rng must be a numpy.random.Generator"),
        (lambda k, x, r: k.run(x, hops="many", rng=r), "number of hops must be a number, got 'many'"),
        (lambda k, x, r: k.run(x, duration_s="x", rng=r), "must be a number"),
        (lambda k, x, r: k.run(x, hops=1, observe=3, rng=r), "observe must be a function"),
        (lambda k, x, r: k.at("hot"), "temperature must be a number, got 'hot'"),
        (lambda k, x, r: k.run(x, record_hops=["a"], rng=r), "record_hops must be an array"),
    ],
)
def test_arguments_of_the_wrong_type_are_named(call: Any, message: str) -> None:
    rng = np.random.default_rng(0)
    system = VacancyKMC(LATTICE, PairBarrier(("Nb", "Mo"), {"Nb": 0.9, "Mo": 1.0}, [{}]), 1000)
    with pytest.raises(TypeError, match=message):
        call(system, LATTICE.random_state(vacancies=1, rng=rng), rng)


def test_a_run_of_more_than_an_hour_says_so_and_stops_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """evolve, run and partial_evolution share the loop: a report from inside it stands for Ctrl-C."""
    rng = np.random.default_rng(0)
    system = VacancyKMC(LATTICE, PairBarrier(("Nb", "Mo"), {"Nb": 0.9, "Mo": 1.0}, [{}]), 1000)
    x = LATTICE.random_state(vacancies=1, rng=rng)
    calls = []

    def interrupt(task: str, fraction: float, text: str) -> None:
        calls.append(fraction)
        if caplog.records or len(calls) > 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        system.run(x, duration_s=1e300, progress=interrupt, rng=rng)
    assert len(calls) > 1
    assert "the run of 1e+300 s at 1000 K will take more than a hundred years" in caplog.text
