"""Nested values of numbers, texts and arrays as named arrays of an npz file and back; nothing is pickled."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.files.json_text import parse_json

Arrays = dict[str, NDArray[Any]]
_SHAPE = "tree"
_SCALARS: dict[str, Any] = {"float64": np.float64, "int64": np.int64, "bool_": np.bool_}
"""Of numpy, that are not worth an array each."""
_WORDS = {"true": True, "false": False, "none": None}


def arrays_of_tree(tree: Any, kinds: Sequence[type] = ()) -> Arrays:
    """A value as arrays with names.

    Args:
        tree: None, truth values, numbers, texts, arrays of numpy and tensors of torch, and lists, tuples, mappings (of
            texts or whole numbers) and dataclasses of these. Floats are kept to the last bit.
        kinds: dataclasses that it may hold.

    Raises:
        TypeError: it holds something else.
    """
    held: list[NDArray[Any]] = []
    shape = json.dumps(_described(tree, held, kinds))
    return {_SHAPE: np.array(shape), **{str(k): array for k, array in enumerate(held)}}


def tree_of_arrays(arrays: Mapping[str, NDArray[Any]], kinds: Sequence[type] = ()) -> Any:
    """Inverse of `arrays_of_tree`; no other dataclasses are made than the kinds that are given.

    Raises:
        ValueError: the arrays are not those of a tree.
    """
    if _SHAPE not in arrays or arrays[_SHAPE].dtype.kind != "U":
        raise ValueError("it holds no description of its values")
    return _built(parse_json(arrays[_SHAPE].item()), arrays, {kind.__name__: kind for kind in kinds})


def _described(value: Any, held: list[NDArray[Any]], kinds: Sequence[type]) -> Any:
    """What JSON says of a value; arrays are put aside and named by their place."""
    if value is None or isinstance(value, bool):
        return ["none" if value is None else str(value).lower()]
    if isinstance(value, str):
        return ["text", value]
    for word, scalar in _SCALARS.items():
        if type(value) is scalar:
            number: Any = value
            return [word, float(number).hex() if word == "float64" else str(int(number))]
    if isinstance(value, np.generic):
        return ["scalar", _put_aside(np.asarray(value), held)]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", value.hex()]
    if isinstance(value, np.ndarray):
        return ["array", _put_aside(value, held)]
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return [kind, [_described(item, held, kinds) for item in value]]
    if isinstance(value, Mapping):
        if not all(type(key) in (str, int) for key in value):
            raise TypeError("only texts and whole numbers may be keys")
        return ["mapping", [[key, _described(item, held, kinds)] for key, item in value.items()]]
    if type(value) in kinds:
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return ["object", type(value).__name__, _described(fields, held, kinds)]
    torch: Any = sys.modules.get("torch")  # without importing it
    if torch is not None and isinstance(value, torch.Tensor):
        return ["tensor", _put_aside(value.detach().cpu().numpy(), held)]
    raise TypeError(f"a {type(value).__name__} is no plain value")


def _put_aside(array: NDArray[Any], held: list[NDArray[Any]]) -> int:
    if array.dtype.kind not in "biufU":
        raise TypeError(f"arrays of {array.dtype} are no plain values")
    held.append(np.array(array))  # as it is now: what is kept may change afterwards
    return len(held) - 1


def _built(described: Any, arrays: Mapping[str, NDArray[Any]], kinds: Mapping[str, type]) -> Any:
    """The value that a description stands for."""
    match described:
        case [word] if word in _WORDS:
            return _WORDS[word]
        case [str(word), str(digits)] if word in _SCALARS:
            return _SCALARS[word](float.fromhex(digits) if word == "float64" else int(digits))
        case ["text", str(text)]:
            return text
        case ["int", str(digits)]:
            return int(digits)
        case ["float", str(digits)]:
            return float.fromhex(digits)
        case ["array" | "scalar" | "tensor" as kind, int(place)] if str(place) in arrays:
            array = arrays[str(place)]
            if kind == "tensor":
                import torch

                return torch.from_numpy(np.array(array))
            return array if kind == "array" else array[()]
        case ["list" | "tuple" as kind, list(items)]:
            values = [_built(item, arrays, kinds) for item in items]
            return values if kind == "list" else tuple(values)
        case ["mapping", list(items)]:
            return {key: _built(item, arrays, kinds) for key, item in items}
        case ["object", str(name), fields] if name in kinds:
            return kinds[name](**_built(fields, arrays, kinds))
    raise ValueError("its description of values is damaged")
