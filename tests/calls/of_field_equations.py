"""Calls of the public names of field equations."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import asemacro as am
from asemacro.macro.spde import EntropySlope, FieldFitOptions, GlauberMobility, binomial_field_data
from calls.given import Call, a_folder, rng

KERNEL = np.array([[0.05, 0.1, 0.05], [0.1, 0.4, 0.1], [0.05, 0.1, 0.05]])
OPTIONS = {
    "reach": 1, "symmetry": "square", "route": "unbiased", "source": "flips", "entropy_terms": 0, "rate": 1.0,
    "response": "tanh", "validation": 0.2,
}  # fmt: skip


@cache
def a_spde() -> Any:
    return am.NeuralSPDE(am.BlockKernel(KERNEL), GlauberMobility(), EntropySlope(), 16, 4)


@cache
def a_block_data() -> Any:
    starts = np.random.default_rng(0).uniform(-0.8, 0.8, (30, 6, 6))
    return binomial_field_data(a_spde().kernel, starts, 16, 4, 1.2, duration=0.1, steps=2, rng=rng())


@cache
def a_learned() -> am.LearnedFields:
    return am.LearnedFields(a_spde(), (1.2,), 0.1, (4, 4))


@cache
def a_field_file() -> Path:
    path = a_folder() / "fields.npz"
    np.savez(path, time=np.arange(3) * 0.1, fields=np.linspace(-0.5, 0.5, 48).reshape(3, 4, 4))
    return path


def calls() -> dict[str, Call]:
    spde, m = a_spde(), np.random.default_rng(1).uniform(-0.5, 0.5, (2, 4, 4))
    file = am.save_spde(a_folder() / "spde.safetensors", spde)
    at = {"m": m, "temperature": 1.2, "field": 0.1}
    times = np.linspace(0.0, 1.0, 4)
    return {
        "BlockKernel": Call(am.BlockKernel, {"values": KERNEL, "errors": KERNEL / 100}),
        "BlockKernel.coarsened": Call(spde.kernel.coarsened, {"factor": 2}),
        "BlockKernel.refined": Call(spde.kernel.refined, {"factor": 2}),
        "box_averaged": Call(am.box_averaged, {"kernel": KERNEL, "block": 2}),
        "NeuralSPDE": Call(
            am.NeuralSPDE,
            {"kernel": spde.kernel, "mobility": spde.mobility, "entropy": spde.entropy, "sites": 16, "block": 4,
             "response": "tanh", "noise": True},
        ),
        "NeuralSPDE.drift": Call(spde.drift, at),
        "NeuralSPDE.free_energy": Call(spde.free_energy, at),
        "NeuralSPDE.homogeneous_mobility": Call(spde.homogeneous_mobility, at),
        "NeuralSPDE.coarsened": Call(spde.coarsened, {"factor": 2}),
        "NeuralSPDE.refined": Call(spde.refined, {"factor": 2}),
        "hydrodynamic_limit": Call(am.hydrodynamic_limit, {"spde": spde}),
        "allen_cahn_limit": Call(am.allen_cahn_limit, {"spde": spde, "mobility": 1.0, "noise": True}),
        "fit_fields": Call(
            am.fit_fields,
            {"data": a_block_data(), "options": FieldFitOptions(**OPTIONS), "rng": rng(), "progress": False},
        ),
        "FieldFitOptions": Call(FieldFitOptions, OPTIONS),
        "simulate_fields": Call(
            am.simulate_fields,
            {"spde": spde, "start": m, "until": 0.2, "temperature": 1.2, "field": 0.1, "dt": 0.1, "n_saves": 2,
             "observe": {"mean": np.mean}, "rng": rng(), "progress": False},
        ),
        "save_spde": Call(am.save_spde, {"path": a_folder() / "s.safetensors", "spde": spde}),
        "load_spde": Call(am.load_spde, {"path": file}),
        "learn_from_fields": Call(
            am.learn_from_fields,
            {"data": a_block_data(), "options": FieldFitOptions(**OPTIONS), "rng": rng(), "progress": False},
        ),
        "LearnedFields": Call(
            am.LearnedFields, {"spde": spde, "temperatures": (1.2,), "field": 0.1, "grid": (4, 4), "report": None}
        ),
        "LearnedFields.energy": Call(a_learned().energy, {"m": m, "field": 0.1}),
        "LearnedFields.save": Call(a_learned().save, {"directory": a_folder() / "fields"}),
        "LearnedFields.load": Call(am.LearnedFields.load, {"directory": a_learned().save(a_folder() / "f")[0].parent}),
        "read_fields": Call(
            am.read_fields,
            {"files": [a_field_file()], "temperature": 1.2, "sites": 16, "block": 4, "field": 0.1, "component": None},
        ),
        "structure_factor": Call(am.structure_factor, {"fields": m, "sites": 16}),
        "domain_length": Call(am.domain_length, {"fields": m}),
        "growth_rates": Call(am.growth_rates, {"times": times, "values": np.exp(times)[:, None], "noise": 1.0}),
        "switching": Call(am.switching, {"times": times, "series": np.sin(9 * times), "well": 0.5}),
    }  # fmt: skip
