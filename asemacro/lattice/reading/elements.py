"""Names of what sits on a site: elements, their isotopes and ions, and vacancies, as files write them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ase.data import atomic_numbers

VACANCY = "X"
_VACANCIES = {"x", "va", "vac", "vc", "vacancy"}
_ISOTOPES = {"D": "H", "T": "H"}
_ION = re.compile(r"^(\d*)([A-Za-z]+)(\d*[+-]\d*|\d*(?:\.\d+)?[+-]|)$")


def as_element(symbol: str) -> str | None:
    """The element of a symbol, "X" for a vacancy, None for what is neither.

    Vacancies are X, Va, VA, Vac and Vacancy, in any case; D, T and mass numbers ("57Fe") are isotopes; a charge
    ("Fe3+", "O2-") is left out.
    """
    found = _ION.match(symbol.strip())
    if found is None:
        return None
    name = found.group(2)
    if name.lower() in _VACANCIES:
        return VACANCY
    name = _ISOTOPES.get(name, name)
    for form in (name, name.capitalize()):
        if atomic_numbers.get(form, 0) > 0:
            return form
    return None


def check_elements(symbols: Iterable[str]) -> list[str]:
    """Elements (or "X") of symbols.

    Raises:
        ValueError: the first symbol that is neither an element nor a vacancy.
    """
    found = []
    for number, symbol in enumerate(symbols):
        name = as_element(symbol)
        if name is None:
            raise ValueError(f"type {number + 1} is named {symbol!r}, which is not a chemical element (X: a vacancy)")
        found.append(name)
    if not found:
        raise ValueError("no type is named; give their elements in order, like Mo,Nb")
    return found
