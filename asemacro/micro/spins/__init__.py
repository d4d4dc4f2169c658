"""Spins that flip (Ising, Curie-Weiss, Kac) or turn (Heisenberg), and the exact laws they are tested against.

Ising                  spins with neighbours, Glauber dynamics
CurieWeiss             spins that all see each other
KacIsing               spins with very many neighbours
KacCoupling            how strongly, by lag
top_hat                a coupling: the same up to a range
gaussian               a coupling: a Gaussian
Glauber                what these systems share
Heisenberg             unit vectors that precess, with damping and heat bath
smooth_fields          local magnetisations far from equilibrium
make_field_data        what block fields do in a short time
wolff                  equilibrium of Ising spins by cluster moves
magnetisation_moments  exact mean and spread of the Curie-Weiss magnetisation
count_generator        rates between numbers of up spins
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.micro.spins.birth_death import count_generator as count_generator
    from asemacro.micro.spins.birth_death import magnetisation_moments as magnetisation_moments
    from asemacro.micro.spins.cluster_moves import wolff as wolff
    from asemacro.micro.spins.curie_weiss import CurieWeiss as CurieWeiss
    from asemacro.micro.spins.glauber import Glauber as Glauber
    from asemacro.micro.spins.heisenberg import Heisenberg as Heisenberg
    from asemacro.micro.spins.ising import Ising as Ising
    from asemacro.micro.spins.kac import KacIsing as KacIsing
    from asemacro.micro.spins.kac_coupling import KacCoupling as KacCoupling
    from asemacro.micro.spins.kac_coupling import gaussian as gaussian
    from asemacro.micro.spins.kac_coupling import top_hat as top_hat
    from asemacro.micro.spins.kac_fields import make_field_data as make_field_data
    from asemacro.micro.spins.kac_fields import smooth_fields as smooth_fields
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
