"""Snapshots of all ages, models learned from rates and from pairs against exact laws, and their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exact_spins import ExactCurieWeiss
from scipy import stats

from asemacro.data import Moments
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.macro.trajectories import simulate
from asemacro.micro.fields.predator_prey import PredatorPrey, random_cosines
from asemacro.micro.sampling import sample
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.ising import Ising
from asemacro.observables.field_mean import FieldMean
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.studies.learn.learned import (
    Learned,
    learn_from_moments,
    learn_from_pairs,
    learn_from_rates,
    polynomial_sde,
)
from asemacro.testing import ALPHA
from asemacro.upsampling.ensemble import log_ages, magnetised, snapshots
from asemacro.upsampling.interpolation import interpolate
from asemacro.upsampling.tiling import blocks, mosaic

M = Magnetization()


def noisy_moments(n: int = 400, d: int = 2, temperatures: tuple[float, ...] = ()) -> Moments:
    """Labels of an OU process, optionally at several temperatures."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, d))
    condition = np.resize(temperatures, n) if temperatures else np.zeros(0)
    return Moments(z, -z, np.tile(np.eye(d), (n, 1, 1)), np.array(1.0), condition)


def test_snapshots_are_of_their_start_and_age() -> None:
    # independent spins: M decays as exp(-t) whatever the start
    rng = np.random.default_rng(1)
    small = CurieWeiss(64, np.inf)
    made = snapshots(small, magnetised([0.8, -0.5]), [0.0, 0.7], 8, mosaic, per_age=3, rng=rng)
    assert made.x.shape == (12, 512)
    assert made.system.lattice.n_sites == 512
    np.testing.assert_array_equal(made.start, np.repeat([0, 1], 6))
    np.testing.assert_array_equal(made.age, np.tile(np.repeat([0.0, 0.7], 3), 2))
    m = M(made.x, made.system.lattice)[:, 0]
    starts = np.array([0.8125, -0.5])[made.start]  # 58 and 16 of 64 up
    np.testing.assert_allclose(m[made.age == 0], starts[made.age == 0])
    wanted = starts * np.exp(-made.age)
    deviation = np.sqrt((1 - np.exp(-2 * 0.7)) / 512)
    assert np.abs(m - wanted).max() < stats.norm.isf(ALPHA / 2 / 12) * deviation
    part = made.take(made.start == 1)
    assert len(part) == 6
    assert (part.start == 1).all()


