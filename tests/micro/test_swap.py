"""SwapMC: swap energies to the last digit, the Boltzmann law of an enumerated cell, agreement with the KMC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase.units import kB

from asemacro.barriers.energy import swap_energy
from asemacro.barriers.pair import PairBarrier
from asemacro.barriers.published import PublishedNetwork
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.testing import ALPHA, chi_square
from tests.barriers.test_barriers_pair_nnk import network_arrays
from tests.micro.test_kmc import PAIR, SPECIES, arrangements

BCC = Lattice.bcc(3.24, SPECIES, 4)


@pytest.mark.parametrize(
    "lattice",
    [
        pytest.param(Lattice.bcc(3.24, SPECIES, (1, 2, 3)), id="bcc"),
        pytest.param(Lattice.fcc(3.6, SPECIES, (2, 1, 1)), id="fcc"),
        pytest.param(Lattice.hcp(3.0, SPECIES, (1, 2, 2)), id="hcp"),
        pytest.param(Lattice.chain(3.0, SPECIES, 5), id="chain"),
    ],
)
def test_swap_energy_is_the_change_of_the_energy_of_the_cell(lattice: Lattice) -> None:
    """All pairs of sites, in cells so small that a shell meets its own images."""
    energy = PAIR.compile_energy(lattice)
    x = lattice.random_state({"Nb": 0.4, "Mo": 0.3, "Ta": 0.3}, vacancies=2, rng=np.random.default_rng(0))
    shape, work = np.array(lattice.shape), np.zeros(energy.workspace, dtype=np.float32)
    before = PAIR.energy(lattice, x)[0]
    changes = []
    for a in range(lattice.n_sites):
        for b in range(lattice.n_sites):
            after = x.copy()
            after[0, [a, b]] = after[0, [b, a]]
            changes.append(swap_energy(energy, shape, x[0], a, b, work))
            assert changes[-1] == pytest.approx(PAIR.energy(lattice, after)[0] - before, abs=1e-12)
    assert np.std(changes) > 0.01


@pytest.mark.parametrize(
    ("lattice", "counts"),
    [
        pytest.param(Lattice.chain(3.0, SPECIES, 8), [1, 3, 2, 2], id="chain"),
        pytest.param(Lattice.bcc(3.24, SPECIES[:2], 2), [1, 13, 2], id="bcc"),
    ],
)
def test_samples_the_boltzmann_law(lattice: Lattice, counts: list[int]) -> None:
    temperature = 1500.0
    states = arrangements(counts)
    energy = PAIR.energy(lattice, states)
    law = np.exp(-(energy - energy.mean()) / (kB * temperature))
    law /= law.sum()
    number = {state.tobytes(): i for i, state in enumerate(states)}
    system = SwapMC(lattice, PAIR, temperature)
    # 10 sweeps apart the states are independent for chi-square
    run = system.run(
        states[0],
        record_sweeps=np.arange(100, 300_100, 10),
        observe=lambda x: number[x.tobytes()],
        rng=np.random.default_rng(1),
    )
    seen = np.bincount(run.record, minlength=len(states))
    assert chi_square(seen, law) > ALPHA
    assert chi_square(seen, np.full(len(law), 1 / len(law))) < ALPHA


def test_agrees_with_the_kinetics() -> None:
    """Mean energy of the same alloy with a vacancy: time average of the KMC against the swaps."""
    temperature = 1400.0
    rng = np.random.default_rng(2)
    x = BCC.random_state(rng=rng)
    swaps = SwapMC(BCC, PAIR, temperature).run(
        x, record_sweeps=np.arange(50, 4050, 4), observe=lambda s: PAIR.energy(BCC, s)[0], rng=rng
    )
    kmc = VacancyKMC(BCC, PAIR, temperature)
    burnt = kmc.run(x, hops=100_000, rng=rng)
    times = np.linspace(0, 20 * burnt.time_s, 2001)
    hops = kmc.run(burnt.x, record_times_s=times, observe=lambda s: PAIR.energy(BCC, s)[0], rng=rng)
    blocks = hops.record[1:].reshape(20, -1).mean(axis=1)
    error = np.hypot(blocks.std(ddof=1) / np.sqrt(20), swaps.record.std() / np.sqrt(len(swaps.record) / 5))
    assert error < 0.1
    assert abs(blocks.mean() - swaps.record.mean()) < 5 * error
    assert abs(PAIR.energy(BCC, x)[0] - swaps.record.mean()) > 20 * error


def test_run_keeps_counts_and_books_the_energy() -> None:
    rng = np.random.default_rng(3)
    x = BCC.random_state(vacancies=3, rng=rng)
    before = x.copy()
    seen: list[tuple[str, float, str]] = []
    run = SwapMC(BCC, PAIR, 800).run(
        x, 200, record_sweeps=[0, 7, 200], progress=lambda *words: seen.append(words), rng=rng
    )
    assert np.array_equal(x, before)
    assert np.array_equal(np.bincount(run.x), np.bincount(x[0]))
    assert run.record_sweeps.tolist() == [0, 7, 200]
    assert np.array_equal(run.record[0], x[0])
    assert np.array_equal(run.record[2], run.x)
    assert run.energy_change_eV == pytest.approx((PAIR.energy(BCC, run.x[None]) - PAIR.energy(BCC, x))[0], abs=1e-9)
    assert run.energy_change_eV < -1
    assert 0 < run.acceptance < 1
    assert seen[-1] == ("swaps", 1.0, "200 of 200 sweeps")
    again = SwapMC(BCC, PAIR, 800).run(x, 200, rng=np.random.default_rng(9))
    same = SwapMC(BCC, PAIR, 800).run(x, 200, record_sweeps=[3, 50], rng=np.random.default_rng(9))
    assert np.array_equal(again.x, same.x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, r: SwapMC(BCC, PAIR, -3), "temperature must be from 1 to 100,000 K, got -3"),
        (lambda x, r: SwapMC(BCC, PublishedNetwork(network_arrays()), 900), "has no energy"),
        (lambda x, r: SwapMC(Lattice.bcc(3.2, "W", 4), PAIR, 900), "does not know W"),
        (lambda x, r: SwapMC(BCC, PAIR, 900).run(x, -1, rng=r), "sweeps must be a whole number >= 0, got -1"),
        (lambda x, r: SwapMC(BCC, PAIR, 900).run(x, rng=r), "needs a length"),
        (lambda x, r: SwapMC(BCC, PAIR, 900).run(x, record_sweeps=[2, 1], rng=r), "ascend"),
        (lambda x, r: SwapMC(BCC, PAIR, 900).run(np.ones_like(x), 1, rng=r), "no unlike pairs"),
        (lambda x, r: SwapMC(BCC, PAIR, 900).run(x[:, :9], 1, rng=r), "shape"),
    ],
)
def test_bad_input_gives_one_clear_line(call: Any, message: str) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message) as error:
        call(BCC.random_state(rng=rng), rng)
    assert "\n" not in str(error.value)


def test_which_models_have_an_energy() -> None:
    assert PAIR.has_energy
    assert PairBarrier(["Nb"], {"Nb": 1.0}, [{}]).has_energy
    assert not PublishedNetwork(network_arrays()).has_energy
