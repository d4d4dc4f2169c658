"""What the learner of forces sees: microscopic states, each with the forces on a few of its carriers."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from asemacro.arguments.checks import array_of
from asemacro.arguments.door import array, check_fields, checked, instance, number, path, whole
from asemacro.data import group_of, rows_of
from asemacro.files.rows import Column, Rows, RowSink, read_rows, write_rows
from asemacro.typing import Floats

IN_MEMORY_BYTES = 1e9
"""Columns of a file are read whole as long as they take no more than this together."""
_KIND = "asemacro force data"
_COLUMNS = {"states": "f", "active": "i", "forces": "f", "group": "i", "times": "f"}
_COPIED_BYTES = 1 << 24  # of rows, at a time
_DISTINCT_ROWS = 1 << 12  # rows of active carriers that are sorted at a time


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the numbers of each carrier stand in a state x.

    x lists all carriers `blocks` times, each time with `width` numbers a carrier: the fields u and v in cells are
    u_1 ... u_n v_1 ... v_n, two blocks of width 1; the positions and velocities of atoms two blocks of width 3.

    Attributes:
        n_carriers: grid points, cells, atoms.
        blocks: how often they are listed.
        width: numbers of a carrier in a block.

    Raises:
        ValueError: numbers below 1.
    """

    n_carriers: int
    blocks: int = 1
    width: int = 1

    def __post_init__(self) -> None:
        check_fields(self, n_carriers=whole(1), blocks=whole(1), width=whole(1))

    @property
    def per_carrier(self) -> int:
        """Numbers that belong to one carrier."""
        return self.blocks * self.width

    @property
    def n_components(self) -> int:
        """Numbers of a state."""
        return self.n_carriers * self.per_carrier

    def components(self, active: NDArray[np.integer]) -> NDArray[np.int64]:
        """Places in x (batch, m k) of the k numbers of each of some carriers (batch, m), carrier after carrier."""
        block = np.arange(self.blocks)[:, None] * (self.n_carriers * self.width)
        own = (block + np.arange(self.width)).reshape(-1)
        places = np.asarray(active, dtype=np.int64)[..., None] * self.width + own
        return places.reshape(*np.shape(active)[:-1], -1)


