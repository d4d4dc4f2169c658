"""The macroscopic model: differential equations with or without noise, fitted to arrays and simulated.

NeuralSDE            a stochastic differential equation of the observables
NeuralODE            an ordinary one, without noise
OnsagerNet           a drift: a potential, a dissipation and a rotation, as networks
GFINN                a drift: an energy that stays and an entropy that grows (GENERIC)
MLPDrift             a drift: a network without a structure
ReversibleDrift      a drift from a density and the noise: detailed balance
FullDiffusion        noise by a network
PolynomialDiffusion  noise by polynomials
fit                  fit an equation to pairs
fit_ode              fit an ODE to forces on a few carriers, several seeds at once
fit_reversible       fit a reversible equation to snapshots and moments
moments_from_pairs   drift and covariance rates from pairs
simulate             trajectories of an equation
simulate_ode         trajectories of an ODE
stationary_law       equilibrium of a reversible equation, without sampling
relaxation_modes     slowest relaxation rates of a reversible equation
save_sde             write an equation
load_sde             read an equation
save_ode             write an ODE
load_ode             read an ODE
NeuralSPDE           a field equation: dm = -K dF/dm dt + noise of block fields, on any grid
fit_fields           fit a field equation to field data, with a report
simulate_fields      block fields over time, by a field equation
save_spde            write a field equation
load_spde            read a field equation
PolynomialDrift      a drift: polynomials and a network
FitOptions           settings of `fit`
OdeFitOptions        settings of `fit_ode`
fit_ensemble         a fit and its bootstrap members
fit_moments          fit an equation to drift and covariance rates
fit_noise            fit the noise alone
MomentOptions        settings of `fit_moments`
Drift                what every drift gives, for drifts of your own
Diffusion            what every diffusion gives, for diffusions of your own
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.macro.base import Diffusion as Diffusion
    from asemacro.macro.base import Drift as Drift
    from asemacro.macro.density_fit import fit_reversible as fit_reversible
    from asemacro.macro.diffusion import FullDiffusion as FullDiffusion
    from asemacro.macro.drift import OnsagerNet as OnsagerNet
    from asemacro.macro.file import load_ode as load_ode
    from asemacro.macro.file import load_sde as load_sde
    from asemacro.macro.file import save_ode as save_ode
    from asemacro.macro.file import save_sde as save_sde
    from asemacro.macro.gfinn import GFINN as GFINN
    from asemacro.macro.mlp_drift import MLPDrift as MLPDrift
    from asemacro.macro.moment_fit import MomentOptions as MomentOptions
    from asemacro.macro.moment_fit import fit_moments as fit_moments
    from asemacro.macro.moment_fit import fit_noise as fit_noise
    from asemacro.macro.moment_fit import moments_from_pairs as moments_from_pairs
    from asemacro.macro.ode import NeuralODE as NeuralODE
    from asemacro.macro.ode import simulate_ode as simulate_ode
    from asemacro.macro.ode_fit import OdeFitOptions as OdeFitOptions
    from asemacro.macro.ode_fit import fit_ode as fit_ode
    from asemacro.macro.polynomial import PolynomialDiffusion as PolynomialDiffusion
    from asemacro.macro.polynomial import PolynomialDrift as PolynomialDrift
    from asemacro.macro.reversible import ReversibleDrift as ReversibleDrift
    from asemacro.macro.sde import NeuralSDE as NeuralSDE
    from asemacro.macro.spde.field_steps import simulate_fields as simulate_fields
    from asemacro.macro.spde.file import load_spde as load_spde
    from asemacro.macro.spde.file import save_spde as save_spde
    from asemacro.macro.spde.fit import fit_fields as fit_fields
    from asemacro.macro.spde.spde import NeuralSPDE as NeuralSPDE
    from asemacro.macro.stationary import relaxation_modes as relaxation_modes
    from asemacro.macro.stationary import stationary_law as stationary_law
    from asemacro.macro.train import FitOptions as FitOptions
    from asemacro.macro.train import fit as fit
    from asemacro.macro.train import fit_ensemble as fit_ensemble
    from asemacro.macro.trajectories import simulate as simulate
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
