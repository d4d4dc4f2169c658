"""Graph networks on disk: safetensors with JSON metadata in the header; nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from ase.data import atomic_numbers

from asemacro.arguments.checks import count_of
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.model import BarrierGNN, Form
from asemacro.files.json_text import object_in
from asemacro.files.reading import reading, text_in, texts_in
from asemacro.files.tensors import check_values, filled, json_of, read_tensors, settings_of, write_tensors

FORMAT = "asemacro-barriers-1"
_SETTINGS = ("members", "width", "hidden", "energy_width")
_FREQUENCY = "attempt_frequency_Hz"  # older files do not have it
_MOST = 10**6  # of each setting


def save_gnn(model: BarrierGNN, path: str | Path) -> Path:
    """Write the model; the file appears whole or not at all."""
    metadata = {
        "format": FORMAT,
        "name": model.name,
        "species": json.dumps(model.species),
        "form": model.form,
        "settings": json.dumps(model.settings),
        "notes": json.dumps(model.notes, default=str),
        "jumps": json.dumps(model.jumps.fields()),
        _FREQUENCY: json.dumps(dict(model.attempt_frequency_Hz)),
    }
    return write_tensors(path, model.state_dict(), metadata)


def load_gnn(path: str | Path) -> BarrierGNN:
    """Read what `save_gnn` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, not such a model, does not fit its own settings, or holds a
            value that is not finite or beyond 1e6.
    """
    path = Path(path)
    metadata, tensors = read_tensors(path, "barrier model")
    with reading(path, "barrier model", "is not an asemacro barrier model"):
        if metadata.get("format") != FORMAT:
            raise ValueError(f"format {metadata.get('format')!r}, not {FORMAT}")
        check_values(tensors)
    with reading(path, "barrier model", "does not hold the network that its header describes"):
        species = texts_in(json_of(metadata, "species"), "species")
        unknown = [symbol for symbol in species if symbol not in atomic_numbers]
        if unknown or len(set(species)) < len(species):
            raise ValueError(f"species must be different chemical symbols, not {', '.join(species)}")
        settings = settings_of(metadata, "settings", _SETTINGS)
        sizes = {key: count_of(value, "", name=key, least=1, most=_MOST) for key, value in settings.items()}
        form = cast(Form, text_in(metadata.get("form"), "form"))
        name, notes = text_in(metadata.get("name"), "name"), object_in(json_of(metadata, "notes"), "notes")
        # files of before version 0.2 hold networks of bcc and do not say so
        jumps = JumpNetwork.read(object_in(json_of(metadata, "jumps"), "jumps")) if "jumps" in metadata else None
        own = object_in(json_of(metadata, _FREQUENCY), _FREQUENCY) if _FREQUENCY in metadata else None
        return filled(
            lambda: BarrierGNN(species, form, name=name, notes=notes, jumps=jumps, attempt_frequency_Hz=own, **sizes),
            tensors,
        ).eval()
