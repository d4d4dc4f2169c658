"""Energies of whole states from swaps: those of the sum over bonds, and as good as equal whatever came between."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.exchange import ReplicaExchange
from asemacro.micro.alloy.state_energy import StateEnergy
from tests.micro.test_kmc import PAIR, SPECIES, arrangements


@pytest.mark.parametrize(
    "lattice", [Lattice.bcc(3.24, SPECIES, 3), Lattice.hcp(3.0, SPECIES, (3, 2, 2)), Lattice.chain(3.0, SPECIES, 24)]
)
def test_it_is_the_sum_over_bonds(lattice: Lattice) -> None:
    counts = {"X": 2, "Nb": 8, "Mo": lattice.n_sites - 14, "Ta": 4}
    x = lattice.random_state(counts, batch=20, rng=np.random.default_rng(0))
    energy = StateEnergy(lattice, PAIR, x[0])
    exact = PAIR.energy(lattice, x)
    np.testing.assert_allclose([energy(state) for state in x], exact - exact[0], atol=1e-12)
    before = x.copy()
    energy(x[3])
    np.testing.assert_array_equal(x, before)


def test_every_arrangement_is_reached() -> None:
    lattice = Lattice.chain(3.0, SPECIES, 7)
    states = arrangements([1, 2, 3, 1])
    energy = StateEnergy(lattice, PAIR, states[-1])
    exact = PAIR.energy(lattice, states)
    np.testing.assert_allclose([energy(state) for state in states], exact - exact[-1], atol=1e-11)


def test_that_of_a_network_is_the_mean_of_its_members() -> None:
    lattice = Lattice.bcc(3.24, SPECIES, 8)
    model = BarrierGNN(SPECIES, "consistent", members=3, width=2, hidden=2, energy_width=3)
    rng = np.random.default_rng(1)
    for net in model.nets:
        for weight in (net.energy1.bias, net.energy2, net.pair):
            weight.data.copy_(weight.new_tensor(0.2 * rng.standard_normal(weight.shape)))
    x = lattice.random_state({"X": 1, "Nb": 340, "Mo": 347, "Ta": 336}, batch=6, rng=rng)
    mean, *each = ([energy(state) for state in x] for energy in _energies(lattice, model, x[0]))
    np.testing.assert_allclose(mean, np.mean(each, axis=0), atol=1e-9)
    assert np.ptp(each, axis=0)[1:].min() > 1e-3
    again, *_ = _energies(lattice, model, x[0])
    assert again(x[5]) == pytest.approx(mean[5], abs=1e-9)


def _energies(lattice: Lattice, model: BarrierGNN, zero: np.ndarray) -> list[StateEnergy]:
    return [StateEnergy(lattice, one, zero) for one in (model, *model.members())]


def test_other_compositions_are_refused() -> None:
    lattice = Lattice.chain(3.0, SPECIES, 8)
    one, two = (np.array(x, dtype=np.int8) for x in ([0, 1, 1, 1, 2, 2, 3, 3], [0, 1, 1, 2, 2, 2, 3, 3]))
    with pytest.raises(ValueError, match="same composition"):
        StateEnergy(lattice, PAIR, one)(two)
    with pytest.raises(ValueError, match="one state is needed"):
        StateEnergy(lattice, PAIR, one)(np.stack([one, one]))


def test_exchange_from_a_state_for_each_temperature_knows_their_energies() -> None:
    """The energy of each end is that above the first start, whichever replica came there."""
    lattice = Lattice.bcc(3.24, SPECIES, 3)
    rng = np.random.default_rng(2)
    starts = lattice.random_state({"X": 1, "Nb": 17, "Mo": 18, "Ta": 18}, batch=3, rng=rng)
    model = PairBarrier(SPECIES, dict.fromkeys(SPECIES, 1.0), [{"Mo-Ta": -0.05}])
    run = ReplicaExchange(lattice, model, [600.0, 800.0, 1000.0]).run(
        starts, record_sweeps=[10], observe=lambda x: x[0].copy(), rng=rng
    )
    exact = model.energy(lattice, run.x) - model.energy(lattice, starts[:1])
    np.testing.assert_allclose(run.energy_eV, exact, atol=1e-10)
