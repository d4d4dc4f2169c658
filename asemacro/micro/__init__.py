"""What moves: the microscopic systems whose large-scale dynamics are learned.

MicroSystem      what every system does, for systems of your own
VacancyKMC       kinetic Monte Carlo of vacancies in an alloy
SwapMC           equilibrium of an alloy by swaps of atoms
Ising            spins with neighbours, Glauber dynamics
CurieWeiss       spins that all see each other
KacIsing         spins with very many neighbours
Heisenberg       unit vectors that precess, with damping and heat bath
PredatorPrey     fields of prey and predators with noise
random_cosines   starts of these fields
ForceSystem      what every deterministic system does, for systems of your own
CallableForces   an ordinary differential equation of your own
PredatorPreyODE  fields of prey and predators without noise
AllenCahn        interfaces that move by their curvature
LennardJones     a fluid of particles that keeps its energy
PartialForces    any atoms with any calculator of ASE, forces of a few atoms at a time
make_force_data  states along trajectories with forces on a few carriers
redraw_forces    the same states with forces on other carriers
draw_active      random carriers of each state
sample           states of a system at fixed times
Driver           a run of any of these as ASE's dynamics: attach, run, irun, trajectory
KMC              the same of kinetic Monte Carlo, which moves your own atoms
Driven           what a driver can drive, for systems of your own
Steps            a state that moves step by step
Snapshots        what `sample` gives
Events           the jumps that can happen next
Motion           how values move continuously
Blocks           independent cells side by side as one system
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.micro.alloy.kmc_driver import KMC as KMC
    from asemacro.micro.alloy.swap import SwapMC as SwapMC
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC as VacancyKMC
    from asemacro.micro.blocks import Blocks as Blocks
    from asemacro.micro.callable_forces import CallableForces as CallableForces
    from asemacro.micro.driver import Driver as Driver
    from asemacro.micro.fields.allen_cahn import AllenCahn as AllenCahn
    from asemacro.micro.fields.predator_prey import PredatorPrey as PredatorPrey
    from asemacro.micro.fields.predator_prey import random_cosines as random_cosines
    from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE as PredatorPreyODE
    from asemacro.micro.force_runs import make_force_data as make_force_data
    from asemacro.micro.force_runs import redraw_forces as redraw_forces
    from asemacro.micro.force_system import ForceSystem as ForceSystem
    from asemacro.micro.force_system import draw_active as draw_active
    from asemacro.micro.particles.lennard_jones import LennardJones as LennardJones
    from asemacro.micro.particles.partial_forces import PartialForces as PartialForces
    from asemacro.micro.protocol import Events as Events
    from asemacro.micro.protocol import MicroSystem as MicroSystem
    from asemacro.micro.protocol import Motion as Motion
    from asemacro.micro.sampling import Snapshots as Snapshots
    from asemacro.micro.sampling import sample as sample
    from asemacro.micro.spins.curie_weiss import CurieWeiss as CurieWeiss
    from asemacro.micro.spins.heisenberg import Heisenberg as Heisenberg
    from asemacro.micro.spins.ising import Ising as Ising
    from asemacro.micro.spins.kac import KacIsing as KacIsing
    from asemacro.micro.steps import Driven as Driven
    from asemacro.micro.steps import Steps as Steps
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
