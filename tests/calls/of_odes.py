"""Calls of the public names of macroscopic ODEs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import asemacro as am
from asemacro.closure.autoencoder import EncoderOptions
from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.closure.particle_encoder import ParticleEncoder
from asemacro.force_data import Layout
from asemacro.labels import Attraction, with_attraction
from asemacro.macro.ode_fit import OdeFitOptions
from asemacro.observables.differentiable import TorchObservable
from calls.given import Call, a_folder, a_z, rng

OPTIONS = {
    "steps": 2, "batch_size": 8, "learning_rate": 0.01, "weight_decay": 0.0, "validation": 0.1, "patience": 0.5,
}  # fmt: skip
ENCODER = {
    "hidden": (4,), "conditioning": 1e-5, "observables_conditioned": True, "observables_decoded": True, "epochs": 1,
    "batch_size": 8, "learning_rate": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.0, "validation": 0.1,
}  # fmt: skip


@cache
def a_ode() -> Any:
    return am.NeuralODE(am.MLPDrift(2, hidden=4), labels=("a", "b"))


@cache
def a_force_labels() -> Any:
    root = np.random.default_rng(1).standard_normal((20, 3, 2))
    return am.ForceLabels(a_z(20, 2), root, root @ [1.0, -1.0], np.ones(20), 0.5)


@cache
def a_force_data() -> Any:
    active = np.argsort(np.random.default_rng(2).random((30, 6)), axis=1)[:, :3]
    return am.ForceData(a_z(30, 6), active, a_z(30, 3), Layout(6), group=np.arange(30))


def calls() -> dict[str, Call]:
    ode, labels, z = a_ode(), a_force_labels(), a_z(5, 2)
    mean = TorchObservable(lambda x: x.mean(dim=1, keepdim=True), ("mean",))
    network = MLPEncoder(6, 1, (4,))
    encoder = am.save_encoder(a_folder() / "encoder.safetensors", Encoder(mean, network))
    file = am.save_ode(a_folder() / "ode.safetensors", ode)
    return {
        "MLPDrift": Call(am.MLPDrift, {"dim": 2, "n_conditions": 0, "hidden": 4, "depth": 2}),
        "GFINN": Call(am.GFINN, {"dim": 2, "n_conditions": 0, "hidden": 4, "depth": 2, "n_matrices": 2}),
        "NeuralODE": Call(am.NeuralODE, {"drift": am.GFINN(2, hidden=4), "labels": ("a", "b")}),
        "NeuralODE.time_scale": Call(ode.time_scale, {"condition": None}),
        "NeuralODE.drift": Call(ode.drift, {"z": z, "condition": None}),
        "NeuralODE.jacobian": Call(ode.jacobian, {"z": z, "condition": None}),
        "NeuralODE.relaxation_rates": Call(ode.relaxation_rates, {"z": z, "condition": None}),
        "NeuralODE.slow_down": Call(ode.slow_down, {"factor": 1.0}),
        "NeuralODE.measure_scales": Call(ode.measure_scales, {"labels": labels}),
        "ForceLabels": Call(
            am.ForceLabels,
            {"z": labels.z, "root": labels.root, "target": labels.target, "rest": labels.rest, "fraction": 0.5,
             "group": np.arange(20)},
        ),
        "ForceLabels.losses": Call(labels.losses, {"rates": a_z(20, 2)}),
        "ForceLabels.take": Call(labels.take, {"rows": np.arange(5)}),
        "fit_ode": Call(
            am.fit_ode,
            {"ode": ode, "labels": labels, "seeds": 1, "rng": rng(), "options": OdeFitOptions(**OPTIONS),
             "progress": False},
        ),
        "OdeFitOptions": Call(OdeFitOptions, OPTIONS),
        "simulate_ode": Call(
            am.simulate_ode,
            {"ode": ode, "z0": z, "until": 0.1, "times": None, "n_saves": 2, "n_steps": None, "max_rate_step": 0.2,
             "watch": None},
        ),
        "save_ode": Call(am.save_ode, {"path": a_folder() / "o.safetensors", "members": [ode]}),
        "force_labels": Call(
            am.force_labels,
            {"data": a_force_data(), "phi": mean, "space": "micro", "batch_size": 8},
        ),
        "with_attraction": Call(with_attraction, {"labels": labels, "attraction": Attraction(1.0), "rng": rng()}),
        "Attraction": Call(Attraction, {"rate": 1.0, "nearest": 1e-3, "farthest": 0.03, "copies": 2}),
        "fit_encoder": Call(
            am.fit_encoder,
            {"states": a_z(30, 6), "phi": mean, "dims": 1, "network": None, "options": EncoderOptions(**ENCODER),
             "rng": rng(), "progress": False},
        ),
        "EncoderOptions": Call(EncoderOptions, ENCODER),
        "Encoder": Call(Encoder, {"phi": mean, "network": network}),
        "MLPEncoder": Call(MLPEncoder, {"n_components": 6, "dim": 1, "hidden": (4,)}),
        "ParticleEncoder": Call(
            ParticleEncoder,
            {"n_particles": 2, "dim": 1, "blocks": 1, "width": 3, "hidden": 4, "features": 4,
             "periods": (1.0, 1.0, 1.0)},
        ),
        "save_encoder": Call(
            am.save_encoder, {"path": a_folder() / "e.safetensors", "encoder": Encoder(mean, network)}
        ),
        "load_encoder": Call(am.load_encoder, {"path": encoder, "phi": mean}),
        "load_ode": Call(am.load_ode, {"path": file}),
        "learn_from_forces": Call(
            am.learn_from_forces,
            {"data": a_force_data(), "phi": mean, "dims": 1, "drift": "mlp", "seeds": 1, "rng": rng(),
             "progress": False, "states": a_z(30, 6), "network": MLPEncoder(6, 1, (4,)), "space": "micro",
             "encoder_options": EncoderOptions(**ENCODER), "fit_options": OdeFitOptions(**OPTIONS),
             "attraction": Attraction(1.0)},
        ),
        "trajectory_error": Call(
            am.trajectory_error,
            {"ode": ode, "phi": Encoder(mean, network), "starts": a_z(3, 6), "times": [0.1, 0.2],
             "observed": np.ones((3, 2, 1)), "n_steps": 2},
        ),
    }  # fmt: skip
