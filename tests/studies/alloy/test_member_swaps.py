"""Order of the members of an ensemble: that of their own Boltzmann law, by weights as by swaps of their own."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import kB

from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.studies.alloy import swap_order
from asemacro.studies.alloy.member_swaps import reweighted
from asemacro.studies.alloy.swap_equilibrium import equilibrium_by_swaps
from asemacro.studies.alloy.swap_order import SwapOrder
from asemacro.tasks.streams import Streams
from tests.micro.test_kmc import PAIR, SPECIES, arrangements
from tests.studies.alloy.pair_ensemble import on_both_sides
from tests.studies.alloy.test_swap_equilibrium import SRO, silent

NORMAL = 4.6  # standard errors that have alpha 1e-5 each


MODEL = on_both_sides(PAIR, [{"Mo-Ta": 0.03, "Nb-Mo": -0.02}, {"Nb-Nb": 0.02}])


def swaps(
    lattice: Lattice, model: PairBarrier, counts: dict[str, int], kelvin: list[float], sweeps: int, seed: int
) -> list[SwapOrder]:
    return equilibrium_by_swaps(
        lattice, model, kelvin, counts, SRO, sweeps=sweeps, workers=1, streams=Streams((seed,)), progress=silent
    )


@pytest.mark.parametrize("again", [False, True], ids=["weighted", "run-again"])
def test_the_order_of_members_is_that_of_their_boltzmann_sums(again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if again:
        monkeypatch.setattr(swap_order, "LEAST_EFFECTIVE", np.inf)
    lattice, species = Lattice.chain(3.0, SPECIES, 8), [1, 3, 2, 2]
    states = arrangements(species)
    order = SRO(states, lattice)
    kelvin = [500.0, 1500.0]

    def exact(model: PairBarrier, temperature: float) -> np.ndarray:
        energy = model.energy(lattice, states)
        weight = np.exp(-(energy - energy.min()) / (kB * temperature))
        return np.asarray(weight @ order / weight.sum())

    found = swaps(lattice, MODEL, dict(zip(("X", *SPECIES), species, strict=True)), kelvin, 2000, 0)
    for temperature, one in zip(kelvin, found, strict=True):
        assert one.reweighted != again
        wanted = np.array([exact(member, temperature) for member in MODEL.members()])
        assert np.abs(wanted - exact(MODEL, temperature)).max() > 0.02
        # weighted, the noise of the mean model falls out; run again, it does not
        base = one.delta if again else exact(MODEL, temperature)
        # errors from ten blocks have tails: Student's t with 9 degrees of freedom
        assert (np.abs(one.shift + base - wanted) < 8.0 * one.shift_error + 1e-9).all(), temperature
        assert one.shift_error.max() < 0.2


def test_weighted_states_give_what_swaps_of_the_member_give() -> None:
    lattice, counts = Lattice.bcc(3.24, SPECIES, 4), {"Nb": 42, "Mo": 43, "Ta": 42, "X": 1}
    model = on_both_sides(PAIR, [{"Mo-Ta": 0.006}, {}])
    found = swaps(lattice, model, counts, [1500.0, 2500.0], 800, 1)
    for k, member in enumerate(model.members()):
        own = swaps(lattice, member, counts, [1500.0, 2500.0], 800, 2 + k)
        for mean, direct in zip(found, own, strict=True):
            assert mean.reweighted
            apart = mean.delta + mean.shift[k] - direct.delta
            noise = np.sqrt(mean.error**2 + mean.shift_error[k] ** 2 + direct.error**2)
            assert (np.abs(apart) < NORMAL * noise).all()


def test_a_single_model_has_no_members() -> None:
    lattice, counts = Lattice.bcc(3.24, SPECIES, 4), {"Nb": 42, "Mo": 43, "Ta": 42, "X": 1}
    (one,) = swaps(lattice, PairBarrier(SPECIES, MODEL.migration_eV, MODEL.pair_eV), counts, [2000.0], 40, 1)
    assert one.shift.shape == (0, len(SRO.labels))
    # and its members change nothing of the mean
    (both,) = swaps(lattice, MODEL, counts, [2000.0], 40, 1)
    np.testing.assert_array_equal(both.delta, one.delta)


def test_few_states_with_all_the_weight_say_so() -> None:
    rng = np.random.default_rng(0)
    order, above = rng.normal(size=(2, 50, 3)), rng.normal(size=(2, 50, 1))
    alike = reweighted(order, 0 * above, 1000.0)
    assert alike.effective == pytest.approx(100)
    np.testing.assert_allclose(alike.shift, 0, atol=1e-12)
    kT = kB * 1000.0
    # of normal exponents of standard deviation s, exp(-s^2) of the states are left
    assert reweighted(order, 0.5 * kT * above, 1000.0).effective == pytest.approx(100 * np.exp(-0.25), rel=0.1)
    assert reweighted(order, 5 * kT * above, 1000.0).effective < 10


def test_weights_move_the_mean_along_the_order() -> None:
    """E_m - E_0 = a delta of a normal order of variance v moves its mean by -a v / kT."""
    rng = np.random.default_rng(3)
    order = rng.normal(scale=0.1, size=(2, 4000, 2))
    found = reweighted(order, 0.5 * order[:, :, :1], 1000.0)
    wanted = np.array([-0.5 * 0.01 / (kB * 1000.0), 0.0])
    assert (np.abs(found.shift[0] - wanted) < 8 * found.error[0]).all()
    assert found.error.max() < 0.01
