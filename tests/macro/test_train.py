"""The training loop on OU pairs with known answers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from asemacro.data import Pairs
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.splits import held_out_rows
from asemacro.macro.train import FitOptions, fit, fit_ensemble

SHORT = FitOptions(max_epochs=5, min_steps=60, batch_size=512)


def model(dim: int, conditions: int = 0) -> NeuralSDE:
    return NeuralSDE(OnsagerNet(dim, conditions, hidden=12), FullDiffusion(dim, conditions, hidden=8))


def ou_pairs(rng: np.random.Generator, n: int, k: int = 8, dt: float = 0.1, kelvin: float | None = None) -> Pairs:
    """K independent 2-d OU coordinates (rates 1 and .4, sd 1 around (.5, -1)), one of which moves; exact."""
    rate, centre = np.array([1.0, 0.4]), np.array([0.5, -1.0])
    x0 = centre + rng.standard_normal((n, k, 2)) - np.exp(-rng.exponential(2.0, n))[:, None, None] * centre
    decay = np.exp(-rate * dt)
    x1 = centre + decay * (x0[:, 0] - centre) + np.sqrt(1 - decay**2) * rng.standard_normal((n, 2))
    z0 = x0.mean(1)
    condition = np.zeros(0) if kelvin is None else np.array(kelvin)
    return Pairs(z0, z0 + x1 - x0[:, 0], np.array(dt), np.array(float(k)), condition)


def test_fit_finds_drift_and_noise_of_ou() -> None:
    rng = np.random.default_rng(1)
    pairs = ou_pairs(rng, 20_000)
    sde = model(2)
    fitted = fit(sde, pairs, rng=rng, options=FitOptions(max_epochs=15, min_steps=400))
    centre = np.array([[0.5, -1.0]])
    # Sigma of the mean of 8 is 2 rate / 8; rates follow within the error sqrt(2 rate / T) of facts/2 E.3, T = 2000
    np.testing.assert_allclose(sde.diffusion(centre)[0].diagonal(), [0.25, 0.1], rtol=0.06)
    start = -centre @ np.diag([1.0, 0.4])
    found = sde.drift(np.zeros((1, 2))) - sde.drift(centre)
    np.testing.assert_allclose(found, -start, atol=0.15)
    # the drift at the centre is 0 within the error of the mean drift, sqrt(K Sigma / T) = .03, .02 (5 of them)
    assert np.abs(sde.drift(centre)).max() < 0.16
    assert len(fitted.history.training) >= 15
    assert fitted.history.best_epoch >= 0


def test_wrong_noise_scale_is_seen_in_sigma() -> None:
    pairs = ou_pairs(np.random.default_rng(2), 5000)
    found = []
    for scale in (None, 1.0):
        sde = model(2)
        options = FitOptions(max_epochs=5, min_steps=150, noise_scale=scale)
        fit(sde, pairs, rng=np.random.default_rng(3), options=options)
        found.append(np.trace(sde.diffusion(np.zeros((1, 2)))[0]))
    assert found[1] / found[0] == pytest.approx(8.0, rel=0.1)


def test_same_seed_same_model_whatever_the_global_seed() -> None:
    import torch

    pairs = ou_pairs(np.random.default_rng(4), 600)
    drifts = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        sde = model(2)
        fit(sde, pairs, rng=np.random.default_rng(5), options=SHORT)
        drifts.append(sde.drift(pairs.z0[:5]))
    np.testing.assert_array_equal(*drifts)


def test_early_stopping_keeps_the_best_epoch() -> None:
    # pure noise: any structure learned is wrong, so the held-out loss soon rises
    rng = np.random.default_rng(6)
    z0 = rng.standard_normal((120, 2))
    pairs = Pairs(z0, z0 + 0.3 * rng.standard_normal((120, 2)), np.array(1.0), np.array(1.0), np.zeros(0))
    seen: list[tuple[str, float, str]] = []
    options = FitOptions(max_epochs=400, min_steps=0, batch_size=64, learning_rate=2e-2, validation=0.5, patience=0.2)
    fitted = fit(model(2), pairs, rng=rng, options=options, progress=lambda *args: seen.append(args))
    assert fitted.history.stopped_early
    assert min(fitted.history.validation) < fitted.history.validation[-1]
    assert {task for task, _, _ in seen} == {"fit"}
    told = list(dict.fromkeys(text for _, _, text in seen if text))  # after each epoch that was looked at
    assert [text.rpartition(", held out ")[2] for text in told if ", " in text][
        -1
    ] == f"{fitted.history.validation[-1]:.4f}"
    assert seen[-1][1] == 1
    assert np.all(np.diff([fraction for _, fraction, _ in seen]) >= 0)
    assert fitted.history.training[-1] < min(fitted.history.validation)


def test_weights_count_like_copies() -> None:
    pairs = ou_pairs(np.random.default_rng(7), 400)
    heavy = Pairs(pairs.z0, pairs.z1, pairs.dt, pairs.K, np.zeros(0), np.where(np.arange(400) < 200, 3.0, 1.0))
    twice = Pairs.concat([pairs, pairs.take(np.arange(200)), pairs.take(np.arange(200))])
    models = [model(2), model(2)]
    import torch

    for sde, data in zip(models, (heavy, twice), strict=True):
        sde.measure_scales(data)
        sde.reset(torch.Generator().manual_seed(0), data)
    z = pairs.z0[:7]
    np.testing.assert_allclose(models[0].drift(z), models[1].drift(z), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(models[0].diffusion(z), models[1].diffusion(z), rtol=1e-4)


def test_groups_stay_on_one_side() -> None:
    group = np.repeat(np.arange(40), 7)
    held = held_out_rows(group, 0.2, np.random.default_rng(0))
    assert held.sum() == 8 * 7
    assert all(len(set(held[group == g])) == 1 for g in range(40))
    assert not held_out_rows(group, 0.0, np.random.default_rng(0)).any()
    assert not held_out_rows(np.zeros(5, int), 0.2, np.random.default_rng(0)).any()


def test_ensemble_spread_is_the_error() -> None:
    # the drift at the centre: truth 0, error about sqrt(K Sigma / T); pulls of the central fits must be normal-sized
    pulls = []
    for seed in range(4):
        rng = np.random.default_rng(100 + seed)
        fitted = fit_ensemble(model(2), ou_pairs(rng, 2000), 5, rng=rng, options=SHORT)
        models = [fitted.model, *fitted.members]
        drifts = np.array([m.drift(np.array([[0.5, -1.0]]))[0] for m in models])
        pulls.append(drifts[0] / drifts[1:].std(axis=0, ddof=1))
    squares = np.square(pulls)
    # each pull is Student t with 4 degrees of freedom: 8 of them
    assert 0.05 < np.median(squares) < 4.0
    assert (np.abs(pulls) < stats.t.isf(5e-6, 4)).all()
    assert len(models) == 6
    assert len(fitted.histories) == 6
    assert fitted.held_out == {"negative log-likelihood": min(fitted.history.validation)}


def test_an_ensemble_is_reproducible_whatever_the_workers() -> None:
    fits = []
    for workers in (1, 3):
        rng = np.random.default_rng(5)
        fits.append(fit_ensemble(model(2), ou_pairs(rng, 600), 2, rng=rng, options=SHORT, workers=workers))
    for one, other in zip(*((f.model, *f.members) for f in fits), strict=True):
        for first, second in zip(one.parameters(), other.parameters(), strict=True):
            assert first.equal(second)
    assert len({float(next(iter(m.parameters())).detach().sum()) for m in fits[0].members}) == 2  # samples of their own


def test_decades_of_rate_are_one_fit() -> None:
    rng = np.random.default_rng(8)
    parts = []
    for kelvin, slow in ((2000.0, 1.0), (1000.0, 1e-4), (700.0, 3e-7)):
        part = ou_pairs(rng, 4000, kelvin=kelvin)
        parts.append(Pairs(part.z0, part.z1, part.dt / slow, part.K, part.condition))
    sde = model(2, 1)
    fit(sde, Pairs.concat(parts), rng=rng, options=FitOptions(max_epochs=15, min_steps=400))
    for kelvin, slow in ((2000.0, 1.0), (1000.0, 1e-4), (700.0, 3e-7)):
        drift = sde.drift(np.zeros((1, 2)), kelvin)[0] / slow
        np.testing.assert_allclose(drift, [0.5, -0.4], atol=0.2)


def test_bad_input() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="too few"):
        fit(model(2), ou_pairs(rng, 5), rng=rng)
    with pytest.raises(ValueError, match="members must be a whole number from 1"):
        fit_ensemble(model(2), ou_pairs(rng, 50), 0, rng=rng)
    still = ou_pairs(rng, 50)
    with pytest.raises(ValueError, match="does not change"):
        fit(model(2), Pairs(still.z0, still.z0, still.dt, still.K, np.zeros(0)), rng=rng)
    flat = np.ones((50, 2))
    with pytest.raises(ValueError, match="same in all the data"):
        fit(model(2), Pairs(flat, flat + still.z0, still.dt, still.K, np.zeros(0)), rng=rng)
    for bad in ({"max_epochs": 0}, {"validation": 1.0}, {"learning_rate": 0.0}, {"noise_scale": -1.0}):
        with pytest.raises(ValueError):
            FitOptions(**bad)


def test_many_pairs_get_few_epochs() -> None:
    pairs = ou_pairs(np.random.default_rng(8), 900)
    for most, epochs in ((3, 1), (25, 2), (1000, 5)):
        options = FitOptions(max_epochs=5, min_steps=0, max_steps=most, batch_size=100, validation=0.0)
        fitted = fit(model(2), pairs, rng=np.random.default_rng(9), options=options)
        assert len(fitted.history.training) == epochs
    with pytest.raises(ValueError, match="max_steps"):
        FitOptions(min_steps=10, max_steps=5)


def test_what_torch_imports_with_its_first_optimiser_is_there_before_the_fits_begin() -> None:
    """An import takes seconds in which a task hears of no Ctrl-C; the thread that starts the fits does."""
    script = """
import sys, numpy as np
from asemacro.data import Pairs
from asemacro.macro import train, FullDiffusion, OnsagerNet
from asemacro.macro.sde import NeuralSDE
assert "torch._dynamo" not in sys.modules
def begun(*tasks, **options):
    sys.exit("ready" if "torch._dynamo" in sys.modules else "not ready")
train.run_tasks = begun
rng = np.random.default_rng(0)
pairs = Pairs(rng.normal(size=(40, 1)), rng.normal(size=(40, 1)), np.array(0.1), np.array(1.0), np.zeros(0))
train.fit_ensemble(NeuralSDE(OnsagerNet(1, 0), FullDiffusion(1, 0)), pairs, 1, rng=rng)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.stderr.strip().splitlines()[-1] == "ready"
