"""Fields on a grid: predator and prey, interfaces.

PredatorPrey     fields of prey and predators with noise
random_cosines   starts of these fields
cosine_fields    starts with given coefficients
PredatorPreyODE  the same fields without noise, as an ordinary differential equation
AllenCahn        interfaces that move by their curvature
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.micro.fields.allen_cahn import AllenCahn as AllenCahn
    from asemacro.micro.fields.predator_prey import PredatorPrey as PredatorPrey
    from asemacro.micro.fields.predator_prey import cosine_fields as cosine_fields
    from asemacro.micro.fields.predator_prey import random_cosines as random_cosines
    from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE as PredatorPreyODE
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
