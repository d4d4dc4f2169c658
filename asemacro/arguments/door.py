"""The door of public functions: what each argument must be, in one line above the function.

    @checked(lattice=LATTICE, copies=whole(1), rng=generator_of)
    def enlarge(lattice, copies, *, rng): ...

A check takes a value and the name of the argument and gives the value back, converted where the function wants it so
(`checks` has the failures: TypeError for another kind of thing, ValueError for a value out of range). Arguments whose
default or type says None may be None. A call that lacks an argument or has one too many fails as any other in Python.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from asemacro.arguments.checks import (
    MOST_COUNT,
    array_of,
    callable_of,
    count_of,
    number_of,
    positive,
    real_of,
    shown,
)
from asemacro.fitted import model_of

F = TypeVar("F", bound=Callable[..., Any])
Check = Callable[[Any, str], Any]


def checked(**checks: Check) -> Callable[[F], F]:
    """A decorator that runs checks of arguments, by name, before the function.

    What a function takes as `**options: Unpack[...]`, a set of arguments that several share, is checked by name too.
    """

    def decorate(function: F) -> F:
        parameters = inspect.signature(function).parameters
        names = [name for name, p in parameters.items() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        open_end = [str(p.annotation) for name, p in parameters.items() if name not in names]
        shared = any("Unpack[" in annotation for annotation in open_end)  # `**notes: Any` takes every name
        unknown = [name for name in checks if name not in parameters and not shared]
        assert not unknown, f"{function.__qualname__} has no argument {unknown}"
        optional = {n for n, p in parameters.items() if p.default is None or str(p.annotation).endswith("| None")}

        def passed(name: str, value: Any) -> Any:
            check = checks.get(name)
            return value if check is None or (value is None and name in optional) else check(value, name)

        @functools.wraps(function)
        def door(*given: Any, **named: Any) -> Any:
            if shared and (foreign := set(named) - {*names, *checks}):
                raise TypeError(f"{function.__name__}() got an unexpected keyword argument {min(foreign)!r}")
            values = [passed(name, value) for name, value in zip(names, given, strict=False)]
            return function(*values, *given[len(names) :], **{k: passed(k, value) for k, value in named.items()})

        return cast(F, door)

    return decorate


def check_fields(record: Any, **checks: Check) -> None:
    """The same for the fields of a frozen dataclass, which are replaced by what the checks give."""
    for name, check in checks.items():
        object.__setattr__(record, name, check(getattr(record, name), name))


def optional(check: Check) -> Check:
    """None, or what another check takes."""
    return lambda value, name: None if value is None else check(value, name)


def either(word: str, check: Check) -> Check:
    """One word, or what another check takes."""
    return lambda value, name: value if isinstance(value, str) and value == word else check(value, name)


def whole(least: int = 0, most: int = MOST_COUNT) -> Check:
    """A whole number."""
    return lambda value, name: count_of(value, "", least=least, most=most, name=name)


def number(least: float = -np.inf, most: float = np.inf) -> Check:
    """A finite number."""
    return lambda value, name: number_of(value, name, least=least, most=most)


def real(value: Any, name: str) -> float:
    """A number, also nan or inf: the function itself says what it may be."""
    return real_of(value, name)


def above_zero(value: Any, name: str) -> float:
    """A finite number above zero."""
    return positive(value, name, article="")


def array(*shape: int | None, kind: str = "f", finite: bool = True) -> Check:
    """Numbers in an array of this shape (None for any length), or without arguments of any shape; see `array_of`."""
    return lambda value, name: array_of(value, name, shape or None, kind=kind, finite=finite)


def instance(*classes: str) -> Check:
    """An instance of one of some classes (or of one derived from them), named so that they need not be imported."""

    def check(value: Any, name: str) -> Any:
        value = model_of(value)
        if not any(base.__name__ in classes for base in type(value).__mro__):
            raise TypeError(f"{name} must be a {' or '.join(classes)}, got {shown(value)}")
        return value

    return check


def offers(must: str, *attributes: str) -> Check:
    """Anything that has some attributes."""

    def check(value: Any, name: str) -> Any:
        value = model_of(value)
        if isinstance(value, type) or not all(hasattr(value, attribute) for attribute in attributes):
            raise TypeError(f"{name} must be {must}, got {shown(value)}")
        return value

    return check


def members_of(value: Any, *names: str) -> dict[str, Any]:
    """Those members that an object of a foreign class has, by name: the doors that adapt one look here, nobody else."""
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


LATTICE = offers("a Lattice", "n_sites", "species")
CRYSTAL = offers("a Lattice", "n_sites", "shells", "shape")
SPIN_SYSTEM = offers("an Ising or CurieWeiss system", "lattice", "evolve", "energy", "temperature", "on")
ATOMS = offers("an ASE Atoms", "positions", "arrays", "cell")
BARRIERS = instance("BarrierModel")
SDE = instance("NeuralSDE")
ODE = instance("NeuralODE")
PAIRS = instance("Pairs")
MOMENTS = instance("Moments")
FORCE_LABELS = instance("ForceLabels")
FORCE_DATA = instance("ForceData")
FIELD_DATA = instance("FieldData")
ISING = instance("Ising")
WEISS = instance("CurieWeiss")
KAC = instance("KacIsing")
BLOCK_SPINS = instance("KacIsing", "Heisenberg")
SNAPSHOTS = offers("the Snapshots of `sample`", "x", "sites", "times")
EXECUTOR = offers("a concurrent.futures.Executor", "map", "submit")
STATES = array(kind="n")
"""States of any system: numbers on sites, finite, of whatever type they are."""


def batch(value: Any, name: str) -> Any:
    """States (batch, n_sites) or (batch, n_sites, n_fields)."""
    states = STATES(value, name)
    if states.ndim < 2 or not len(states):
        raise ValueError(f"{name} must be states (batch, n_sites), got the shape {states.shape}")
    return states


SITES = array(kind="w")
"""Whole numbers of whatever type they are."""


MOST_WIDTH, MOST_DEPTH, MOST_CELLS, MOST_DRAWS = 10_000, 100, 2**31, 10**6
"""Most variables, units of a layer and degrees; layers; cells along an axis; random draws: more is a slip."""


def structure(value: Any, name: str) -> Any:
    """ASE Atoms or a pymatgen Structure."""
    if isinstance(value, type) or not (hasattr(value, "arrays") or hasattr(value, "site_properties")):
        raise TypeError(f"{name} must be an ASE Atoms or a pymatgen Structure, got {shown(value)}")
    return value


def function(value: Any, name: str) -> Any:
    """Something that can be called."""
    return callable_of(value, name)


def report(value: Any, name: str) -> Any:
    """A function that is told of progress: (task, fraction, text)."""
    callable_of(value, name)
    try:
        inspect.signature(value).bind("", 0.0, "")
    except TypeError:
        raise TypeError(
            f"{name} is called as {name}(task, fraction, text), which {shown(value)} does not take"
        ) from None
    except ValueError:  # of some functions in C nothing is known
        pass
    return value


def flag_or_report(value: Any, name: str) -> Any:
    """True for a bar, False for none, or a function that is told of progress."""
    return report(value, name) if callable(value) else flag(value, name)


def flag(value: Any, name: str) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def text(value: Any, name: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {shown(value)}")
    return value


def path(value: Any, name: str) -> Any:
    """A file or folder name."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path, got {shown(value)}")
    if not str(value).strip() or "\0" in str(value):
        raise ValueError(f"{name} must be the name of a file or folder, got {shown(value)}")
    return value


