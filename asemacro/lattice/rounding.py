"""Tables of numbers rounded to whole ones so that the sums of rows and columns stay right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, kron, vstack


def round_table(table: NDArray[np.float64]) -> NDArray[np.int64]:
    """Every entry rounded down or up, with the same sums of rows, and sums of columns rounded down or up.

    Entries with the largest remainders are rounded up as far as the sums allow; a whole number stays as it is. This is
    controlled rounding, which always has a solution: a transport problem, whose corners are whole numbers.

    Args:
        table: (rows, columns), not negative; sums of rows are whole numbers.
    """
    table = np.round(np.asarray(table, dtype=float), 9)
    low = np.floor(table)
    rest = table - low
    due = np.rint(rest.sum(1))
    if not due.any():
        return low.astype(np.int64)
    rows, columns = table.shape
    of_rows = kron(eye_array(rows), np.ones((1, columns)), format="csr")
    of_columns = kron(np.ones((1, rows)), eye_array(columns), format="csr")
    sums = rest.sum(0)
    least, most = np.floor(sums + 1e-6), np.ceil(sums - 1e-6)
    found = linprog(
        -rest.reshape(-1),
        A_ub=csr_array(vstack([of_columns, -of_columns])),
        b_ub=np.concatenate([most, -least]),
        A_eq=of_rows,
        b_eq=due,
        bounds=np.column_stack([np.zeros(rest.size), (rest > 0).reshape(-1)]),
        integrality=1,
    )
    return (low + np.rint(found.x).reshape(table.shape)).astype(np.int64)
