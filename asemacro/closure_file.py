"""Closure variables on disk: safetensors with JSON metadata; nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from asemacro.closure import Closure, closure_of
from asemacro.closure_network import LocalNetwork
from asemacro.store import write_whole
from asemacro.tensor_file import first_line, not_finite, read_tensors

_FORMAT = "asemacro-closure-1"


def save_closure(path: str | Path, closure: Closure) -> Path:
    """Write closure variables; the file appears whole or not at all.

    Args:
        path: file name, by convention ending in .safetensors.
        closure: what `fit_closure` gave.
    """
    from safetensors.torch import save_file

    tensors = {"mix": closure.mix, "skip": closure.skip, "offset": closure.offset}
    for k, network in enumerate(closure.networks):
        tensors |= {f"{k}.{name}": value.detach().contiguous() for name, value in network.state_dict().items()}
    metadata = {
        "format": _FORMAT,
        "network": json.dumps(closure.networks[0].settings),
        "notes": json.dumps(closure.notes, default=str),
    }
    return write_whole(path, lambda temporary: save_file(tensors, str(temporary), metadata=metadata))


def load_closure(path: str | Path) -> Closure:
    """Read what `save_closure` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, not such a closure, does not fit its own settings, or holds a
            value that is not finite.
    """
    path = Path(path)
    metadata, tensors = read_tensors(path, "closure", "; save it again")
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"{path} is not an asemacro closure (format {metadata.get('format')!r}); expected {_FORMAT}")
    bad = not_finite(tensors)
    if bad:
        raise ValueError(f"{path} holds a value that is not finite ({bad}); fit it again")
    try:
        mix, skip, offset = (tensors.pop(name).numpy() for name in ("mix", "skip", "offset"))
        networks = [_network(json.loads(metadata["network"]), tensors, k) for k in range(len(offset))]
        if tensors:
            raise ValueError(f"unexpected {min(tensors)}")
        return closure_of(networks, mix, skip, offset, json.loads(metadata["notes"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the closure that its settings describe ({first_line(error)})") from None


def _network(settings: dict[str, Any], tensors: dict[str, torch.Tensor], k: int) -> LocalNetwork:
    """Network `k` of a file, whose tensors it takes out of `tensors`."""
    network, prefix = LocalNetwork(**settings), f"{k}."
    own = [name for name in tensors if name.startswith(prefix)]
    network.load_state_dict({name[len(prefix) :]: tensors.pop(name) for name in own})
    return network
