"""What is measured on a state: z = phi(x), one number an observable, and how it changes when sites change.

WarrenCowley              short-range order delta_ij of an alloy, an observable
warren_cowley             alpha and delta of one structure, as a table
diffuse_scattering        intensity by short-range order, of x-rays or neutrons, in Laue units
Magnetization             mean spin
DomainWallDensity         fraction of unlike neighbours
EnergyPerSite             energy of spins, per site
VectorMagnetization       mean of unit vectors
VectorEnergyPerSite       energy of unit vectors, per site
FieldMean                 mean of each field
FieldCovariance           covariances of the fields
BlockMeans                means of spins or of a field in blocks
Observables               several observables as one
DifferentiableObservable  an observable of deterministic systems, a function of torch with its gradient
TorchObservable           such an observable of your own
SpeciesMeans              mean of each species, differentiable
GinzburgLandauEnergy      energy of an Allen-Cahn field, differentiable
KineticTemperature        temperature of particles from their velocities, differentiable
check_gradient            refuse an observable without gradient
ShortRangeOrder           the table of `warren_cowley`
DiffuseScattering         what `diffuse_scattering` gives
Observable                what every observable gives, for observables of your own
SpinObservable            sums over spins and bonds, what the three of spins are
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.observables.alloy import WarrenCowley as WarrenCowley
    from asemacro.observables.base import Observable as Observable
    from asemacro.observables.blocks import BlockMeans as BlockMeans
    from asemacro.observables.differentiable import DifferentiableObservable as DifferentiableObservable
    from asemacro.observables.differentiable import TorchObservable as TorchObservable
    from asemacro.observables.differentiable import check_gradient as check_gradient
    from asemacro.observables.field_covariance import FieldCovariance as FieldCovariance
    from asemacro.observables.field_mean import FieldMean as FieldMean
    from asemacro.observables.ginzburg_landau import GinzburgLandauEnergy as GinzburgLandauEnergy
    from asemacro.observables.joined import Observables as Observables
    from asemacro.observables.kinetic_temperature import KineticTemperature as KineticTemperature
    from asemacro.observables.scattering import DiffuseScattering as DiffuseScattering
    from asemacro.observables.scattering import diffuse_scattering as diffuse_scattering
    from asemacro.observables.short_range_order import ShortRangeOrder as ShortRangeOrder
    from asemacro.observables.short_range_order import warren_cowley as warren_cowley
    from asemacro.observables.species_means import SpeciesMeans as SpeciesMeans
    from asemacro.observables.spins import DomainWallDensity as DomainWallDensity
    from asemacro.observables.spins import EnergyPerSite as EnergyPerSite
    from asemacro.observables.spins import Magnetization as Magnetization
    from asemacro.observables.spins import SpinObservable as SpinObservable
    from asemacro.observables.vector_spins import VectorEnergyPerSite as VectorEnergyPerSite
    from asemacro.observables.vector_spins import VectorMagnetization as VectorMagnetization
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
