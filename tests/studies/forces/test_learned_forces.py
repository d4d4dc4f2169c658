"""Models learned from forces on disk: what is read again does the same, what does not belong together is refused."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import asemacro as am
from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.observables.differentiable import TorchObservable
from asemacro.studies.forces.learned import ENCODER_FILE, LearnedForces
from asemacro.studies.learn.learned import Learned
from asemacro.studies.learn.loading import load_learned
from asemacro.studies.learn.simulate_command import _say_where_it_leaves

MEAN = TorchObservable(lambda x: x.mean(dim=1, keepdim=True), ("mean",))
OTHER = TorchObservable(lambda x: x[:, :1], ("first",))


def learned(n: int = 50) -> LearnedForces:
    """A model of a mean and one more variable that is three times it in all training states."""
    encoder = Encoder(MEAN, MLPEncoder(6, 1, (4,)))
    models = [am.NeuralODE(am.GFINN(2, hidden=4), labels=encoder.labels) for _ in range(2)]
    z = np.linspace(-1, 1, n)[:, None] * [1.0, 3.0]
    return LearnedForces(models[0], z, 1, encoder, tuple(models))


def test_what_is_read_again_is_the_same(tmp_path: Path) -> None:
    model = learned()
    names = {path.name for path in model.save(tmp_path)}
    assert names == {"ode.safetensors", "training.safetensors", "encoder.safetensors"}
    again, with_encoder = load_learned(tmp_path), LearnedForces.load(tmp_path, MEAN)
    assert isinstance(again, LearnedForces)
    assert again.encoder is None
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 6)))
    assert model.encoder is not None
    assert with_encoder.encoder is not None
    with torch.no_grad():
        np.testing.assert_array_equal(with_encoder.encoder(x), model.encoder(x))
    for read in (again, with_encoder):
        np.testing.assert_array_equal(read.z, model.z)
        np.testing.assert_array_equal(read.ode.drift(model.z), model.ode.drift(model.z))
        assert len(read.members) == 2
        assert read.n_observed == 1
        np.testing.assert_allclose(read.start([0.5]), [0.5, 1.5], atol=0.1)


def test_what_does_not_belong_together_is_refused_in_one_line(tmp_path: Path) -> None:
    model = learned()
    model.save(tmp_path)
    with pytest.raises(ValueError, match="it was learned for mean, not for first"):
        LearnedForces.load(tmp_path, OTHER)
    with pytest.raises(FileNotFoundError, match=r"no sde\.safetensors"):
        Learned.load(tmp_path)
    (tmp_path / ENCODER_FILE).unlink()
    with pytest.raises(ValueError, match="holds a model of mean, encoder_1, not of mean"):
        LearnedForces.load(tmp_path, MEAN)
    with pytest.raises(FileNotFoundError, match=r"no ode\.safetensors"):
        LearnedForces.load(tmp_path.parent)
    am.save_ode(tmp_path / "ode.safetensors", am.NeuralODE(am.MLPDrift(2), labels=model.labels))
    with pytest.raises(ValueError, match="written with another model"):
        load_learned(tmp_path)


def test_an_encoder_belongs_to_one_model(tmp_path: Path) -> None:
    """One of another model, whose variables have the same names, is refused; that of an older model goes."""
    learned().save(tmp_path / "one")
    slower = learned()
    slower.ode.slow_down(2.0)
    slower.save(tmp_path / "two")
    (tmp_path / "two" / ENCODER_FILE).replace(tmp_path / "one" / ENCODER_FILE)
    with pytest.raises(
        ValueError, match=r"one/encoder\.safetensors does not belong to the model beside it \(it was wri"
    ):
        LearnedForces.load(tmp_path / "one", MEAN)
    plain = LearnedForces(am.NeuralODE(am.MLPDrift(1), labels=("mean",)), np.linspace(0, 1, 9)[:, None], 1, MEAN)
    plain.save(tmp_path / "one")
    assert LearnedForces.load(tmp_path / "one", MEAN).labels == ("mean",)
    assert not (tmp_path / "one" / ENCODER_FILE).exists()


def test_simulate_follows_the_path(tmp_path: Path, command: Any) -> None:
    model = learned()
    model.save(tmp_path / "m")
    out = tmp_path / "path.csv"
    words = ("simulate", tmp_path / "m", "--start", "0.5", "--until", "0.3", "--points", "3", "-o", out)
    code, said, _ = command(*words)
    assert code == 0
    assert said.startswith("one path to time 0.3: mean ")
    with out.open() as file:
        header, *rows = csv.reader(file)
    assert header == ["time", "mean", "encoder_1"]
    times, z = am.simulate_ode(model.ode, model.start([0.5]), 0.3, n_saves=3)
    np.testing.assert_allclose(np.array(rows, dtype=float), np.column_stack([times, z[0]]), rtol=1e-9)
    for wrong, message in (
        (("--trajectories", "3"), "an ODE has one path"),
        (("--temperature", "300"), "learned at one temperature"),
        (("--start", "1,2"), "a start has 1 values (mean)"),
    ):
        code, _, error = command(*words, *wrong)
        assert code == 2
        assert message in error
        assert error.count("\n") == 1


def test_a_path_beyond_what_was_learned_from_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    z = np.linspace(0, 1, 11)[:, None]
    model = LearnedForces(am.NeuralODE(am.MLPDrift(1), labels=("mean",)), z, 1)
    times, path = np.linspace(0, 2, 11), np.linspace(0, 2, 11)[:, None]
    _say_where_it_leaves(model, times, path)
    said = capsys.readouterr().out
    # a tenth of the range is no reason to speak
    assert said == (
        "from time 1.2 on the path is beyond what was learned from, and means nothing: mean 1.2, learned from 0 to 1\n"
    )
    _say_where_it_leaves(model, times[:6], path[:6])
    _say_where_it_leaves(LearnedForces(model.ode, np.zeros((0, 1)), 1), times, path)
    assert capsys.readouterr().out == ""
    _say_where_it_leaves(learned(), times, np.stack([np.zeros(11), 4 * times], axis=1))
    assert capsys.readouterr().out == (
        "from time 1 on the path is beyond what was learned from, and means nothing: encoder_1 4, "
        "learned from -3 to 3\n"
    )