def test_snapshots_do_not_depend_on_later_starts_and_take_arrays() -> None:
    small = CurieWeiss(16, 1.5)
    x0 = np.ones((2, 16), dtype=np.int8)
    first = snapshots(small, [x0], [0.5], 2, blocks, rng=np.random.default_rng(2))
    both = snapshots(small, [x0, *magnetised([0.0])], [0.5], 2, blocks, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(both.x[:1], first.x)
    with pytest.raises(ValueError, match="no starts"):
        snapshots(small, [], [0.5], 2, blocks, rng=np.random.default_rng(2))


def test_ages() -> None:
    np.testing.assert_allclose(log_ages(0.1, 10, 4), [0, 0.1, 1, 10])
    for bad in ((0.0, 1.0, 4), (2.0, 1.0, 4), (0.1, np.inf, 4), (0.1, 1.0, 2)):
        with pytest.raises(ValueError, match=r"ages need|from 3"):
            log_ages(*bad)


def test_curie_weiss_from_small_runs_follows_the_master_equation() -> None:
    # 1,024 spins learned from runs of 64; rates of all spins are functions of M: no label noise
    rng = np.random.default_rng(3)
    made = snapshots(
        CurieWeiss(64, 1.1, field=0.1), magnetised(np.linspace(-1, 1, 24)), log_ages(0.2, 20, 6), 16, mosaic, rng=rng
    )
    learned = learn_from_rates(made.system, made.x, M, group=made.start, rng=rng)
    assert learned.labels == ("M",)
    assert learned.sites == 1024
    exact, times = ExactCurieWeiss(1024, 1.1, 0.1), np.array([1.0, 3.0, 6.0, 10.0, 20.0])
    n = 1500
    for m0 in (-0.5, 0.5):
        truth = exact.moments(m0, times)
        _, z = simulate(learned.sde, learned.start([m0]), times_s=times, n_trajectories=n, rng=rng)
        mean, sd = z[:, :, 0].mean(axis=0), z[:, :, 0].std(axis=0)
        noise = stats.norm.isf(ALPHA / 20) * truth[:, 1] / np.sqrt(n)
        # a diffusion approximates 1,024 spins to 1e-3 in the mean while it leaves the unstable side
        assert (np.abs(mean - truth[:, 0]) < noise + 3e-3).all()
        np.testing.assert_allclose(sd, truth[:, 1], rtol=0.05 + stats.norm.isf(ALPHA / 20) / np.sqrt(2 * n))


def test_drift_of_independent_spins_from_rates_of_patches_and_from_pairs() -> None:
    # mu = -M, Sigma = 2 / n at infinite temperature
    rng = np.random.default_rng(4)
    made = snapshots(
        CurieWeiss(32, np.inf), magnetised(np.linspace(-1, 1, 30)), log_ages(0.1, 3, 5), 4, mosaic, per_age=8, rng=rng
    )
    at = np.array([[-0.5], [0.0], [0.5]])
    by_rates = learn_from_rates(made.system, made.x, M, 1 / 4, group=made.start, rng=rng)
    np.testing.assert_allclose(by_rates.sde.drift(at), -at, atol=0.06)
    np.testing.assert_allclose(by_rates.sde.diffusion(at)[:, 0, 0], 2 / 128, rtol=0.05)
    slopes = []
    for richardson in (False, True):
        dt = 0.8
        learned = learn_from_pairs(
            made.system, made.x, M, 1 / 4, dt, richardson=richardson, group=made.start,
            sde=polynomial_sde(("M",), 128, degrees=(1, 0), hidden=0), rng=np.random.default_rng(5),
        )  # fmt: skip
        slopes.append(-np.diff(learned.sde.drift(at)[::2, 0])[0])
    # of a decay exp(-t): (1 - e^-dt) / dt, and Richardson's 4 (1 - e^(-dt/2)) / dt - (1 - e^-dt) / dt
    e, f = np.exp(-0.8), np.exp(-0.4)
    assert slopes[0] == pytest.approx((1 - e) / 0.8, abs=0.05)
    assert slopes[1] == pytest.approx(4 * (1 - f) / 0.8 - (1 - e) / 0.8, abs=0.1)


def test_fields_are_learned_too() -> None:
    rng = np.random.default_rng(6)
    small = PredatorPrey(Lattice.chain(1.0, (), 20).opened(0))
    made = snapshots(small, [random_cosines] * 25, np.linspace(0, 6, 7), 2, interpolate, trajectories=1, rng=rng)
    sde = polynomial_sde(("u", "v"), 40, degrees=(3, 2))
    learned = learn_from_rates(made.system, made.x, FieldMean(), 1 / 5, group=made.start, sde=sde, rng=rng)
    # noise of the published form: sigma^2 = 4e-4 in each of 40 cells, the same for both fields
    np.testing.assert_allclose(learned.sde.diffusion([[0.4, 0.6]])[0], 4e-4 / 40 * np.eye(2), rtol=1e-6, atol=1e-10)


def test_a_start_is_completed_by_the_nearest_training_states() -> None:
    moments = noisy_moments(300, 3)
    learned = learn_from_moments(moments, ("a", "b", "c"), 10, n_observed=2, rng=np.random.default_rng(0))
    at = np.array([0.3, -0.2])
    scaled = (moments.z[:, :2] - at) / moments.z[:, :2].std(axis=0)
    nearest = np.argsort((scaled**2).sum(axis=1))[:10]
    start = learned.start(at, nearest=10)
    np.testing.assert_allclose(start, [*at, moments.z[nearest, 2].mean()])
    for bad, text in (([1.0], "2 values"), ([1.0, np.nan], "finite")):
        with pytest.raises(ValueError, match=text):
            learned.start(bad)
    with pytest.raises(ValueError, match="temperature"):
        learned.start(at, 300.0)
    with pytest.raises(ValueError, match="labels"):
        learn_from_moments(moments, ("a", "b"), 10, rng=np.random.default_rng(0))


def test_files_give_the_model_back(tmp_path: Path) -> None:
    moments = noisy_moments(300, 2, (800.0, 1000.0, 1200.0))
    learned = learn_from_moments(moments, ("a", "b"), 10, n_observed=1, rng=np.random.default_rng(0))
    learned.save(tmp_path)
    again = Learned.load(tmp_path)
    np.testing.assert_array_equal(again.z, learned.z)
    np.testing.assert_array_equal(again.start([0.1], 900.0), learned.start([0.1], 900.0))
    assert again.report is not None
    assert learned.report is not None
    assert again.report.degrees == learned.report.degrees
    np.testing.assert_array_equal(again.report.noise, learned.report.noise)
    np.testing.assert_array_equal(again.sde.drift([[0.1, 0.2]], 900.0), learned.sde.drift([[0.1, 0.2]], 900.0))
    (tmp_path / "training.safetensors").unlink()
    bare = Learned.load(tmp_path)  # as of a phase diagram
    assert bare.n_observed == 2
    np.testing.assert_array_equal(bare.start([0.1, 0.2], 900.0), [0.1, 0.2])


def test_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        Learned.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="not a learned model"):
        Learned.load(tmp_path)
    learned = learn_from_moments(noisy_moments(), ("a", "b"), 10, rng=np.random.default_rng(0))
    learned.save(tmp_path)
    training = tmp_path / "training.safetensors"
    whole = training.read_bytes()
    for damaged in (b"", whole[:100], b"x" * 500):
        training.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged"):
            Learned.load(tmp_path)
    other = learn_from_moments(noisy_moments(d=1), ("a",), 10, rng=np.random.default_rng(0))
    other.save(tmp_path / "other")
    training.write_bytes((tmp_path / "other" / "training.safetensors").read_bytes())
    with pytest.raises(ValueError, match="does not belong"):
        Learned.load(tmp_path)


def test_ising_from_small_runs_follows_direct_runs() -> None:
    rng = np.random.default_rng(7)
    small = Ising(Lattice.square(1.0, "X", 16), 2.5, field=0.1)
    phi = Observables([M, DomainWallDensity()])
    made = snapshots(small, magnetised(rng.uniform(-1, 1, 60)), log_ages(0.1, 50, 16), 16, mosaic, rng=rng)
    learned = learn_from_rates(made.system, made.x, phi, group=made.start, rng=rng)
    large, times, n = made.system, np.array([1.0, 4.0, 16.0, 40.0]), 40
    x0 = random_spins(large.lattice, 0.4, n, rng=rng)
    direct = np.stack([phi(x, large.lattice) for x in sample(large, x0, times, rng=rng).x])
    start = phi(x0, large.lattice).mean(axis=0)
    _, z = simulate(learned.sde, learned.start(start), times_s=times, n_trajectories=400, rng=rng)
    error = stats.norm.isf(ALPHA / 16) * direct.std(axis=0) / np.sqrt(n)
    assert (np.abs(z.mean(axis=0) - direct.mean(axis=0)) < error + np.array([0.02, 0.006])).all()
