"""Graph networks on disk: safetensors with JSON metadata in the header; nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path

from asemacro.barriers.gnn import BarrierGNN
from asemacro.store import write_whole
from asemacro.tensor_file import first_line, not_finite, read_tensors

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
    path = Path(path)
    metadata, tensors = read_tensors(path, "barrier model")
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
        raise ValueError(f"{path} does not hold the network that its header describes ({first_line(error)})") from None
    bad = not_finite(tensors)
    if bad:
        raise ValueError(f"{path} holds a value that is not finite ({bad}); train it again")
    return model.eval()
