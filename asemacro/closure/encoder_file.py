"""Encoders on disk: safetensors with JSON metadata; nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path

import asemacro.closure.particle_encoder  # noqa: F401 - files know its kind
from asemacro.arguments.checks import choice_of
from asemacro.arguments.door import checked, instance, path
from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_network import EncoderNetwork
from asemacro.files.json_text import object_in
from asemacro.files.reading import reading, texts_in
from asemacro.files.tensors import check_values, filled, json_of, read_tensors, write_tensors
from asemacro.observables.differentiable import DifferentiableObservable

_FORMAT = "asemacro-encoder-1"


@checked(path=path, encoder=instance("Encoder"))
def save_encoder(path: str | Path, encoder: Encoder, model: str | None = None) -> Path:
    """Write the learned part of an encoder, and the names of the observables that it was learned for.

    Args:
        path: file name, by convention ending in .safetensors.
        encoder: what `fit_encoder` gave.
        model: fingerprint of the equation of its variables.
    """
    metadata = {
        "format": _FORMAT,
        "network": json.dumps({"kind": encoder.network.kind, **encoder.network.settings}),
        "labels": json.dumps(encoder.phi.labels),
    }
    notes = metadata if model is None else {**metadata, "model": model}
    return write_tensors(path, encoder.network.state_dict(), notes)


@checked(path=path, phi=instance("DifferentiableObservable"))
def load_encoder(path: str | Path, phi: DifferentiableObservable, model: str | None = None) -> Encoder:
    """Read what `save_encoder` wrote.

    Args:
        path: the file.
        phi: the observables that it was learned for.
        model: fingerprint of the equation that it should belong to; files that name none are taken.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is damaged, not such an encoder, or belongs to other observables or another
            equation.
    """
    metadata, tensors = read_tensors(Path(path), "encoder", "; save it again")
    with reading(path, "encoder", "is not an asemacro encoder", "; fit it again"):
        if metadata.get("format") != _FORMAT:
            raise ValueError(f"format {metadata.get('format')!r}, not {_FORMAT}")
        check_values(tensors)
    with reading(path, "encoder", "does not belong to the model beside it", "; learn again"):
        if model is not None and metadata.get("model", model) != model:
            raise ValueError("it was written with another model")
    with reading(path, "encoder", "does not hold the encoder that its settings describe"):
        labels = texts_in(json_of(metadata, "labels"), "labels")
        if labels != tuple(phi.labels):
            raise ValueError(f"it was learned for {', '.join(labels)}, not for {', '.join(phi.labels)}")
        settings = object_in(json_of(metadata, "network"), "network")
        kinds = {kind.kind: kind for kind in EncoderNetwork.__subclasses__()}
        kind = kinds[choice_of(settings.pop("kind", None), "kind", list(kinds))]
        network = filled(lambda: kind(**settings).double(), tensors)
    return Encoder(phi, network)
