"""Tables of training data, one row a state or pair: joined without mixing up which rows are correlated."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
