"""Observables of spins by plain counting, and their changes against full measurements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asemacro.lattice.lattice import Lattice
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, EnergyPerSite, Magnetization

LATTICES = (
    Lattice.square(1.0, "X", (5, 4)),
    Lattice.square(1.0, "X", 2),
    Lattice.triangular(1.0, "X", 4),
    Lattice.honeycomb(1.0, "X", 3),
    Lattice.cubic(1.0, "X", (3, 1, 2)),
    Lattice.bcc(1.0, "X", 3),
    Lattice.diamond(1.0, "X", 1),
    Lattice.chain(1.0, "X", 7),
)
OBSERVABLES = (Magnetization(), DomainWallDensity(), DomainWallDensity(2), EnergyPerSite((1.0, 0.3, -0.2), 0.4))


class Plain:
    """The magnetisation and its square, without shortcuts."""

    labels = ("m", "m2")
    dim = 2

    def __call__(self, x: Any, lattice: Any) -> np.ndarray:
        m = np.asarray(x, float).mean(axis=1)
        return np.stack([m, m**2], axis=1)


def states(lattice: Lattice, batch: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(batch, lattice.n_sites))


@pytest.mark.parametrize("lattice", LATTICES, ids=lambda lattice: f"{lattice.prototype}-{lattice.n_sites}")
def test_values_are_those_of_plain_counting(lattice: Lattice) -> None:
    x = states(lattice, 6)
    near = [lattice.neighbours(shell.offsets) for shell in lattice.shells(3)]
    like = [(x[:, :, None] * x[:, table]).sum(axis=(1, 2)) / 2 for table in near]  # every bond from both ends
    n = lattice.n_sites
    np.testing.assert_allclose(Magnetization()(x, lattice)[:, 0], x.mean(axis=1))
    for shell in (1, 2):
        walls = ((1 - x[:, :, None] * x[:, near[shell - 1]]) / 2).mean(axis=(1, 2))
        np.testing.assert_allclose(DomainWallDensity(shell)(x, lattice)[:, 0], walls, atol=1e-14)
    energy = -(like[0] + 0.3 * like[1] - 0.2 * like[2] + 0.4 * x.sum(axis=1)) / n
    np.testing.assert_allclose(EnergyPerSite((1.0, 0.3, -0.2), 0.4)(x, lattice)[:, 0], energy, atol=1e-14)


@pytest.mark.parametrize("lattice", LATTICES, ids=lambda lattice: f"{lattice.prototype}-{lattice.n_sites}")
@pytest.mark.parametrize("phi", OBSERVABLES, ids=lambda phi: phi.labels[0])
def test_change_equals_full_measurement(phi: Any, lattice: Lattice) -> None:
    x = states(lattice, 6)
    rng = np.random.default_rng(1)
    sites = np.stack([rng.permutation(lattice.n_sites)[: min(5, lattice.n_sites)] for _ in x])
    values = rng.choice(np.array([-1, 1], np.int8), size=sites.shape)
    after = x.copy()
    np.put_along_axis(after, sites, values, 1)
    expected = phi(after, lattice) - phi(x, lattice)
    padded = np.pad(sites, ((0, 0), (1, 2)), constant_values=-1), np.pad(values, ((0, 0), (1, 2)))
    for where, what in ((sites, values), padded):
        np.testing.assert_allclose(phi.change(x, lattice, where, what), expected, atol=1e-13)
    each = phi.changes(x, lattice, sites[..., None], -np.take_along_axis(x, sites, 1)[..., None])
    for e in range(sites.shape[1]):
        flipped = x.copy()
        flipped[np.arange(6), sites[:, e]] *= -1
        np.testing.assert_allclose(each[:, e], phi(flipped, lattice) - phi(x, lattice), atol=1e-13)


def test_limits() -> None:
    lattice = Lattice.square(1.0, "X", 4)
    up = np.ones((1, 16), np.int8)
    checks = np.where(np.add(*np.indices((4, 4))) % 2, 1, -1).astype(np.int8).reshape(1, -1)
    phi = Observables([Magnetization(), DomainWallDensity(), EnergyPerSite()])
    assert phi.labels == ("M", "rho_DW", "energy")
    np.testing.assert_allclose(phi(up, lattice), [[1, 0, -2]])
    np.testing.assert_allclose(phi(checks, lattice), [[0, 1, 2]])
    assert DomainWallDensity(2).labels == ("rho_DW:2",)
    assert DomainWallDensity(2)(checks, lattice)[0, 0] == 0


def test_joined_observables_use_what_their_members_offer() -> None:
    lattice = Lattice.square(1.0, "X", 4)
    x = states(lattice, 5)
    phi = Observables([Plain(), Magnetization(), Observables([DomainWallDensity()])])
    assert (phi.dim, phi.labels) == (4, ("m", "m2", "M", "rho_DW"))
    sites = np.array([[0, 5, -1], [3, -1, -1], [2, 9, 1], [-1, -1, -1], [15, 14, 13]])
    values = np.array([[1, -1, 0], [-1, 0, 0], [1, 1, 1], [0, 0, 0], [-1, -1, 1]], np.int8)
    after = x.copy()
    row, place = np.nonzero(sites >= 0)
    after[row, sites[row, place]] = values[row, place]
    expected = phi(after, lattice) - phi(x, lattice)
    np.testing.assert_allclose(phi.change(x, lattice, sites, values), expected, atol=1e-14)
    twice = phi.changes(x, lattice, np.stack([sites, sites], 1), np.stack([values, values], 1))
    np.testing.assert_allclose(twice, np.stack([expected, expected], 1), atol=1e-14)
    with pytest.raises(ValueError, match="no observables"):
        Observables([])
    with pytest.raises(ValueError, match="must differ"):
        Observables([Magnetization(), Magnetization()])


def test_bad_input_is_refused() -> None:
    lattice = Lattice.square(1.0, "X", 3)
    x = states(lattice, 2)
    with pytest.raises(ValueError, match="from 1"):
        DomainWallDensity(0)
    with pytest.raises(ValueError, match="expected"):
        Magnetization()(x[:, :8], lattice)
    with pytest.raises(ValueError, match="two values"):
        DomainWallDensity().change(x, lattice, np.array([[1, 1], [0, 2]]), -x[:, [1, 1]])
    with pytest.raises(ValueError, match="not one of"):
        DomainWallDensity().change(x, lattice, np.array([[9], [0]]), x[:, :1])
    with pytest.raises(ValueError, match="belong"):
        DomainWallDensity().change(x, lattice, np.array([[1]]), x[:1, :1])
