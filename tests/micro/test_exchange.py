"""ReplicaExchange: the Boltzmann law at every temperature of an enumerated cell, and cells that swaps alone leave."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.units import kB

from asemacro.barriers.load import load_barriers
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.exchange import ExchangeRun, ReplicaExchange
from asemacro.micro.alloy.exchange_pause import ExchangePause
from asemacro.testing import ALPHA, chi_square
from tests.micro.test_kmc import PAIR, SPECIES, arrangements

BCC = Lattice.bcc(3.24, SPECIES, 4)
KELVIN = (500.0, 700.0, 1100.0)


@pytest.mark.parametrize(
    ("lattice", "counts"),
    [
        pytest.param(Lattice.chain(3.0, SPECIES, 7), [1, 2, 2, 2], id="chain"),
        pytest.param(Lattice.bcc(3.24, SPECIES[:2], 2), [0, 14, 2], id="bcc"),
    ],
)
def test_samples_the_boltzmann_law_at_every_temperature(lattice: Lattice, counts: list[int]) -> None:
    states = arrangements(counts)
    energy = PAIR.energy(lattice, states)
    number = {state.tobytes(): i for i, state in enumerate(states)}
    run = ReplicaExchange(lattice, PAIR, KELVIN).run(
        states[0],
        record_sweeps=np.arange(100, 24_100, 6),
        observe=lambda x: number[x.tobytes()],
        rng=np.random.default_rng(1),
    )
    assert (run.exchange_acceptance > 0.2).all()
    assert (run.arrivals[:2] > 300).all()
    for kelvin, seen in zip(KELVIN, run.record, strict=True):
        law = np.exp(-(energy - energy.mean()) / (kB * kelvin))
        assert chi_square(np.bincount(seen, minlength=len(states)), law / law.sum()) > ALPHA, kelvin
        wrong = np.exp(-(energy - energy.mean()) / (kB * 1.6 * kelvin))
        assert chi_square(np.bincount(seen, minlength=len(states)), wrong / wrong.sum()) < ALPHA, kelvin


def test_books_the_energy_and_keeps_the_counts() -> None:
    rng = np.random.default_rng(3)
    x = BCC.random_state(vacancies=3, rng=rng)
    before = x.copy()
    run = ReplicaExchange(BCC, PAIR, [400, 600, 900, 1400]).run(
        x, record_sweeps=[10, 60], observe=lambda s: PAIR.energy(BCC, s)[0], rng=rng
    )
    assert np.array_equal(x, before)
    assert run.record.shape == (4, 2)
    for state, change, last in zip(run.x, run.energy_eV, run.record[:, -1], strict=True):
        assert np.array_equal(np.bincount(state), np.bincount(x[0]))
        assert PAIR.energy(BCC, state[None])[0] == pytest.approx(last)
        assert change == pytest.approx(last - PAIR.energy(BCC, x)[0], abs=1e-9)
    assert (np.diff(run.acceptance) > 0).all()


def test_one_temperature_is_a_chain_of_swaps() -> None:
    run = ReplicaExchange(BCC, PAIR, [1400.0]).run(
        BCC.random_state(rng=np.random.default_rng(0)),
        record_sweeps=np.arange(50, 1550),
        observe=lambda s: PAIR.energy(BCC, s)[0],
        rng=np.random.default_rng(4),
    )
    assert run.exchange_acceptance.shape == (0,)
    assert run.record.shape == (1, 1500)


def test_exchange_frees_what_swaps_alone_do_not() -> None:
    """Two wells: the solutes cluster at either of two energies, and at 60 K nothing moves between them."""
    lattice = Lattice.chain(3.0, ("Nb", "Mo"), 12)
    model = PairBarrier(("Nb", "Mo"), {"Nb": 1.0, "Mo": 1.0}, [{"Mo-Mo": -0.06}])
    x = np.array([[1, 2] * 3 + [1] * 6], dtype=np.int8)  # three Mo apart: the ground state has them in a row
    start = model.energy(lattice, x)[0]

    def energy(s: np.ndarray) -> Any:
        return model.energy(lattice, s)[0] - start

    cold = ReplicaExchange(lattice, model, [30.0, 900.0]).run(
        x, record_sweeps=np.arange(1, 2001), observe=energy, rng=np.random.default_rng(5)
    )
    assert cold.record[0, -500:].mean() == pytest.approx(-0.12, abs=1e-9)
    assert cold.arrivals[0] > 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, r: ReplicaExchange(BCC, PAIR, [900, 800]), "must increase"),
        (lambda x, r: ReplicaExchange(BCC, PAIR, []), "must increase"),
        (lambda x, r: ReplicaExchange(BCC, PAIR, [0, 800]), "above 0, got 0"),
        (lambda x, r: ReplicaExchange(BCC, PAIR, [800]).run(x, record_sweeps=[], observe=len, rng=r), "must ascend"),
        (lambda x, r: ReplicaExchange(BCC, PAIR, [800]).run(x, record_sweeps=[2, 2], observe=len, rng=r), "ascend"),
        (
            lambda x, r: ReplicaExchange(BCC, PAIR, [800]).run(np.ones_like(x), record_sweeps=[1], observe=len, rng=r),
            "no unlike pairs",
        ),
    ],
)
def test_bad_input_gives_one_clear_line(call: Any, message: str) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message) as error:
        call(BCC.random_state(rng=rng), rng)
    assert "\n" not in str(error.value)


def test_a_paused_run_goes_on_to_the_last_bit(tmp_path: Path) -> None:
    """A network too: what it keeps beside the states is made anew at a pause, in the whole run as well."""
    network = load_barriers("refractory")
    for model, kelvin in ((PAIR, [400.0, 700.0, 1200.0]), (network, [700.0, 1200.0])):
        exchange = ReplicaExchange(BCC, model, kelvin)  # of 128 sites
        x = BCC.random_state(vacancies=0, rng=np.random.default_rng(1))
        pauses: list[ExchangePause] = []

        def go(start: Any, exchange: ReplicaExchange = exchange, pauses: list[ExchangePause] = pauses) -> ExchangeRun:
            return exchange.run(
                start, record_sweeps=np.arange(2, 111, 2), observe=lambda s: s[0, :5].astype(float),
                keep=pauses.append, rng=np.random.default_rng(2),
            )  # fmt: skip

        whole = go(x)
        assert [pause.replicas.sweep for pause in pauses] == [50, 100]
        pauses[0].write(tmp_path / "pause.npz")
        rest = go(ExchangePause.read(tmp_path / "pause.npz"))
        for field in dataclasses.fields(ExchangeRun):
            one, two = getattr(whole, field.name), getattr(rest, field.name)
            assert np.array_equal(one, two, equal_nan=one.dtype.kind == "f"), field.name


def test_energies_of_records_are_those_of_the_states() -> None:
    x = BCC.random_state(vacancies=1, batch=3, rng=np.random.default_rng(1))
    run = ReplicaExchange(BCC, PAIR, [400, 700, 1200]).run(
        x, record_sweeps=[0, 3, 9], observe=lambda s: PAIR.energy(BCC, s)[0], rng=np.random.default_rng(2)
    )
    assert run.record_energy_eV == pytest.approx(run.record - PAIR.energy(BCC, x[:1])[0], abs=1e-9)
