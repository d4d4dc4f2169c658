"""Block fields of Kac spins, learned and run as a stochastic equation (the method of Zhao, Wu and Li, OnsagerFlow).

run  the figure: what was learned against what is exact, the learned equation against fresh spins, large fields
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.paper.onsagerflow.figure import run as run
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
