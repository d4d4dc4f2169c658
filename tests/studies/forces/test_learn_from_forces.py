"""learn_from_forces on systems whose macroscopic equation is known, and the published metric of trajectories."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import asemacro as am
from asemacro.closure.autoencoder import EncoderOptions
from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.force_data import ForceData, Layout
from asemacro.macro.base import Drift
from asemacro.macro.ode_fit import OdeFitOptions
from asemacro.observables.differentiable import TorchObservable
from asemacro.studies.forces import learn_from_forces, trajectory_error

N = 20
MEAN = TorchObservable(lambda x: x.mean(dim=1, keepdim=True), ("mean",))
QUICK = OdeFitOptions(steps=50)


def ring(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Cells that decay with the rate 1 and exchange with their neighbours: the mean follows dm/dt = -m exactly."""
    rows = np.arange(len(x))[:, None]
    own, before, behind = (x[rows, (places + step) % N] for step in (0, -1, 1))
    return -own + 0.3 * (before - 2 * own + behind)


SYSTEM = am.CallableForces(ring, N, time_step=0.1)


def data(fraction: float, n: int = 40, seed: int = 0) -> ForceData:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(-2, 2, (n, 1)) + 0.2 * rng.standard_normal((n, N))
    return am.make_force_data(SYSTEM, starts, np.arange(0, 3, 0.2), fraction=fraction, rng=rng)


def test_the_rate_of_a_closed_observable_from_a_fifth_of_the_forces() -> None:
    made, rng = data(0.2), np.random.default_rng(1)
    learned = learn_from_forces(made, MEAN, 0, seeds=2, fit_options=OdeFitOptions(steps=100), rng=rng)
    z = np.array([[-1.0], [-0.3], [0.5], [1.2]])
    for member in learned.members:
        np.testing.assert_allclose(member.drift(z), -z, atol=0.04)
    assert learned.labels == ("mean",)
    assert learned.n_observed == 1
    assert learned.encoder is MEAN
    about = learned.report
    assert about is not None
    assert (about.n_states, about.force_evaluations, about.full_force_evaluations) == (600, 600 * 4, 600 * N)
    assert about.kappa == pytest.approx(1.0)  # of one variable
    assert about.reconstruction is None
    assert len(about.losses) == 2


def test_the_encoder_learns_from_other_states_than_the_labels() -> None:
    made = data(0.5)
    options = EncoderOptions(hidden=(8,), epochs=2)
    few, rng = made.take(np.arange(100)), np.random.default_rng(2)
    learned = learn_from_forces(few, MEAN, 2, states=made, encoder_options=options, fit_options=QUICK, seeds=1, rng=rng)
    assert learned.z.shape == (100, 3)
    assert learned.labels == ("mean", "encoder_1", "encoder_2")
    assert learned.n_observed == 1
    again = learn_from_forces(few, learned.encoder, 0, fit_options=QUICK, seeds=1, rng=rng)
    np.testing.assert_array_equal(again.z, learned.z)
    assert again.n_observed == 1
    assert again.report is not None
    assert learned.report is not None
    assert again.report.kappa == learned.report.kappa


def test_the_seed_decides_all() -> None:
    rates = []
    for _ in range(2):
        learned = learn_from_forces(
            data(0.2, 10), MEAN, 1, encoder_options=EncoderOptions(hidden=(4,), epochs=1), seeds=2,
            fit_options=OdeFitOptions(steps=5), rng=np.random.default_rng(3),
        )  # fmt: skip
        rates.append([member.drift(learned.z) for member in learned.members])
    np.testing.assert_array_equal(*rates)