def model(value: Any, name: str) -> Any:
    """A barrier model, or its name or file."""
    return path(value, name) if isinstance(value, (str, os.PathLike)) else BARRIERS(value, name)


def many(check: Check, *, least: int = 0) -> Check:
    """A list or tuple of what another check takes (an array too), as a tuple."""

    def of_each(value: Any, name: str) -> tuple[Any, ...]:
        if isinstance(value, (str, bytes, Mapping)) or not (
            isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim > 0)
        ):
            raise TypeError(f"{name} must be a list, got {shown(value)}")
        if len(value) < least:
            raise ValueError(f"{name} must hold at least {least} value{'' if least == 1 else 's'}, got {len(value)}")
        return tuple(check(member, f"{name}[{k}]") for k, member in enumerate(value))

    return of_each


def one_or_many(check: Check) -> Check:
    """One, or a list of them, as a tuple."""
    several = many(check)
    return lambda v, name: several(v, name) if isinstance(v, (list, tuple, np.ndarray)) else check(v, name)


def dictionary(check: Check) -> Check:
    """A dictionary with strings as keys, as one."""

    def of_each(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} must be a dictionary, got {shown(value)}")
        return {text(key, f"a key of {name}"): check(member, f"{name}[{key!r}]") for key, member in value.items()}

    return of_each
