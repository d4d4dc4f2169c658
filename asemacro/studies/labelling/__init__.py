"""Barrier labels of an alloy: cells drawn around its composition and order, their jumps labelled by a calculator.

label_barriers  label jumps of an alloy into a database, or go on with it
Cells           which cells and how many jumps are drawn
Outcome         how many jumps were labelled, how many failed and why
learn_barriers  the closed loop: label what is visited and least certain, until the order of the alloy stands
Loop            what a closed loop is asked for
Training        how its networks are made
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.labelling.cells import Cells as Cells
    from asemacro.studies.labelling.closed_loop import Loop as Loop
    from asemacro.studies.labelling.closed_loop import learn_barriers as learn_barriers
    from asemacro.studies.labelling.label import Outcome as Outcome
    from asemacro.studies.labelling.label import label_barriers as label_barriers
    from asemacro.studies.labelling.steps import Training as Training
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
