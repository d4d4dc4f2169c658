"""asemacro: macroscopic stochastic dynamics of large materials systems, learned from small ones."""

import importlib
from typing import TYPE_CHECKING, Any

from asemacro.version import __version__ as __version__

if TYPE_CHECKING:  # what type checkers and completion see; the same names as in _MODULES
    from asemacro.barriers import load_barriers as load_barriers
    from asemacro.barriers.pair import PairBarrier as PairBarrier
    from asemacro.closure.file import load_closure as load_closure
    from asemacro.closure.file import save_closure as save_closure
    from asemacro.closure.fit import fit_closure as fit_closure
    from asemacro.data import Moments as Moments
    from asemacro.data import Pairs as Pairs
    from asemacro.labels.duration import choose_dt as choose_dt
    from asemacro.labels.moments import infinitesimal_moments as infinitesimal_moments
    from asemacro.labels.moments import patch_moments as patch_moments
    from asemacro.labels.transitions import pairs_from_runs as pairs_from_runs
    from asemacro.labels.transitions import partial_evolution as partial_evolution
    from asemacro.lattice.fields import fields_from_atoms as fields_from_atoms
    from asemacro.lattice.fields import fields_to_atoms as fields_to_atoms
    from asemacro.lattice.lattice import Lattice as Lattice
    from asemacro.lattice.reading.structure_file import read_frames as read_frames
    from asemacro.lattice.reading.structure_file import read_structure as read_structure
    from asemacro.lattice.spins import random_spins as random_spins
    from asemacro.lattice.spins import spins_from_atoms as spins_from_atoms
    from asemacro.lattice.spins import spins_to_atoms as spins_to_atoms
    from asemacro.macro.density_fit import fit_reversible as fit_reversible
    from asemacro.macro.file import load_sde as load_sde
    from asemacro.macro.file import save_sde as save_sde
    from asemacro.macro.moment_fit import moments_from_pairs as moments_from_pairs
    from asemacro.macro.polynomial import PolynomialDiffusion as PolynomialDiffusion
    from asemacro.macro.reversible import ReversibleDrift as ReversibleDrift
    from asemacro.macro.sde import FullDiffusion as FullDiffusion
    from asemacro.macro.sde import NeuralSDE as NeuralSDE
    from asemacro.macro.sde import OnsagerNet as OnsagerNet
    from asemacro.macro.stationary import relaxation_modes as relaxation_modes
    from asemacro.macro.stationary import stationary_law as stationary_law
    from asemacro.macro.train import fit as fit
    from asemacro.macro.trajectories import simulate as simulate
    from asemacro.micro.alloy.swap import SwapMC as SwapMC
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC as VacancyKMC
    from asemacro.micro.fields.predator_prey import PredatorPrey as PredatorPrey
    from asemacro.micro.fields.predator_prey import random_cosines as random_cosines
    from asemacro.micro.protocol import sample as sample
    from asemacro.micro.spins.curie_weiss import CurieWeiss as CurieWeiss
    from asemacro.micro.spins.ising import Ising as Ising
    from asemacro.observables.alloy import WarrenCowley as WarrenCowley
    from asemacro.observables.field_covariance import FieldCovariance as FieldCovariance
    from asemacro.observables.field_mean import FieldMean as FieldMean
    from asemacro.observables.joined import Observables as Observables
    from asemacro.observables.short_range_order import warren_cowley as warren_cowley
    from asemacro.observables.spins import DomainWallDensity as DomainWallDensity
    from asemacro.observables.spins import EnergyPerSite as EnergyPerSite
    from asemacro.observables.spins import Magnetization as Magnetization
    from asemacro.statistics.averages import stationary_average as stationary_average
    from asemacro.studies.alloy.diagram import phase_diagram as phase_diagram
    from asemacro.studies.learn.learned import Learned as Learned
    from asemacro.studies.learn.learned import learn_from_pairs as learn_from_pairs
    from asemacro.studies.learn.learned import learn_from_rates as learn_from_rates
    from asemacro.upsampling.ensemble import log_ages as log_ages
    from asemacro.upsampling.ensemble import magnetised as magnetised
    from asemacro.upsampling.ensemble import snapshots as snapshots
    from asemacro.upsampling.interpolation import interpolate as interpolate
    from asemacro.upsampling.replication import calibrate_flips as calibrate_flips
    from asemacro.upsampling.replication import replicate as replicate
    from asemacro.upsampling.tiling import blocks as blocks
    from asemacro.upsampling.tiling import mosaic as mosaic
    from asemacro.upsampling.tiling import repeat as repeat
    from asemacro.upsampling.tiling import upsample as upsample


_MODULES = {
    "data": "Pairs Moments",
    "lattice.lattice": "Lattice",
    "lattice.spins": "random_spins spins_to_atoms spins_from_atoms",
    "observables.alloy": "WarrenCowley",
    "observables.spins": "Magnetization DomainWallDensity EnergyPerSite",
    "observables.joined": "Observables",
    "observables.short_range_order": "warren_cowley",
    "barriers": "load_barriers",
    "barriers.pair": "PairBarrier",
    "micro.alloy.vacancy_kmc": "VacancyKMC",
    "micro.alloy.swap": "SwapMC",
    "micro.spins.ising": "Ising",
    "micro.spins.curie_weiss": "CurieWeiss",
    "micro.protocol": "sample",
    "lattice.reading.structure_file": "read_structure read_frames",
    "upsampling.tiling": "upsample blocks repeat mosaic",
    "upsampling.ensemble": "snapshots magnetised log_ages",
    "upsampling.replication": "replicate calibrate_flips",
    "labels.transitions": "partial_evolution pairs_from_runs",
    "labels.moments": "patch_moments infinitesimal_moments",
    "macro.moment_fit": "moments_from_pairs",
    "labels.duration": "choose_dt",
    "macro.sde": "NeuralSDE OnsagerNet FullDiffusion",
    "macro.trajectories": "simulate",
    "macro.file": "save_sde load_sde",
    "macro.train": "fit",
    "statistics.averages": "stationary_average",
    "studies.learn.learned": "learn_from_rates learn_from_pairs Learned",
    "micro.fields.predator_prey": "PredatorPrey random_cosines",
    "lattice.fields": "fields_to_atoms fields_from_atoms",
    "observables.field_mean": "FieldMean",
    "observables.field_covariance": "FieldCovariance",
    "upsampling.interpolation": "interpolate",
    "closure.fit": "fit_closure",
    "closure.file": "save_closure load_closure",
    "studies.alloy.diagram": "phase_diagram",
    "macro.reversible": "ReversibleDrift",
    "macro.polynomial": "PolynomialDiffusion",
    "macro.density_fit": "fit_reversible",
    "macro.stationary": "stationary_law relaxation_modes",
}
_PUBLIC = {name: module for module, names in _MODULES.items() for name in names.split()}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, before and after they are imported."""
    return sorted(__all__)
