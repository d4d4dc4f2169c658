"""Runs of the verb sample that were stopped, from where they go on as if they never had been."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.files.arrays import read_arrays
from asemacro.tasks.checkpoint import write_arrays
from asemacro.typing import Floats

_NAMES = ("z", "shown", "x", "sites", "run", "seen", "generator")


@dataclasses.dataclass(frozen=True)
class SamplePause:
    """All that the runs need to go on.

    Attributes:
        z: (runs, times, dim) what was measured so far.
        shown: states (n_sites[, n_fields]) of the first run that are shown.
        x: state of the present run.
        sites: of its carriers.
        run: its number.
        seen: times of it that are done, at least 1.
        generator: state of its random stream, as text.
    """

    z: Floats
    shown: tuple[NDArray[Any], ...]
    x: NDArray[Any]
    sites: NDArray[np.int64]
    run: int
    seen: int
    generator: str

    def write(self, path: Path) -> None:
        """As an npz file."""
        write_arrays(path, {name: np.asarray(getattr(self, name)) for name in _NAMES})

    @classmethod
    def read(cls, path: Path) -> SamplePause:
        """Inverse of `write`.

        Raises:
            ValueError: it is no such file.
        """
        arrays = read_arrays(path, "checkpoint")
        if set(arrays) != set(_NAMES):
            raise ValueError(f"it holds {', '.join(sorted(arrays))}")
        plain = {name: arrays[name].item() for name in ("run", "seen", "generator")}
        return cls(arrays["z"], tuple(arrays["shown"]), arrays["x"], arrays["sites"], **plain)
