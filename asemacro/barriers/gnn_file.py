"""Graph networks on disk: safetensors with JSON metadata in the header; nothing is unpickled."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import torch

from asemacro.barriers.gnn import BarrierGNN
from asemacro.store import write_whole

FORMAT = "asemacro-barriers-1"


def save_gnn(model: BarrierGNN, path: str | Path) -> Path:
    """Write the model; the file appears whole or not at all."""
    from safetensors.torch import save_file

    metadata = {
        "format": FORMAT,
        "name": model.name,
        "species": json.dumps(model.species),
        "form": model.form,
        "settings": json.dumps(model.settings),
        "notes": json.dumps(model.notes, default=str),
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    return write_whole(path, lambda temporary: save_file(tensors, str(temporary), metadata=metadata))


def load_gnn(path: str | Path) -> BarrierGNN:
    """Read what `save_gnn` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, not such a model, does not fit its own settings, or holds a
            value that is not finite.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no barrier model file {path}")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, struct.error, ValueError) as error:
        raise ValueError(f"{path} is truncated or not a safetensors file ({_line(error)})") from None
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is not an asemacro barrier model (format {metadata.get('format')!r}, not {FORMAT})")
    try:
        model = BarrierGNN(
            tuple(json.loads(metadata["species"])),
            metadata["form"],  # type: ignore[arg-type]
            name=metadata["name"],
            notes=json.loads(metadata["notes"]),
            **json.loads(metadata["settings"]),
        )
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the network that its header describes ({_line(error)})") from None
    bad = [key for key, value in tensors.items() if not torch.isfinite(value).all()]
    if bad:
        raise ValueError(f"{path} holds a value that is not finite ({bad[0]}); train it again")
    return model.eval()


def _line(error: Exception) -> str:
    """First line of an error's text, short enough for one line of ours."""
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:120]
