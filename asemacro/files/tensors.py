"""Model files: safetensors with JSON in their header, read and written the same way for every kind of model."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from asemacro.files.json_text import object_in, parse_json
from asemacro.files.reading import LARGEST_WEIGHT, reading
from asemacro.files.store import write_whole

if TYPE_CHECKING:
    from torch import Tensor, nn

    Module = TypeVar("Module", bound=nn.Module)

_SPARE_VALUES = 5 * 10**7  # that building a model may make beside those of its file: index tables, initial weights
_TIMES = 40  # and for each value of the file
_ALIGNMENT = 8  # bytes, of the data in a file


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Path:
    """Write a safetensors file: the same bytes for the same content, whole or not at all.

    Args:
        path: file name, by convention ending in .safetensors.
        tensors: by name.
        metadata: texts for the header. The library writes them in another order each time, so they are put in here.
    """
    from safetensors.torch import save

    # a copy of each: the library refuses what two models share
    plain = save({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()})
    (length,) = struct.unpack("<Q", plain[:8])
    header = json.loads(plain[8 : 8 + length])
    text = json.dumps({"__metadata__": dict(sorted(metadata.items())), **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    content = struct.pack("<Q", len(text)) + text + plain[8 + length :]
    return write_whole(path, lambda temporary: _write_bytes(temporary, content))


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def read_tensors(path: Path, kind: str, advice: str = "") -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of a safetensors file; nothing is unpickled, and no tensor is larger than its file.

    Args:
        path: the file.
        kind: what it should be, for the error.
        advice: ends the error of a file that cannot be read.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, of another format or larger than 1 GB.
    """
    from safetensors import safe_open

    with reading(path, kind, "is truncated or not a safetensors file", advice), safe_open(str(path), "pt") as file:
        metadata = file.metadata() or {}
        return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def json_of(metadata: Mapping[str, str], name: str) -> Any:
    """What the JSON text of a header holds.

    Raises:
        ValueError: it is not there, or not JSON.
    """
    if name not in metadata:
        raise ValueError(f"its header has no {name}")
    return parse_json(metadata[name])


def settings_of(metadata: Mapping[str, str], name: str, known: Collection[str]) -> dict[str, Any]:
    """The JSON object of a header that holds arguments of a model.

    Raises:
        ValueError: it is not there, not an object, or holds other names than `known`.
    """
    settings = object_in(json_of(metadata, name), name)
    foreign = set(settings) - set(known)
    if foreign:
        raise ValueError(f"{name} holds {min(foreign)!r}; known are {', '.join(known)}")
    return settings


def filled(make: Callable[[], Module], tensors: Mapping[str, Tensor]) -> Module:
    """The model that `make` builds, with the tensors of a file as its parameters and buffers.

    Args:
        make: builds the model from the settings in a file, which may ask for any size: it is stopped as soon as the
            model is much larger than what the file holds.
        tensors: of the file, all of them and no others.

    Raises:
        ValueError: names, shapes or types of the tensors are not those of the model, or it does not fit the file.
    """
    import torch

    from asemacro.files.tensor_budget import TensorBudget

    values = sum(value.numel() for value in tensors.values())
    with TensorBudget(_SPARE_VALUES + _TIMES * values):
        model = make()
    wanted = model.state_dict()
    for name in sorted(wanted.keys() ^ tensors.keys()):
        raise ValueError(f"tensor {name} is missing" if name in wanted else f"unexpected tensor {name}")
    for name, value in wanted.items():
        found = tensors[name]
        if found.shape != value.shape:
            raise ValueError(f"tensor {name} has shape {tuple(found.shape)}, not {tuple(value.shape)}")
        real = (torch.float32, torch.float64)  # a buffer that a fit replaced may be of the other precision
        if found.dtype != value.dtype and not (found.dtype in real and value.dtype in real):
            raise ValueError(f"tensor {name} holds {found.dtype}, not {value.dtype}".replace("torch.", ""))
    with torch.no_grad():
        model.load_state_dict(dict(tensors), assign=True)  # with their precision: what is saved again is the same
    return model


def check_values(tensors: Mapping[str, Tensor], largest: float = LARGEST_WEIGHT) -> None:
    """Refuse numbers that no training gives.

    Raises:
        ValueError: names the tensor with a value that is not finite, or beyond +- `largest`.
    """
    for name, value in tensors.items():
        if not value.isfinite().all():
            raise ValueError(f"it holds a value that is not finite ({name})")
        most = float(value.abs().max()) if value.numel() else 0.0
        if most > largest:
            raise ValueError(f"{name} holds {most:.3g}, beyond {largest:.0e}: the file is damaged")
