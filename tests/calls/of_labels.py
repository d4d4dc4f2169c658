"""Calls of the public names of labels."""

from __future__ import annotations

import numpy as np

import asemacro as am
from calls.given import BIG, ISING, LARGE, SPINS, Call, M, a_moments, a_pairs, a_transitions, a_z, rng


def calls() -> dict[str, Call]:
    group = np.arange(60) // 2
    return {
        "Pairs": Call(
            am.Pairs,
            {"z0": a_z(60, 1), "z1": a_z(60, 1) + 0.1, "dt": 0.1, "K": 2.0, "condition": 300.0,
             "weight": np.ones(60), "group": group},
        ),
        "Pairs.take": Call(a_pairs().take, {"rows": np.arange(5)}),
        "Pairs.concat": Call(am.Pairs.concat, {"parts": [a_pairs(), a_pairs()]}),
        "Pairs.balanced": Call(a_pairs().balanced, {}),
        "Moments": Call(
            am.Moments,
            {"z": a_z(60, 1), "drift": a_z(60, 1), "covariance": np.ones((60, 1, 1)), "K": 2.0, "condition": 300.0,
             "group": group},
        ),
        "Moments.take": Call(a_moments().take, {"rows": np.arange(5)}),
        "Moments.concat": Call(am.Moments.concat, {"parts": [a_moments(), a_moments()]}),
        "partial_evolution": Call(
            am.partial_evolution,
            {"system": BIG, "x": LARGE[:4], "times": [0.1, 0.2], "fraction": 1 / 16, "rng": rng(),
             "group": np.arange(4), "progress": False},
        ),
        "Transitions.state": Call(a_transitions().state, {"time": 0}),
        "Transitions.change": Call(a_transitions().change, {"phi": M, "time": 0}),
        "Transitions.pairs": Call(a_transitions().pairs, {"phi": M, "condition": 300.0, "time": 0}),
        "pairs_from_runs": Call(
            am.pairs_from_runs,
            {"values": a_z(40, 1).reshape(8, 5, 1), "times_s": np.arange(5.0), "copies": 2, "condition": 300.0,
             "step_s": 1.0, "growth": 0.2, "combinations": 2, "rng": rng()},
        ),
        "patch_moments": Call(
            am.patch_moments,
            {"system": BIG, "x": LARGE[:4], "phi": M, "fraction": 1 / 16, "rng": rng(), "condition": 300.0,
             "group": np.arange(4)},
        ),
        "infinitesimal_moments": Call(
            am.infinitesimal_moments,
            {"system": ISING, "x": SPINS, "phi": M, "active": np.tile(np.arange(4), (24, 1))},
        ),
        "moments_from_pairs": Call(am.moments_from_pairs, {"pairs": a_pairs(), "half": None}),
        "choose_dt": Call(
            am.choose_dt,
            {"system": BIG, "x": LARGE, "phi": M, "fraction": 1 / 16, "start_s": 0.1, "n_rows": 32,
             "tolerance": 5.0, "max_doublings": 2, "accuracy": 0.01, "rng": rng()},
        ),
    }  # fmt: skip
