"""What functions of the user give back: real numbers, or one line that names the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from asemacro.arguments.checks import shown
from asemacro.files.reading import plain
from asemacro.typing import Floats


def answer(what: str, function: Callable[..., Any], *given: Any) -> Any:
    """What a function of the user gives.

    Args:
        what: the beginning of the message, "the function weights".
        function: of the user.
        *given: its arguments.

    Raises:
        ValueError: "WHAT fails: ..."; the function raises any error, or ends the program.
    """
    try:
        return function(*given)
    except (Exception, SystemExit) as error:  # whatever a foreign function does
        raise ValueError(f"{what} fails: {plain(error)}") from None


def real_numbers(found: Any, what: str) -> Floats:
    """What a function of the user gave, as an array in float64.

    Args:
        found: what it gave.
        what: the beginning of the message, "the function weights".

    Raises:
        ValueError: no array (rows of different lengths, a tensor that is part of a gradient), or no real numbers.
    """
    try:
        array = np.asarray(found)
    except Exception as error:  # whatever foreign arrays do
        raise ValueError(f"{what} must give an array of real numbers: {plain(error)}") from None
    if array.dtype.kind not in "biuf":  # complex numbers would lose their imaginary part
        got = array if array.ndim and array.dtype.kind != "O" else found
        raise ValueError(f"{what} must give real numbers, got {shown(got)}")
    return array.astype(float, copy=False)
