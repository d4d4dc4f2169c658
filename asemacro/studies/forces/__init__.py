"""Macroscopic dynamics of deterministic systems, learned from forces on a few of their carriers.

learn_from_forces  a learned ODE from states with forces on a few carriers
LearnedForces      such an ODE, its encoder and what they were learned from
trajectory_error   how far a learned ODE is from trajectories of the system
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.forces.errors import trajectory_error as trajectory_error
    from asemacro.studies.forces.learned import LearnedForces as LearnedForces
    from asemacro.studies.forces.learning import learn_from_forces as learn_from_forces
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
