"""Odd arguments of every public function: a result, or one line that says what is wrong; no hang and no riddle."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import io
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calls import public_calls
from calls.given import Call

import asemacro
from asemacro.tasks import patience

PACKAGE = str(Path(asemacro.__file__).parent)
CPU_S = 20.0  # the first call of a compiled loop with a new kind of array compiles it
CALLS = public_calls()
ELSEWHERE = {"warren_cowley", "simulate", "read_structure", "read_frames"}
"""Tried at their own doors: test_geometry, test_numbers_at_the_door, test_structure_file."""


class Hang(BaseException):
    """A call did not come back."""


class Said(Exception):
    """A call said that it will take more than an hour."""


def odd(valid: Any) -> Iterator[Any]:
    """What takes the place of an argument."""
    yield from (np.nan, np.inf, -1, 0.5, 1e300, 1e29, "x", None, [], [[1]], object(), {}, True, 3, 10**18, 1j)
    yield np.zeros((2, 3, 4))
    if isinstance(valid, np.ndarray) and valid.size and valid.dtype.kind in "iuf":
        hole, half, far = (valid.astype(float) for _ in range(3))
        hole.flat[0], half.flat[0], far.flat[0] = np.nan, 0.5, 99
        yield from (valid[..., :-1], valid[:0], valid.astype(complex), valid.astype(str), hole, half, valid - 120)
        yield far.astype(valid.dtype)
    elif isinstance(valid, (list, tuple)) and valid:
        yield from (["x"] * len(valid), [np.nan] * len(valid), [None] * len(valid), [*valid, -1])


def is_nan(value: Any) -> bool:
    """Whether nan is somewhere in it."""
    if isinstance(value, (float, complex, np.ndarray, np.generic)):
        array = np.asarray(value)
        return array.dtype.kind in "fc" and bool(np.isnan(array).any())
    if isinstance(value, dict):
        return any(map(is_nan, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_nan, value))
    if dataclasses.is_dataclass(value):
        return any(is_nan(getattr(value, field.name)) for field in dataclasses.fields(value))
    return hasattr(value, "state_dict") and any(is_nan(t.detach().numpy()) for t in value.state_dict().values())


def complaint(call: Call, name: str, value: Any) -> str:
    """What is wrong with how a call takes an odd argument; nothing if it is right."""
    arguments = {k: v if callable(v) else copy.deepcopy(v) for k, v in call.arguments.items()}
    patience._said.clear()  # the same work is spoken of once an hour
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            result = call.function(**{**arguments, name: value})
    except Said:
        return ""
    except Hang:
        return f"{name} = {value!r} hangs"
    except (ValueError, TypeError, OSError) as error:
        last = inspect.getinnerframes(error.__traceback__)[-1] if error.__traceback__ else None
        ours = last is not None and last.filename.startswith(PACKAGE)
        raised = ours and last is not None and (last.code_context or [""])[0].strip().startswith("raise")
        return "" if raised and "\n" not in str(error) else f"{name} = {value!r}: {type(error).__name__} {error}"
    except Exception as error:
        return f"{name} = {value!r}: {type(error).__name__} {error}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return f"{name} = {value!r} gives nan" if is_nan(value) and is_nan(result) else ""


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Calls that hang are stopped; those that say that they will take long end there."""

    def stop(*_: Any) -> None:
        raise Hang

    def said(form: str, *words: Any) -> None:
        raise Said(form % words)

    monkeypatch.chdir(tmp_path)  # a folder "x" is written by those that take one
    monkeypatch.setattr(patience, "MEASURED_S", 0.05)
    monkeypatch.setattr(patience.say, "warning", said)
    before = signal.signal(signal.SIGVTALRM, stop)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_odd_arguments_are_refused_in_one_line(name: str, watched: None) -> None:
    call = CALLS[name]
    with contextlib.redirect_stdout(io.StringIO()):
        call.function(**copy.copy(call.arguments))
    found = [complaint(call, argument, value) for argument, valid in call.arguments.items() for value in odd(valid)]
    assert not [line for line in found if line]


def test_every_public_name_is_tried() -> None:
    tried = {name.split(".")[0] for name in (*CALLS, *ELSEWHERE)} | {"__version__"}
    assert not set(dir(asemacro)) - tried


@pytest.mark.parametrize("rng", [3, None, np.random, "x"])
def test_a_seed_is_no_generator(rng: Any) -> None:
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, got"):
        asemacro.random_spins(asemacro.Lattice.square(1.0, "X", 4), rng=rng)


def test_copies_beyond_memory_are_refused_before_anything_is_taken() -> None:
    system = asemacro.Ising(asemacro.Lattice.square(1.0, "X", 4), 2.0)
    cells = np.ones((2, 16), dtype=np.int8)
    for way in (asemacro.repeat, asemacro.mosaic, asemacro.replicate):
        with pytest.raises(ValueError, match="GB of memory"):
            way(system, cells, 4**25, 2, rng=np.random.default_rng(0))
        with pytest.raises(ValueError, match="copies must be a whole number"):
            way(system, cells, 1e29, 2, rng=np.random.default_rng(0))
