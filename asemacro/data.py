"""What the learner sees: tables of macroscopic states, a row each, that know which rows are correlated."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import array_of, fraction_of
from asemacro.arguments.door import MOMENTS, PAIRS, array, checked, many
from asemacro.typing import Floats


@dataclasses.dataclass(frozen=True)
class Pairs:
    """What the learner sees: N pairs of macroscopic states.

    Attributes:
        z0: (N, d) start.
        z1: (N, d) end as if all carriers had moved independently, z0 + K dphi: its noise is K times too large.
        dt: (N,) durations in seconds.
        K: (N,) one over the fraction of carriers that moved.
        condition: (N, n_conditions), the temperature in K or no column.
        weight: (N,) relative weights in the likelihood, default 1.
        group: (N,) pairs with the same number are correlated (made from the same snapshot or run); default: none are.

    Raises:
        ValueError: shapes that differ, values that are not finite, dt or K out of range.
    """

    z0: Floats
    z1: Floats
    dt: Floats
    K: Floats
    condition: Floats
    weight: Floats = dataclasses.field(default=None)  # type: ignore[assignment, arg-type]
    group: NDArray[np.int64] = dataclasses.field(default=None)  # type: ignore[assignment, arg-type]

    def __post_init__(self) -> None:
        z0, z1 = array_of(self.z0, "z0"), array_of(self.z1, "z1")
        if z0.ndim != 2 or z0.shape != z1.shape:
            raise ValueError(f"z0 and z1 must have one shape (N, d), got {z0.shape} and {z1.shape}")
        n = len(z0)
        columns = {
            "z0": z0.copy(),
            "z1": z1.copy(),
            "dt": column_of(self.dt, "dt", n),
            "K": column_of(self.K, "K", n),
            "condition": condition_of(self.condition, n),
            "weight": np.ones(n) if self.weight is None else column_of(self.weight, "weight", n),
            "group": group_of(self.group, n),
        }
        for name, value in columns.items():
            object.__setattr__(self, name, value)
        if (self.dt <= 0).any() or (self.K < 1).any() or (self.weight < 0).any():
            raise ValueError("dt must be positive, K at least 1 and weight not negative in every pair")

    def __len__(self) -> int:
        return len(self.z0)

    def take(self, rows: NDArray[Any]) -> Pairs:
        """Some of the pairs, by index or mask."""
        rows = rows_of(rows, len(self))
        return Pairs(**{f.name: getattr(self, f.name)[rows] for f in dataclasses.fields(self)})

    def balanced(self) -> Pairs:
        """The same pairs, weighted so that every condition counts the same in total.

        Slow runs of a low temperature hold many more pairs than fast ones, and would decide alone what the parts of a
        model that all temperatures share are used for.
        """
        _, place, count = np.unique(self.condition, axis=0, return_inverse=True, return_counts=True)
        total = np.bincount(place.reshape(-1), weights=self.weight, minlength=len(count))
        share = self.weight.sum() / len(count) / np.maximum(total, 1e-300)
        return dataclasses.replace(self, weight=self.weight * share[place.reshape(-1)])

    @staticmethod
    @checked(parts=many(PAIRS))
    def concat(parts: Sequence[Pairs]) -> Pairs:
        """All pairs of several sets; groups of different sets stay different.

        Raises:
            ValueError: no set, or sets with different numbers of variables or conditions.
        """
        return Pairs(**joined_columns(parts, "pairs", "z0"))


@dataclasses.dataclass(frozen=True)
class Moments:
    """What the learner sees instead of pairs: N macroscopic states with their drift and covariance rates.

    Attributes:
        z: (N, d) states.
        drift: (N, d) estimates of mu, z over the system's unit of time.
        covariance: (N, d, d) estimates of Sigma of the whole system; unlike the squares of pairs, not K times larger.
        K: (N,) one over the fraction of carriers summed over; 1 means no noise.
        condition: (N, n_conditions), the temperature or no column.
        group: (N,) states with the same number are correlated (made from the same run); default: none are.

    Raises:
        ValueError: shapes that differ, values that are not finite, K below 1.
    """

    z: Floats
    drift: Floats
    covariance: Floats
    K: Floats
    condition: Floats = dataclasses.field(default_factory=lambda: np.zeros(0))
    group: NDArray[np.int64] = dataclasses.field(default=None)  # type: ignore[assignment, arg-type]

    def __post_init__(self) -> None:
        z = array_of(self.z, "z").copy()
        if z.ndim != 2:
            raise ValueError(f"z must have the shape (N, d), got {z.shape}")
        n, d = z.shape
        columns = {
            "z": z,
            "drift": array_of(self.drift, "drift").copy(),
            "covariance": array_of(self.covariance, "covariance").copy(),
            "K": column_of(self.K, "K", n),
            "condition": condition_of(self.condition, n),
            "group": group_of(self.group, n),
        }
        for name, shape in {"drift": (n, d), "covariance": (n, d, d)}.items():
            if columns[name].shape != shape:
                raise ValueError(f"{name} has the shape {columns[name].shape}, expected {shape}")
        for name, value in columns.items():
            object.__setattr__(self, name, value)
        if (self.K < 1).any():
            raise ValueError("K must be at least 1 in all moments")

    def __len__(self) -> int:
        return len(self.z)

    def take(self, rows: NDArray[Any]) -> Moments:
        """Some of the states, by index or mask."""
        rows = rows_of(rows, len(self))
        return Moments(**{f.name: getattr(self, f.name)[rows] for f in dataclasses.fields(self)})

    @staticmethod
    @checked(parts=many(MOMENTS))
    def concat(parts: Sequence[Moments]) -> Moments:
        """All states of several sets; groups of different sets stay different.

        Raises:
            ValueError: no set, or sets with different numbers of variables or conditions.
        """
        return Moments(**joined_columns(parts, "moments", "z"))


@dataclasses.dataclass(frozen=True)
class ForceLabels:
    r"""What the learner of ODEs sees: N macroscopic states, each with what the computed forces say about g = dz/dt.

    Every loss of a rate g is quadratic, so few numbers a state are all that is left of its forces and of the
    pseudo-inverse of phi':

        loss_n(g) = |root_n g - target_n|^2 + rest_n.

    Attributes:
        z: (N, d) states.
        root: (N, r, d).
        target: (N, r).
        rest: (N,) what no g can explain.
        fraction: part of the carriers whose forces entered.
        group: (N,) states with the same number are correlated (of one trajectory); default: none are.
        gram: (N, d, d) inverse of root_n^T root_n in the mean over the carriers that might have been taken: phi' phi'^T
            of a loss in microscopic space. Default: not known, and no variables can be left out.

    Raises:
        ValueError: shapes that do not fit together, or values that are not finite.
    """

    z: Floats
    root: Floats
    target: Floats
    rest: Floats
    fraction: float = 1.0
    group: NDArray[np.int64] = dataclasses.field(default=None)  # type: ignore[assignment, arg-type]
    gram: Floats | None = None

    def __post_init__(self) -> None:
        z = array_of(self.z, "z", (None, None)).copy()
        if self.gram is not None:
            object.__setattr__(self, "gram", array_of(self.gram, "gram", (len(z), z.shape[1], z.shape[1])).copy())
        target = array_of(self.target, "target", (len(z), None)).copy()
        columns = {
            "z": z,
            "root": array_of(self.root, "root", (len(z), target.shape[1], z.shape[1])).copy(),
            "target": target,
            "rest": column_of(self.rest, "rest", len(z)),
            "group": group_of(self.group, len(z)),
            "fraction": fraction_of(self.fraction, "fraction"),
        }
        for name, value in columns.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.z)

    @property
    def dim(self) -> int:
        """Number of variables d."""
        return self.z.shape[1]

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """What has a row for each state, by name."""
        known = {"z": self.z, "root": self.root, "target": self.target, "rest": self.rest, "group": self.group}
        return known if self.gram is None else {**known, "gram": self.gram}

    def take(self, rows: NDArray[Any]) -> ForceLabels:
        """Some of the states, by index or mask."""
        rows = rows_of(rows, len(self))
        return dataclasses.replace(self, **{name: column[rows] for name, column in self.columns.items()})

    @checked(weights=array(None))
    def weighted(self, weights: Floats) -> ForceLabels:
        """The same labels with the loss of each state times its weight, in units of the mean weight.

        Weights that depend on z alone favour some states and leave the rate that is learned unbiased.

        Args:
            weights: (N,) above 0.

        Raises:
            ValueError: weights that are not above 0 or of another number.
        """
        if weights.shape != (len(self),) or not (weights > 0).all():
            raise ValueError(f"weights must be {len(self)} numbers above 0")
        factor = np.sqrt(weights / weights.mean())
        return dataclasses.replace(
            self,
            root=self.root * factor[:, None, None],
            target=self.target * factor[:, None],
            rest=self.rest * factor**2,
            gram=None if self.gram is None else self.gram / factor[:, None, None] ** 2,
        )

    @checked(rates=array(None, None))
    def losses(self, rates: Floats) -> Floats:
        """(N,) loss of rates g (N, d)."""
        if rates.shape != self.z.shape:
            raise ValueError(f"rates must have the shape {self.z.shape}, got {rates.shape}")
        residual = np.einsum("nrd,nd->nr", self.root, rates) - self.target
        return (residual**2).sum(axis=1) + self.rest


def column_of(value: Any, name: str, n: int) -> NDArray[np.float64]:
    """(n,) finite numbers: one for all rows, or one for each."""
    numbers = array_of(value, name)
    if numbers.shape not in ((), (1,), (n,)):
        raise ValueError(f"{name} must be one number or ({n},) numbers, got the shape {numbers.shape}")
    return np.array(np.broadcast_to(numbers, (n,)))


def condition_of(value: Any, n: int) -> NDArray[np.float64]:
    """(n, 1) temperatures from one or n of them, (n, 0) from none (None, or an array without elements)."""
    if value is None or array_of(value, "condition").size == 0:
        return np.zeros((n, 0))
    return column_of(array_of(value, "condition").squeeze(), "condition", n)[:, None]


def group_of(value: Any, n: int) -> NDArray[np.int64]:
    """(n,) numbers that mark correlated rows; by default every row is its own."""
    if value is None:
        return np.arange(n)
    group = array_of(value, "group", kind="i")
    if group.shape != (n,):
        raise ValueError(f"group has shape {group.shape}, expected ({n},)")
    return group


def rows_of(value: Any, n: int) -> Any:
    """Rows of a table of length n: indices, a mask, or a slice.

    Raises:
        TypeError: something else.
        ValueError: an index that there is not, or a mask of another length.
    """
    if isinstance(value, slice):
        return value
    rows = np.asarray(value)
    if rows.dtype == np.bool_ and rows.shape == (n,):
        return rows
    rows = array_of(value, "rows", (None,), kind="i")
    if rows.size and not (-n <= rows.min() and rows.max() < n):
        raise ValueError(f"rows must be 0..{n - 1}, got {rows.min()}..{rows.max()}")
    return rows


def joined_columns(parts: Sequence[Any], kind: str, state: str) -> dict[str, NDArray[Any]]:
    """The columns of several tables, one after the other; groups of different tables stay different.

    Args:
        parts: dataclasses of one type, all fields arrays with a row for each state, among them `condition` (N, c) and
            `group` (N,), whose equal numbers mark correlated rows.
        kind: what the rows are called in an error.
        state: the field (N, d) that holds the macroscopic states.

    Raises:
        ValueError: no table, or tables with different numbers of variables or conditions.
    """
    if not parts:
        raise ValueError(f"no {kind} to join")
    shapes = {(getattr(part, state).shape[1], part.condition.shape[1]) for part in parts}
    if len(shapes) > 1:
        raise ValueError(f"{kind} with different numbers of (variables, conditions) cannot be joined: {shapes}")
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in dataclasses.fields(parts[0])
        if field.name != "group"
    }
    return columns | {"group": joined_groups(parts)}


def joined_groups(parts: Sequence[Any]) -> NDArray[np.int64]:
    """The groups of several tables, one after the other; those of different tables stay different."""
    groups, start = [], 0
    for part in parts:
        names, index = np.unique(part.group, return_inverse=True)
        groups.append(index + start)
        start += len(names)
    return np.concatenate(groups)
