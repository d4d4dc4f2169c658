"""Vector spins: the protocol on every lattice, their equation and energy, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.prototypes import PROTOTYPES
from asemacro.lattice.vector_spins import random_vectors
from asemacro.micro.blocks import Blocks
from asemacro.micro.protocol import MicroSystem
from asemacro.micro.sampling import sample
from asemacro.micro.spins.heisenberg import Heisenberg
from asemacro.observables.vector_spins import VectorEnergyPerSite, VectorMagnetization
from asemacro.testing import check_microsystem
from asemacro.upsampling.tiling import mosaic
from tests.micro.vector_spins import SIDES, lattice_of, rng, torque


@pytest.mark.parametrize("name", SIDES)
def test_obeys_the_protocol(name: str) -> None:
    system = Heisenberg(lattice_of(name), 0.8, (1.0, 0.3), anisotropy=0.4, field=0.5, damping=0.4)
    assert isinstance(system, MicroSystem)
    x = random_vectors(system.lattice, 0.7, 1, rng=rng())
    check_microsystem(system, x, (0.05, 0.5), observable=VectorMagnetization(), replicas=300)
    assert np.array_equal(system.carriers(x), [np.arange(system.lattice.n_sites)])
    size = 2 * system.lattice.n_basis
    assert system.draw_active(x, size, rng=rng()).shape == (1, size)


def test_all_prototypes_are_tried() -> None:
    assert set(SIDES) == set(PROTOTYPES)


@pytest.mark.parametrize("name", SIDES)
def test_spins_obey_the_equation(name: str) -> None:
    system = Heisenberg(lattice_of(name), 0.0, (1.0, -0.4, 0.2), 0.3, (0.2, -0.1, 0.5), damping=0.3)
    x = random_vectors(system.lattice, 0.2, 1, rng=rng(1))
    for step in (1e-6, 3e-6):
        new, _ = system.evolve(x, step, rng=rng())
        np.testing.assert_allclose((new - x)[0] / step, torque(system, x[0]), atol=300 * step)


def test_energy_is_that_of_the_field() -> None:
    system = Heisenberg(lattice_of("hcp"), 0.0, (1.0, -0.4), 0.3, (0.2, -0.1, 0.5))
    x = random_vectors(system.lattice, 0.2, 3, rng=rng(1))
    explicit = -x @ np.array(system.field) - 0.3 * x[..., 2] ** 2
    for j, shell in zip(system.exchange, system.lattice.shells(2), strict=True):
        explicit -= 0.5 * j * np.einsum("bik,bijk->bi", x, x[:, system.lattice.neighbours(shell.offsets)])
    np.testing.assert_allclose(system.energy(x), explicit.sum(axis=1), rtol=1e-12)
    aligned = np.tile([0, 0, 1.0], (1, 64, 1))
    cubic = Heisenberg(Lattice.cubic(1.0, "X", 4), 0.0, (1.0, 0.5), 0.25, 2.0)
    assert cubic.energy(aligned) == pytest.approx(64 * (-3 - 6 * 0.5 - 0.25 - 2.0))


def test_a_step_does_not_depend_on_what_was_asked_for_before() -> None:
    system = Heisenberg(lattice_of("bcc"), 1.0, damping=0.3)
    x = random_vectors(system.lattice, 0.3, 1, rng=rng())
    one, r = rng(5), rng(5)
    once, _ = system.evolve(x, 10 * system.time_step, rng=one)
    twice, _ = system.evolve(system.evolve(x, 4 * system.time_step, rng=r)[0], 6 * system.time_step, rng=r)
    assert np.array_equal(once, twice)  # whole steps compose to the last bit
    listed, _ = system.evolve(x, 10 * system.time_step, system.carriers(x), rng=rng(5))
    assert np.array_equal(once, listed)
    again, _ = system.evolve(x, 10 * system.time_step, rng=rng(5))
    assert np.array_equal(once, again)


def test_calls_may_be_cut_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    system = Heisenberg(lattice_of("square"), 1.0, 1.0, 0.2, damping=0.3)
    x, times = random_vectors(system.lattice, 0.3, 3, rng=rng()), system.time_step * np.array([7.5, 0.0, 3.0])
    whole, _ = system.evolve(x, times, rng=rng(1))
    monkeypatch.setattr("asemacro.micro.time_steps._FIRST_CALL", 1)
    monkeypatch.setattr("asemacro.micro.time_steps.next_size", lambda size, elapsed: 2)
    cut, _ = system.evolve(x, times, rng=rng(1))
    assert np.array_equal(whole, cut)
    assert np.array_equal(whole[1], x[1])


def test_cells_side_by_side_and_samples() -> None:
    system = Heisenberg(lattice_of("square"), 1.0)
    two = Blocks(system, 2)
    x = random_vectors(two.lattice, 0.5, 3, rng=rng())  # type: ignore[arg-type]
    active = two.draw_active(x, 8, rng=rng())
    new, _ = two.evolve(x, 0.3, active, rng=rng())
    moved = (new != x).any(axis=2)
    assert np.array_equal(np.nonzero(moved)[1].reshape(3, 8), np.sort(active, axis=1))
    runs = sample(system, x[:, :16], [0.0, 0.2, 0.4], rng=rng())
    assert runs.x.shape == (3, 3, 16, 3)
    assert np.array_equal(runs.x[:, 0], x[:, :16])


def test_large_states_and_pairs_are_made_as_of_other_systems() -> None:
    system = Heisenberg(lattice_of("bcc"), 1.0, damping=0.5)
    cells = random_vectors(system.lattice, 0.5, 4, rng=rng())
    big, x = mosaic(system, cells, 4, 2, rng=rng())
    assert x.shape == (2, 4 * system.lattice.n_sites, 3)
    np.testing.assert_allclose(x.mean(axis=1), np.tile(cells.mean(axis=(0, 1)), (2, 1)))  # each cell once
    phi = VectorMagnetization()
    pairs = partial_evolution(big, x, [0.05], 1 / 4, rng=rng()).pairs(phi)
    np.testing.assert_allclose(pairs.z0, phi(x, big.lattice))
    with pytest.raises(ValueError, match="Heisenberg gives no rates"):
        system.events(cells)


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"temperature": -1.0}, "temperature must be a finite number >= 0"),
        ({"damping": -0.1}, "damping must be a finite number >= 0"),
        ({"exchange": [1.0, np.nan]}, "exchange"),
        ({"field": [0.0, 1.0]}, "a vector of three"),
        ({"time_step": 1.0}, "too long for these spins; take at most"),
        ({"exchange": 1e308}, "cannot move at the rate"),
        ({"lattice": Lattice.cubic(1.0, "X", (1, 4, 4))}, "its own neighbour"),
        ({"lattice": Lattice.chain(1.0, "X", 8).opened(0)}, "must not be opened"),
    ],
)
def test_bad_numbers(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Heisenberg(**{"lattice": lattice_of("sc"), "temperature": 1.0, **words})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :5], "shape"),
        (lambda x: x.astype(np.float32), "float64"),
        (lambda x: 1.01 * x, "length 1, got lengths from 1.01"),
        (lambda x: x[..., 2], "shape"),
    ],
)
def test_bad_states(change: Any, message: str) -> None:
    system = Heisenberg(lattice_of("sc"), 1.0)
    with pytest.raises(ValueError, match=message):
        system.evolve(change(random_vectors(system.lattice, 0.0, 1, rng=rng())), 1.0, rng=rng())


def test_observables() -> None:
    lattice = lattice_of("bcc")
    x = random_vectors(lattice, 0.4, 3, rng=rng())
    magnetisation = VectorMagnetization()
    np.testing.assert_allclose(magnetisation(x, lattice), x.mean(axis=1))
    assert magnetisation.labels == ("M_x", "M_y", "M_z")
    assert np.array_equal(magnetisation.bounds(x, lattice), [[-1, 1]] * 3)
    energy = VectorEnergyPerSite((1.0, 0.5), 0.2, 0.3)
    system = Heisenberg(lattice, 1.0, (1.0, 0.5), 0.2, 0.3)
    np.testing.assert_allclose(energy(x, lattice)[:, 0] * lattice.n_sites, system.energy(x))
    sites, values = np.array([[1, 7]] * 3), random_vectors(lattice, 0.0, 3, rng=rng(1))[:, :2]
    after = x.copy()
    after[:, [1, 7]] = values
    np.testing.assert_allclose(energy.change(x, lattice, sites, values), energy(after, lattice) - energy(x, lattice))
