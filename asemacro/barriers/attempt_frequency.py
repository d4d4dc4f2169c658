"""How many times a second an atom tries to jump: 10^13, or what a model says of its species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asemacro.arguments.checks import number_of, positive

COMMON_HZ = 1e13
"""Of every species of which nothing else is said: a typical frequency of vibration in a crystal."""
MOST_HZ = 1e30


def attempt_frequency_of(value: Any, what: str) -> float:
    """An attempt frequency in Hz, above 0.

    Args:
        value: the number.
        what: for messages, "the attempt frequency".
    """
    positive(value, what, "Hz", article="")
    return number_of(value, f"{what} in Hz", most=MOST_HZ)


def attempt_frequencies_of(
    values: Mapping[str, Any] | None, species: Sequence[str] | None, model: str
) -> dict[str, float]:
    """Attempt frequencies of the species of a model that have one of their own, {} of None.

    Args:
        values: Hz by chemical symbol.
        species: symbols that the model knows; None for any.
        model: what messages call it.

    Raises:
        ValueError, TypeError: one line; a species that the model does not know, or no number above 0.
    """
    values = values or {}
    unknown = [] if species is None else [symbol for symbol in values if symbol not in species]
    if unknown:
        raise ValueError(
            f"{model}: attempt_frequency_Hz names {', '.join(unknown)}; the model knows {', '.join(species or ())}"
        )
    what = f"{model}: attempt_frequency_Hz of"
    return {symbol: attempt_frequency_of(value, f"{what} {symbol}") for symbol, value in values.items()}
