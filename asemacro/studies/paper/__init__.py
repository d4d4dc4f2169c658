"""The figures of two papers and a poster, each run again, compared and drawn by one function.

Chen, Huang, Novoselov, Li (arXiv 2511.12842): a figure is a module with `run(*, quick, rng, progress) -> Result`.
Chen and Li (arXiv 2410.23938): package `partial`; a figure is a module with `run(*, quick, rng, progress, store)`.
Block fields after Zhao, Wu and Li (OnsagerFlow, a poster): package `onsagerflow`, one figure with the same `run`.

    reproduce  run one figure and keep it
    finished   whether a folder holds a figure
    missing    figures that it does not hold
    Result     what a figure leaves behind
    Row        one number of it beside the published one
    Table      one CSV
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.paper.report import Result as Result
    from asemacro.studies.paper.report import Row as Row
    from asemacro.studies.paper.report import Table as Table
    from asemacro.studies.paper.runner import finished as finished
    from asemacro.studies.paper.runner import missing as missing
    from asemacro.studies.paper.runner import reproduce as reproduce
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
