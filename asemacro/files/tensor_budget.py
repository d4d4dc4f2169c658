"""A bound on what a model file may make Python build before its tensors are compared with those of the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode


class TensorBudget(TorchFunctionMode):
    """Within it, the sizes of all tensors that torch returns are summed up, and too much is an error.

    Memory is not touched before a tensor is filled, so that one of an absurd size is refused before it costs anything.

    Args:
        values: numbers that may be made.

    Raises:
        ValueError: on the first tensor beyond them.
    """

    def __init__(self, values: int) -> None:
        super().__init__()
        self._left = self._all = values

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self._left -= made.numel()
            if self._left < 0:
                raise ValueError(f"the settings make a model of more than {self._all:.1e} numbers, the file holds less")
        return made
