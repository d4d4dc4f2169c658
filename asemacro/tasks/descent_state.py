"""What changes in a gradient descent, between two epochs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from asemacro.fitted import History
from asemacro.tasks.generator_state import restore, state_text

_COPIES = 6.0  # of the parameters, roughly: the optimiser's moments, the best ones and their running mean


@dataclasses.dataclass
class DescentState:
    """The state of a descent; see `on_the_way.State`.

    Attributes:
        optimiser: with its parameters.
        also: random generators, and objects with `state_dict` and `load_state_dict`.
        history: losses so far.
        epoch: the next one.
        lowest: loss of what is held out.
    """

    optimiser: torch.optim.Optimizer
    also: Sequence[Any]
    history: History = dataclasses.field(default_factory=History)
    epoch: int = 0
    lowest: float = float("inf")

    @property
    def parameters(self) -> list[torch.Tensor]:
        """All that are changed."""
        return [p for group in self.optimiser.param_groups for p in group["params"]]

    @property
    def n_bytes(self) -> float:
        """Of the state, roughly."""
        return _COPIES * sum(p.numel() * p.element_size() for p in self.parameters)

    def tree(self) -> Any:
        """As plain values."""
        return {
            "parameters": [p.detach() for p in self.parameters],
            "optimiser": self.optimiser.state_dict(),
            "also": [_told(one) for one in self.also],
            "history": dataclasses.asdict(self.history),
            "epoch": self.epoch,
            "lowest": self.lowest,
        }

    @torch.no_grad()
    def restore(self, tree: Any) -> None:
        """Inverse of `tree`."""
        for parameter, value in zip(self.parameters, tree["parameters"], strict=True):
            parameter.copy_(value)
        self.optimiser.load_state_dict(tree["optimiser"])
        for one, state in zip(self.also, tree["also"], strict=True):
            _tell(one, state)
        for name, value in tree["history"].items():
            setattr(self.history, name, value)
        self.epoch, self.lowest = tree["epoch"], tree["lowest"]


def _told(one: Any) -> Any:
    if isinstance(one, np.random.Generator):
        return state_text(one)
    return one.get_state() if isinstance(one, torch.Generator) else one.state_dict()


def _tell(one: Any, state: Any) -> None:
    if isinstance(one, np.random.Generator):
        restore(one, state)
    elif isinstance(one, torch.Generator):
        one.set_state(state)
    else:
        one.load_state_dict(state)
