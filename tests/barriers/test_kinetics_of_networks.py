"""Kinetics by graph networks: diffusion in a pure metal, the equilibrium of swaps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.units import kB
from lattices_of_networks import (
    LATTICES,
    large_enough,
    make,
    network,
)

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC


@pytest.mark.parametrize("name", ["bcc", "fcc", "hcp"])
def test_diffusion_in_a_pure_metal(name: str) -> None:
    """D of a lone vacancy is half the rate of each jump times its squared length, summed: Z d^2 rate / 6 in cubes."""
    lattice = {
        "bcc": lambda: Lattice.bcc(3.2, ("Ni",), 7),
        "fcc": lambda: Lattice.fcc(3.6, ("Ni",), 6),
        "hcp": lambda: Lattice.hcp(2.5, ("Ni",), (10, 10, 6), c=2.5 * 1.6),
    }[name]()
    model = BarrierGNN(("Ni",), "consistent", width=4, hidden=4, energy_width=4, jumps=JumpNetwork.named(name))
    with torch.no_grad():
        for seed, parameter in enumerate(model.parameters()):
            parameter.normal_(0.0, 0.1, generator=torch.Generator().manual_seed(seed))
        for net in model.nets:
            net.last.weight.normal_(0.0, 1.0, generator=torch.Generator().manual_seed(1))
            net.last.bias.fill_(1.0)
    kmc = VacancyKMC(lattice, model, 1500.0)
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(0))[0]
    site = int(np.flatnonzero(x == 0)[0])
    moves = kmc.jumps[site % lattice.n_basis]
    steps = (moves[:, :3] + lattice.basis[moves[:, 3]] - lattice.basis[site % lattice.n_basis]) @ lattice.cell
    barriers = model.barriers(lattice, x, np.array([site]))[0]
    rates = 1e13 * np.exp(-barriers / (kB * 1500.0))
    wanted = 0.5 * (rates[:, None] * steps**2).sum(axis=0)
    if name == "hcp":  # 6 rate_b a^2 / 4 + 6 rate_p a^2 / 12 across the axis, 6 rate_p (c / 2)^2 / 2 along it
        assert len(np.unique(np.round(barriers, 5))) == 2
        basal, pyramidal = rates[np.argmin(abs(steps[:, 2]))], rates[np.argmax(abs(steps[:, 2]))]
        across = (6 * basal / 4 + 6 * pyramidal / 12) * 2.5**2
        np.testing.assert_allclose(wanted, [across, across, 6 * pyramidal * 2.0**2 / 2], rtol=1e-5)
    else:
        d2 = (steps[0] ** 2).sum()
        np.testing.assert_allclose(wanted, len(steps) * d2 * rates[0] / 6, rtol=1e-5)
    run = kmc.run(
        x, record_hops=np.arange(0, 4 * 100_001, 4), observe=lambda s: s[0].argmin(), rng=np.random.default_rng(1)
    )
    box = lattice.cell * np.array(lattice.shape)[:, None]
    gap = np.diff(lattice.positions()[run.record], axis=0) @ np.linalg.inv(box)
    squares = ((gap - np.rint(gap)) @ box) ** 2
    found = squares.sum(axis=0) / (2 * run.time_s)
    if name == "hcp":
        np.testing.assert_allclose([found[:2].mean(), found[2]], [wanted[:2].mean(), wanted[2]], rtol=0.01)
    else:
        assert found.mean() == pytest.approx(wanted.mean(), rel=0.01)


@pytest.mark.parametrize(("name", "seed"), [("fcc", 4), ("hcp", 9)])
def test_swaps_and_kinetics_agree(name: str, seed: int) -> None:
    """Numbers of like and of vacancy-atom first-shell bonds by KMC (time average) and by SwapMC, in standard errors."""
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, "consistent", size=0.03, seed=seed)
    rng = np.random.default_rng(5)
    x = lattice.random_state(vacancies=2, rng=rng)
    neighbours = lattice.neighbours(VacancyKMC(lattice, model, 1000.0).jumps)

    def bonds(s: np.ndarray) -> np.ndarray:
        return np.array([((s[0][:, None] == a) & (s[0][neighbours] == b)).sum() for a, b in ((1, 1), (0, 1))])

    swaps = SwapMC(lattice, model, 9000.0).run(
        x, record_sweeps=np.arange(20, 820, 2), observe=bonds, rng=rng
    ).record.reshape(20, -1, 2).mean(axis=1)  # fmt: skip
    kmc = VacancyKMC(lattice, model, 9000.0)
    burnt = kmc.run(x, hops=8000, rng=rng)
    times = np.linspace(0, 3 * burnt.time_s, 601)
    hops = kmc.run(burnt.x, record_times_s=times, observe=bonds, rng=rng).record[1:].reshape(20, -1, 2).mean(axis=1)
    error = np.sqrt((swaps.var(axis=0, ddof=1) + hops.var(axis=0, ddof=1)) / 20)
    assert np.abs((swaps.mean(axis=0) - hops.mean(axis=0)) / error).max() < 5
    assert abs((swaps.mean(axis=0) - bonds(x)) / error).max() > 8
