"""Calls of the public names of macro and closure."""

from __future__ import annotations

import numpy as np

import asemacro as am
from asemacro.closure.fit import ClosureOptions
from asemacro.macro.moment_fit import MomentOptions, fit_moments, fit_noise
from asemacro.macro.train import FitOptions, fit_ensemble
from calls.given import (
    AFTER,
    BIG,
    LARGE,
    SITES,
    SPINS,
    SQUARE,
    Call,
    M,
    a_closure,
    a_events,
    a_folder,
    a_learned,
    a_moments,
    a_pairs,
    a_polynomial,
    a_reversible,
    a_reversible_sde,
    a_sde,
    a_z,
    rng,
)


def calls() -> dict[str, Call]:
    z, drift = a_z(5, 1), am.OnsagerNet(1, 0, hidden=4)
    fast = FitOptions(max_epochs=1, min_steps=2)
    options = MomentOptions(network_steps=0, diffusion_steps=1)
    sizes = {"dim": 1, "n_conditions": 0}
    polynomial = {**sizes, "degree": 3, "odd": (0,), "condition_degree": 1}
    learn = {
        "large": BIG, "x": LARGE, "phi": M, "fraction": 1 / 16, "group": np.arange(60), "condition": None,
        "n_observed": 1, "sde": None, "options": options, "rng": rng(),
    }  # fmt: skip
    return {
        "OnsagerNet": Call(
            am.OnsagerNet,
            {**sizes, "hidden": 4, "conservative": True, "alpha": 0.02, "beta": 0.05, "n_knots": 1, "depth": 2},
        ),
        "FullDiffusion": Call(am.FullDiffusion, {**sizes, "hidden": 4}),
        "PolynomialDiffusion": Call(am.PolynomialDiffusion, polynomial),
        "ReversibleDrift": Call(am.ReversibleDrift, polynomial),
        "NeuralSDE": Call(
            am.NeuralSDE,
            {"drift": drift, "diffusion": am.FullDiffusion(1, 0, hidden=4), "labels": ("a",), "sites": 64},
        ),
        "NeuralSDE.time_scale": Call(a_sde().time_scale, {"condition": None}),
        "NeuralSDE.drift": Call(a_sde().drift, {"z": z, "condition": None}),
        "NeuralSDE.diffusion": Call(a_sde().diffusion, {"z": z, "condition": None}),
        "NeuralSDE.jacobian": Call(a_sde().jacobian, {"z": z, "condition": None}),
        "NeuralSDE.relaxation_rates": Call(a_sde().relaxation_rates, {"z": z, "condition": None}),
        "NeuralSDE.slow_down": Call(a_polynomial().slow_down, {"factor": 1.0}),
        "NeuralSDE.measure_scales": Call(a_polynomial().measure_scales, {"pairs": a_pairs(), "noise_scale": 2.0}),
        "fit": Call(
            am.fit,
            {"sde": a_sde(), "pairs": a_pairs(), "rng": rng(), "options": fast, "keep_parameters": False,
             "progress": False},
        ),
        "fit_ensemble": Call(
            fit_ensemble,
            {"sde": a_sde(), "pairs": a_pairs(), "members": 1, "rng": rng(), "options": fast, "progress": False},
        ),
        "FitOptions": Call(
            FitOptions,
            {"max_epochs": 2, "min_steps": 2, "max_steps": 5, "batch_size": 8, "learning_rate": 0.01,
             "weight_decay": 0.0, "validation": 0.1, "patience": 0.4, "averaging": 1.0, "noise_scale": None},
        ),
        "MomentOptions": Call(
            MomentOptions,
            {"folds": 2, "network_steps": 1, "network_rows": 20, "diffusion_steps": 1, "diffusion_rows": 20},
        ),
        "fit_moments": Call(
            fit_moments,
            {"sde": a_polynomial(), "moments": a_moments(), "weight": np.ones(60), "options": options, "rng": rng()},
        ),
        "fit_noise": Call(
            fit_noise,
            {"sde": a_polynomial(), "pairs": a_pairs(), "noise_scale": 2.0, "options": options, "rng": rng()},
        ),
        "fit_reversible": Call(
            am.fit_reversible,
            {"sde": a_reversible_sde(), "snapshots": a_z(60, 1), "moments": a_moments(), "condition": None,
             "group": np.arange(60), "weight": np.ones(60), "method": "score_matching", "options": options,
             "rng": rng()},
        ),
        "stationary_law": Call(am.stationary_law, {"sde": a_reversible(), "condition": None, "nodes": 20}),
        "relaxation_modes": Call(
            am.relaxation_modes, {"sde": a_reversible(), "condition": None, "degree": 2, "nodes": 20}
        ),
        "learn_from_rates": Call(am.learn_from_rates, learn),
        "learn_from_pairs": Call(am.learn_from_pairs, {**learn, "dt": 0.2, "richardson": False}),
        "Learned": Call(
            am.Learned,
            {"sde": a_polynomial(), "z": a_z(20, 1), "condition": np.zeros((20, 0)), "n_observed": 1, "report": None},
        ),
        "Learned.start": Call(a_learned().start, {"z": [0.1], "condition": None, "nearest": 3}),
        "Learned.save": Call(a_learned().save, {"directory": a_folder() / "again"}),
        "Learned.load": Call(am.Learned.load, {"directory": a_folder() / "learned"}),
        "save_sde": Call(am.save_sde, {"path": a_folder() / "s.safetensors", "members": [a_sde()]}),
        "load_sde": Call(am.load_sde, {"path": a_folder() / "sde.safetensors"}),
        "save_closure": Call(am.save_closure, {"path": a_folder() / "c.safetensors", "closure": a_closure()}),
        "load_closure": Call(am.load_closure, {"path": a_folder() / "closure.safetensors"}),
        "fit_closure": Call(
            am.fit_closure,
            {"x": LARGE, "lattice": BIG.lattice, "z_star": M, "dims": 1, "objective": "pseudo-likelihood",
             "moments": None, "group": np.arange(60),
             "options": ClosureOptions(shells=1, width=2, decoder=2, steps=2, restarts=1), "rng": rng()},
        ),
        "ClosureOptions": Call(
            ClosureOptions,
            {"shells": 1, "width": 4, "messages": 2, "decoder": 4, "steps": 3, "patience": 3, "restarts": 1,
             "validation": 0.2, "most_dims": 2, "most_sites": 100},
        ),
        "Closure.__call__": Call(a_closure().__call__, {"x": LARGE, "lattice": BIG.lattice}),
        "Closure.changes": Call(
            a_closure().changes,
            {"x0": SPINS, "lattice": SQUARE, **a_events(SITES, AFTER)},
        ),
    }  # fmt: skip
