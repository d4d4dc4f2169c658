"""Field equations: stochastic partial differential equations of block magnetisations, learned from field data.

NeuralSPDE           dm = -K dF/dm dt + noise, on any periodic grid
BlockKernel          the coupling J by lag
box_averaged         the exact coupling between blocks of a kernel between sites
Mobility             what every mobility gives, for mobilities of your own
GlauberMobility      1 - m tanh u
ConstantMobility     the same everywhere
SmoothMobility       positive and smooth in m and tanh u, as it is learned
EntropySlope         s'(m), odd and growing
fit_fields           a field equation from field data, with a report
FieldFitOptions      settings of `fit_fields`
simulate_fields      block fields over time
hydrodynamic_limit   the same kernel without noise: dm/dt = tanh u - m
allen_cahn_limit     the same kernel as a Laplacian, with a constant mobility
save_spde            write a field equation
load_spde            read a field equation
binomial_blocks      the reference: blocks of spins that flip in binomial numbers
binomial_field_data  field data of that reference
structure_factor     S(k) over rings
domain_length        length of domains
growth_rates         of waves after a quench
switching            changes between two wells
magnetisation_law    stationary law of one block
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.macro.spde.binomial import binomial_blocks as binomial_blocks
    from asemacro.macro.spde.binomial import binomial_field_data as binomial_field_data
    from asemacro.macro.spde.block_kernel import BlockKernel as BlockKernel
    from asemacro.macro.spde.block_kernel import box_averaged as box_averaged
    from asemacro.macro.spde.entropy import EntropySlope as EntropySlope
    from asemacro.macro.spde.field_measures import domain_length as domain_length
    from asemacro.macro.spde.field_measures import growth_rates as growth_rates
    from asemacro.macro.spde.field_measures import magnetisation_law as magnetisation_law
    from asemacro.macro.spde.field_measures import structure_factor as structure_factor
    from asemacro.macro.spde.field_measures import switching as switching
    from asemacro.macro.spde.field_steps import simulate_fields as simulate_fields
    from asemacro.macro.spde.file import load_spde as load_spde
    from asemacro.macro.spde.file import save_spde as save_spde
    from asemacro.macro.spde.fit import FieldFitOptions as FieldFitOptions
    from asemacro.macro.spde.fit import fit_fields as fit_fields
    from asemacro.macro.spde.mobility import ConstantMobility as ConstantMobility
    from asemacro.macro.spde.mobility import GlauberMobility as GlauberMobility
    from asemacro.macro.spde.mobility import Mobility as Mobility
    from asemacro.macro.spde.mobility import SmoothMobility as SmoothMobility
    from asemacro.macro.spde.spde import NeuralSPDE as NeuralSPDE
    from asemacro.macro.spde.spde import allen_cahn_limit as allen_cahn_limit
    from asemacro.macro.spde.spde import hydrodynamic_limit as hydrodynamic_limit
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
