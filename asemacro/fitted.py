"""What every fit gives: the model, how well it does on what was held out, and how it came about."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

M = TypeVar("M")
R = TypeVar("R")


@dataclasses.dataclass
class History:
    """Losses of a descent by minibatches, epoch by epoch.

    Attributes:
        training: mean loss of each epoch.
        validation: loss of what is held out, each time that it was looked at.
        best_epoch: the epoch whose parameters were kept.
        stopped_early: True if `patience` epochs brought nothing before the last one.
    """

    training: list[float] = dataclasses.field(default_factory=list)
    validation: list[float] = dataclasses.field(default_factory=list)
    best_epoch: int = -1
    stopped_early: bool = False


@dataclasses.dataclass(frozen=True)
class Fitted(Generic[M, R]):
    """A fitted model; it can be given to every function of asemacro that takes the model itself.

    Attributes:
        model: what was fitted. Fits of an SDE change the one that they are given: this is the same object.
        held_out: losses of what was held out, by what they are of; lower is better. Empty if nothing was held out.
        report: what the fit chose (degrees, what was kept), each fit its own kind; None if there was nothing to choose.
        histories: of the descents by minibatches: one of each network that was trained so, the model's own first.
        members: models fitted to bootstrap samples of the data; their spread is the error of `model`.
    """

    model: M
    held_out: Mapping[str, float]
    report: R
    histories: tuple[History, ...] = ()
    members: tuple[M, ...] = ()
    _before: Any = dataclasses.field(default=None, repr=False, kw_only=True)

    @property
    def history(self) -> History:
        """Of the model's descent; without epochs if it was not fitted by minibatches."""
        return self.histories[0] if self.histories else History()

    # For one version a fit still passes for what it gave in version 0.1: its history, report, model or file.

    def _as_before(self, use: str) -> Any:
        warnings.warn(
            f"a fit gives a Fitted since version 0.2, {use} of what it gave before will go; "
            "take its model, members, report or history",
            DeprecationWarning,
            stacklevel=3,
        )
        return self._before

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_before" or name not in dir(self._before):
            raise AttributeError(f"a Fitted has no {name}; it has model, held_out, report, history and members")
        return getattr(self._as_before(f"the {name}"), name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._as_before("the list"))

    def __len__(self) -> int:
        return len(self._as_before("the list"))

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: int) -> Any:
        return self._as_before("the list")[index]

    def __call__(self, *given: Any) -> Any:
        return self._as_before("the call")(*given)

    def __fspath__(self) -> str:
        return str(self._as_before("the path"))


def model_of(value: Any) -> Any:
    """The model of a Fitted; anything else as it is."""
    return value.model if isinstance(value, Fitted) else value
