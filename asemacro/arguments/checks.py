"""What arguments of public functions must be; every failure is one line that names the argument and the value.

A value of the wrong kind (text for a number, an int for a random generator) is a TypeError, a value out of range (nan,
a fraction where a count belongs, a wrong shape, more than the memory holds) a ValueError. Checks are made once, at the
door of a public function, never inside loops.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
LEAST_KELVIN, MOST_KELVIN = 1.0, 1e5
MOST_COUNT = 2**62  # whole numbers above it do not fit the compiled loops
_SHARE_OF_MEMORY = 0.8
_SHOWN = 60  # characters of a refused value that are shown
_KINDS = {"f": "real numbers", "n": "real numbers", "i": "whole numbers", "w": "whole numbers"}


def shown(value: object) -> str:
    """A refused value in a few words on one line: numbers as they are, arrays by type and shape."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of {value.dtype} with the shape {value.shape}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, (str, bytes, int, float, complex, np.generic, list, tuple, dict, set)):
        try:
            text = " ".join((str(value) if isinstance(value, np.generic) else repr(value)).split())
        except ValueError:  # Python refuses to write whole numbers of thousands of digits
            return "a number of thousands of digits"
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    return f"an object of the class {type(value).__name__}"


def instance_of(value: Any, kind: type[T] | tuple[type[T], ...], name: str, must: str) -> T:
    """The value, if it is an instance; TypeError "NAME must be MUST, got ..." if not."""
    if not isinstance(value, kind):
        got = type(value).__name__ if isinstance(value, (int, float)) else shown(value)
        raise TypeError(f"{name} must be {must}, got {got}")
    return value


def generator_of(rng: Any, name: str = "rng") -> np.random.Generator:
    """A random generator of numpy; TypeError for a seed, a RandomState or anything else."""
    return instance_of(rng, np.random.Generator, name, "a numpy.random.Generator")


def callable_of(value: Any, name: str) -> Any:
    """Something that can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {shown(value)}")
    return value


def choice_of(value: Any, name: str, choices: Sequence[str]) -> str:
    """One of a few words."""
    instance_of(value, str, name, f"one of {', '.join(choices)}")
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {shown(value)}")
    return value


def real_of(value: Any, name: str) -> float:
    """A real number as a float, nan and inf too; TypeError for anything else (numpy scalars are numbers)."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:  # an int beyond the floats
        return math.inf if value > 0 else -math.inf


def number_of(value: Any, name: str, *, least: float = -math.inf, most: float = math.inf) -> float:
    """A finite real number in [least, most]."""
    number = real_of(value, name)
    if not math.isfinite(number) or not least <= number <= most:
        limits = [f">= {least:g}"] * (least > -math.inf) + [f"<= {most:g}"] * (most < math.inf)
        bounds = f" {' and '.join(limits)}" if limits else ""
        raise ValueError(f"{name} must be a finite number{bounds}, got {shown(value)}")
    return number


def positive(value: Any, what: str, unit: str = "", *, article: str = "the ") -> float:
    """A finite number above zero."""
    number = real_of(value, f"{article}{what}")
    if not 0 < number < math.inf:
        raise ValueError(
            f"{article}{what} must be a finite number {f'of {unit} ' if unit else ''}above 0, got {shown(value)}"
        )
    return number


def temperature_of(value: Any, name: str = "the temperature") -> float:
    """A temperature of an alloy in K, from 1 to 100,000: below no atom hops in any time, above nothing is solid."""
    number = real_of(value, name)
    if not LEAST_KELVIN <= number <= MOST_KELVIN:
        raise ValueError(f"{name} must be from {LEAST_KELVIN:g} to {MOST_KELVIN:,.0f} K, got {shown(value)} K")
    return number


def fraction_of(value: Any, name: str) -> float:
    """A number in (0, 1]."""
    number = real_of(value, name)
    if not 0 < number <= 1:
        raise ValueError(f"{name} must lie in (0, 1], got {shown(value)}")
    return number


def time_of(value: Any, name: str = "a duration") -> float:
    """A finite time, not negative."""
    number = real_of(value, name)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a finite time >= 0, got {shown(value)}")
    return number


