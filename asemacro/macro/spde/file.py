"""Field equations on disk: safetensors with JSON metadata; nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asemacro.arguments.door import checked, instance, path
from asemacro.files.json_text import object_in
from asemacro.files.reading import reading
from asemacro.files.tensors import check_values, json_of, read_tensors, settings_of, write_tensors
from asemacro.macro.spde.block_kernel import BlockKernel
from asemacro.macro.spde.entropy import EntropySlope
from asemacro.macro.spde.mobility import mobility_named
from asemacro.macro.spde.spde import NeuralSPDE

_FORMAT = "asemacro-spde-1"
_LARGEST = 1e9  # of any number: blocks have at most so many spins
_SETTINGS = ("mobility", "sites", "block", "response", "noise")


@checked(path=path, spde=instance("NeuralSPDE"))
def save_spde(path: str | Path, spde: NeuralSPDE, **notes: Any) -> Path:
    """Write a field equation.

    Args:
        path: file name, by convention ending in .safetensors.
        spde: the equation.
        **notes: JSON-ready facts kept with it (where it came from).

    Raises:
        ValueError: a mobility that files have no word for.
    """
    import torch

    word = spde.mobility.word
    if word is None:
        raise ValueError(f"files have no word for the mobility {type(spde.mobility).__name__}; give it one to save it")
    arrays = {"kernel.values": spde.kernel.values, "entropy.coefficients": spde.entropy.coefficients}
    if spde.kernel.errors is not None:
        arrays["kernel.errors"] = spde.kernel.errors
    arrays |= {f"mobility.{name}": value for name, value in spde.mobility.tensors().items()}
    settings = {name: getattr(spde, name) for name in _SETTINGS if name != "mobility"} | {"mobility": word}
    metadata = {"format": _FORMAT, "settings": json.dumps(settings), "notes": json.dumps(notes, default=str)}
    return write_tensors(path, {name: torch.from_numpy(value) for name, value in arrays.items()}, metadata)


@checked(path=path)
def load_spde(path: str | Path) -> NeuralSPDE:
    """Read what `save_spde` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, not such an equation, or holds values that no fit gives.
    """
    metadata, tensors = read_tensors(Path(path), "field equation", "; save it again")
    with reading(path, "field equation", "is not an asemacro field equation", "; learn it again"):
        if metadata.get("format") != _FORMAT:
            raise ValueError(f"format {metadata.get('format')!r}, not {_FORMAT}")
        settings = settings_of(metadata, "settings", _SETTINGS)
        check_values(tensors, _LARGEST)
        arrays = {name: value.double().numpy() for name, value in tensors.items()}
        kind = mobility_named(settings.pop("mobility"))
        own = {name.removeprefix("mobility."): v for name, v in arrays.items() if name.startswith("mobility.")}
        return NeuralSPDE(
            BlockKernel(arrays["kernel.values"], arrays.get("kernel.errors")),
            kind.from_tensors(own),
            EntropySlope(arrays["entropy.coefficients"]),
            **settings,
        )


@checked(path=path)
def spde_notes(path: str | Path) -> dict[str, Any]:
    """The facts that `save_spde` kept beside a field equation.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, or not such an equation.
    """
    metadata, _ = read_tensors(Path(path), "field equation", "; save it again")
    with reading(path, "field equation", "is not an asemacro field equation", "; learn it again"):
        return dict(object_in(json_of(metadata, "notes"), "notes"))
