"""Barrier labels of an alloy: cells drawn around its composition and order, their jumps labelled by a calculator.

label_barriers  label jumps of an alloy into a database, or go on with it
Cells           which cells and how many jumps are drawn
Outcome         how many jumps were labelled, how many failed and why
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.labelling.cells import Cells as Cells
    from asemacro.studies.labelling.label import Outcome as Outcome
    from asemacro.studies.labelling.label import label_barriers as label_barriers
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
