"""Predator-prey fields: exact one-step laws, exact spectra of the linearised fields, frozen cells, interpolation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from scipy import linalg, ndimage, stats
from scipy.integrate import solve_ivp
from small_fields import OPEN_CHAIN, OPEN_NET, some_fields

from asemacro.labels.duration import choose_dt
from asemacro.labels.moments import infinitesimal_moments, patch_moments
from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.fields import fields_from_atoms, fields_to_atoms
from asemacro.lattice.lattice import Lattice
from asemacro.micro.blocks import Blocks
from asemacro.micro.fields.predator_prey import PredatorPrey, cell_volume, cosine_fields, random_cosines
from asemacro.micro.protocol import MicroSystem
from asemacro.micro.sampling import sample
from asemacro.observables.field_covariance import FieldCovariance
from asemacro.observables.field_mean import FieldMean
from asemacro.observables.joined import Observables
from asemacro.testing import ALPHA, check_microsystem
from asemacro.upsampling.interpolation import interpolate
from asemacro.upsampling.tiling import upsample


def reaction(x: np.ndarray, a: float = 3.0, b: float = 0.4) -> np.ndarray:
    u, v = x[..., 0], x[..., 1]
    return np.stack([u * (1 - u - v), a * v * (u - b)], axis=-1)


# --- the equations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["published", "physical"])
def test_laplacian_is_that_of_an_image_with_its_edges(form: str) -> None:
    x = some_fields(OPEN_NET)
    system = PredatorPrey(OPEN_NET, D=(0.02, 0.03), form=form)
    image = x[0].reshape(5, 6, 2)
    lap = np.stack([ndimage.laplace(image[..., f], mode=("wrap", "nearest")) for f in (0, 1)], axis=-1)
    unit = 1.0 if form == "published" else 0.1**2
    expected = reaction(image) + np.array([0.02, 0.03]) / unit * lap
    np.testing.assert_allclose(system.drift(x)[0].reshape(5, 6, 2), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["chain", "square", "sc", "fcc", "bcc"])
def test_physical_laplacian_has_the_continuum_limit(name: str) -> None:
    n = 24
    lattice = Lattice.from_prototype(name, 1.0 / n, (), n)
    fractions = (lattice.positions() % 1)[:, 0]
    wave = np.cos(2 * np.pi * fractions)
    x = np.zeros((1, lattice.n_sites, 2))
    x[0, :, 1] = wave
    # u = 0: the reaction of v is -a b v
    system = PredatorPrey(lattice, a=1.0, b=0.5, D=(0.0, 2.0), form="physical")
    expected = -(0.5 + 2.0 * (2 * np.pi) ** 2) * wave
    np.testing.assert_allclose(system.drift(x)[0, :, 1], expected, atol=0.01 * np.abs(expected).max())


def test_volume_of_a_cell() -> None:
    assert cell_volume(OPEN_CHAIN) == pytest.approx(0.1)
    assert cell_volume(OPEN_NET) == pytest.approx(0.01)
    assert cell_volume(Lattice.bcc(2.0, (), 3)) == pytest.approx(4.0)
    assert cell_volume(Lattice.honeycomb(1.0, (), 4)) == pytest.approx(np.sqrt(0.75) / 2)


@pytest.mark.parametrize(("form", "spread"), [("published", 0.02), ("physical", 0.02 / np.sqrt(0.1))])
def test_one_step_is_euler_maruyama(form: str, spread: float) -> None:
    system = PredatorPrey(OPEN_CHAIN, D=(0.0, 0.0), noise=0.02, form=form)
    x = some_fields(OPEN_CHAIN)
    new, _ = system.evolve(np.repeat(x, 2000, axis=0), 0.01, rng=np.random.default_rng(1))
    pulls = (new - x - 0.01 * reaction(x)) / (spread * 0.1)
    assert stats.kstest(pulls.reshape(-1), "norm").pvalue > ALPHA
    assert stats.chi2.sf((pulls**2).sum(), pulls.size) > ALPHA


@pytest.mark.parametrize(("form", "D"), [("published", (0.3, 1.0)), ("physical", (0.002, 0.02))])
def test_without_noise_the_equations_are_solved_to_first_order(form: str, D: tuple[float, float]) -> None:
    x = cosine_fields(OPEN_NET, 0.15, 0.5, 1.0)
    errors = []
    for step in (0.02, 0.01):
        system = PredatorPrey(OPEN_NET, D=D, noise=0.0, time_step=step, form=form)
        new, _ = system.evolve(x, 1.0, rng=np.random.default_rng(0))
        solution = solve_ivp(
            lambda _, y, s=system: s.drift(y.reshape(x.shape)).reshape(-1), (0, 1), x.reshape(-1), rtol=1e-9, atol=1e-11
        )
        errors.append(np.abs(new.reshape(-1) - solution.y[:, -1]).max())
    assert errors[1] < 5e-3
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.1)


def stationary(system: Weighted, h: float, spread: float, k: int, n: int) -> np.ndarray:
    """(2, 2) exact stationary covariance of wave k of the linearised scheme on a periodic chain, per point."""
    jacobian = np.array([[-0.4, -0.4], [3 * 0.6, 0.0]])
    lap = np.diag(system.drift_weight) * -(2 - 2 * np.cos(2 * np.pi * k / n))
    if system.form == "published":
        step, root = np.eye(2) + h * (jacobian + lap), np.eye(2)
    else:
        root = np.linalg.inv(np.eye(2) - 0.5 * h * lap)
        step = root @ (np.eye(2) + 0.5 * h * lap + h * jacobian)
    return linalg.solve_discrete_lyapunov(step, spread**2 * h * root @ root.T)


class Weighted(PredatorPrey):
    """Shows the weight of a neighbour to the test."""

    @property
    def drift_weight(self) -> np.ndarray:
        x = np.zeros((1, self.lattice.n_sites, 2))
        x[0, 0] = 1e-9
        return self.drift(x)[0, 1] / 1e-9


@pytest.mark.parametrize(
    ("form", "D", "h"),
    [("published", (0.0, 1.0), 0.05), ("physical", (0.02, 0.5), 0.05), ("physical", (0.5, 0.5), 0.4)],
)
def test_fluctuations_have_the_exact_spectrum(form: str, D: tuple[float, float], h: float) -> None:
    n, runs = 16, 1500
    lattice = Lattice.chain(0.3, (), n)
    system = Weighted(lattice, D=D, noise=2e-4, time_step=h, form=form)
    spread = 2e-4 / (np.sqrt(0.3) if form == "physical" else 1.0)
    x = np.tile([0.4, 0.6], (runs, n, 1))
    x, _ = system.evolve(x, 40.0, rng=np.random.default_rng(2))
    modes = np.fft.rfft(x - [0.4, 0.6], axis=1) / np.sqrt(n)
    for k in range(n // 2 + 1):
        covariance = stationary(system, h, spread, k, n)
        white = np.linalg.solve(np.linalg.cholesky(covariance), modes[:, k].T)
        degrees = 2 * runs * (1 if k in (0, n // 2) else 2)
        scale = 1.0 if k in (0, n // 2) else 2.0
        square = scale * (np.abs(white) ** 2).sum()
        assert ALPHA < stats.chi2.sf(square, degrees) < 1 - ALPHA, k
        if form == "physical" and D[0] == D[1] and k >= 4:
            # Crank-Nicolson: right even where rate x step is 4 to 9; left is the reaction: a factor 1 - h J/2
            lap = np.diag(system.drift_weight) * -(2 - 2 * np.cos(2 * np.pi * k / n))
            jacobian = np.array([[-0.4, -0.4], [3 * 0.6, 0.0]]) + lap
            exact = linalg.solve_continuous_lyapunov(jacobian, -(spread**2) * np.eye(2))
            np.testing.assert_allclose(np.diag(covariance), np.diag(exact), rtol=0.25 * h)


# --- the protocol ------------------------------------------------------------------------------------------------

SYSTEMS = [
    (PredatorPrey(OPEN_CHAIN), 1.0),
    (PredatorPrey(Lattice.chain(1.0, (), 10), form="physical", D=(0.1, 0.5), noise=0.02), 1.0),
    (PredatorPrey(Lattice.chain(0.1, (), 10).opened(0), form="physical", D=(0.0, 0.02), noise=0.002), 0.5),
    (PredatorPrey(OPEN_NET, D=(0.2, 1.0)), 1.0),
]


@pytest.mark.parametrize(("system", "long"), SYSTEMS)
def test_obeys_the_protocol(system: PredatorPrey, long: float) -> None:
    assert isinstance(system, MicroSystem)
    x = cosine_fields(system.lattice, 0.15, 0.5, 1.0)
    p = check_microsystem(system, x, (0.05, long), observable=FieldMean(), replicas=1500)
    assert min(p.values()) > ALPHA


def test_blocks_of_fields_obey_it_too() -> None:
    system = Blocks(PredatorPrey(OPEN_CHAIN), 2)
    cell = cosine_fields(OPEN_CHAIN, [0.15, 0.05], [0.5, 0.55], 1.0).reshape(1, -1, 2)

    def mean(x: np.ndarray, lattice: Any) -> np.ndarray:
        return x.mean(axis=1)

    check_microsystem(system, cell, (0.05, 0.5), observable=mean, replicas=500)


def test_patches_add_up_to_the_whole() -> None:
    # one explicit step: the changes of 4 frozen-surroundings patches are together the change of all cells
    system = PredatorPrey(OPEN_CHAIN, noise=0.0)
    x = some_fields(OPEN_CHAIN)
    rng = np.random.default_rng(0)
    whole, _ = system.evolve(x, 0.01, rng=rng)
    parts = [system.evolve(x, 0.01, cells[None], rng=rng)[0] - x for cells in np.arange(12).reshape(4, 3)]
    np.testing.assert_allclose(sum(parts), whole - x, atol=1e-15)
    phi = Observables([FieldMean(), FieldCovariance()])
    noisy = PredatorPrey(OPEN_CHAIN)
    moments = [infinitesimal_moments(noisy, x, phi, cells[None]) for cells in np.arange(12).reshape(4, 3)]
    drift, covariance = infinitesimal_moments(noisy, x, phi)
    np.testing.assert_allclose(np.mean([b for b, _ in moments], axis=0), drift, rtol=1e-9)
    np.testing.assert_allclose(np.mean([s for _, s in moments], axis=0), covariance, rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(drift[:, :2], (whole - x).mean(axis=1) / 0.01, rtol=1e-10)


def test_frozen_cells_are_ghost_values_of_the_implicit_step() -> None:
    # cells 3..6 between frozen ones: the step of the 4 x 4 system with Dirichlet values
    lattice = Lattice.chain(0.1, (), 12).opened(0)
    system = PredatorPrey(lattice, D=(0.0, 2.0), noise=0.0, form="physical")
    x, inside, weight = some_fields(lattice), np.arange(3, 7), 2.0 / 0.01
    new, _ = system.evolve(x, 0.01, inside[None], rng=np.random.default_rng(0))
    lap = -2 * np.eye(4) + np.eye(4, k=1) + np.eye(4, k=-1)
    right = 0.01 * system.drift(x)[0, inside, 1]
    step = np.linalg.solve(np.eye(4) - 0.5 * 0.01 * weight * lap, right)
    np.testing.assert_allclose(new[0, inside, 1] - x[0, inside, 1], step, rtol=1e-9)
    np.testing.assert_array_equal(np.delete(new, inside, axis=1), np.delete(x, inside, axis=1))


@pytest.mark.parametrize(("form", "noise"), [("published", 0.05), ("physical", 0.02)])
def test_moments_are_those_of_a_short_evolution(form: str, noise: float) -> None:
    system, phi = PredatorPrey(OPEN_CHAIN, noise=noise, form=form), Observables([FieldMean(), FieldCovariance()])
    x, n, h = some_fields(OPEN_CHAIN), 40_000, 1e-3
    new, _ = system.evolve(np.repeat(x, n, axis=0), h, rng=np.random.default_rng(3))
    change = phi(new, OPEN_CHAIN) - phi(x, OPEN_CHAIN)
    drift, covariance = infinitesimal_moments(system, x, phi)
    # what is left out is of the order h: second derivatives of the mean, squares of the drift
    error = change.std(axis=0) / np.sqrt(n) * stats.norm.isf(ALPHA / 10) + 5 * h**2
    assert (np.abs(change.mean(axis=0) - h * drift[0]) < error).all()
    spread = change - change.mean(axis=0)
    products = spread[:, :, None] * spread[:, None]
    error = products.std(axis=0) / np.sqrt(n) * stats.norm.isf(ALPHA / 50)
    assert (np.abs(products.mean(axis=0) - h * covariance[0]) < error + 0.02 * h * np.abs(covariance[0])).all()


def test_moments_of_means_and_covariances_by_hand() -> None:
    # Ito: d mean(u) = mean f, d C_uu = 2 mean (u - U) f_u + s^2 (1 - 1/n); means and covariances have separate noise
    system, phi = PredatorPrey(OPEN_NET, noise=0.03, D=(0.1, 0.7)), Observables([FieldMean(), FieldCovariance()])
    x, n, s2 = some_fields(OPEN_NET, batch=3), OPEN_NET.n_sites, 0.03**2
    drift, covariance = infinitesimal_moments(system, x, phi)
    f, d = system.drift(x), x - x.mean(axis=1, keepdims=True)
    cross = (d[..., 0] * f[..., 1] + d[..., 1] * f[..., 0]).mean(axis=1)
    own = 2 * (d * f).mean(axis=1) + s2 * (1 - 1 / n)
    np.testing.assert_allclose(drift, np.column_stack([f.mean(axis=1), own[:, 0], cross, own[:, 1]]), rtol=1e-7)
    c = phi(x, OPEN_NET)[:, 2:]
    zero = np.zeros(3)
    inner = [
        [4 * c[:, 0], 2 * c[:, 1], zero],
        [2 * c[:, 1], c[:, 0] + c[:, 2], 2 * c[:, 1]],
        [zero, 2 * c[:, 1], 4 * c[:, 2]],
    ]
    np.testing.assert_allclose(covariance[:, 2:, 2:], s2 / n * np.moveaxis(np.array(inner), 2, 0), atol=1e-6 * s2 / n)
    np.testing.assert_allclose(covariance[:, :2, :2], np.tile(s2 / n * np.eye(2), (3, 1, 1)), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(covariance[:, :2, 2:], 0, atol=1e-9 * s2)


def test_moments_of_blocks_of_fields() -> None:
    cell, phi = PredatorPrey(OPEN_CHAIN), Observables([FieldMean(), FieldCovariance()])
    x = some_fields(OPEN_CHAIN, batch=6)
    b, s = infinitesimal_moments(cell, x, phi)
    big = Blocks(cell, 3)
    drift, covariance = infinitesimal_moments(big, x.reshape(2, 36, 2), phi)
    np.testing.assert_allclose(drift, b.reshape(2, 3, 5).mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(covariance, s.reshape(2, 3, 5, 5).mean(axis=1) / 3, rtol=1e-6, atol=1e-15)
    parts = patch_moments(big, x.reshape(2, 36, 2), phi, 1 / 9, rng=_rng(0))
    assert (parts.K == 9).all()


def test_a_duration_is_whole_steps_and_one_shorter() -> None:
    system = PredatorPrey(OPEN_CHAIN, noise=0.0)
    x, rng = some_fields(OPEN_CHAIN, batch=3), np.random.default_rng(0)
    once, _ = system.evolve(x, [0.025, 0.0, 0.1], rng=rng)
    twice, _ = system.evolve(system.evolve(x, 0.02, rng=rng)[0], 0.005, rng=rng)
    np.testing.assert_array_equal(once[0], twice[0])
    np.testing.assert_array_equal(once[1], x[1])
    ten = x[2:]
    for _ in range(10):
        ten, _ = system.evolve(ten, 0.01, rng=rng)
    np.testing.assert_array_equal(once[2], ten[0])


def test_pairs_scale_the_change_by_the_number_of_patches() -> None:
    system, phi = PredatorPrey(OPEN_CHAIN), FieldMean()
    x = random_cosines(OPEN_CHAIN, 40, rng=np.random.default_rng(4))
    moves = partial_evolution(system, x, [0.05, 0.1], 1 / 3, rng=np.random.default_rng(5))
    assert moves.K == 3
    for time in (0, 1):
        state = moves.state(time)
        assert np.array_equal((state != x).any(axis=2).sum(axis=1), np.full(40, 4))
        pairs = moves.pairs(phi, time=time)
        np.testing.assert_allclose(pairs.z0, x.mean(axis=1))
        np.testing.assert_allclose(pairs.z1 - pairs.z0, 3 * (state - x).mean(axis=1), atol=1e-15)


@pytest.mark.parametrize("copies", [1, 2])
def test_choose_dt_starts_from_the_time_step(copies: int) -> None:
    cell = PredatorPrey(Lattice.chain(0.1, (), 40).opened(0))
    system = cell if copies == 1 else Blocks(cell, copies)
    x = cosine_fields(cell.lattice, 0.1, np.linspace(0.35, 0.45, 64 * copies), 1.0)
    x, _ = cell.evolve(x, 20.0, rng=_rng(6))
    states = x.reshape(64, -1, 2)
    report = choose_dt(system, states, FieldMean(), fraction=1 / (4 * copies), rng=_rng(7))
    assert report.rows[0].dt == 0.01
    assert 0.02 <= report.dt <= 0.16
    assert not report.warnings
    assert 4 * copies == report.K


def test_patches_of_an_open_chain_are_its_equal_parts() -> None:
    # the published setting: 200 points in 5 patches of 40
    system = PredatorPrey(Lattice.chain(0.005, (), 200).opened(0))
    drawn = system.draw_active(some_fields(system.lattice, batch=400), 40, rng=_rng(0))
    starts, counts = np.unique(drawn.min(axis=1), return_counts=True)
    np.testing.assert_array_equal(starts, [0, 40, 80, 120, 160])
    np.testing.assert_array_equal(np.sort(drawn, axis=1) - drawn.min(axis=1)[:, None], np.tile(np.arange(40), (400, 1)))
    assert stats.chisquare(counts).pvalue > ALPHA
    with pytest.raises(ValueError, match="ends at its faces"):
        partial_evolution(system, some_fields(system.lattice), [0.1], 0.3, rng=_rng(0))


def test_snapshots_at_fixed_times() -> None:
    system = PredatorPrey(OPEN_CHAIN)
    small = sample(system, random_cosines(OPEN_CHAIN, 3, rng=np.random.default_rng(0)), [0, 0.3, 0.6], rng=_rng(1))
    assert small.x.shape == (3, 3, 12, 2)
    big, x = upsample(system, small, 2, how=interpolate, rng=_rng(2), relax_s=0.02)
    assert isinstance(big, PredatorPrey)
    assert big.lattice.shape == (24, 1, 1)
    assert x.shape == (9, 24, 2)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- observable, atoms, interpolation ------------------------------------------------------------------------------


def test_change_of_the_mean() -> None:
    phi, x = FieldMean(), some_fields(OPEN_CHAIN, batch=2)
    sites = np.array([[3, 7, -1], [0, 11, 5]])
    values = _rng(1).random((2, 3, 2))
    new = x.copy()
    for row in range(2):
        used = sites[row] >= 0
        new[row, sites[row, used]] = values[row, used]
    np.testing.assert_allclose(phi.change(x, OPEN_CHAIN, sites, values), phi(new, OPEN_CHAIN) - phi(x, OPEN_CHAIN))
    with pytest.raises(ValueError, match="two values"):
        phi.change(x, OPEN_CHAIN, np.array([[1, 1], [2, 3]]), values[:, :2])
    with pytest.raises(ValueError, match="different names"):
        FieldMean(("u", "u"))


def test_fields_survive_a_file_of_atoms(tmp_path: Path) -> None:
    x = some_fields(OPEN_NET)
    atoms = fields_to_atoms(OPEN_NET, x)
    assert list(atoms.pbc) == [True, False, False]
    assert set(atoms.get_chemical_symbols()) == {"X"}
    shuffled = atoms[_rng(0).permutation(len(atoms))]
    ase.io.write(tmp_path / "fields.extxyz", shuffled)
    read = ase.io.read(tmp_path / "fields.extxyz")
    np.testing.assert_allclose(fields_from_atoms(OPEN_NET, read), x, atol=1e-7)
    with pytest.raises(ValueError, match="no array 'w'"):
        fields_from_atoms(OPEN_NET, read, ("u", "w"))
    with pytest.raises(ValueError, match="not one on each"):
        fields_from_atoms(OPEN_NET, read[1:])
    read.positions += [0.03, 0, 0]
    with pytest.raises(ValueError, match="do not sit"):
        fields_from_atoms(OPEN_NET, read)


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"form": "other"}, "form of the equations"),
        ({"a": 0.0}, "a must be"),
        ({"noise": -1.0}, "noise must be a finite number >= 0"),
        ({"D": (0.0, np.inf)}, "D must be finite"),
        ({"time_step": 0.0}, "time_step must be"),
        ({"D": (0.0, 60.0)}, "unstable"),
    ],
)
def test_bad_parameters(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PredatorPrey(OPEN_CHAIN, **arguments)


def test_bad_states_and_fields_that_run_away() -> None:
    system, x, rng = PredatorPrey(OPEN_CHAIN), some_fields(OPEN_CHAIN), _rng(0)
    for bad in (x[0], x[:, :5], x.astype(np.float32), x * np.nan):
        with pytest.raises(ValueError, match="fields must"):
            system.evolve(bad, 0.1, rng=rng)
    with pytest.raises(ValueError, match="duration"):
        system.evolve(x, -1.0, rng=rng)
    for active in ([[0, 0]], [[12]], [0]):
        with pytest.raises(ValueError, match="active"):
            system.evolve(x, 0.1, np.array(active), rng=rng)
    with pytest.raises(ValueError, match="ran away"):
        system.evolve(x - 5.0, 10.0, rng=rng)
    with pytest.raises(ValueError, match="wrap around"):
        Lattice.chain(1.0, "Nb", 5).opened(0)
    with pytest.raises(ValueError, match="opened"):
        Lattice.chain(1.0, (), 5).opened(1)