class ForceData:
    """States x with dx/dt = f(x), and f on a few carriers of each: what a macroscopic equation is learned from.

    A state is a row. Rows are read where they are asked for, so that a file may be larger than the memory.

    Args:
        states: (n, N) states.
        active: (n, m) carriers whose forces are known, different ones in a row; None for all of them.
        forces: (n, m k) f of the k components of each active carrier, carrier after carrier (`Layout.components`); if
            all are known (n, N) in the order of a state.
        layout: the carriers in a state.
        group: (n,) numbers of the trajectories that the rows come from; default every row is its own.
        times: (n,) times in their trajectories; default 0.

    Attributes:
        layout: the carriers in a state.
        group: (n,) trajectory of each row.
        times: (n,) time of each row.

    Raises:
        ValueError: shapes that do not fit, carriers that there are not or that stand twice in a row, nan or inf.
    """

    layout: Layout
    group: NDArray[np.int64]
    times: Floats

    @checked(states=array(None, None, kind="n"), active=array(None, None, kind="w"),
             forces=array(None, None, kind="n"), layout=instance("Layout"), times=array())  # fmt: skip
    def __init__(
        self,
        states: NDArray[Any],
        active: NDArray[np.integer] | None,
        forces: NDArray[Any],
        layout: Layout,
        *,
        group: NDArray[np.integer] | None = None,
        times: Floats | None = None,
    ) -> None:
        n = len(states)
        columns: dict[str, Rows] = {
            "states": states,
            "forces": forces,
            "group": group_of(group, n),
            "times": np.zeros(n) if times is None else array_of(times, "times", (n,)),
        }
        if active is not None:
            _check_active(active, layout.n_carriers)
            columns["active"] = active
        self._take_on(columns, layout)

    def _take_on(self, columns: dict[str, Rows], layout: Layout) -> None:
        """Hold these columns, whose shapes are compared."""
        n = columns["states"].shape[0]
        m = columns["active"].shape[1] if "active" in columns else layout.n_carriers
        for name, width in {"states": layout.n_components, "forces": m * layout.per_carrier}.items():
            if columns[name].shape != (n, width):
                raise ValueError(f"{name} must have the shape ({n}, {width}), got {columns[name].shape}")
        if n == 0 or not 1 <= m <= layout.n_carriers:
            raise ValueError(f"there must be states and carriers with forces, got {n} and {m}")
        self._columns, self._m, self.layout = columns, m, layout
        self._rows = np.arange(n)
        self.group = np.asarray(columns["group"][self._rows], dtype=np.int64)
        self.times = np.asarray(columns["times"][self._rows], dtype=float)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        """One line; the attributes hold the rest."""
        about = f"{len(self):,} states of {self.layout.n_carriers:,} carriers, forces on {self._m:,} of them"
        return f"<ForceData: {about}, {len(np.unique(self.group)):,} trajectories>"

    @property
    def n_configurations(self) -> int:
        """Number of states."""
        return len(self)

    @property
    def fraction(self) -> float:
        """Part of the carriers of a state whose forces are known, p."""
        return self._m / self.layout.n_carriers

    @property
    def force_evaluations(self) -> int:
        """Forces on one carrier that were computed, one for each carrier that is active in each state."""
        return len(self) * self._m

    def states(self, rows: Any) -> NDArray[Any]:
        """States (b, N) of some rows: their numbers, a mask, or a slice."""
        return self._columns["states"][self._of(rows)]

    def forces(self, rows: Any) -> NDArray[Any]:
        """f (b, m k) on the active carriers of some rows, in the order of `components`."""
        return self._columns["forces"][self._of(rows)]

    def active(self, rows: Any) -> NDArray[np.int64]:
        """Carriers (b, m) of some rows whose forces are known."""
        own = self._of(rows)
        if "active" not in self._columns:
            return np.broadcast_to(np.arange(self._m), (len(own), self._m))
        return np.asarray(self._columns["active"][own], dtype=np.int64)

    def components(self, rows: Any) -> NDArray[np.int64]:
        """Places (b, m k) in the states of some rows whose forces are known."""
        if "active" not in self._columns:
            return np.broadcast_to(np.arange(self.layout.n_components), (len(self._of(rows)), self.layout.n_components))
        return self.layout.components(self.active(rows))

    def take(self, rows: Any) -> ForceData:
        """Some of the states, by number, mask or slice, without a copy."""
        part = copy.copy(self)
        part._rows, chosen = self._of(rows), np.arange(len(self))[rows_of(rows, len(self))]
        part.group, part.times = self.group[chosen], self.times[chosen]
        return part

    @checked(active=array(None, None, kind="w"), forces=array(None, None, kind="n"))
    def with_forces(self, active: NDArray[np.integer] | None, forces: NDArray[Any]) -> ForceData:
        """The same states with forces on other carriers, see `ForceData`; states are not copied.

        Raises:
            ValueError: shapes that do not fit, carriers that there are not or that stand twice in a row, nan or inf.
        """
        columns: dict[str, Rows] = {
            "states": _Chosen(self._columns["states"], self._rows),
            "forces": forces,
            "group": self.group,
            "times": self.times,
        }
        if active is not None:
            _check_active(active, self.layout.n_carriers)
            columns["active"] = active
        data = ForceData.__new__(ForceData)
        data._take_on(columns, self.layout)
        return data

    def _of(self, rows: Any) -> NDArray[np.int64]:
        """Numbers in the columns of some rows."""
        return np.atleast_1d(self._rows[rows_of(rows, len(self))])

    @checked(path=path)
    def save(self, path: str | Path) -> Path:
        """Write the data to a file, which is whole or not there; see `open`.

        Raises:
            CannotWrite: one line with the name of the file.
        """

        def fill(sink: RowSink) -> None:
            step = max(1, _COPIED_BYTES // (8 * self.layout.n_components))
            for first in range(0, len(self), step):
                own = self._rows[first : first + step]
                sink.append(**{name: column[own] for name, column in self._columns.items()})

        m = self._m if "active" in self._columns else None
        return write_force_rows(path, self.layout, m, self._columns["states"].dtype, len(self), fill)

    @staticmethod
    @checked(path=path, in_memory_bytes=number(0))
    def open(path: str | Path, in_memory_bytes: float = IN_MEMORY_BYTES) -> ForceData:
        """The data of a file; what is small is read at once, large columns only where rows are asked for.

        Args:
            path: as given to `save` or `make_force_data`.
            in_memory_bytes: columns are read whole, the smallest first, as long as they take no more than this.

        Raises:
            FileNotFoundError: no such file.
            ValueError: one line that names the file: damaged, or not force data.
        """
        columns, about = read_rows(path, "force data", _COLUMNS, in_memory_bytes)
        missing = [name for name in _COLUMNS if name != "active" and name not in columns]
        if about.get("kind") != _KIND or missing:
            raise ValueError(f"{path} holds no force data; make some with make_force_data")
        data = ForceData.__new__(ForceData)
        try:
            layout = Layout(about["n_carriers"], about["blocks"], about["width"])
            data._take_on(columns, layout)
            if "active" in columns:
                _check_active(columns["active"][np.arange(len(data))], layout.n_carriers)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} holds force data that do not fit together ({error})") from None
        return data


class _Chosen:
    """Some rows of a column, as a column."""

    def __init__(self, column: Rows, rows: NDArray[np.int64]) -> None:
        self._column, self._rows = column, rows
        self.shape: tuple[int, ...] = (len(rows), *column.shape[1:])
        self.dtype: np.dtype[Any] = column.dtype

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[Any]:
        """Rows by their numbers."""
        return self._column[self._rows[rows]]


def force_columns(layout: Layout, m: int | None, dtype: DTypeLike) -> dict[str, Column]:
    """What a row of force data with m active carriers holds; None stands for all, of which no list is kept."""
    carriers = layout.n_carriers if m is None else m
    columns = {
        "states": Column(dtype, (layout.n_components,)),
        "forces": Column(dtype, (carriers * layout.per_carrier,)),
        "group": Column(np.int64),
        "times": Column(np.float64),
    }
    return columns if m is None else columns | {"active": Column(np.int32, (m,))}


def write_force_rows(
    path: str | Path, layout: Layout, m: int | None, dtype: DTypeLike, most: int, fill: Callable[[RowSink], None]
) -> Path:
    """Write the rows that `fill` gives to a sink, at most so many, to a file of force data."""
    about = {"kind": _KIND, **dataclasses.asdict(layout)}
    return write_rows(path, force_columns(layout, m, dtype), most, fill, about)


def _check_active(active: NDArray[np.integer], n_carriers: int) -> None:
    """Carriers that there are, each at most once in a row."""
    if active.size and not (active.min() >= 0 and active.max() < n_carriers):
        raise ValueError(f"active carriers must be 0..{n_carriers - 1}, got {active.min()}..{active.max()}")
    for first in range(0, len(active), _DISTINCT_ROWS):
        if np.any(np.diff(np.sort(active[first : first + _DISTINCT_ROWS], axis=1), axis=1) == 0):
            raise ValueError("active carriers of a state must be different from each other")
