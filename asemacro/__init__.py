"""asemacro: macroscopic stochastic dynamics of large materials systems, learned from small ones."""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Lattice": "lattice",
    "WarrenCowley": "observables",
    "warren_cowley": "short_range_order",
    "load_barriers": "barriers",
    "PairBarrier": "barriers",
    "VacancyKMC": "micro.alloy",
    "SwapMC": "micro.swap",
    "sample": "micro.base",
    "upsample": "upsampling",
    "blocks": "upsampling",
    "repeat": "upsampling",
    "mosaic": "upsampling",
    "partial_evolution": "patches",
    "choose_dt": "dt_rule",
    "Pairs": "patches",
    "pairs_from_runs": "patches",
    "NeuralSDE": "sde",
    "OnsagerNet": "sde",
    "FullDiffusion": "sde",
    "simulate": "trajectories",
    "save_sde": "sde_file",
    "load_sde": "sde_file",
    "fit": "train",
    "stationary_average": "analysis",
    "phase_diagram": "diagram",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