class Decay(Drift):
    """dy/dt = -rate y."""

    def __init__(self, rate: float) -> None:
        super().__init__(2)
        self.register_buffer("rate", torch.tensor(rate))

    def forward(self, y: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return -self.rate * y


def test_the_error_of_a_trajectory_is_a_ratio_of_sums_over_the_observables() -> None:
    both = TorchObservable(lambda x: x[:, :2], ("a", "b"))
    starts, times = np.array([[2.0, 5.0, 0.0], [3.0, -1.0, 0.0]]), np.array([0.0, 0.5, 2.0])
    a = starts[:, :1] * np.exp(-times)
    truth = a + np.array([[0.0, 0.1, -0.3], [0.0, 0.0, 0.5]])
    found = trajectory_error(am.NeuralODE(Decay(1.0)), both, starts, times, truth[:, :, None])
    expected = abs(a - truth).sum(axis=1) / abs(truth).sum(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    counted = np.array([2, 3])
    found = trajectory_error(am.NeuralODE(Decay(1.0)), both, starts, times, truth[:, :, None], counted=counted)
    expected[0] = abs(a - truth)[0, :2].sum() / abs(truth)[0, :2].sum()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ValueError, match="counted must be one number for each of 2 trajectories"):
        trajectory_error(am.NeuralODE(Decay(1.0)), both, starts, times, truth[:, :, None], counted=counted[:1])


def test_a_model_that_runs_away_has_an_infinite_error() -> None:
    both = TorchObservable(lambda x: x[:, :2], ("a", "b"))
    starts, times = np.array([[2.0, 5.0], [0.0, 0.0]]), np.array([1.0, 20.0])
    truth = np.ones((2, 2, 2))
    found = trajectory_error(am.NeuralODE(Decay(-50.0)), both, starts, times, truth, n_steps=400)
    np.testing.assert_allclose(found, [np.inf, 1.0])


def test_what_cannot_be_learned_is_refused_in_one_line() -> None:
    made, rng = data(0.2, 4), np.random.default_rng(0)
    constant = TorchObservable(lambda x: (x - x.detach() + 3).sum(dim=1, keepdim=True), ("three",))
    counted = TorchObservable(lambda x: (x > 0).double().sum(dim=1, keepdim=True), ("count",))
    for phi, dims, options, message in (
        (constant, 1, {}, "the observable three is 60 in all states"),
        (counted, 1, {}, "the observable count has no gradient"),
        (MEAN, 1, {"space": "macro"}, "L_z needs the forces on all carriers"),
        (MEAN, 59, {}, "60 states are too few for 60 variables"),
        (MEAN, 0, {"drift": "linear"}, "drift must be one of onsager, mlp, gfinn, got 'linear'"),
        (MEAN, 0, {"drift": "gfinn"}, "drift gfinn needs two variables or more, .* --closure 1"),
        (MEAN, 2, {"kept": 4}, "kept 4: of 3 variables the first 1 are observables; give from 2 to 3"),
        (MEAN, 2, {"kept": 1}, "kept 1: of 3 variables the first 1 are observables; give from 2 to 3"),
        (MEAN, 2, {"kept": 2, "drift": am.MLPDrift(3)}, "the drift is one of 3 variables, there are 2"),
        (Encoder(MEAN, MLPEncoder(N, 1)), 1, {}, "an Encoder takes dims=0"),
        (TorchObservable(lambda x: x[:, :1], ("encoder_1",)), 1, {}, "encoder_1 has the name of a learned variable"),
        (MEAN, 0, {"drift": am.MLPDrift(2)}, "the drift is one of 2 variables, there are 1"),
    ):
        with pytest.raises(ValueError, match=message) as refused:
            learn_from_forces(made, phi, dims, rng=rng, **options)  # type: ignore[arg-type]
        assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match="zero along a whole trajectory"):
        trajectory_error(am.NeuralODE(am.MLPDrift(1)), MEAN, made.states([0]), [1.0], np.zeros((1, 1, 1)))


def test_an_equation_of_a_part_of_the_variables() -> None:
    made = data(0.5)
    options = EncoderOptions(hidden=(8,), epochs=2)
    rng = np.random.default_rng(2)
    learned = learn_from_forces(made, MEAN, 4, kept=2, encoder_options=options, fit_options=QUICK, seeds=1, rng=rng)
    assert learned.labels == ("mean", "encoder_1") == learned.encoder.labels
    assert learned.z.shape == (len(made), 2)
    with pytest.raises(ValueError, match="kept leaves out variables of an encoder, and there is none"):
        learn_from_forces(made, MEAN, 0, kept=1, fit_options=QUICK, rng=rng)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda z: 1 / 0, "the function weights fails: division by zero"),
        (lambda z: "a", "the function weights must give real numbers, got"),
        (lambda z: 1j * z[:, 0], "the function weights must give real numbers, got an array of complex128"),
        (lambda z: torch.ones(len(z), requires_grad=True), "the function weights must give an array of real numbers"),
        (lambda z: -np.ones(len(z)), "weights must be 60 numbers above 0"),
    ],
)
def test_weights_of_a_function_that_does_not_do(weights: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}[^\n]*$"):
        learn_from_forces(data(0.2, 4), MEAN, 0, weights=weights, rng=np.random.default_rng(0))  # type: ignore[arg-type]


def test_what_stays_the_same_because_its_terms_cancel_is_constant() -> None:
    """A total momentum, of which rounding errors are left; a variable as small, but real, is learned."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, N))
    x -= x.mean(axis=1, keepdims=True)
    still = ForceData(x, None, -x, Layout(N))
    with pytest.raises(ValueError, match=r"^the observable mean is \S+ in all states: what never changes"):
        learn_from_forces(still, MEAN, 0, rng=rng)
    small = ForceData(x + 1e-8 * rng.standard_normal((100, 1)), None, -x, Layout(N))
    learn_from_forces(small, MEAN, 0, seeds=1, fit_options=OdeFitOptions(steps=2), rng=rng)
