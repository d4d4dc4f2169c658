"""Spins that flip: Ising on a lattice, Curie-Weiss, and the exact laws that they are tested against.

Ising                  spins with neighbours, Glauber dynamics
CurieWeiss             spins that all see each other
Glauber                what the two share
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
    from asemacro.micro.spins.ising import Ising as Ising
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
