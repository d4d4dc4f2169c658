"""asemacro: macroscopic stochastic dynamics of large materials systems, learned from small ones."""

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = {
    "lattice": "Lattice", "spins": "random_spins spins_to_atoms spins_from_atoms", "observables": "WarrenCowley",
    "spin_observables": "Magnetization DomainWallDensity EnergyPerSite", "joined": "Observables",
    "short_range_order": "warren_cowley", "barriers": "load_barriers PairBarrier", "micro.alloy": "VacancyKMC",
    "micro.swap": "SwapMC", "micro.spin": "Ising", "micro.curie_weiss": "CurieWeiss", "micro.base": "sample",
    "upsampling": "upsample blocks repeat mosaic", "ensemble": "snapshots magnetised log_ages",
    "spin_upsampling": "replicate calibrate_flips", "patches": "partial_evolution Pairs pairs_from_runs",
    "moments": "Moments patch_moments infinitesimal_moments", "moment_fit": "moments_from_pairs",
    "dt_rule": "choose_dt", "sde": "NeuralSDE OnsagerNet FullDiffusion", "trajectories": "simulate",
    "sde_file": "save_sde load_sde",
    "train": "fit", "analysis": "stationary_average", "learning": "learn_from_rates learn_from_pairs Learned",
    "micro.field": "PredatorPrey random_cosines", "fields": "FieldMean fields_to_atoms fields_from_atoms",
    "field_covariance": "FieldCovariance", "field_upsampling": "interpolate",
    "closure_fit": "fit_closure", "closure_file": "save_closure load_closure",
    "diagram": "phase_diagram", "reversible": "ReversibleDrift", "polynomial": "PolynomialDiffusion",
    "density_fit": "fit_reversible", "reversible_law": "stationary_law relaxation_modes",
}  # fmt: skip
_PUBLIC = {name: module for module, names in _MODULES.items() for name in names.split()}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
