"""Numbers of the command line: what each may be, refused at the door in one line that says so.

An option says `parser=Count(1, MOST_SITES)` or `parser=Number(0.0, LONGEST)`; whole numbers may be written 1000, 1e3 or
1_000. The limits are far beyond use: what lies outside is a slip of the keyboard, and would overflow or never end.
"""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

import typer

MOST_SITES = 10**10  # what a machine of today can hold is less, and is looked at when the box is known
MOST_HOPS = 10**12  # a year at 30,000 hops a second
MOST_ANNEAL_HOPS = 1e20  # per vacancy; longer than any furnace
LONGEST = 1e18  # seconds, twice the age of the universe, or as many units of a dimensionless clock
MOST_RUNS = 10**6
MOST_SHELLS = 100
MOST_SWEEPS = 10**9
MOST_EXTENT = 50.0  # of a plane of reciprocal space, in reciprocal vectors
MOST_WORKERS = 4096
MOST_SEED = 2**63 - 1
MOST_FIELD = 1e4  # in units of the coupling
MOST_RANGE = 1e4  # sites
MOST_EV = 100.0
MOST_HZ = 1e30


class Count:
    """A parser of whole numbers in [least, most].

    Args:
        least: smallest allowed.
        most: largest allowed.
    """

    __name__ = "COUNT"  # what --help shows

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def __call__(self, text: object) -> int:
        number = _read(text)
        if not (number.is_finite() and number == number.to_integral_value() and self._least <= number <= self._most):
            limits = f"from {_written(self._least)} to {_written(self._most)}"
            raise typer.BadParameter(f"{_shown(text)} is not a whole number {limits}")
        return int(number)


class CountOrAll(Count):
    """The same, or the word "all"."""

    __name__ = "COUNT|all"

    def __call__(self, text: object) -> int | str:  # type: ignore[override]
        return "all" if text == "all" else super().__call__(text)


class Number:
    """A parser of real numbers in (above, most], or [-most, most] without `above`.

    Args:
        above: what the number must exceed; None for any sign.
        most: largest allowed.
    """

    __name__ = "NUMBER"

    def __init__(self, above: float | None, most: float) -> None:
        self._above, self._most = above, most

    def __call__(self, text: object) -> float:
        number = float(_read(text))
        fits = abs(number) <= self._most if self._above is None else self._above < number <= self._most
        if not fits:  # nan too
            most = _written(self._most)
            limits = (
                f"from -{most} to {most}" if self._above is None else f"above {_written(self._above)}, at most {most}"
            )
            raise typer.BadParameter(f"{_shown(text)} is not a number {limits}")
        return number


class Kelvin:
    """A parser of one temperature of an alloy."""

    __name__ = "KELVIN"

    def __call__(self, text: object) -> float:
        from asemacro.arguments.checks import temperature_of

        try:
            return temperature_of(float(_read(text)), "a temperature")
        except ValueError as error:
            raise typer.BadParameter(f"{error}") from None


class Frequencies:
    """A parser of attempt frequencies of species, "Co=1.2e13,Ni=9e12"."""

    __name__ = "FREQUENCIES"

    def __call__(self, text: object) -> dict[str, float]:
        found: dict[str, float] = {}
        for word in str(text).split(","):
            symbol, sign, value = word.partition("=")
            if not sign or not symbol.strip() or symbol.strip() in found:
                raise typer.BadParameter(
                    f"{_shown(text)} is not one frequency in Hz a species, as in Co=1.2e13,Ni=9e12"
                )
            found[symbol.strip()] = Number(0, MOST_HZ)(value)
        return found


SITES, RUNS, HOPS, SHELLS, SWEEPS = (
    Count(1, most) for most in (MOST_SITES, MOST_RUNS, MOST_HOPS, MOST_SHELLS, MOST_SWEEPS)
)
LONG_RUN = Count(1000, MOST_HOPS)
"""Hops of a run from which statistics are taken."""
TIME = Number(0, LONGEST)


def _read(text: object) -> Decimal:
    if not isinstance(text, str):  # a default, which is a number already
        return Decimal(str(text))
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise typer.BadParameter(f"{_shown(text)} is not a number") from None
    return Decimal("nan") if number.is_nan() else number


def _shown(text: object) -> str:
    words = str(text)
    return repr(words if len(words) <= 40 else f"{words[:37]}...")


def _written(number: float) -> str:
    """1000000 as 1e+06 is no number that people write; 1e18 is."""
    if abs(number) < 1e7:
        return f"{number:g}" if math.floor(number) != number else f"{int(number)}"
    return f"{number:.3g}".replace("e+0", "e").replace("e+", "e")
