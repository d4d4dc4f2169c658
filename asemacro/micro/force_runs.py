"""make_force_data: states along trajectories, with the forces on a few carriers of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.answers import answer
from asemacro.arguments.checks import bound_of_memory, choice_of, fraction_of, generator_of, shown
from asemacro.arguments.door import FORCE_DATA, array, checked, flag_or_report, function, path
from asemacro.files.rows import RowSink, rows_in_memory
from asemacro.force_data import ForceData, force_columns, write_force_rows
from asemacro.micro.force_system import ForceSystem, active_of, draw_active, force_system, pauses_of
from asemacro.tasks.parts import part
from asemacro.tasks.patience import Patience
from asemacro.tasks.progress import reporting
from asemacro.typing import Floats, Report

_BLOCK_BYTES = 1 << 25  # of states that are held before they are written


@checked(
    system=force_system, starts=array(None, None), times=array(), fraction=fraction_of, keep=function, path=path,
    rng=generator_of, progress=flag_or_report,
)  # fmt: skip
def make_force_data(
    system: ForceSystem,
    starts: NDArray[Any],
    times: ArrayLike,
    *,
    fraction: float = 1.0,
    keep: Callable[[Floats], NDArray[np.bool_]] | None = None,
    path: str | Path | None = None,
    dtype: str = "float64",
    rng: np.random.Generator,
    progress: bool | Report = False,
) -> ForceData:
    """States of a trajectory from each start at fixed times, each with f on a random part of its carriers.

    The carriers are drawn anew for every state, without replacement. Rows are in the order of trajectories, `group`
    numbers these.

    Args:
        system: dx/dt = f(x).
        starts: (n_trajectories, N) states at time 0.
        times: (n_times,) increasing times >= 0.
        fraction: p, part of the carriers whose forces are computed, in (0, 1].
        keep: of states (b, N) those that are kept, (b,) truth values; default all.
        path: a file to write to as the trajectories go: no more than a block of states is in memory, then and when rows
            are read. `ForceData.open` reads it again. Default: all stay in memory.
        dtype: of the kept numbers, "float64" or "float32".
        rng: source of randomness.
        progress: True for a bar, or a function called as progress("forces", fraction, text).

    Raises:
        ValueError: arguments out of range, no state that is kept, or more data than the memory holds and no path.
        CannotWrite: one line with the name of the file.
    """
    starts = system.checked_states(starts)
    choice_of(dtype, "dtype", ("float64", "float32"))
    m = active_of(system.n_carriers, fraction)
    columns = force_columns(system.layout, m if m < system.n_carriers else None, dtype)
    most = len(starts) * len(pauses_of(times))
    with reporting(progress, {"forces": 1.0}) as tell:
        fill = partial(_fill, system, starts, np.atleast_1d(times), fraction, keep, rng, tell)
        if path is None:
            held = rows_in_memory(columns, most, fill, f"force data of {most} states")
            group, when = held.pop("group"), held.pop("times")
            return ForceData(held["states"], held.get("active"), held["forces"], system.layout, group=group, times=when)
        write_force_rows(path, system.layout, m if m < system.n_carriers else None, dtype, most, fill)
    return ForceData.open(path, 0.0)


@checked(system=force_system, data=FORCE_DATA, fraction=fraction_of, rng=generator_of)
def redraw_forces(
    system: ForceSystem, data: ForceData, *, fraction: float = 1.0, rng: np.random.Generator
) -> ForceData:
    """The same states with forces on newly drawn carriers, or on all: for comparisons on equal states.

    Args:
        system: that the states are of.
        data: states; those of a file stay there.
        fraction: p, part of the carriers whose forces are computed, in (0, 1].
        rng: source of randomness.

    Raises:
        ValueError: states of another system, or more forces than the memory holds.
    """
    if data.layout != system.layout:
        raise ValueError(f"the data hold states of {data.layout}, the system has {system.layout}")
    m = active_of(system.n_carriers, fraction)
    active = None if m == system.n_carriers else draw_active(len(data), system.n_carriers, fraction, rng=rng)
    forces_of = m * system.layout.per_carrier
    dtype = data.states([0]).dtype
    bound_of_memory(float(dtype.itemsize) * len(data) * forces_of, f"forces on {m} carriers of {len(data)} states")
    f = np.empty((len(data), forces_of), dtype=dtype)
    step = max(1, _BLOCK_BYTES // (8 * system.n_components))
    for first in range(0, len(data), step):
        rows = np.arange(first, min(first + step, len(data)))
        f[rows] = system.forces(data.states(rows), None if active is None else active[rows])
    return data.with_forces(active, f)


def _fill(
    system: ForceSystem,
    starts: Floats,
    times: Floats,
    fraction: float,
    keep: Callable[[Floats], NDArray[np.bool_]] | None,
    rng: np.random.Generator,
    tell: Report,
    sink: RowSink,
) -> None:
    """Give all rows to a sink.

    Several short trajectories go side by side; of long ones one goes at a time, and its states are handed on in blocks.
    """
    n, row_bytes = len(starts), starts[0].nbytes
    together = min(n, max(1, _BLOCK_BYTES // (row_bytes * len(times))))
    block = max(1, _BLOCK_BYTES // row_bytes)
    patience = Patience(f"the forces along {n} trajectories")

    def hand_on(states: Floats, group: NDArray[np.int64], when: Floats) -> None:
        kept = (
            np.ones(len(states), dtype=bool)
            if keep is None
            else _truth_values(answer("keep", keep, states), len(states))
        )
        if kept.any():
            states = states[kept]
            active = draw_active(len(states), system.n_carriers, fraction, rng=rng)
            whole = active.shape[1] == system.n_carriers
            f = system.forces(states, None if whole else active)
            listed = {} if whole else {"active": active}
            sink.append(states=states, forces=f, group=group[kept], times=when[kept], **listed)

    def along(rows: NDArray[np.intp]) -> Iterator[tuple[int, Floats]]:
        for k, states in enumerate(system.states_at(starts[rows], times, rng=rng)):
            yield k, states
            share = (rows[0] + len(rows) * (k + 1) / len(times)) / n
            if k:  # before the first step nothing is compiled yet
                patience.done(share)
            tell("forces", share, f"{round(share * n)} of {n} trajectories")

    for first in range(0, n, together):
        rows = np.arange(first, min(first + together, n))
        if block >= len(times):
            found = part("trajectories", lambda rows=rows: [x for _, x in along(rows)], rng=rng)  # type: ignore[misc]
            stacked = np.stack(found, axis=1).reshape(-1, starts.shape[1])
            hand_on(stacked, np.repeat(rows, len(times)), np.tile(times, len(rows)))
            continue
        waiting: list[Floats] = []
        since = 0
        for k, states in along(rows):
            waiting.append(states)
            if k == len(times) - 1 or len(waiting) == block:
                when = times[since : k + 1]
                hand_on(np.concatenate(waiting), np.repeat(rows, len(when)), when)
                waiting, since = [], k + 1
    if sink.count == 0:
        raise ValueError("no state is kept: keep, which is asked for the states to learn from, leaves out all of them")


def _truth_values(kept: Any, n: int) -> NDArray[np.bool_]:
    """What `keep` gives for n states, if it is (n,) truth values."""
    try:
        found = np.asarray(kept)
    except Exception:  # rows of different lengths, a tensor that is part of a gradient
        found = None
    if found is None or found.dtype != bool or found.shape != (n,):
        got = shown(kept) if found is None else f"an array of {found.dtype} with the shape {found.shape}"
        raise ValueError(f"keep must give ({n},) truth values, one for each state, got {got}")
    return found
