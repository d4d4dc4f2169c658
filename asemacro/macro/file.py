"""Equations on disk: safetensors with JSON metadata; nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from asemacro.arguments.checks import count_of
from asemacro.arguments.door import ODE, SDE, checked, one_or_many, path
from asemacro.files.content import digest
from asemacro.files.json_text import object_in
from asemacro.files.reading import LARGEST_WEIGHT, reading, texts_in
from asemacro.files.tensors import check_values, filled, json_of, read_tensors, write_tensors
from asemacro.macro.equation import Equation
from asemacro.macro.ode import NeuralODE
from asemacro.macro.polynomial import PolynomialBasis
from asemacro.macro.sde import NeuralSDE

if TYPE_CHECKING:
    from torch import Tensor

E = TypeVar("E", bound=Equation)
_FORMATS = {NeuralSDE.word: "asemacro-sde-1", NeuralODE.word: "asemacro-ode-1"}
_LARGEST = {
    **dict.fromkeys(("z_mean", "z_scale", "condition_centre", "condition_range"), 1e100),  # in the user's units
    **dict.fromkeys(("drift_network.density.coefficients", "drift_network.density.wall"), 1e15),  # go as the sites
    "log_time": 200.0,
}
"""Values beyond these are damage; `LARGEST_WEIGHT` holds for the tensors that are not named."""


@checked(path=path, members=one_or_many(SDE))
def save_sde(path: str | Path, members: NeuralSDE | Sequence[NeuralSDE], **notes: Any) -> Path:
    """Write one SDE or an ensemble.

    Args:
        path: file name, by convention ending in .safetensors.
        members: the SDE, or the central one followed by the others of its ensemble.
        **notes: JSON-ready facts kept with the model (where it came from).

    Raises:
        ValueError: no SDE, or one of a drift or diffusion that files have no word for.
    """
    return _save(path, members, NeuralSDE.word, notes)


@checked(path=path, members=one_or_many(ODE))
def save_ode(path: str | Path, members: NeuralODE | Sequence[NeuralODE], **notes: Any) -> Path:
    """Write one ODE or those of several seeds.

    Args:
        path: file name, by convention ending in .safetensors.
        members: the ODE, or the central one followed by others.
        **notes: JSON-ready facts kept with the model (where it came from).

    Raises:
        ValueError: no ODE, or one of a drift that files have no word for.
    """
    return _save(path, members, NeuralODE.word, notes)


def _save(path: str | Path, members: Equation | Sequence[Equation], word: str, notes: Mapping[str, Any]) -> Path:
    members = [members] if isinstance(members, Equation) else list(members)
    if not members:
        raise ValueError(f"no {word} to save")
    for member in members:
        for part in member.parts:
            part.check_saved()
    tensors = {f"{i}.{name}": value for i, m in enumerate(members) for name, value in m.state_dict().items()}
    metadata = {
        "format": _FORMATS[word],
        "settings": json.dumps([m.settings for m in members]),
        "notes": json.dumps(notes, default=str),
    }
    return write_tensors(path, tensors, metadata)


def fingerprint(equation: Equation) -> str:
    """64 hexadecimal digits that stand for a model: its settings and its parameters, to the last bit."""
    return digest([equation.settings, {name: value.cpu().numpy() for name, value in equation.state_dict().items()}])


@checked(path=path)
def load_sde(path: str | Path) -> list[NeuralSDE]:
    """Read what `save_sde` wrote: a list whose first element is the central model.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is truncated, not such a model, does not fit its own settings, or holds
            a value that is not finite or that no fit gives.
    """
    return _load(path, NeuralSDE, _sde_settings)


@checked(path=path)
def load_ode(path: str | Path) -> list[NeuralODE]:
    """Read what `save_ode` wrote: a list whose first element is the central model.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; as for `load_sde`.
    """
    return _load(path, NeuralODE, _settings)


def _load(path: str | Path, kind: type[E], settings_of: Callable[[Any], dict[str, Any]]) -> list[E]:
    path, word = Path(path), kind.word
    metadata, tensors = read_tensors(path, word, "; save it again")
    with reading(path, word, f"is not an asemacro {word}", "; train it again"):
        if metadata.get("format") != _FORMATS[word]:
            raise ValueError(f"format {metadata.get('format')!r}, not {_FORMATS[word]}")
        _check_tensors(tensors)
    with reading(path, word, f"does not hold the {word} that its settings describe"):
        settings = json_of(metadata, "settings")
        if not isinstance(settings, list) or not settings:
            raise ValueError("no model")
        owners = {name.partition(".")[0] for name in tensors}
        if owners != {str(i) for i in range(len(settings))}:
            raise ValueError(f"its tensors are those of {len(owners)} models, its settings of {len(settings)}")
        return [_member(kind, settings_of(part), tensors, f"{i}.") for i, part in enumerate(settings)]


def _settings(settings: Any) -> dict[str, Any]:
    """What every equation has."""
    found = object_in(settings, "the settings of a model")
    return {
        **found,
        "drift": object_in(found.get("drift"), "the drift's settings"),
        "labels": texts_in(found.get("labels"), "labels"),
    }


def _sde_settings(settings: Any) -> dict[str, Any]:
    found = _settings(settings)
    return {
        **found,
        "diffusion": object_in(found.get("diffusion"), "the diffusion's settings"),
        "sites": None if found.get("sites") is None else count_of(found["sites"], "sites", least=1),
    }


def _member(kind: type[E], settings: dict[str, Any], tensors: Mapping[str, Tensor], prefix: str) -> E:
    """One equation of a file."""
    own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    member = filled(lambda: kind.from_settings(settings), own)
    if not (member.z_scale > 1 / _LARGEST["z_scale"]).all() or not member.condition_centre[1] > 0:
        raise ValueError("a scale of its variables is not above zero")
    for part in member.modules():
        if isinstance(part, PolynomialBasis) and not (part.upper > part.lower).all():
            raise ValueError("the box of its polynomials has no width")
    return member


def _check_tensors(tensors: Mapping[str, Tensor]) -> None:
    """Values must be of the size that a fit gives."""
    for name, value in tensors.items():
        check_values({name: value}, _LARGEST.get(name.partition(".")[2], LARGEST_WEIGHT))
