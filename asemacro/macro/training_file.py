"""Training states of a learned model on disk: safetensors beside the model; nothing is unpickled."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asemacro.arguments.checks import array_of, count_of, instance_of
from asemacro.files.json_text import object_in
from asemacro.files.reading import reading
from asemacro.files.tensors import check_values, json_of, read_tensors, write_tensors
from asemacro.macro.moment_fit import MomentReport
from asemacro.typing import Floats

_LARGEST = 1e100
"""Of a state: the squares of larger ones are no numbers."""


@dataclasses.dataclass(frozen=True)
class Course:
    """Where training states stand in the runs that they are of.

    Attributes:
        group: (N,) number of the run.
        times: (N,) time in it.
    """

    group: NDArray[np.int64]
    times: Floats

    def take(self, rows: NDArray[np.integer]) -> Course:
        """That of some of the states."""
        return Course(self.group[rows], self.times[rows])


class Training(NamedTuple):
    """What a training file holds."""

    z: Floats
    condition: Floats
    n_observed: int
    report: MomentReport | None
    bounds: Floats | None
    course: Course | None


def save_training(
    path: str | Path,
    z: Floats,
    condition: Floats,
    n_observed: int,
    report: MomentReport | None = None,
    course: Course | None = None,
    *,
    bounds: Floats | None = None,
    model: str | None = None,
) -> Path:
    """Write training states; the file appears whole or not at all.

    Args:
        path: file name, by convention ending in .safetensors.
        z: (N, d) states.
        condition: (N, 0 or 1) their temperatures.
        n_observed: how many of the variables the user gave.
        report: of the fit.
        course: runs and times of the states; None if they are not known.
        bounds: (d, 2) least and largest values, infinite where not known; None if none is known.
        model: fingerprint of the model that was learned from them.
    """
    found = None if report is None else dataclasses.asdict(report) | {"noise": report.noise.tolist()}
    tensors = {"z": torch.tensor(z, dtype=torch.float64), "condition": torch.tensor(condition, dtype=torch.float64)}
    if course is not None:
        tensors["group"] = torch.tensor(course.group, dtype=torch.int64)
        tensors["times"] = torch.tensor(course.times, dtype=torch.float64)
    notes = {"n_observed": str(n_observed), "report": json.dumps(found)}
    if bounds is not None:
        notes["bounds"] = json.dumps([[v if math.isfinite(v) else None for v in row] for row in bounds.tolist()])
    return write_tensors(path, tensors, notes if model is None else {**notes, "model": model})


def load_training(path: str | Path, dim: int, n_conditions: int, *, model: str | None = None) -> Training:
    """Read what `save_training` wrote; files of version 0.1 lack the course of the runs.

    Args:
        path: the file.
        dim: variables of the model that it lies beside.
        n_conditions: of that model.
        model: its fingerprint; files of version 0.1 hold none to compare with.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line; the file is damaged or does not belong to the model.
    """
    advice = "; learn again"
    notes, tensors = read_tensors(Path(path), "training", advice)
    with reading(path, "training", "is damaged or does not belong to the model beside it", advice):
        check_values(tensors, _LARGEST)
        if model is not None and notes.get("model", model) != model:
            raise ValueError("it was written with another model")
        if set(tensors) - {"group", "times"} != {"z", "condition"} or tensors["z"].ndim != 2:
            raise ValueError("it must hold the tables z and condition")
        n = len(tensors["z"])
        for name, *shape in (("z", n, dim), ("condition", n, n_conditions)):
            _check_table(tensors, name, tuple(shape), torch.float64)
        course = _course_of(tensors, n) if {"group", "times"} & set(tensors) else None
        observed = count_of(json_of(notes, "n_observed"), "observed variables", least=1, most=dim)
        found = json_of(notes, "report")
        report = None if found is None else _report_of(object_in(found, "report"), dim)
        bounds = _bounds_of(json_of(notes, "bounds"), dim) if "bounds" in notes else None
        return Training(tensors["z"].numpy(), tensors["condition"].numpy(), observed, report, bounds, course)


def _check_table(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """A table of this name, shape and type."""
    found = tensors[name]
    if found.shape != shape or found.dtype != dtype:
        is_, wanted = (str(one).removeprefix("torch.") for one in (found.dtype, dtype))
        raise ValueError(f"{name} holds {is_} of shape {tuple(found.shape)}, not {wanted} of shape {shape}")


def _course_of(tensors: Mapping[str, Tensor], n: int) -> Course:
    """The runs and times of n states in a training file."""
    if not {"group", "times"} <= set(tensors):
        raise ValueError("of group and times it must hold both or none")
    _check_table(tensors, "group", (n,), torch.int64)
    _check_table(tensors, "times", (n,), torch.float64)
    return Course(tensors["group"].numpy(), tensors["times"].numpy())


def _bounds_of(found: Any, dim: int) -> Floats:
    """The bounds in a training file, in which null is infinite."""
    if not (isinstance(found, list) and all(isinstance(row, list) and len(row) == 2 for row in found)):
        raise ValueError("bounds must be pairs of numbers")
    ends = [[end if v is None else v for v, end in zip(row, (-math.inf, math.inf), strict=True)] for row in found]
    bounds = array_of(ends, "bounds", (dim, 2), finite=False)
    if not (bounds[:, 0] <= bounds[:, 1]).all():
        raise ValueError("bounds must be pairs of numbers, the lower one first")
    return bounds


def _report_of(found: dict[str, Any], dim: int) -> MomentReport:
    """The report in a training file."""
    names = [field.name for field in dataclasses.fields(MomentReport)]
    if set(found) != set(names):
        raise ValueError(f"its report must hold {', '.join(names)}")
    degrees = array_of(found["degrees"], "degrees", (dim,), kind="i")
    noise = array_of(found["noise"], "noise", (dim,))
    kept = instance_of(found["network_kept"], bool, "network_kept", "true or false")
    return MomentReport(tuple(degrees.tolist()), noise, kept, count_of(found["diffusion_degree"], "degrees"))
