"""Short-range order of an alloy over the programme of a furnace.

anneal     order over a programme, from a learned diagram
Annealed   what it gives: order, clocks, figure, files
Schedule   the programme: temperatures held and ramps between them
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.furnace.annealed import Annealed as Annealed
    from asemacro.studies.furnace.annealing import anneal as anneal
    from asemacro.studies.furnace.schedule import Schedule as Schedule
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
