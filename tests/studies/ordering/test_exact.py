"""Equilibrium by swaps against exact answers: Boltzmann sums of an enumerated cell, the Ising model, random alloys."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import kB

import asemacro as am
from asemacro.micro.alloy.state_energy import StateEnergy
from asemacro.observables.alloy import WarrenCowley
from asemacro.observables.sublattice_order import SublatticeOrder
from asemacro.studies.ordering.boxes import Box
from asemacro.studies.ordering.chains import Plan, sample_boxes
from asemacro.studies.ordering.levels import levels_of
from asemacro.studies.ordering.result import AlloyEquilibrium
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import silent
from asemacro.tasks.streams import Streams
from tests.micro.test_kmc import arrangements

SIGMA = 4.6  # of a dozen values each: alpha 1e-5 all together
PAIR = am.PairBarrier(["Mo", "Ta"], {"Mo": 0.7, "Ta": 0.7}, [{"Mo-Ta": -0.05}, {"Mo-Ta": 0.012}])
ISING = am.PairBarrier(["Mo", "Ta"], {"Mo": 0.7, "Ta": 0.7}, [{"Mo-Ta": -0.05}])
HOT = am.PairBarrier(["Nb", "Mo", "Ta"], dict.fromkeys(["Nb", "Mo", "Ta"], 0.7), [{"Mo-Ta": -0.05, "Nb-Nb": 0.02}])
ISING_K = 6.3556 * 0.025 / kB  # E = const + (0.05 / 2) sum s s': T_c = 6.3556 J / k_B of bcc (Lundow et al. 2009)


def test_boltzmann_sums_of_an_enumerated_cell() -> None:
    box = am.Lattice.bcc(3.2, ["Mo", "Ta"], 2)
    states = arrangements([0, 7, 9])
    kelvin = [3000.0, 5000.0, 9000.0]
    plan = Plan(PAIR, kelvin, 2, 2000, 1, Streams((3,)), Checkpoint(None), silent)
    (sampled,) = sample_boxes([Box("small", box, np.array([0, 7, 9]))], plan)
    levels = {level.temperature_K: level for level in levels_of(sampled)}
    energy = PAIR.energy(box, states)
    energy -= energy.mean()
    delta = WarrenCowley(["Mo", "Ta"], 2, pairs="all")(states, box)
    waves = SublatticeOrder(box, [0, 7, 9])
    eta = np.array([waves(x) for x in states])
    stars = len(sampled.sublattices.stars)
    for t in kelvin:
        at, weight = levels[t], np.exp(-(energy - energy.min()) / (kB * t))
        weight /= weight.sum()
        mean = weight @ energy
        assert at.equilibrated, at.why
        assert abs(at.energy_eV - mean / 16) < SIGMA * at.energy_error_eV
        heat = weight @ (energy - mean) ** 2 / (16 * (kB * t) ** 2)
        assert abs(at.heat_capacity_kB - heat) < SIGMA * at.heat_capacity_error_kB
        assert (np.abs(at.delta - weight @ delta) < SIGMA * at.delta_error).all()
        order = weight @ eta[:, :stars]
        assert (np.abs(at.order - order) < SIGMA * at.order_error).all()
        fluctuation = 16 * (weight @ (eta[:, :stars] - order) ** 2)
        assert (np.abs(at.fluctuation - fluctuation) < SIGMA * at.fluctuation_error).all()
        assert at.heat_capacity_error_kB < 0.2 * heat  # a test that can fail
    assert np.allclose(sampled.random.delta, delta.mean(axis=0))
    assert (np.abs(sampled.random.delta_sd / delta.std(axis=0) - 1) < SIGMA / np.sqrt(800)).all()


def curve_of_b2(sites: int, temperatures: range, sweeps: int, seed: int) -> AlloyEquilibrium:
    return am.equilibrium(
        am.Lattice.bcc(3.2, ["Mo", "Ta"], 2), ISING, temperatures_K=[float(t) for t in temperatures], shells=2,
        sites=sites, sweeps=sweeps, rng=np.random.default_rng(seed),
    )  # fmt: skip


def check_b2(found: AlloyEquilibrium, tolerance: float) -> None:
    """Long-range order of B2 alone, lost at the temperature of the Ising model by every sign."""
    (one,) = found.ordered
    assert one.star == "H"
    assert abs(one.temperature_K / ISING_K - 1) < tolerance
    assert abs(one.temperature_K - ISING_K) < 3 * one.error_K < 6 * tolerance * ISING_K
    assert abs(one.crossing_K / ISING_K - 1) < tolerance
    small, large = (curve.heat_peak for curve in found.curves if curve is not None)
    assert small.inside
    assert large.inside
    assert abs(large.temperature_K / ISING_K - 1) < tolerance
    peaks = [curve.order_peaks[found.leading].height for curve in found.curves if curve is not None]
    assert peaks[1] > 1.3 * peaks[0]  # the fluctuation grows with the box
    assert found.said()[0].startswith("star H (B2): temperature of order")


def test_temperature_of_order_is_that_of_the_ising_model() -> None:
    check_b2(curve_of_b2(432, range(1450, 2400, 180), 500, 0), 0.08)


@pytest.mark.slow
def test_temperature_of_order_of_larger_boxes() -> None:
    check_b2(curve_of_b2(2000, range(1500, 2300, 100), 4000, 1), 0.03)


def test_hot_alloys_are_random_ones() -> None:
    """At 1e5 K: order, scatter and sum rule of the random alloy, and no ordering."""
    found = am.equilibrium(
        am.Lattice.bcc(3.2, ["Nb", "Mo", "Ta"], 2), HOT, temperatures_K=[5e4, 1e5], sites=432, sweeps=200,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    random, at = found.sampled[1].random, found.asked(1)[1]
    assert at.equilibrated, at.why
    sro, atoms = found.sampled[1].sro, found.sampled[1].box.counts[1:]
    assert (np.abs(at.delta - random.delta) < SIGMA * at.delta_error + 0.01).all()
    n = len(found.orderings)
    assert np.allclose(at.order, random.waves[:n], rtol=0.15)
    sd = found.sampled[1].delta[-1].reshape(-1, sro.dim)[100:].std(axis=0)
    assert np.allclose(sd, random.delta_sd, rtol=0.3)
    # without vacancies sum_j delta_ij = 0, N_j delta_ji = N_i delta_ij
    table = np.zeros((3, 3, 3))
    for d, value in enumerate(at.delta):
        shell, (i, j) = d // len(sro.pairs), sro.pairs[d % len(sro.pairs)]
        table[shell, i, j], table[shell, j, i] = value, value * atoms[i] / atoms[j]
    assert np.abs(table.sum(axis=2)).max() < 1e-9
    assert not found.ordered
    assert found.said()[0].startswith("no ordering between 50000 and 100000 K")


def test_energies_are_above_those_of_random_alloys() -> None:
    """Absolute energies of pair models against the booked ones."""
    found = curve_of_b2(54, range(1500, 1601, 100), 60, 2)
    sampled = found.sampled[1]
    box, rng = sampled.box, np.random.default_rng(1)
    states = box.lattice.random_state(box.named_counts, batch=3000, rng=rng)
    energy = ISING.energy(box.lattice, states)
    above = StateEnergy(box.lattice, ISING, states[0])
    assert above(states[1]) == pytest.approx(energy[1] - energy[0])
    exact = 4 * box.lattice.n_sites * -0.05 * 0.5 * box.lattice.n_sites / (box.lattice.n_sites - 1)
    assert energy.mean() == pytest.approx(exact, abs=SIGMA * energy.std() / np.sqrt(3000))
    lowest = 4 * box.lattice.n_sites * -0.05 - exact  # of B2
    assert sampled.energy_eV.min() >= lowest - SIGMA * sampled.random.energy_error_eV
