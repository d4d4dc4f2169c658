"""Reading safetensors files: what every kind of model file here has in common."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def read_tensors(path: Path, kind: str, advice: str = "") -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of a safetensors file; nothing is unpickled.

    Args:
        path: the file.
        kind: what it should be, for the error.
        advice: ends the error of a file that cannot be read.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated or of another format.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"no {kind} file {path}")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, struct.error, ValueError) as error:
        raise ValueError(f"{path} is truncated or not a safetensors file ({first_line(error)}){advice}") from None
    return metadata, tensors


def not_finite(tensors: dict[str, Tensor]) -> str | None:
    """Name of the first tensor with a value that is not finite, or None."""
    return next((name for name, value in tensors.items() if not value.isfinite().all()), None)


def first_line(error: Exception) -> str:
    """First line of an error's text, short enough for one line of ours."""
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:120]
