"""Options of the verbs sample and learn that only some systems have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

NO_ALLOYS = ("small", "field", "lattice", "starts")
"""Options that some systems have, but not alloys."""


def refuse_foreign(
    system: str, options: dict[str, Any], names: Sequence[str], reading: Iterable[str], mix_sublattices: bool
) -> None:
    """Take the options of these names, which the system does not have, out; one line about the first that was given."""
    given = [name for name in names if options.pop(name) is not None]
    given += [*reading, *(["mix-sublattices"] if mix_sublattices else [])]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        if given[0] in NO_ALLOYS:
            raise ValueError(f"{system} has no {option}")
        raise ValueError(f"{option} belongs to alloys, not to {system}")


def one_temperature(text: str | None) -> float | None:
    """The number in --temperature of systems that have one temperature."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"--temperature {text}: give one number") from None
    if not math.isfinite(value):
        raise ValueError(f"--temperature {text}: must be a finite number")
    return value
