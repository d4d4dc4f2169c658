"""Barriers from a Python function: those of a built-in model with the same formula, remembered, and its errors."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import asemacro as am
from asemacro.barriers.callable import CallableBarriers
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.macro.train import FitOptions
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.alloy import prediction

SADDLE = {"Mo": 0.75, "Nb": 0.625, "Ta": 0.6875}
BONDS = {"Mo-Ta": -0.0625, "Mo-Nb": 0.03125, "Ta-X": -0.015625}  # all sums of these are exact in binary numbers
PAIR = PairBarrier(tuple(SADDLE), SADDLE, [BONDS])
LATTICES = (
    Lattice.bcc(3.2, tuple(SADDLE), 4),
    Lattice.fcc(3.6, ("Mo", "Ta"), 3),
    Lattice.hcp(3.0, ("Mo", "Ta"), 5),
    Lattice.honeycomb(2.4, ("Mo", "Nb"), 4),
)


def bond(a: str, b: str) -> float:
    return BONDS.get(f"{a}-{b}", BONDS.get(f"{b}-{a}", 0.0))


def pair_formula(neighbours: int, distance: float) -> Callable[[NDArray[np.str_], NDArray[np.float64]], list[float]]:
    """The barriers of PAIR, from the surroundings as they are handed over."""

    def barriers(symbols: NDArray[np.str_], offsets: NDArray[np.float64]) -> list[float]:
        found = []
        for jump in range(neighbours):
            atom = symbols[jump]
            if atom == "X":
                found.append(np.nan)  # of no account
                continue
            near = np.abs(np.linalg.norm(offsets - offsets[jump], axis=1) - distance) < 1e-3 * distance
            before = sum(bond(atom, other) for other in symbols[near])
            before += sum(bond("X", other) for other in np.delete(symbols[:neighbours], jump))
            after = sum(bond(atom, other) for other in np.delete(symbols[:neighbours], jump))
            after += sum(bond("X", other) for other in symbols[near])
            change = after - before
            found.append(max(SADDLE[atom], abs(change) / 2 + 0.01) + change / 2)
        return found

    return barriers


def same_as_pair(lattice: Lattice) -> CallableBarriers:
    shell = lattice.shells(1)[0]
    return CallableBarriers(pair_formula(shell.offsets.shape[1], shell.distance), reach=2.001 * shell.distance)


@pytest.mark.parametrize("lattice", LATTICES, ids=lambda lattice: lattice.prototype)
def test_barriers_and_trajectories_are_those_of_the_built_in_model(lattice: Lattice) -> None:
    model, rng = same_as_pair(lattice), np.random.default_rng(0)
    x = lattice.random_state(vacancies=3, rng=rng)
    x[0, lattice.neighbours(lattice.shells(1)[0].offsets)[np.flatnonzero(x[0] == 0)[0], 0]] = 0
    sites = np.flatnonzero(x[0] == 0)
    np.testing.assert_array_equal(model.barriers(lattice, x[0], sites), PAIR.barriers(lattice, x[0], sites))
    runs = [
        VacancyKMC(lattice, barriers, 900.0, cache_entries=entries).run(x, hops=200, rng=np.random.default_rng(1))
        for barriers, entries in ((PAIR, 1 << 12), (model, 1 << 12), (model, 1))
    ]
    for run in runs[1:]:
        for name in ("x", "sites", "time_s", "hops", "adjacent_fraction"):
            np.testing.assert_array_equal(getattr(run, name), getattr(runs[0], name))


def test_every_surrounding_is_asked_for_once() -> None:
    lattice = LATTICES[0]
    formula, asked = pair_formula(8, lattice.shells(1)[0].distance), []

    def barriers(symbols: NDArray[np.str_], offsets: NDArray[np.float64]) -> list[float]:
        asked.append("".join(symbols))
        assert offsets.shape == (len(symbols), 3)
        distance = np.linalg.norm(offsets, axis=1)
        assert np.all(np.diff(distance) > -1e-9)
        assert distance[-1] < 5.6
        return formula(symbols, offsets)

    kmc = VacancyKMC(lattice, CallableBarriers(barriers, reach=5.6), 900.0)
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(0))
    first = kmc.run(x, hops=100, rng=np.random.default_rng(1))
    assert len(set(asked)) == len(asked) > 5
    kmc.at(1200.0).run(x, hops=0, rng=np.random.default_rng(1))  # barriers hold no temperature
    again = kmc.run(x, hops=100, rng=np.random.default_rng(1))
    assert len(set(asked)) == len(asked)
    assert again.cache_hit_rate == 1
    np.testing.assert_array_equal(again.x, first.x)


def test_detailed_balance_of_all_states_of_a_ring() -> None:
    lattice = Lattice.chain(2.5, ("Mo", "Ta"), 5)
    kmc = VacancyKMC(lattice, same_as_pair(lattice), 600.0)
    states = np.array(sorted(set(itertools.permutations([0, 1, 1, 2, 2]))), dtype=np.int8)
    number = {tuple(x): k for k, x in enumerate(states.tolist())}
    found = kmc.events(states)
    flow = np.zeros((len(states), len(states)))
    weight = np.exp(-PAIR.energy(lattice, states) / (8.617333e-5 * 600.0))
    for k, x in enumerate(states):
        for rate, sites, values in zip(found.rates[k], found.sites[k], found.values[k], strict=True):
            after = x.copy()
            after[sites] = values
            flow[k, number[tuple(after.tolist())]] += rate * weight[k]
    assert len(states) == 30
    assert np.count_nonzero(flow) == 60
    np.testing.assert_allclose(flow, flow.T, rtol=1e-5)


def test_replicas_on_threads_are_those_of_the_built_in_model() -> None:
    lattice = LATTICES[0]
    x = lattice.random_state(vacancies=2, batch=3, rng=np.random.default_rng(0))
    times = [0.0, 1e-9, 3e-9]
    with ThreadPoolExecutor(2) as executor:
        found = [
            am.sample(VacancyKMC(lattice, model, 1200.0), x, times, rng=np.random.default_rng(2), executor=executor)
            for model in (PAIR, same_as_pair(lattice))
        ]
    np.testing.assert_array_equal(found[0].x, found[1].x)
    np.testing.assert_array_equal(found[0].sites, found[1].sites)
    assert (found[0].x[:, -1] != found[0].x[:, 0]).any()


def refuses(symbols: NDArray[np.str_], offsets: NDArray[np.float64]) -> Any:
    raise KeyError("Mo-Ta")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (refuses, r"fails: KeyError: Mo-Ta is missing$"),
        (lambda s, o: "high", r"gives 'high', not 8 real numbers$"),
        (lambda s, o: None, r"gives None, not 8 real numbers$"),
        (lambda s, o: np.ones(8) * 1j, r"gives \[1j, .*\], not 8 real numbers$"),
        (lambda s, o: np.full(8, 900.0), r"the barrier 900.0 eV .*; it must be a number of 0 to 100, in eV$"),
        (lambda s, o: np.ones(7), r"gives numbers of the shape \(7,\), not \(8,\)$"),
        (
            lambda s, o: np.where(np.arange(8) == 3, np.nan, 1.0),
            r"the barrier nan eV for the jump of \w\w \(number 3\)",
        ),
        (lambda s, o: np.where(np.arange(8) == 5, -0.1, 1.0), r"the barrier -0.1 eV for the jump of \w\w \(number 5\)"),
    ],
)
def test_what_the_function_does_wrong_is_one_line_that_names_the_surroundings(
    function: Callable[..., Any], message: str
) -> None:
    lattice = LATTICES[0]
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(0))
    site = int(np.flatnonzero(x[0] == 0)[0])
    near = lattice.neighbours(lattice.shells(1)[0].offsets)[site]
    first = " ".join(lattice.species[value - 1] for value in x[0, near])
    model = CallableBarriers(function, reach=3.3, name="mine")
    kmc = VacancyKMC(lattice, model, 900.0)
    for call in (
        lambda: kmc.run(x, hops=1, rng=np.random.default_rng(0)),
        lambda: kmc.evolve(x, 1e-9, rng=np.random.default_rng(0)),
        lambda: model.barriers(lattice, x[0], np.array([site])),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            call()
        assert f"barrier model mine around a vacancy with {first} next to it and " in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(KeyboardInterrupt):
        VacancyKMC(lattice, CallableBarriers(_stop, reach=3.3), 900.0).run(x, hops=1, rng=np.random.default_rng(0))


def _stop(symbols: NDArray[np.str_], offsets: NDArray[np.float64]) -> Any:
    raise KeyboardInterrupt


def test_a_reach_that_makes_no_sense_is_refused() -> None:
    lattice = LATTICES[0]
    with pytest.raises(ValueError, match=r"2.7 angstrom does not hold the first shell, at 2.771 angstrom"):
        CallableBarriers(refuses, reach=2.7).compile(lattice)
    with pytest.raises(ValueError, match="holds 100 shells"):
        CallableBarriers(refuses, reach=1e3).compile(Lattice.chain(2.5, ("Mo", "Ta"), 5))
    with pytest.raises(ValueError, match="reach must be"):
        CallableBarriers(refuses, reach=0.0)
    with pytest.raises(ValueError, match="does not know Nb; it knows Mo, Ta"):
        CallableBarriers(refuses, reach=3.0, species=("Mo", "Ta")).compile(lattice)


class WithoutEnergy(PairBarrier):
    """The pair model, whose energy swaps do not see."""

    has_energy = False


def test_a_diagram_of_a_function_is_that_of_the_built_in_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        prediction, "FIT", FitOptions(max_epochs=2, min_steps=60, max_steps=60)
    )  # a good fit costs time
    lattice = Lattice.bcc(3.2, ("Mo", "Ta"), 4)
    plain = WithoutEnergy(("Mo", "Ta"), {s: SADDLE[s] for s in ("Mo", "Ta")}, [{"Mo-Ta": -0.0625, "Ta-X": -0.015625}])
    found = [
        am.phase_diagram(
            lattice, model, temperatures_K=[1500.0], sites=512, small=128, hops=1000, rng=np.random.default_rng(0)
        )
        for model in (plain, same_as_pair(lattice))
    ]
    one, other = (diagram.points[0] for diagram in found)
    for field in dataclasses.fields(one):
        np.testing.assert_equal(getattr(other, field.name), getattr(one, field.name))
