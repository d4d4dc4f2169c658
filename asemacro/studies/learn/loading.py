"""A learned model of whatever kind, from its folder."""

from __future__ import annotations

from pathlib import Path

from asemacro.arguments.door import checked, path
from asemacro.studies.fields.learned import LearnedFields
from asemacro.studies.forces.learned import LearnedForces
from asemacro.studies.learn.learned import Learned


@checked(directory=path)
def load_learned(directory: str | Path) -> Learned | LearnedForces | LearnedFields:
    """What `save` or `asemacro learn` wrote: an SDE, an ODE that was learned from forces, or a field equation.

    Raises:
        FileNotFoundError: no such folder or model.
        ValueError: one line; a file is damaged, is not the one that run.json lists, or they do not belong together.
    """
    if (Path(directory) / LearnedFields.FILE).is_file():
        return LearnedFields.load(directory)
    ode = (Path(directory) / LearnedForces.FILE).is_file()
    return LearnedForces.load(directory) if ode else Learned.load(directory)
