"""Planes of reciprocal space by their words, hk0 or h h l, in reciprocal vectors of the conventional cell."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from asemacro.arguments.checks import shown

LETTERS = "hkl"
_ADVICE = (
    "write its three indices with two of the letters h, k, l, as in hk0, hhl, hk1/2 or, with commas, h,k,-h-k; "
    "numbers are in reciprocal vectors of the conventional cell"
)
_TERM = re.compile(r"([+-]?)(\d+(?:\.\d{1,2}|/\d{1,2})?)?([hkl]?)")
_COMPACT = re.compile(r"[+-]?(?:\d+(?:\.\d{1,2}|/\d{1,2})|\d|[hkl])")
_MOST = 1000  # an index beyond it is a slip
Vector = tuple[Fraction, Fraction, Fraction]


class ReciprocalPlane(NamedTuple):
    """The points offset + x first + y second.

    Attributes:
        words: as it was written.
        letters: the two letters whose values x and y are.
        offset: (3,) point of x = y = 0.
        first: (3,) what one more of the first letter adds.
        second: (3,) the same of the second.
    """

    words: str
    letters: tuple[str, str]
    offset: Vector
    first: Vector
    second: Vector


def read_plane(words: str) -> ReciprocalPlane:
    """The plane that is meant by "hk0", "hhl", "h k 1/2", "h,k,-h-k".

    Raises:
        ValueError: words that are not understood, or that name a point or a line.
    """
    indices = _indices(words)
    letters = [letter for letter in LETTERS if any(letter in index for index in indices)]
    if len(letters) != 2:
        what = ("a point", "a line", "", "all of space")[len(letters)]
        raise ValueError(f"plane {shown(words)} names {what}, not a plane: {_ADVICE}")
    parts = [_linear(index, words) for index in indices]
    offset, first, second = (tuple(part.get(key, Fraction(0)) for part in parts) for key in ("", *letters))
    normal = cross(first, second)
    if not any(normal):
        raise ValueError(f"plane {shown(words)} names a line, not a plane: {_ADVICE}")
    return ReciprocalPlane(words, (letters[0], letters[1]), offset, first, second)  # type: ignore[arg-type]


def cross(a: tuple[Fraction, ...], b: tuple[Fraction, ...]) -> Vector:
    """Vector product, exactly."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _indices(words: str) -> list[str]:
    """The three indices, written one after the other or apart."""
    text = words.strip().strip("()[]")
    if re.search(r"[\s,]", text):
        found = [part for part in re.split(r"[\s,]+", text) if part]
    else:
        found = _COMPACT.findall(text) if _COMPACT.sub("", text) == "" else []
    if len(found) != 3:
        raise ValueError(f"plane {shown(words)} is not understood: {_ADVICE}")
    return found


def _linear(index: str, words: str) -> dict[str, Fraction]:
    """What stands before each letter in one index, and under "" the number without a letter."""
    found: dict[str, Fraction] = {}
    at = 0
    while at < len(index):
        match = _TERM.match(index, at)
        if match is None or not (match[2] or match[3]) or (at and not match[1]):
            raise ValueError(f"plane {shown(words)} is not understood at {shown(index)}: {_ADVICE}")
        try:
            value = Fraction(match[2] or 1) * (-1 if match[1] == "-" else 1)
        except ZeroDivisionError:
            raise ValueError(f"plane {shown(words)} is not understood at {shown(index)}: {_ADVICE}") from None
        if abs(value) > _MOST:
            raise ValueError(f"plane {shown(words)} has an index beyond {_MOST}: {_ADVICE}")
        found[match[3]] = found.get(match[3], Fraction(0)) + value
        at = match.end()
    return found
