"""What is to be said of a model that was learned from forces, beside its numbers: one line each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.files.json_text import read_json
from asemacro.studies.forces.learned import LearnedForces
from asemacro.tasks.publication import RECORD

POOR = 0.1  # a relative error that is worth a warning


def percent(error: float) -> str:
    """A relative error in words."""
    return f"{100 * error:.2g} %" if error < 1 else f"{100 * error:.0f} %"


def remark_on_error(record: Mapping[str, Any]) -> str | None:
    """That a model does not follow the runs that it was compared with, from what run.json says; None if it does.

    The errors are judged before they are rounded: that of the model, and the median of all fits.
    """
    error = _size(record["relative_error"])
    fits = [_size(one) for one in record.get("relative_error_of_each_fit") or ()]
    advice = "look at diagnostics.png, give more --trajectories, another --closure or --drift"
    if error >= POOR:
        size = f"relative error {percent(error)}" if math.isfinite(error) else "it runs away"
        return f"the model does not follow the runs ({size}): {advice}"
    if fits and np.median(fits) >= POOR:
        median = float(np.median(fits))
        size = f"median of the relative errors {percent(median)}" if math.isfinite(median) else "they run away"
        return f"most fits do not follow the runs ({size}), the model may do so by chance: {advice}"
    return None


def _size(error: Any) -> float:
    """A relative error of run.json; infinite where the model runs away."""
    return float(error) if isinstance(error, int | float) and not math.isnan(error) else math.inf


def remarks_on_path(
    directory: str | Path, learned: LearnedForces, start: Sequence[float], until: float
) -> Iterator[str]:
    """What to know before a path is read: how the model did, and where the runs of its training ended.

    Args:
        directory: of the model; a run.json in it tells the error and the unit of time.
        learned: the model.
        start: values of the observables.
        until: end of the path, after its start.

    Raises:
        ValueError: one line; a run.json that is damaged.
    """
    path = Path(directory) / RECORD
    record = read_json(path, "run record") if path.is_file() else {}
    poor = remark_on_error(record) if "relative_error" in record else None
    if poor is not None:
        yield poor
    course, like = learned.course(), learned.like_runs(np.asarray(start, dtype=float))
    if course is None or like is None:
        return
    unit = record.get("unit_of_time", "time")
    unit = "" if unit == "time" else f" {unit}"
    end, began = float(course.times.max()), float(course.times.min())
    if like.time + until > end * (1 + 1e-9):
        late = like.time > began
        left = f", {end - like.time:.4g}{unit} after a state like the start" if late else ""
        ended = f"the runs of the training ended at time {end:.4g}{unit}{left}"
        yield f"{ended}: what lies beyond rests on the equation alone"


def ranges_of(learned: LearnedForces) -> str:
    """Where the observables of the training states lie, and those that runs start with: what a start may be."""
    course = learned.course()
    parts = []
    for k, label in enumerate(learned.labels[: learned.n_observed]):
        text = f"{label} from {learned.z[:, k].min():.4g} to {learned.z[:, k].max():.4g}"
        if course is not None:
            first = learned.z[course.times == course.times.min(), k]
            text += f" (starts {first.min():.4g} to {first.max():.4g})"
        parts.append(text)
    return f"learned from states with {', '.join(parts)}: `asemacro simulate --start` takes such values"
