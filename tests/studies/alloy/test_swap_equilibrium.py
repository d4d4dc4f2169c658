"""Equilibrium by swaps from two starts: right where it can be, told apart from frozen chains where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import kB

from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.exchange import ReplicaExchange
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.swap_equilibrium import EASY, Descent, descend, equilibrium_by_swaps, ladder
from asemacro.studies.alloy.swap_heat import waves_of
from asemacro.studies.alloy.swap_order import SwapOrder
from asemacro.tasks.streams import Streams
from tests.micro.test_kmc import PAIR, SPECIES, arrangements

BCC = Lattice.bcc(3.24, SPECIES, 4)
COUNTS = {"Nb": 42, "Mo": 43, "Ta": 42, "X": 1}
SRO = WarrenCowley(SPECIES, pairs="all")


def silent(task: str, fraction: float, text: str) -> None:
    assert task == "swaps"
    assert 0 <= fraction <= 1


def swaps(temperatures: list[float], sweeps: int, seed: int, workers: int = 1) -> list[SwapOrder]:
    return equilibrium_by_swaps(
        BCC, PAIR, temperatures, COUNTS, SRO, sweeps=sweeps, workers=workers, streams=Streams((seed,)), progress=silent
    )  # fmt: skip


def test_the_mean_is_that_of_the_boltzmann_sum() -> None:
    lattice, species = Lattice.chain(3.0, SPECIES, 8), [1, 3, 2, 2]
    states = arrangements(species)
    energy, order = PAIR.energy(lattice, states), SRO(states, lattice)
    kelvin = [300.0, 1500.0]
    found = equilibrium_by_swaps(
        lattice, PAIR, kelvin, dict(zip(("X", *SPECIES), species, strict=True)), SRO, sweeps=1200, workers=1,
        streams=Streams((0,)), progress=silent,
    )  # fmt: skip
    for temperature, one in zip(kelvin, found, strict=True):
        weight = np.exp(-(energy - energy.min()) / (kB * temperature))
        exact = weight @ order / weight.sum()
        assert one.equilibrated, one.why
        # 12 values: 4.6 standard errors have alpha 1e-5 each
        assert (np.abs(one.delta - exact) < 4.6 * one.error + 1e-9).all(), temperature
        # energy above the mean of all arrangements, and the heat capacity, of the 7 atoms
        mean = weight @ energy / weight.sum()
        heat = (weight @ energy**2 / weight.sum() - mean**2) / (7 * (kB * temperature) ** 2)
        assert abs(one.heat.energy_eV - (mean - energy.mean()) / 7) < 4.6 * one.heat.energy_error_eV
        assert abs(one.heat.heat_capacity_kB - heat) < 4.6 * one.heat.heat_capacity_error_kB
        assert one.heat.heat_capacity_error_kB < 0.1 * heat


def test_long_range_order_is_found_and_named() -> None:
    """An alloy that orders like B2: complete where it is cold, none where it is hot."""
    lattice, counts = Lattice.bcc(3.0, ["Ni", "Al"], 4), {"X": 0, "Ni": 64, "Al": 64}
    model = PairBarrier(("Ni", "Al"), {"Ni": 1.0, "Al": 1.0}, [{"Al-Ni": -0.1}])
    sro = WarrenCowley(lattice.species, pairs="all")
    cold, hot = equilibrium_by_swaps(
        lattice, model, [300.0, 30_000.0], counts, sro, sweeps=200, workers=1, streams=Streams((0,)), progress=silent
    )  # fmt: skip
    waves = waves_of(lattice, counts)
    assert waves is not None
    assert waves.stars[cold.long_range.star] == "H"
    assert cold.long_range.order_parameter == pytest.approx(1, abs=0.02)
    assert "B2 (star H)" in cold.long_range.text(waves)
    assert hot.long_range.star == -1
    assert hot.long_range.text(waves) == ""
    # every atom has its 8 neighbours of the other kind, 4 of them in the random alloy: -0.1 eV for each bond
    assert cold.heat.energy_eV == pytest.approx(-0.1 * (4 - 4 * 64 / 127), abs=0.01)


def test_a_box_of_odd_edges_has_no_waves() -> None:
    assert waves_of(Lattice.bcc(3.0, ["Ni", "Al"], 3), {"X": 0, "Ni": 27, "Al": 27}) is None


def test_the_result_does_not_depend_on_the_other_temperatures() -> None:
    few, many = swaps([700.0, 2000.0], 400, 1), swaps([700.0, 900.0, 1100.0, 1500.0, 2000.0], 400, 3)
    for one, two in zip(few, (many[0], many[-1]), strict=True):
        assert one.equilibrated, one.why
        assert two.equilibrated, two.why
        assert (np.abs(one.delta - two.delta) < 5 * np.hypot(one.error, two.error) + 0.02).all()


def test_frozen_chains_say_so() -> None:
    """Without exchange, at a temperature where no swap that costs energy is accepted, the two starts stay apart."""
    rng = np.random.default_rng(3)
    frozen = ReplicaExchange(BCC, PAIR, [20.0])
    cold = [
        frozen.run(x, record_sweeps=np.arange(1, 101), observe=lambda s: SRO(s, BCC)[0], rng=rng)
        for x in BCC.random_state(COUNTS, batch=2, rng=rng)
    ]
    found = SwapOrder.of(np.array([run.record[0] for run in cold]), cold[0].turnover[0] * 100, int(cold[0].arrivals[0]))
    assert not found.equilibrated
    assert "apart" in found.why
    # equal by chance, but nothing moved
    still = SwapOrder.of(np.ones((2, 100, 6)), 0.0, 1)
    assert still.why.startswith("frozen")
    assert not still.equilibrated
    # what the two halves differ by
    drifting = np.broadcast_to(np.linspace(0, 1, 100)[None, :, None], (2, 100, 6))
    assert "drifts" in SwapOrder.of(drifting, 10.0, 5).why
    assert SwapOrder.of(np.random.default_rng(0).normal(size=(2, 400, 6), scale=0.1), 10.0, 5).equilibrated


def test_the_error_holds_half_of_what_two_starts_differ_by() -> None:
    noise = np.random.default_rng(0).normal(size=(2, 400, 1), scale=0.001)
    apart = SwapOrder.of(noise + np.array([0.0, 0.6])[:, None, None], 10.0, 5)
    assert apart.delta[0] == pytest.approx(0.3, abs=0.001)
    assert apart.error[0] == pytest.approx(0.3, abs=0.001)
    assert not apart.equilibrated


def test_workers_change_nothing_and_models_without_energy_have_none() -> None:
    one, two = swaps([900.0, 1500.0], 40, 5, workers=1), swaps([900.0, 1500.0], 40, 5, workers=2)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.delta, b.delta)
        assert a.arrivals == b.arrivals
    with pytest.raises(ValueError, match="39 sweeps are too few"):
        swaps([900.0], 39, 5)


def test_temperatures_are_added_where_swaps_are_rare() -> None:
    kelvin = np.array([200.0, 400.0, 1000.0, 2000.0])
    energy = np.array([-30.0, -25.0, -15.0, -5.0])
    down = Descent(kelvin, energy, np.array([0.001, 0.01, 2 * EASY, 0.5]), np.zeros(8, np.int8))
    levels = ladder(down, 40)
    assert set(kelvin) <= set(levels)
    assert (np.diff(levels) > 0).all()
    # between 1000 and 2000 K swaps are easy; below, (1/kT - 1/kT') (E' - E) of two neighbours is 2 at most
    assert not ((levels > 1000) & (levels < 2000)).any()
    cold = levels[levels <= 1000]
    known = np.interp(1 / cold, 1 / kelvin[::-1], energy[::-1])
    steps = np.diff(1 / (kB * cold)) * -np.diff(known)
    assert (steps <= 2 + 1e-9).all()
    assert len(ladder(down, 3)) == 7
    assert len(ladder(down, 0)) == 4


def test_a_cold_list_is_heated_until_swaps_are_easy() -> None:
    rng = np.random.default_rng(6)
    model = PairBarrier(SPECIES, dict.fromkeys(SPECIES, 1.0), [{"Mo-Ta": -0.3, "Nb-Mo": 0.2}])
    down = descend(BCC, model, [300.0], BCC.random_state(COUNTS, rng=rng)[0], 20, rng=rng, progress=silent)
    assert down.temperatures_K[0] == 300
    assert down.temperatures_K[-1] > 1000
    assert (np.diff(down.temperatures_K) > 0).all()
    assert down.energy_eV[-1] > down.energy_eV[0] + 5
    assert down.turnover[0] < EASY
