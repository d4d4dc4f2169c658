"""Functions of the user, named MODULE:NAME on the command line; whatever goes wrong in them is one line."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asemacro.files.reading import plain


def imported(name: str, option: str, known: Sequence[str]) -> Any:
    """What MODULE:NAME stands for; modules of the present folder too.

    Raises:
        ValueError: one line that names the option; no such module or function.
    """
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        raise ValueError(f"{option} {name}: give {', '.join(known)} or MODULE:NAME, a function of Python")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = vars(importlib.import_module(module)).get(attribute)
    except (Exception, SystemExit) as error:  # whatever a foreign module does
        raise ValueError(f"{option} {name}: the module {module} does not import: {plain(error)}") from None
    if not callable(found):
        raise ValueError(f"{option} {name}: the module {module} has no function {attribute}")
    return found


def called(function: Any, option: str) -> Any:
    """What a foreign function gives.

    Raises:
        ValueError: one line that names the option; the function fails.
    """
    try:
        return function()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{option} fails: {plain(error)}") from None
