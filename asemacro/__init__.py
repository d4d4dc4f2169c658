"""asemacro: macroscopic stochastic dynamics of large materials systems, learned from small ones."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and completion see; the same names as in _MODULES
    from asemacro.analysis import stationary_average as stationary_average
    from asemacro.barriers import load_barriers as load_barriers
    from asemacro.barriers.pair import PairBarrier as PairBarrier
    from asemacro.closure_file import load_closure as load_closure
    from asemacro.closure_file import save_closure as save_closure
    from asemacro.closure_fit import fit_closure as fit_closure
    from asemacro.density_fit import fit_reversible as fit_reversible
    from asemacro.diagram import phase_diagram as phase_diagram
    from asemacro.dt_rule import choose_dt as choose_dt
    from asemacro.ensemble import log_ages as log_ages
    from asemacro.ensemble import magnetised as magnetised
    from asemacro.ensemble import snapshots as snapshots
    from asemacro.field_covariance import FieldCovariance as FieldCovariance
    from asemacro.field_upsampling import interpolate as interpolate
    from asemacro.fields import FieldMean as FieldMean
    from asemacro.fields import fields_from_atoms as fields_from_atoms
    from asemacro.fields import fields_to_atoms as fields_to_atoms
    from asemacro.joined import Observables as Observables
    from asemacro.lattice import Lattice as Lattice
    from asemacro.learning import Learned as Learned
    from asemacro.learning import learn_from_pairs as learn_from_pairs
    from asemacro.learning import learn_from_rates as learn_from_rates
    from asemacro.micro.alloy import VacancyKMC as VacancyKMC
    from asemacro.micro.base import sample as sample
    from asemacro.micro.curie_weiss import CurieWeiss as CurieWeiss
    from asemacro.micro.field import PredatorPrey as PredatorPrey
    from asemacro.micro.field import random_cosines as random_cosines
    from asemacro.micro.spin import Ising as Ising
    from asemacro.micro.swap import SwapMC as SwapMC
    from asemacro.moment_fit import moments_from_pairs as moments_from_pairs
    from asemacro.moments import Moments as Moments
    from asemacro.moments import infinitesimal_moments as infinitesimal_moments
    from asemacro.moments import patch_moments as patch_moments
    from asemacro.observables import WarrenCowley as WarrenCowley
    from asemacro.patches import Pairs as Pairs
    from asemacro.patches import pairs_from_runs as pairs_from_runs
    from asemacro.patches import partial_evolution as partial_evolution
    from asemacro.polynomial import PolynomialDiffusion as PolynomialDiffusion
    from asemacro.reversible import ReversibleDrift as ReversibleDrift
    from asemacro.reversible_law import relaxation_modes as relaxation_modes
    from asemacro.reversible_law import stationary_law as stationary_law
    from asemacro.sde import FullDiffusion as FullDiffusion
    from asemacro.sde import NeuralSDE as NeuralSDE
    from asemacro.sde import OnsagerNet as OnsagerNet
    from asemacro.sde_file import load_sde as load_sde
    from asemacro.sde_file import save_sde as save_sde
    from asemacro.short_range_order import warren_cowley as warren_cowley
    from asemacro.spin_observables import DomainWallDensity as DomainWallDensity
    from asemacro.spin_observables import EnergyPerSite as EnergyPerSite
    from asemacro.spin_observables import Magnetization as Magnetization
    from asemacro.spin_upsampling import calibrate_flips as calibrate_flips
    from asemacro.spin_upsampling import replicate as replicate
    from asemacro.spins import random_spins as random_spins
    from asemacro.spins import spins_from_atoms as spins_from_atoms
    from asemacro.spins import spins_to_atoms as spins_to_atoms
    from asemacro.structure_file import read_frames as read_frames
    from asemacro.structure_file import read_structure as read_structure
    from asemacro.train import fit as fit
    from asemacro.trajectories import simulate as simulate
    from asemacro.upsampling import blocks as blocks
    from asemacro.upsampling import mosaic as mosaic
    from asemacro.upsampling import repeat as repeat
    from asemacro.upsampling import upsample as upsample

__version__ = "0.1.0"

_MODULES = {
    "lattice": "Lattice", "spins": "random_spins spins_to_atoms spins_from_atoms", "observables": "WarrenCowley",
    "spin_observables": "Magnetization DomainWallDensity EnergyPerSite", "joined": "Observables",
    "short_range_order": "warren_cowley", "barriers": "load_barriers", "barriers.pair": "PairBarrier",
    "micro.alloy": "VacancyKMC", "micro.swap": "SwapMC", "micro.spin": "Ising", "micro.curie_weiss": "CurieWeiss",
    "micro.base": "sample", "structure_file": "read_structure read_frames",
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


def __dir__() -> list[str]:
    """The public names, before and after they are imported."""
    return sorted(__all__)
