"""Detailed balance of the consistent graph networks as the kernels run them, for any weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.energy import swap_energy
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.gnn.swap import swap_change
from asemacro.barriers.kernels import barriers_at
from asemacro.barriers.published import PublishedNetwork
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC, new_features
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from tests.barriers.test_barriers_pair_nnk import WEIGHTS, needs_weights

SPECIES = ("Nb", "Mo", "Ta")
LATTICE = Lattice.bcc(3.24, SPECIES, (8, 7, 7))


def consistent(seed: int = 0, size: float = 0.1) -> BarrierGNN:
    model = BarrierGNN(SPECIES, "consistent", width=8, hidden=16, energy_width=8, members=2)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, size, generator=generator)
    return model


def rings(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """First-shell jumps (numbers in `shells(1)`) round a rhombus: back after four, all atoms back after twelve."""
    moves = np.array(list(itertools.product((-1, 1), repeat=3)))
    while True:
        a, b = rng.integers(8, size=2)
        if abs(moves[a] @ moves[b]) != 3:
            back = [int(np.flatnonzero((moves == -moves[k]).all(axis=1))[0]) for k in (a, b)]
            return int(a), int(b), back[0], back[1]


def loop_sum(compiled: CompiledBarriers, vacancies: int, seed: int) -> tuple[float, float]:
    """Sum of (E_forward - E_reverse) over the 12 jumps of a loop, and the sum of their sizes."""
    rng = np.random.default_rng(seed)
    shape = np.array(LATTICE.shape)
    neighbours = LATTICE.neighbours(LATTICE.shells(1)[0].offsets)
    while True:
        x = LATTICE.random_state(vacancies=1, rng=rng)[0]
        site = start = int(np.flatnonzero(x == 0)[0])
        # other vacancies close by, in the environment but not on the path
        near = np.setdiff1d(neighbours[neighbours[start]].ravel(), [start])
        x[rng.choice(near, vacancies - 1, replace=False)] = 0
        path = [rings(rng)] * 3
        before, total, size = x.copy(), 0.0, 0.0
        for jump in itertools.chain(*path):
            target = neighbours[site, jump]
            if x[target] == 0:
                break
            forward = barriers_at(compiled, shape, x, np.array([site]))[0, jump]
            x[[site, target]] = x[[target, site]]
            reverse = barriers_at(compiled, shape, x, np.array([target]))[0, neighbours[target] == site][0]
            total += forward - reverse
            size += abs(forward - reverse)
            site = int(target)
        else:
            assert site == start
            assert np.array_equal(x, before)
            return total, size


@pytest.mark.parametrize("vacancies", [1, 3])
def test_closed_loops_sum_to_zero(vacancies: int) -> None:
    compiled = consistent().compile(LATTICE)
    sums, sizes = zip(*(loop_sum(compiled, vacancies, seed) for seed in range(20)), strict=True)
    assert np.min(sizes) > 0.05
    assert np.max(np.abs(sums)) < 1e-5


@needs_weights
def test_loops_of_the_published_network_do_not() -> None:
    """0.11 eV on average (facts/1): the test above can fail."""
    compiled = PublishedNetwork.from_npz(WEIGHTS).compile(LATTICE)
    sums = [loop_sum(compiled, 1, seed)[0] for seed in range(60)]
    assert np.mean(np.abs(sums)) == pytest.approx(0.11, abs=0.03)


def test_forward_minus_reverse_is_the_energy_of_the_swap() -> None:
    """Kinetics and SwapMC have the same equilibrium: the energy of a jump is that of the swap of its ends."""
    model = consistent(1)
    compiled, energy = model.compile(LATTICE), model.compile_energy(LATTICE)
    shape, work = np.array(LATTICE.shape), np.zeros(energy.workspace, dtype=np.float32)
    neighbours = LATTICE.neighbours(LATTICE.shells(1)[0].offsets)
    rng = np.random.default_rng(0)
    changes, gaps = [], []
    for x in LATTICE.random_state(vacancies=6, batch=10, rng=rng):
        site = int(rng.choice(np.flatnonzero(x == 0)))
        for jump, target in enumerate(neighbours[site]):
            if x[target] == 0:
                continue
            after = x.copy()
            after[[site, target]] = after[[target, site]]
            forward = barriers_at(compiled, shape, x, np.array([site]))[0, jump]
            reverse = barriers_at(compiled, shape, after, np.array([target]))[0, neighbours[target] == site][0]
            changes.append(swap_energy(energy, shape, x, site, int(target), work))
            gaps.append(forward - reverse - changes[-1])
    assert np.std(changes) > 0.01
    assert np.abs(gaps).max() < 2e-6


def test_swap_energies_close() -> None:
    """The same total change whatever the order of swaps, near and far ones mixed."""
    model = consistent(2)
    energy = model.compile_energy(LATTICE)
    shape, work = np.array(LATTICE.shape), np.zeros(energy.workspace, dtype=np.float32)
    rng = np.random.default_rng(1)
    x = LATTICE.random_state(vacancies=3, rng=rng)[0]
    sites = np.concatenate([LATTICE.neighbours(LATTICE.shells(1)[0].offsets)[0], rng.integers(x.size, size=8)])
    start, total, swaps = x.copy(), 0.0, []
    for _ in range(200):
        a, b = rng.choice(sites, 2)
        total += swap_energy(energy, shape, x, a, b, work)
        x[[a, b]] = x[[b, a]]
        swaps.append((a, b))
    there = total
    for a, b in reversed(swaps):
        total += swap_energy(energy, shape, x, a, b, work)
        x[[a, b]] = x[[b, a]]
    assert np.array_equal(x, start)
    assert abs(there) > 1e-3
    assert abs(total) < 1e-9


def test_swaps_with_stored_features_are_the_same() -> None:
    """Energy changes along a chain, near and far pairs, against those computed from the state alone."""
    model = consistent(3)
    for lattice in (LATTICE, Lattice.bcc(3.24, SPECIES, 5)):
        energy, shape = model.compile_energy(lattice), np.array(lattice.shape)
        rng = np.random.default_rng(2)
        x = lattice.random_state(vacancies=3, rng=rng)[0]
        features = new_features(energy, shape, x)
        z, touched, dz = features.z, features.touched, features.dz
        near = np.concatenate([lattice.neighbours(s.offsets)[7] for s in lattice.shells(5)])
        seen = []
        for step in range(600):
            a, b = rng.choice(near if step % 2 else x.size, 2)
            if x[a] == x[b]:
                continue
            plain = swap_energy(energy, shape, x, a, b, features.work)
            change, n = swap_change(energy, shape, x, z, features.reach, a, b, touched, dz)
            assert change == pytest.approx(plain, abs=1e-11)
            seen.append(change)
            x[[a, b]] = x[[b, a]]
            np.add.at(z, touched[:n], dz[:n])
        np.testing.assert_allclose(z, new_features(energy, shape, x).z, atol=1e-12)
        assert np.std(seen) > 0.01


def test_swaps_and_kinetics_of_a_network_agree() -> None:
    """Mean numbers of unlike first-shell bonds by KMC (time average) and by SwapMC, random weights."""
    lattice, model, temperature = Lattice.bcc(3.24, SPECIES, 5), consistent(4, 0.03), 6000.0
    rng = np.random.default_rng(5)
    x = lattice.random_state(vacancies=2, rng=rng)
    neighbours = lattice.neighbours(lattice.shells(1)[0].offsets)

    def bonds(s: np.ndarray) -> np.ndarray:
        return np.array([((s[0][:, None] == a) & (s[0][neighbours] == b)).sum() for a, b in ((1, 1), (1, 2), (2, 3))])

    swaps = SwapMC(lattice, model, temperature).run(
        x, record_sweeps=np.arange(20, 820, 2), observe=bonds, rng=rng
    ).record.reshape(20, -1, 3).mean(axis=1)  # fmt: skip
    kmc = VacancyKMC(lattice, model, temperature)
    burnt = kmc.run(x, hops=3000, rng=rng)
    times = np.linspace(0, 8 * burnt.time_s, 1001)
    hops = kmc.run(burnt.x, record_times_s=times, observe=bonds, rng=rng).record[1:].reshape(20, -1, 3).mean(axis=1)
    gap = swaps.mean(axis=0) - hops.mean(axis=0)
    error = np.sqrt((swaps.var(axis=0) + hops.var(axis=0)) / 20)
    start = swaps.mean(axis=0) - bonds(x)
    assert np.abs(gap / error).max() < 6
    assert np.abs(start / error).max() > 15
