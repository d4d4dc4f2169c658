"""Runs that are stopped after so many finished parts, and go on: what they must have in common with whole ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asemacro.tasks import on_the_way, parts
from asemacro.tasks.on_the_way import OnTheWay
from asemacro.tasks.parts import Parts

GOES_ON = "goes on from what is kept in {}, of the same run that was stopped"


@contextmanager
def everything_kept() -> Iterator[None]:
    """Within the block the shortest part is kept, and a descent after every epoch."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parts, "LEAST_S", 0.0)
        patched.setattr(on_the_way, "LEAST_S", 0.0)
        patched.setattr(on_the_way, "LOOK_S", 0.0)
        yield


@contextmanager
def stopped_after(count: int, method: Any = Parts.put) -> Iterator[None]:
    """Within the block a run is stopped, as by Ctrl-C, after so many finished parts (or epochs: `OnTheWay.look`)."""
    kind, name = {Parts.put: (Parts, "put"), OnTheWay.look: (OnTheWay, "look")}[method]
    left = [count]

    def stopping(self: Any, *given: Any) -> None:
        method(self, *given)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kind, name, stopping)
        yield


def number_of(command: Any, words: Sequence[object], folder: Path, method: Any = Parts.put) -> int:
    """Finished parts (or epochs) of a whole run; it must succeed."""
    kind, name = {Parts.put: (Parts, "put"), OnTheWay.look: (OnTheWay, "look")}[method]
    seen = []

    def counting(self: Any, *given: Any) -> None:
        seen.append(given)
        method(self, *given)

    with pytest.MonkeyPatch.context() as patched, everything_kept():
        patched.setattr(kind, name, counting)
        code, _, err = command(*words, "-o", folder)
    assert code == 0, err
    return len(seen)


def check_goes_on(
    command: Any, words: Sequence[object], whole: Path, here: Path, results: Sequence[str], *stops: tuple[int, Any]
) -> None:
    """A run that is stopped at some moments, one after the other, comes to the results of the whole one."""
    with everything_kept():
        for count, method in stops:
            with stopped_after(count, method):
                code, _, err = command(*words, "-o", here)
            assert code == 130, err
            assert err.endswith(f"what was computed is kept in {here}, the same command goes on from there\n")
        code, out, err = command(*words, "-o", here)
    assert code == 0, err
    assert GOES_ON.format(here) in out.splitlines()
    for name in results:
        assert (here / name).read_bytes() == (whole / name).read_bytes(), name
    assert not (here / ".checkpoint").exists()
