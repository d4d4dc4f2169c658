"""Vector spins against exact motions, partition functions, Fisher's chain, and an integrator of high order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from scipy.integrate import quad, solve_ivp

from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.prototypes import PROTOTYPES
from asemacro.lattice.vector_spins import inverse_langevin, random_vectors
from asemacro.micro.blocks import Blocks
from asemacro.micro.protocol import MicroSystem
from asemacro.micro.sampling import sample
from asemacro.micro.spins.heisenberg import Heisenberg
from asemacro.observables.vector_spins import VectorEnergyPerSite, VectorMagnetization
from asemacro.testing import ALPHA, check_microsystem, chi_square
from asemacro.upsampling.tiling import mosaic

SIGMAS = stats.norm.isf(ALPHA / 2)
SIDES = {"chain": 12, "square": 4, "triangular": 4, "honeycomb": 3, "sc": 3, "bcc": 3, "fcc": 2, "hcp": 3, "diamond": 2}
ONE = Lattice.cubic(1.0, "X", 1)


def lattice_of(name: str) -> Lattice:
    return Lattice.from_prototype(name, 1.0, "X", SIDES[name])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def mean_is(values: np.ndarray, expected: float) -> bool:
    """Of independent values."""
    return abs(values.mean() - expected) < SIGMAS * values.std(ddof=1) / np.sqrt(len(values))


def langevin(x: float) -> float:
    return 1 / np.tanh(x) - 1 / x


def settled(system: Heisenberg, batch: int, duration: float, seed: int = 0) -> np.ndarray:
    """States (batch, n_sites, 3) a time after random ones."""
    r = rng(seed)
    return system.evolve(random_vectors(system.lattice, 0.0, batch, rng=r), duration, rng=r)[0]


def torque(system: Heisenberg, x: np.ndarray) -> np.ndarray:
    """ds/dt of one state (n, 3) without noise, from an explicit table of neighbours."""
    b = np.tile(np.array(system.field), (len(x), 1))
    b[:, 2] += 2 * system.anisotropy * x[:, 2]
    for j, shell in zip(system.exchange, system.lattice.shells(len(system.exchange)), strict=True):
        b += j * x[system.lattice.neighbours(shell.offsets)].sum(axis=1)
    cross = np.cross(x, b)
    return -(cross + system.damping * np.cross(x, cross)) / (1 + system.damping**2)


def followed(system: Heisenberg, x: np.ndarray, duration: float) -> np.ndarray:
    """The same motion by a method of order 8."""
    f = lambda t, y: torque(system, y.reshape(-1, 3)).reshape(-1)  # noqa: E731
    found = solve_ivp(f, (0, duration), x.reshape(-1), method="DOP853", rtol=1e-12, atol=1e-13)
    return found.y[:, -1].reshape(-1, 3)


# --- the protocol, on every lattice --------------------------------------------------------------------------------


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


# --- one spin ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damping", [0.0, 0.3, 2.0])
def test_one_spin_precesses_and_falls_exactly(damping: float) -> None:
    h, t = 2.0, 1.7
    system = Heisenberg(ONE, 0.0, 0.0, field=h, damping=damping)
    found, _ = system.evolve(np.array([[[0.6, 0.0, 0.8]]]), t, rng=rng())
    z = np.tanh(np.arctanh(0.8) + damping * h * t / (1 + damping**2))
    angle = h * t / (1 + damping**2)
    expected = [np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z]
    np.testing.assert_allclose(found[0, 0], expected, atol=1e-13)


def test_precession_around_any_field_at_any_step() -> None:
    field = np.array([0.3, -0.2, 0.6])  # of length 0.7
    for step in (0.01, 1.3):
        system = Heisenberg(ONE, 0.0, 0.0, field=field, damping=0.0, time_step=step)
        found, _ = system.evolve(np.array([[[0.0, 0.0, 1.0]]]), 2 * np.pi / 0.7 / 4 * 3, rng=rng())
        unit = field / 0.7
        expected = unit * unit[2] - np.cross(unit, [0, 0, 1.0])  # three quarters of a turn
        np.testing.assert_allclose(found[0, 0], expected, atol=1e-13)


@pytest.mark.parametrize("damping", [0.2, 1.5])
def test_langevin_function(damping: float) -> None:
    system = Heisenberg(ONE.repeat((20_000, 1, 1)), 0.8, 0.0, field=2.0, damping=damping)
    x = settled(system, 1, 6 / damping)
    assert mean_is(x[0, :, 2], langevin(2.5))
    assert mean_is(x[0, :, 0], 0.0)
    edges = np.linspace(-1, 1, 21)
    counts = np.histogram(x[0, :, 2], edges)[0]
    assert chi_square(counts, np.diff(np.exp(2.5 * edges)) / (np.exp(2.5) - np.exp(-2.5))) > ALPHA


@pytest.mark.parametrize("k", [1.0, -1.0])
def test_easy_axis_and_easy_plane(k: float) -> None:
    system = Heisenberg(ONE.repeat((20_000, 1, 1)), 0.5, 0.0, anisotropy=k, field=0.3, damping=1.0)
    x = settled(system, 1, 16.0)
    weight = lambda z: np.exp((k * z * z + 0.3 * z) / 0.5)  # noqa: E731
    total = quad(weight, -1, 1)[0]
    assert mean_is(x[0, :, 2], quad(lambda z: z * weight(z), -1, 1)[0] / total)
    assert mean_is(x[0, :, 2] ** 2, quad(lambda z: z * z * weight(z), -1, 1)[0] / total)


def test_free_spins_diffuse_on_the_sphere() -> None:
    n, t = 40_000, 0.6
    system = Heisenberg(ONE.repeat((n, 1, 1)), 1.0, 0.0, damping=1.0, time_step=0.2)
    start = np.tile([0.6, 0.0, 0.8], (1, n, 1))
    x, _ = system.evolve(start, t, rng=rng())
    spread = 1.0 * 1.0 / 2 * t  # a T t / (1 + a^2)
    for component, value in enumerate((0.6, 0.0, 0.8)):
        assert mean_is(x[0, :, component], np.exp(-2 * spread) * value)  # exact at any step
    cosine = x[0] @ start[0, 0]
    degrees = np.arange(40)
    edges = np.linspace(-1, 1, 17)
    whole = lambda l, c: (special.eval_legendre(l + 1, c) - special.eval_legendre(l - 1, c)) / (2 * l + 1)  # noqa: E731, E741
    law = (np.diff(edges)) / 2
    for degree in degrees[1:]:
        law = law + (2 * degree + 1) / 2 * np.exp(-degree * (degree + 1) * spread) * np.diff(whole(degree, edges))
    assert chi_square(np.histogram(cosine, edges)[0], law) > ALPHA


def test_noise_of_a_step_is_of_second_order() -> None:
    # <P_2> of the drawn law is 1 - 3 <cos> / kappa, that of Brownian motion exp(-6 tau)
    errors = []
    for tau in (0.02, 0.01, 0.005):
        kappa = inverse_langevin(np.exp(-2 * tau))
        errors.append(abs(1 - 3 * np.exp(-2 * tau) / kappa - np.exp(-6 * tau)))
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.1)  # of a step: one order more
    assert errors[1] / errors[2] == pytest.approx(8, rel=0.1)


# --- many spins ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bcc", "honeycomb"])
def test_steps_are_of_second_order(name: str) -> None:
    x = random_vectors(lattice_of(name), 0.3, 1, rng=rng(3))
    errors = []
    for step in (0.04, 0.02, 0.01):
        system = Heisenberg(lattice_of(name), 0.0, 1.0, 0.5, (0.1, 0.0, 0.4), 0.2, time_step=step)
        found, _ = system.evolve(x, 1.2, rng=rng())
        errors.append(abs(found[0] - followed(system, x[0], 1.2)).max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.25)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.15)
    assert errors[2] < 2e-3


def test_energy_stays_without_damping() -> None:
    x = random_vectors(lattice_of("fcc"), 0.3, 1, rng=rng(3))
    system = Heisenberg(lattice_of("fcc"), 0.0, (1.0, 0.3), field=(0.3, 0.0, 0.2), damping=0.0)
    new, _ = system.evolve(x, 100.0, rng=rng())
    assert abs(new - x).max() > 0.5
    assert system.energy(new) == pytest.approx(system.energy(x), rel=1e-12)
    spread = []
    for step in (0.04, 0.02):
        easy = Heisenberg(lattice_of("fcc"), 0.0, 1.0, 0.5, damping=0.0, time_step=step)
        path = sample(easy, x, np.arange(1, 200) * 0.4, rng=rng()).x[0]
        spread.append(np.ptp(easy.energy(path)) / 32)
    assert spread[0] / spread[1] == pytest.approx(4, rel=0.5)
    assert spread[1] < 2e-3


def test_damping_takes_energy_until_all_are_aligned() -> None:
    system = Heisenberg(lattice_of("sc"), 0.0, field=0.5, damping=0.5)
    x = random_vectors(system.lattice, 0.5, 4, rng=rng())
    path = sample(system, x, np.linspace(0, 60, 61), rng=rng()).x
    energy = np.stack([system.energy(states) for states in path])
    assert (np.diff(energy, axis=1) <= 1e-9).all()
    np.testing.assert_allclose(path[:, -1, :, 2], 1.0, atol=1e-6)


def test_lengths_stay_one() -> None:
    system = Heisenberg(lattice_of("diamond"), 3.0, 1.0, 0.5, 0.3, damping=0.7)
    new, _ = system.evolve(random_vectors(system.lattice, 0.0, 2, rng=rng()), 300.0, rng=rng())
    assert abs(np.linalg.norm(new, axis=2) - 1).max() < 1e-15 * 4


def test_two_spins() -> None:
    # the chain of two sites has two bonds: the weight of the cosine c is exp(2 J c / T)
    pair = Lattice.chain(1.0, "X", 2)
    x = settled(Heisenberg(pair, 1.3, 1.0, damping=1.0), 20_000, 8.0)
    edges = np.linspace(-1, 1, 21)
    counts = np.histogram(np.einsum("bk,bk->b", x[:, 0], x[:, 1]), edges)[0]
    assert chi_square(counts, np.diff(np.exp(2 / 1.3 * edges)) / 2 / np.sinh(2 / 1.3)) > ALPHA


def test_two_spins_in_a_field() -> None:
    # Z = sum_l (2l+1) i_l(2K) j with the angle to the field: by quadrature over both polar angles, I_0 for the azimuth
    t, h = 0.9, 0.7
    z = np.polynomial.legendre.leggauss(60)
    (z1, w1), (z2, w2) = (z[0][:, None], z[1][:, None]), z
    rest = np.sqrt((1 - z1**2) * (1 - z2**2))
    weight = w1 * w2 * np.exp((2 * z1 * z2 + h * (z1 + z2)) / t) * special.i0(2 * rest / t)
    mean = (weight * (z1 + z2) / 2).sum() / weight.sum()
    x = settled(Heisenberg(Lattice.chain(1.0, "X", 2), t, 1.0, field=h, damping=1.0), 20_000, 10.0)
    assert mean_is(x[..., 2].mean(axis=1), mean)


@pytest.mark.parametrize("name", ["bcc", "fcc", "hcp", "diamond", "triangular"])
def test_the_temperature_of_the_directions_is_that_of_the_bath(name: str) -> None:
    # T <Laplacian of H> = <gradient of H, squared> on the product of spheres, at any law exp(-H / T)
    t = 0.9
    system = Heisenberg(lattice_of(name), t, (1.0, -0.3), 0.4, (0.1, 0.2, 0.3), damping=1.0)
    x = settled(system, 80, 8.0)
    b = np.tile(np.array(system.field), (*x.shape[:2], 1))
    for j, shell in zip(system.exchange, system.lattice.shells(2), strict=True):
        b += j * x[:, system.lattice.neighbours(shell.offsets)].sum(axis=2)
    laplacian = 2 * np.einsum("bik,bik->b", x, b) + 0.4 * (6 * x[..., 2] ** 2 - 2).sum(axis=1)
    b[..., 2] += 2 * 0.4 * x[..., 2]
    assert mean_is((np.cross(x, b) ** 2).sum(axis=(1, 2)) - t * laplacian, 0.0)


@pytest.mark.parametrize(("temperature", "exchange"), [(1.0, 1.0), (0.6, 1.0), (0.8, -1.0)])
def test_energy_of_a_chain_is_that_of_fisher(temperature: float, exchange: float) -> None:
    k = exchange / temperature
    system = Heisenberg(Lattice.chain(1.0, "X", 40), temperature, exchange, damping=1.0)
    x = settled(system, 500, 20.0)
    assert mean_is(system.energy(x) / 40, -exchange * langevin(k))  # the ring differs by langevin(k)^40


def test_a_ring_of_five() -> None:
    # Z = sum_l (2l + 1) i_l(K)^5: Fisher's chain with its ends joined
    def log_z(k: float) -> float:
        degrees = np.arange(12)
        return float(np.log(((2 * degrees + 1) * special.spherical_in(degrees, k) ** 5).sum()))

    t, step = 0.5, 1e-4
    energy = -(log_z(1 / t + step) - log_z(1 / t - step)) / (2 * step)
    system = Heisenberg(Lattice.chain(1.0, "X", 5), t, damping=1.0)
    assert mean_is(system.energy(settled(system, 4000, 15.0)), energy)


def test_a_spin_among_frozen_ones_sees_their_field() -> None:
    system = Heisenberg(lattice_of("bcc"), 1.5, (1.0, 0.5), field=(0.0, 0.3, 0.4), damping=0.5)
    x = np.repeat(random_vectors(system.lattice, 0.4, 1, rng=rng(2)), 5000, axis=0)
    site = 11
    b = np.array(system.field)
    for j, shell in zip(system.exchange, system.lattice.shells(2), strict=True):
        b = b + j * x[0, system.lattice.neighbours(shell.offsets)[site]].sum(axis=0)
    new, sites = system.evolve(x, 6.0, np.full((5000, 1), site), rng=rng())
    assert (sites == site).all()
    size = np.linalg.norm(b)
    assert mean_is(new[:, site] @ b / size, langevin(size / 1.5))


def test_the_bias_of_equilibrium_is_of_second_order() -> None:
    t = 0.5  # two spins with the bonds 2 J, whose cosine has the mean langevin(4)
    pair = Lattice.chain(1.0, "X", 2)
    rate = 1 / Heisenberg(pair, t, damping=1.0, time_step=1e-3).longest_step
    bias, error = [], []
    for part in (1.0, 0.5):
        system = Heisenberg(pair, t, damping=1.0, time_step=part / rate)
        energy = system.energy(settled(system, 60_000, 8.0))
        bias.append(energy.mean() + 2 * langevin(2 / t))
        error.append(energy.std() / np.sqrt(len(energy)))
    assert abs(bias[0]) > SIGMAS * error[0]  # at the longest step that is taken
    assert abs(bias[1] - bias[0] / 4) < SIGMAS * np.hypot(error[1], error[0] / 4)


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
