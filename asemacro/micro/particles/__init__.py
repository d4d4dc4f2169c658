"""Particles that move by Newton's equations: Lennard-Jones fluids, and atoms with any calculator of ASE.

LennardJones   a fluid of particles that keeps its energy
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.micro.particles.lennard_jones import LennardJones as LennardJones
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
