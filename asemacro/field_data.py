"""What the learner of field equations sees: block magnetisations on whole grids, before and after a short time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import array_of, count_of
from asemacro.arguments.door import FIELD_DATA, checked, many, path
from asemacro.data import column_of, group_of, joined_groups, rows_of
from asemacro.files.rows import Column, RowSink, read_rows, write_rows
from asemacro.typing import Floats

_KIND = "asemacro field data"
_COLUMNS = {"before": "f", "after": "f", "flips": "i", "duration": "f", "temperature": "f", "field": "f", "group": "i"}
_COPIED_BYTES = 1 << 24  # of rows, at a time
_ROUNDING = 1e-5  # of means that were added up in single precision
_MOST_AXES = 3


@dataclasses.dataclass(frozen=True)
class FieldData:
    """What block fields do in a short time: n rows, each a whole periodic grid of blocks.

    Attributes:
        before: (n, *grid) float32 block magnetisations m at the start, the mean of the V spins of each block; the grid
            has 1 to 3 axes.
        after: (n, *grid) float32 the same at the end.
        flips: (n, *grid) int32 flips that were counted in each block meanwhile, back flips too; None for data from
            elsewhere, where nobody counted.
        duration: (n,) the time between the two, in the unit of one over the rate of attempts on a spin.
        temperature: (n,) with k_B = 1.
        field: (n,) external field h.
        sites: V, spins of a block.
        block: B, edge of a block in lattice sites (cells of the lattice).
        group: (n,) rows with the same number are correlated (made from the same start or run); default: none are.

    Raises:
        ValueError: shapes that differ, values that are not finite, magnetisations outside [-1, 1], negative flips,
            durations or temperatures that are not above 0.
    """

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    flips: NDArray[np.int32] | None
    duration: Floats
    temperature: Floats
    field: Floats
    sites: int
    block: int
    group: NDArray[np.int64] = dataclasses.field(default=None)  # type: ignore[assignment, arg-type]

    def __post_init__(self) -> None:
        before = _magnetisations(self.before, "before")
        if not 2 <= before.ndim <= 1 + _MOST_AXES or before.size == 0:
            raise ValueError(
                f"before must be rows of grids of 1 to {_MOST_AXES} axes, (n, *grid), got the shape {before.shape}"
            )
        n = len(before)
        columns: dict[str, Any] = {
            "before": before,
            "after": _magnetisations(self.after, "after"),
            "flips": None if self.flips is None else _flips(self.flips),
            "duration": column_of(self.duration, "duration", n),
            "temperature": column_of(self.temperature, "temperature", n),
            "field": column_of(self.field, "field", n),
            "sites": count_of(self.sites, "", least=1, name="sites"),
            "block": count_of(self.block, "", least=1, name="block"),
            "group": group_of(self.group, n),
        }
        for name in ("after", "flips"):
            value = columns[name]
            if value is not None and value.shape != before.shape:
                raise ValueError(f"{name} must have the shape of before, {before.shape}, got {value.shape}")
        for name in ("duration", "temperature"):
            if (columns[name] <= 0).any():
                raise ValueError(f"{name} must be above 0 in every row, got {columns[name].min():g}")
        for name, value in columns.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.before)

    @property
    def grid(self) -> tuple[int, ...]:
        """Blocks along each axis."""
        return self.before.shape[1:]

    def take(self, rows: Any) -> FieldData:
        """Some of the rows, by number, mask or slice."""
        rows = rows_of(rows, len(self))
        named = [name for name in _COLUMNS if getattr(self, name) is not None]
        return dataclasses.replace(self, **{name: getattr(self, name)[rows] for name in named})

    @staticmethod
    @checked(parts=many(FIELD_DATA))
    def joined(parts: Sequence[FieldData]) -> FieldData:
        """All rows of several sets; groups of different sets stay different.

        Raises:
            ValueError: no set, sets with different grids or blocks, or flips counted in some of them only.
        """
        if not parts:
            raise ValueError("no field data to join")
        kinds = {(part.grid, part.sites, part.block) for part in parts}
        if len(kinds) > 1:
            raise ValueError(f"field data of different (grid, sites, block) cannot be joined: {kinds}")
        if len({part.flips is None for part in parts}) > 1:
            raise ValueError("flips are counted in some of the field data only; join those that have them")
        named = [name for name in _COLUMNS if getattr(parts[0], name) is not None and name != "group"]
        columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in named}
        return dataclasses.replace(parts[0], **columns, group=joined_groups(parts))

    @checked(path=path)
    def save(self, path: str | Path) -> Path:
        """Write the data to a file, which is whole or not there; see `open`. Any program that knows zarr reads it.

        Raises:
            CannotWrite: one line with the name of the file.
        """
        values = {name: getattr(self, name) for name in _COLUMNS if getattr(self, name) is not None}
        columns = {name: Column(value.dtype, value.shape[1:]) for name, value in values.items()}

        def fill(sink: RowSink) -> None:
            step = max(1, _COPIED_BYTES // self.before[0].nbytes)
            for first in range(0, len(self), step):
                sink.append(**{name: value[first : first + step] for name, value in values.items()})

        about = {"kind": _KIND, "sites": self.sites, "block": self.block}
        return write_rows(path, columns, len(self), fill, about)

    @staticmethod
    @checked(path=path)
    def open(path: str | Path) -> FieldData:
        """The data of a file that `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: one line that names the file: damaged, or not field data.
        """
        columns, about = read_rows(path, "field data", _COLUMNS, np.inf)
        missing = [name for name in _COLUMNS if name not in columns and name != "flips"]
        if about.get("kind") != _KIND or missing:
            raise ValueError(f"{path} holds no field data; make some with make_field_data")
        held: dict[str, Any] = {"flips": None, **columns}
        try:
            return FieldData(sites=about["sites"], block=about["block"], **held)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} holds field data that do not fit together ({error})") from None


def _magnetisations(value: Any, name: str) -> NDArray[np.float32]:
    """Numbers in [-1, 1], in single precision."""
    m = array_of(value, name, kind="n")
    if m.size and max(float(m.max()), -float(m.min())) > 1 + _ROUNDING:
        raise ValueError(f"{name} must hold magnetisations from -1 to 1, got {m.min():g} to {m.max():g}")
    return np.ascontiguousarray(m, dtype=np.float32)


def _flips(value: Any) -> NDArray[np.int32]:
    """Numbers of flips."""
    flips = array_of(value, "flips", kind="w")
    if flips.size and (flips.min() < 0 or flips.max() > np.iinfo(np.int32).max):
        raise ValueError(f"flips must be counts that fit 32 bits, got {flips.min()} to {flips.max()}")
    return np.ascontiguousarray(flips, dtype=np.int32)
