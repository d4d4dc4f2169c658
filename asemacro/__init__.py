"""Macroscopic stochastic dynamics of large materials systems, learned from simulations of small ones.

States -> small runs -> large states -> labels -> macroscopic model -> prediction, one package a station:

lattice, where states live
    Lattice                a crystal as unit cell x grid, from a prototype's name or from atoms
    read_structure         the atoms of one frame of any structure file
    read_frames            several frames of a file, each with its number and time
    sublattice_of          a structure of which one sublattice is meant
    random_spins           states of spins with an exact magnetisation
    spins_at               independent spins of given local magnetisations
    spins_to_atoms         spins as pseudo-atoms of ASE
    spins_from_atoms       spins from pseudo-atoms
    random_vectors         states of unit vectors of a given mean
    vectors_to_atoms       unit vectors as pseudo-atoms
    vectors_from_atoms     unit vectors from pseudo-atoms
    fields_to_atoms        fields as pseudo-atoms with an array for each field
    fields_from_atoms      fields from pseudo-atoms

observables, what is measured
    WarrenCowley           short-range order delta_ij of an alloy, an observable
    warren_cowley          alpha and delta of one structure, as a table
    diffuse_scattering     intensity by short-range order, of x-rays or neutrons, in Laue units
    Magnetization          mean spin
    DomainWallDensity      fraction of unlike neighbours
    EnergyPerSite          energy of spins, per site
    VectorMagnetization    mean of unit vectors
    VectorEnergyPerSite    energy of unit vectors, per site
    FieldMean              mean of each field
    FieldCovariance        covariances of the fields
    Observables            several observables as one
    BlockMeans             means of spins or fields in blocks
    TorchObservable        an observable of your own that can be differentiated
    SpeciesMeans           mean of each species, differentiable
    GinzburgLandauEnergy   energy of an Allen-Cahn field, differentiable
    KineticTemperature     temperature of particles, differentiable

barriers, how high a jump is
    load_barriers          a barrier model by its name or from a file
    PairBarrier            barriers from pair energies, on any lattice
    CallableBarriers       barriers from a Python function, on any lattice
    ClusterExpansionBarriers  barriers from a cluster expansion of icet
    CalculatorBarriers     barriers from a band of every jump, by an ASE calculator, of tiny cells

micro, what moves
    VacancyKMC             kinetic Monte Carlo of vacancies in an alloy
    SwapMC                 equilibrium of an alloy by swaps of atoms
    Ising                  spins with neighbours, Glauber dynamics
    CurieWeiss             spins that all see each other
    KacIsing               spins with very many neighbours
    top_hat                their coupling: the same up to a range
    gaussian               their coupling: a Gaussian
    smooth_fields          local magnetisations far from equilibrium
    make_field_data        what block fields of spins do in a short time
    FieldData              such block fields, as a table
    Heisenberg             unit vectors that precess, with damping and heat bath
    PredatorPrey           fields of prey and predators with noise
    random_cosines         starts of these fields
    sample                 states of a system at fixed times
    Driver                 a run of any of these as ASE's dynamics: attach, run, irun, trajectory
    KMC                    the same of kinetic Monte Carlo, which moves your own atoms
    PredatorPreyODE        fields of prey and predators without noise, as an ordinary differential equation
    CallableForces         an ordinary differential equation of your own
    AllenCahn              interfaces that move by their curvature
    LennardJones           a fluid of particles that keeps its energy
    PartialForces          any atoms with any calculator of ASE, forces of a few atoms at a time
    make_force_data        states along trajectories with forces on a few carriers
    redraw_forces          the same states with forces on other carriers
    ForceData              such states and forces, as a table in memory or in a file

upsampling, small runs enlarged
    snapshots              large states of many ages, from small runs
    magnetised             starts for `snapshots`: spins of given magnetisations
    log_ages               ages for `snapshots`, even on a logarithmic axis
    upsample               large states whose parts are small ones
    blocks                 a way to upsample: small cells side by side
    repeat                 a way to upsample: exact copies of one cell
    mosaic                 a way to upsample: cells shifted and joined, composition kept
    interpolate            a way to upsample: fields on a finer grid
    replicate              a way to upsample: a spin becomes a block of spins, relaxed
    calibrate_flips        how many spins `replicate` flips

labels, what a part of a large system does next
    partial_evolution      a random part of the carriers moves, the rest is frozen
    pairs_from_runs        pairs from small runs alone
    choose_dt              the duration of pairs, from a few trials
    patch_moments          exact drift and covariance rates from a part of each state
    infinitesimal_moments  the same of carriers that you name
    force_labels           what forces on a few carriers say about the rate of the observables
    Pairs                  pairs of macroscopic states, as a table
    Moments                states with their drift and covariance rates, as a table
    ForceLabels            states with what forces say about their rates, as a table

macro, the macroscopic model
    NeuralSDE              a stochastic differential equation of the observables
    NeuralODE              an ordinary one, without noise
    OnsagerNet             a drift: a potential, a dissipation and a rotation, as networks
    GFINN                  a drift: an energy that stays and an entropy that grows (GENERIC)
    MLPDrift               a drift: a network without a structure
    ReversibleDrift        a drift from a density and the noise: detailed balance
    FullDiffusion          noise by a network
    PolynomialDiffusion    noise by polynomials
    fit                    fit an equation to pairs
    fit_ode                fit an ODE to forces on a few carriers, several seeds at once
    fit_reversible         fit a reversible equation to snapshots and moments
    moments_from_pairs     drift and covariance rates from pairs
    simulate               trajectories of an equation
    simulate_ode           trajectories of an ODE
    stationary_law         equilibrium of a reversible equation, without sampling
    relaxation_modes       slowest relaxation rates of a reversible equation
    save_sde               write an equation
    load_sde               read an equation
    save_ode               write an ODE
    load_ode               read an ODE
    NeuralSPDE             a field equation: dm = -K dF/dm dt + noise of block fields, on any grid
    fit_fields             fit a field equation to field data, with a report
    simulate_fields        block fields over time, by a field equation
    BlockKernel            the coupling between blocks
    box_averaged           the exact coupling between blocks of a kernel between sites
    hydrodynamic_limit     a field equation without noise, for comparison
    allen_cahn_limit       a field equation with a Laplacian for its kernel, for comparison
    save_spde              write a field equation
    load_spde              read a field equation
    structure_factor       S(k) of block fields
    domain_length          length of domains of block fields
    growth_rates           rates at which waves grow after a quench
    switching              how often a magnetisation changes its well

closure, what the observables lack
    fit_closure            variables that the observables lack, learned from snapshots
    fit_encoder            the same by an autoencoder, for forces on a few carriers
    save_closure           write such variables
    load_closure           read such variables
    save_encoder           write an encoder
    load_encoder           read an encoder

studies, whole answers
    phase_diagram          order of an alloy over temperature, at equilibrium and annealed
    equilibrium            order, energy, heat capacity and temperature of order of an alloy, by swaps alone
    anneal                 order of an alloy over the programme of a furnace
    Schedule               such a programme
    diffusion              how fast the species of an alloy diffuse, over temperature
    learn_from_rates       a learned model from exact rates
    learn_from_pairs       a learned model from pairs
    Learned                a learned model: save, load, simulate, plot
    learn_from_forces      a learned ODE from forces on a few carriers
    trajectory_error       how far a learned ODE is from trajectories of the system
    learn_from_fields      a learned field equation from field data
    LearnedFields          a learned field equation: save, load, energy
    read_fields            field data from npz, zarr and OVF files

beside them
    stationary_average     mean of correlated series with its error
    __version__            version of the package
"""

