"""Short-range order of an alloy over time and temperature.

phase_diagram  order of an alloy over temperature, at equilibrium and annealed
PhaseDiagram   what it gives: points, figures, files
Point          one row of its table
Budget         when small runs end
learn_alloy    a learned model of an alloy at several temperatures
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.alloy.budget import Budget as Budget
    from asemacro.studies.alloy.calculated import PhaseDiagram as PhaseDiagram
    from asemacro.studies.alloy.diagram import phase_diagram as phase_diagram
    from asemacro.studies.alloy.learning import learn_alloy as learn_alloy
    from asemacro.studies.alloy.points import Point as Point
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
