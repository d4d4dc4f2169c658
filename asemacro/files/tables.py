"""Tables of training data, one row a state or pair: joined without mixing up which rows are correlated."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import array_of


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
    groups, start = [], 0
    for part in parts:
        names, index = np.unique(part.group, return_inverse=True)
        groups.append(index + start)
        start += len(names)
    return columns | {"group": np.concatenate(groups)}
