"""Variables that the observables lack, learned so that together they follow an equation of their own.

fit_closure            variables that the observables lack, learned from snapshots
fit_encoder            the same by an autoencoder, for forces on a few carriers
save_closure           write such variables
load_closure           read such variables
save_encoder           write an encoder
load_encoder           read an encoder
ClosureOptions         settings of `fit_closure`
Closure                learned variables, an observable like any other
SpinClosure            of spins
FieldClosure           of fields
SpinPseudoLikelihood   an objective: a spin from its neighbours
FieldPseudoLikelihood  an objective: a field from its neighbours
OneStepLikelihood      an objective: the next step
Encoder                given and learned variables of a whole state, differentiable
MLPEncoder             a network for it: of all numbers in their order
ParticleEncoder        a network for it: of particles in any order
EncoderNetwork         what such a network gives, for networks of your own
EncoderOptions         settings of `fit_encoder`
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.closure.autoencoder import EncoderOptions as EncoderOptions
    from asemacro.closure.autoencoder import fit_encoder as fit_encoder
    from asemacro.closure.encoder import Encoder as Encoder
    from asemacro.closure.encoder_file import load_encoder as load_encoder
    from asemacro.closure.encoder_file import save_encoder as save_encoder
    from asemacro.closure.encoder_network import EncoderNetwork as EncoderNetwork
    from asemacro.closure.encoder_network import MLPEncoder as MLPEncoder
    from asemacro.closure.file import load_closure as load_closure
    from asemacro.closure.file import save_closure as save_closure
    from asemacro.closure.fit import ClosureOptions as ClosureOptions
    from asemacro.closure.fit import fit_closure as fit_closure
    from asemacro.closure.objectives import FieldPseudoLikelihood as FieldPseudoLikelihood
    from asemacro.closure.objectives import OneStepLikelihood as OneStepLikelihood
    from asemacro.closure.objectives import SpinPseudoLikelihood as SpinPseudoLikelihood
    from asemacro.closure.particle_encoder import ParticleEncoder as ParticleEncoder
    from asemacro.closure.variables import Closure as Closure
    from asemacro.closure.variables import FieldClosure as FieldClosure
    from asemacro.closure.variables import SpinClosure as SpinClosure
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
