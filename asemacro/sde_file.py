"""SDEs on disk: safetensors with JSON metadata; nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asemacro.sde import NeuralSDE
from asemacro.store import write_whole
from asemacro.tensor_file import first_line, not_finite, read_tensors

_FORMAT = "asemacro-sde-1"


def save_sde(path: str | Path, members: NeuralSDE | Sequence[NeuralSDE], **notes: Any) -> Path:
    """Write one SDE or an ensemble.

    Args:
        path: file name, by convention ending in .safetensors.
        members: the SDE, or the central one followed by the others of its ensemble.
        **notes: JSON-ready facts kept with the model (where it came from).
    """
    from safetensors.torch import save_file

    members = [members] if isinstance(members, NeuralSDE) else list(members)
    if not members:
        raise ValueError("no SDE to save")
    tensors = {
        f"{i}.{name}": value.contiguous() for i, m in enumerate(members) for name, value in m.state_dict().items()
    }
    metadata = {
        "format": _FORMAT,
        "settings": json.dumps([m.settings for m in members]),
        "notes": json.dumps(notes, default=str),
    }
    return write_whole(path, lambda temporary: save_file(tensors, str(temporary), metadata=metadata))


def load_sde(path: str | Path) -> list[NeuralSDE]:
    """Read what `save_sde` wrote: a list whose first element is the central model.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, not such a model, does not fit its own settings, or holds
            a value that is not finite.
    """
    path = Path(path)
    metadata, tensors = read_tensors(path, "SDE", "; save it again")
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"{path} is not an asemacro SDE (format {metadata.get('format')!r}); expected {_FORMAT}")
    try:
        members = [NeuralSDE.from_settings(s) for s in json.loads(metadata["settings"])]
        for i, member in enumerate(members):
            prefix = f"{i}."
            state = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
            member.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the SDE that its settings describe ({first_line(error)})") from None
    bad = not_finite(tensors) or (None if members else "no model")
    if bad:
        raise ValueError(f"{path} holds a value that is not finite ({bad}); train it again")
    return members