from typing import TYPE_CHECKING

from asemacro import renamed
from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.barriers.calculated import CalculatorBarriers as CalculatorBarriers
    from asemacro.barriers.callable import CallableBarriers as CallableBarriers
    from asemacro.barriers.cluster_expansion import ClusterExpansionBarriers as ClusterExpansionBarriers
    from asemacro.barriers.load import load_barriers as load_barriers
    from asemacro.barriers.pair import PairBarrier as PairBarrier
    from asemacro.closure.autoencoder import fit_encoder as fit_encoder
    from asemacro.closure.encoder_file import load_encoder as load_encoder
    from asemacro.closure.encoder_file import save_encoder as save_encoder
    from asemacro.closure.file import load_closure as load_closure
    from asemacro.closure.file import save_closure as save_closure
    from asemacro.closure.fit import fit_closure as fit_closure
    from asemacro.data import ForceLabels as ForceLabels
    from asemacro.data import Moments as Moments
    from asemacro.data import Pairs as Pairs
    from asemacro.field_data import FieldData as FieldData
    from asemacro.force_data import ForceData as ForceData
    from asemacro.labels.duration import choose_dt as choose_dt
    from asemacro.labels.forces import force_labels as force_labels
    from asemacro.labels.moments import infinitesimal_moments as infinitesimal_moments
    from asemacro.labels.moments import patch_moments as patch_moments
    from asemacro.labels.transitions import pairs_from_runs as pairs_from_runs
    from asemacro.labels.transitions import partial_evolution as partial_evolution
    from asemacro.lattice.fields import fields_from_atoms as fields_from_atoms
    from asemacro.lattice.fields import fields_to_atoms as fields_to_atoms
    from asemacro.lattice.lattice import Lattice as Lattice
    from asemacro.lattice.reading.structure_file import read_frames as read_frames
    from asemacro.lattice.reading.structure_file import read_structure as read_structure
    from asemacro.lattice.recognition.sublattice import sublattice_of as sublattice_of
    from asemacro.lattice.spins import random_spins as random_spins
    from asemacro.lattice.spins import spins_at as spins_at
    from asemacro.lattice.spins import spins_from_atoms as spins_from_atoms
    from asemacro.lattice.spins import spins_to_atoms as spins_to_atoms
    from asemacro.lattice.vector_spins import random_vectors as random_vectors
    from asemacro.lattice.vector_spins import vectors_from_atoms as vectors_from_atoms
    from asemacro.lattice.vector_spins import vectors_to_atoms as vectors_to_atoms
    from asemacro.macro.density_fit import fit_reversible as fit_reversible
    from asemacro.macro.diffusion import FullDiffusion as FullDiffusion
    from asemacro.macro.drift import OnsagerNet as OnsagerNet
    from asemacro.macro.file import load_ode as load_ode
    from asemacro.macro.file import load_sde as load_sde
    from asemacro.macro.file import save_ode as save_ode
    from asemacro.macro.file import save_sde as save_sde
    from asemacro.macro.gfinn import GFINN as GFINN
    from asemacro.macro.mlp_drift import MLPDrift as MLPDrift
    from asemacro.macro.moment_fit import moments_from_pairs as moments_from_pairs
    from asemacro.macro.ode import NeuralODE as NeuralODE
    from asemacro.macro.ode import simulate_ode as simulate_ode
    from asemacro.macro.ode_fit import fit_ode as fit_ode
    from asemacro.macro.polynomial import PolynomialDiffusion as PolynomialDiffusion
    from asemacro.macro.reversible import ReversibleDrift as ReversibleDrift
    from asemacro.macro.sde import NeuralSDE as NeuralSDE
    from asemacro.macro.spde.block_kernel import BlockKernel as BlockKernel
    from asemacro.macro.spde.block_kernel import box_averaged as box_averaged
    from asemacro.macro.spde.field_measures import domain_length as domain_length
    from asemacro.macro.spde.field_measures import growth_rates as growth_rates
    from asemacro.macro.spde.field_measures import structure_factor as structure_factor
    from asemacro.macro.spde.field_measures import switching as switching
    from asemacro.macro.spde.field_steps import simulate_fields as simulate_fields
    from asemacro.macro.spde.file import load_spde as load_spde
    from asemacro.macro.spde.file import save_spde as save_spde
    from asemacro.macro.spde.fit import fit_fields as fit_fields
    from asemacro.macro.spde.spde import NeuralSPDE as NeuralSPDE
    from asemacro.macro.spde.spde import allen_cahn_limit as allen_cahn_limit
    from asemacro.macro.spde.spde import hydrodynamic_limit as hydrodynamic_limit
    from asemacro.macro.stationary import relaxation_modes as relaxation_modes
    from asemacro.macro.stationary import stationary_law as stationary_law
    from asemacro.macro.train import fit as fit
    from asemacro.macro.trajectories import simulate as simulate
    from asemacro.micro.alloy.kmc_driver import KMC as KMC
    from asemacro.micro.alloy.swap import SwapMC as SwapMC
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC as VacancyKMC
    from asemacro.micro.callable_forces import CallableForces as CallableForces
    from asemacro.micro.driver import Driver as Driver
    from asemacro.micro.fields.allen_cahn import AllenCahn as AllenCahn
    from asemacro.micro.fields.predator_prey import PredatorPrey as PredatorPrey
    from asemacro.micro.fields.predator_prey import random_cosines as random_cosines
    from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE as PredatorPreyODE
    from asemacro.micro.force_runs import make_force_data as make_force_data
    from asemacro.micro.force_runs import redraw_forces as redraw_forces
    from asemacro.micro.particles.lennard_jones import LennardJones as LennardJones
    from asemacro.micro.particles.partial_forces import PartialForces as PartialForces
    from asemacro.micro.sampling import sample as sample
    from asemacro.micro.spins.curie_weiss import CurieWeiss as CurieWeiss
    from asemacro.micro.spins.heisenberg import Heisenberg as Heisenberg
    from asemacro.micro.spins.ising import Ising as Ising
    from asemacro.micro.spins.kac import KacIsing as KacIsing
    from asemacro.micro.spins.kac_coupling import gaussian as gaussian
    from asemacro.micro.spins.kac_coupling import top_hat as top_hat
    from asemacro.micro.spins.kac_fields import make_field_data as make_field_data
    from asemacro.micro.spins.kac_fields import smooth_fields as smooth_fields
    from asemacro.observables.alloy import WarrenCowley as WarrenCowley
    from asemacro.observables.blocks import BlockMeans as BlockMeans
    from asemacro.observables.differentiable import TorchObservable as TorchObservable
    from asemacro.observables.field_covariance import FieldCovariance as FieldCovariance
    from asemacro.observables.field_mean import FieldMean as FieldMean
    from asemacro.observables.ginzburg_landau import GinzburgLandauEnergy as GinzburgLandauEnergy
    from asemacro.observables.joined import Observables as Observables
    from asemacro.observables.kinetic_temperature import KineticTemperature as KineticTemperature
    from asemacro.observables.scattering import diffuse_scattering as diffuse_scattering
    from asemacro.observables.short_range_order import warren_cowley as warren_cowley
    from asemacro.observables.species_means import SpeciesMeans as SpeciesMeans
    from asemacro.observables.spins import DomainWallDensity as DomainWallDensity
    from asemacro.observables.spins import EnergyPerSite as EnergyPerSite
    from asemacro.observables.spins import Magnetization as Magnetization
    from asemacro.observables.vector_spins import VectorEnergyPerSite as VectorEnergyPerSite
    from asemacro.observables.vector_spins import VectorMagnetization as VectorMagnetization
    from asemacro.statistics.averages import stationary_average as stationary_average
    from asemacro.studies.alloy.diagram import phase_diagram as phase_diagram
    from asemacro.studies.fields.learned import LearnedFields as LearnedFields
    from asemacro.studies.fields.learned import learn_from_fields as learn_from_fields
    from asemacro.studies.fields.readers import read_fields as read_fields
    from asemacro.studies.forces.errors import trajectory_error as trajectory_error
    from asemacro.studies.forces.learning import learn_from_forces as learn_from_forces
    from asemacro.studies.furnace.annealing import anneal as anneal
    from asemacro.studies.furnace.schedule import Schedule as Schedule
    from asemacro.studies.learn.learned import Learned as Learned
    from asemacro.studies.learn.learned import learn_from_pairs as learn_from_pairs
    from asemacro.studies.learn.learned import learn_from_rates as learn_from_rates
    from asemacro.studies.ordering.calculation import equilibrium as equilibrium
    from asemacro.studies.transport.study import diffusion as diffusion
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
    from asemacro.version import __version__ as __version__
else:
    __getattr__, __dir__, __all__ = lazily(__name__)

renamed.install()
