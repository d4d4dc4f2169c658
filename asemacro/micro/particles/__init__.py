"""Particles that move by Newton's equations: Lennard-Jones fluids, and atoms with any calculator of ASE.

LennardJones   a fluid of particles that keeps its energy
PartialForces  any atoms with any calculator of ASE, forces of a few atoms at a time
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.micro.particles.lennard_jones import LennardJones as LennardJones
    from asemacro.micro.particles.partial_forces import PartialForces as PartialForces
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
