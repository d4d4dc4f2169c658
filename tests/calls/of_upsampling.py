"""Calls of the public names of upsampling."""

from __future__ import annotations

import asemacro as am
from asemacro.micro.blocks import Blocks
from calls.given import ALLOY, ATOMS, BCC, CELLS, FIELDS, ISING, SPINS, Call, M, a_small, rng


def calls() -> dict[str, Call]:
    cells = {"system": ISING, "cells": SPINS[:6], "copies": 4, "count": 2, "rng": rng()}
    from asemacro.testing import check_microsystem
    from asemacro.upsampling.tiling import fix_composition

    return {
        "upsample": Call(
            am.upsample,
            {"system": ISING, "small": a_small(), "copies": 4, "how": am.mosaic, "n_snapshots": 2, "rng": rng(),
             "relax_s": 0.1},
        ),
        "blocks": Call(am.blocks, cells),
        "repeat": Call(am.repeat, cells),
        "mosaic": Call(am.mosaic, {**cells, "system": ALLOY, "cells": ATOMS, "copies": 8,
                                   "wanted": 8 * BCC.counts()}),
        "fix_composition": Call(fix_composition, {"x": ATOMS, "counts": BCC.counts(), "rng": rng()}),
        "replicate": Call(am.replicate, {**cells, "flips": 0.1, "relax": 0.5, "patch": 4}),
        "interpolate": Call(am.interpolate, {**cells, "system": FIELDS, "cells": CELLS, "copies": 2}),
        "calibrate_flips": Call(
            am.calibrate_flips,
            {"system": ISING, "cells": SPINS, "target": 0.2, "target_error": 0.01, "known": (0.3, 0.01),
             "copies": 4, "relax": 0.1, "patch": None, "bounds": (0.0, 0.5), "points": 3, "rng": rng()},
        ),
        "snapshots": Call(
            am.snapshots,
            {"system": ISING, "starts": am.magnetised([0.0, 0.5]), "ages": [0.0, 0.5], "copies": 4,
             "how": am.mosaic, "trajectories": 4, "per_age": 1, "relax": 0.1, "rng": rng(), "executor": None,
             "progress": print},
        ),
        "magnetised": Call(am.magnetised, {"magnetisations": [0.0, 0.5]}),
        "log_ages": Call(am.log_ages, {"first": 0.1, "last": 10.0, "n": 5}),
        "Blocks": Call(Blocks, {"system": ISING, "copies": 3}),
        "check_microsystem": Call(
            check_microsystem,
            {"system": ISING, "x": SPINS[:1], "durations": (0.2, 1.0), "observable": M, "conserved": None,
             "fraction": 0.5, "replicas": 200, "seed": 0},
        ),
    }  # fmt: skip
