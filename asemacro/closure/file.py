"""Closure variables on disk: safetensors with JSON metadata; nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from asemacro.arguments.checks import count_of
from asemacro.arguments.door import checked, instance, path
from asemacro.closure.network import MOST_CODES, MOST_SHELLS, LocalNetwork
from asemacro.closure.variables import Closure, closure_of
from asemacro.files.json_text import object_in
from asemacro.files.reading import reading
from asemacro.files.tensors import check_values, filled, json_of, read_tensors, settings_of, write_tensors

_FORMAT = "asemacro-closure-1"
_SETTINGS = ("n_fields", "neighbours", "width", "messages")
_MOST = 10**6  # of each size


@checked(path=path, closure=instance("Closure"))
def save_closure(path: str | Path, closure: Closure) -> Path:
    """Write closure variables; the file appears whole or not at all.

    Args:
        path: file name, by convention ending in .safetensors.
        closure: what `fit_closure` gave.
    """
    tensors = {"mix": closure.mix, "skip": closure.skip, "offset": closure.offset}
    for k, network in enumerate(closure.networks):
        tensors |= {f"{k}.{name}": value for name, value in network.state_dict().items()}
    metadata = {
        "format": _FORMAT,
        "network": json.dumps(closure.networks[0].settings),
        "notes": json.dumps(closure.notes, default=str),
    }
    return write_tensors(path, tensors, metadata)


@checked(path=path)
def load_closure(path: str | Path) -> Closure:
    """Read what `save_closure` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, not such a closure, does not fit its own settings, or holds a
            value that is not finite or beyond 1e6.
    """
    path = Path(path)
    metadata, tensors = read_tensors(path, "closure", "; save it again")
    with reading(path, "closure", "is not an asemacro closure", "; fit it again"):
        if metadata.get("format") != _FORMAT:
            raise ValueError(f"format {metadata.get('format')!r}, not {_FORMAT}")
        check_values(tensors)
    with reading(path, "closure", "does not hold the closure that its settings describe"):
        settings = settings_of(metadata, "network", _SETTINGS)
        neighbours = settings.pop("neighbours", None)
        if not isinstance(neighbours, list) or len(neighbours) > MOST_SHELLS:
            raise ValueError(f"neighbours must be a list of at most {MOST_SHELLS} numbers")
        shells = [count_of(z, "", name="neighbours", least=1, most=MOST_CODES) for z in neighbours]
        sizes = {key: count_of(value, "", name=key, most=_MOST) for key, value in settings.items()}
        parts = [tensors.pop(name, None) for name in ("mix", "skip", "offset")]
        if any(part is None or part.dtype != torch.float64 for part in parts):
            raise ValueError("mix, skip and offset must be there, in float64")
        owners = {name.partition(".")[0] for name in tensors}
        if owners != {str(k) for k in range(len(owners))}:
            raise ValueError(f"unexpected {min(tensors)}")
        networks = [_network(shells, sizes, tensors, f"{k}.") for k in range(len(owners))]
        mix, skip, offset = (part.numpy() for part in parts if part is not None)
        return closure_of(networks, mix, skip, offset, object_in(json_of(metadata, "notes"), "notes"))


def _network(
    neighbours: list[int], sizes: Mapping[str, int], tensors: Mapping[str, torch.Tensor], prefix: str
) -> LocalNetwork:
    """One network of a file."""
    own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return filled(lambda: LocalNetwork(neighbours=neighbours, **sizes), own)