def times_of(value: Any, batch: int, name: str = "a duration") -> NDArray[np.float64]:
    """Finite times, not negative, (batch,): one for all or one for each of a batch."""
    times = array_of(value, name, finite=False)
    if times.shape not in ((), (1,), (batch,)):
        raise ValueError(f"{name} must be one number or ({batch},) numbers, got the shape {times.shape}")
    if not ((times >= 0) & np.isfinite(times)).all():
        raise ValueError(
            f"{name} must be a finite time >= 0, got {times[~((times >= 0) & np.isfinite(times))].flat[0]}"
        )
    return np.broadcast_to(times, (batch,))


def count_of(value: Any, what: str, *, least: int = 0, most: int = MOST_COUNT, name: str = "") -> int:
    """A whole number in [least, most]; 2.0 counts as 2.

    Args:
        value: the number.
        what: things that are counted; messages call it "the number of WHAT".
        least: smallest allowed.
        most: largest allowed.
        name: what messages call it instead.
    """
    name = name or f"the number of {what}"
    number = real_of(value, name)
    if not (math.isfinite(number) and number == math.floor(number) and least <= number <= most):
        limit = f">= {least}" if most == MOST_COUNT and not number > most else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {limit}, got {shown(value)}")
    return int(value)


def array_of(
    value: Any, name: str, shape: Sequence[int | None] | None = None, *, kind: str = "f", finite: bool = True
) -> NDArray[Any]:
    """Numbers as an array: float64 of the kind "f", int64 of "i"; of "n" and "w" in the type that they have.

    Args:
        value: an array or what numpy makes one of.
        name: of the argument.
        shape: what it must have, None for an axis of any length; default any.
        kind: "f" and "n" real numbers, "i" and "w" whole numbers (whole floats too, as int64).
        finite: whether nan and inf are refused.

    Raises:
        TypeError: not an array of such numbers.
        ValueError: another shape, nan or inf, or fractions where whole numbers belong.
    """
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):  # rows of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be an array of {_KINDS[kind]}, got {shown(value)}")
    if shape is not None and (
        array.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, array.shape, strict=True))
    ):
        wanted = ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name} must have the shape ({wanted}), got {array.shape}")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = array[~np.isfinite(array)].flat[0]
        raise ValueError(f"{name} must be finite, got {bad}{'' if array.ndim == 0 else ' in it'}")
    if kind in "iw" and array.dtype.kind == "f":
        fractions = array != np.floor(array)
        if fractions.any() or (np.abs(array) > MOST_COUNT).any():
            bad = array[fractions | (np.abs(array) > MOST_COUNT)].flat[0]
            raise ValueError(f"{name} must be whole numbers, got {bad}")
        return array.astype(np.int64)
    if kind in "nw":
        return array
    return array.astype(np.float64 if kind == "f" else np.int64, copy=False)


def memory_bytes() -> float:
    """Bytes of memory that this machine (or the container it is in) can still give; inf where it does not say."""
    limits = [math.inf]
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(float(line.split()[1]) * 1024)
    except OSError:
        if {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(getattr(os, "sysconf_names", ())):
            limits.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    try:
        group = Path("/sys/fs/cgroup")
        most = (group / "memory.max").read_text().strip()
        if most != "max":
            limits.append(float(most) - float((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return max(min(limits), 0.0)


def bound_of_memory(size_bytes: float, what: str) -> None:
    """Refuse what would take more than 80 % of the free memory, before any of it is taken.

    Args:
        size_bytes: estimate; inf is refused as well.
        what: that takes it, the beginning of the message: "1e29 copies of the state".

    Raises:
        ValueError: "WHAT would take 3.2e+20 GB of memory, 15.9 GB are free; take less".
    """
    free = memory_bytes()
    if not size_bytes <= _SHARE_OF_MEMORY * free:
        raise ValueError(
            f"{what} would take {size_bytes / 1e9:.3g} GB of memory, {free / 1e9:.3g} GB are free; ask for less"
        )
