"""Long work that goes on from the middle: its state is kept now and then, where a run keeps its parts."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from asemacro.files.arrays import read_arrays
from asemacro.files.plain_tree import arrays_of_tree, tree_of_arrays
from asemacro.tasks.checkpoint import write_arrays
from asemacro.tasks.keeper import Keeper
from asemacro.tasks.parts import LEAST_S, Place, worth_keeping

LOOK_S = 1.0
"""Between two looks at a state, each of which copies all of it."""


class State(Protocol):
    """All that some work needs to go on."""

    def tree(self) -> Any:
        """As plain values (`plain_tree`); they may share memory with what goes on."""

    def restore(self, tree: Any) -> None:
        """Inverse of `tree`."""


@dataclasses.dataclass(frozen=True)
class TreePause:
    """A state in plain values.

    Attributes:
        tree: see `State.tree`.
    """

    tree: Any

    def write(self, path: Path) -> None:
        """As an npz file."""
        write_arrays(path, arrays_of_tree(self.tree))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Inverse of `write`.

        Raises:
            ValueError: it is no such file.
        """
        return cls(tree_of_arrays(read_arrays(path, "checkpoint")))


class OnTheWay:
    """Keeps the state of work on its way, and what it comes to; outside of a run that keeps its parts it does nothing.

    To be used as `with OnTheWay(...) as way:`; the state is then where the same work was stopped.

    Args:
        state: of the work, at its beginning.
        place: in the run; None where nothing is kept.
        label: of the work.
        n_bytes: of the state, roughly.
        what: makes it large, "512 sites", for the line that says that it is too large.

    Attributes:
        finished: the state is that at the end, nothing is left to do.
    """

    def __init__(self, state: State, place: Place | None, label: str, n_bytes: float, what: str) -> None:
        self._state, self._place = state, place
        self._begun = self._looked = time.monotonic()
        self._keeper: Keeper[TreePause] | None = None
        self.finished = False
        if place is None:
            return
        self._key = place.key(label)
        if (found := place.parts.get(self._key)) is not None:
            state.restore(found)
            self.finished = True
            return
        self._keeper = place.parts.keeper(self._key, TreePause.read, n_bytes, what)
        if self._keeper.before is not None:
            state.restore(self._keeper.before.tree)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeper is not None and worth_keeping(error):
            self._keeper.__exit__(kind, error, trace)

    def look(self) -> None:
        """The work may go on from here."""
        now = time.monotonic()
        if self._keeper is not None and now - self._looked >= LOOK_S:
            self._keeper.take(TreePause(tree_of_arrays(arrays_of_tree(self._state.tree()))))
            self._looked = time.monotonic()

    def end(self) -> None:
        """The work is done, and its state is all that it gives."""
        if self._place is not None and not self.finished and time.monotonic() - self._begun >= LEAST_S:
            self._place.parts.put(self._key, self._state.tree())
