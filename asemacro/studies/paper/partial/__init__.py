"""The systems of Chen and Li (NeurIPS 2024), learned from forces on a few of their carriers.

trajectory_error   how far predicted trajectories are from the true ones, as the published numbers
Scored             errors of all seeds of a model
score              errors of fitted models on fresh trajectories
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.paper.partial.scoring import Scored as Scored
    from asemacro.studies.paper.partial.scoring import score as score
    from asemacro.studies.paper.partial.scoring import trajectory_error as trajectory_error
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
