"""The order of many frames: rows of a table, and means over the frames of each file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from asemacro.files.store import without_nan
from asemacro.lattice.reading.structure_file import Frame
from asemacro.observables.short_range_order import ShortRangeOrder
from asemacro.statistics.averages import stationary_average
from asemacro.typing import Floats

T = TypeVar("T")
LEAST_FRAMES = 4  # that a mean with an error is made of
FEW = 10  # independent frames: a mean of fewer has no error to speak of
_EVEN = 1e-3  # of a step, that steps between frames may differ by


class Mean(NamedTuple):
    """Mean of one pair's order in one shell over the frames of a file, each frame counted the same.

    Attributes:
        file: name of the file.
        pair: the pair.
        shell: the shell.
        frames: how many there are.
        alpha: mean of alpha.
        alpha_err: one standard error of it, `stationary_average`.
        delta: mean of delta.
        delta_err: one standard error of it.
        autocorrelation_frames: frames that pass until the order has forgotten where it was; 1/2 at least.
        independent_frames: how many independent frames the mean is worth.
        atoms: of a frame, their mean number.
        alpha_sd: standard deviation of alpha between the frames, the scatter between specimens of so many atoms; of n
            atoms it is sqrt(atoms / n) times as large, as for any mean over a specimen that is larger than correlations
            reach.
        delta_sd: the same of delta.
        sd_relative_err: one standard error of both, as a part of them.
    """

    file: str
    pair: str
    shell: int
    frames: int
    alpha: float
    alpha_err: float
    delta: float
    delta_err: float
    autocorrelation_frames: float
    independent_frames: float
    atoms: float
    alpha_sd: float
    delta_sd: float
    sd_relative_err: float


@dataclasses.dataclass
class Measured:
    """What was measured so far.

    Attributes:
        rows: a record for each file, frame, shell and pair; what is not defined is None, since JSON knows no nan.
        bad: what is wrong with the files and frames that have no order.
        count: number of frames with an order.
        last: the order of the last one.
        atoms: number of atoms of each frame, by file.
    """

    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    bad: list[str] = dataclasses.field(default_factory=list)
    count: int = 0
    last: ShortRangeOrder | None = None
    atoms: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def add(self, file: str, frame: Frame, order: ShortRangeOrder) -> None:
        """One more frame."""
        head = {"file": file, "frame": frame.number, "time": frame.time}
        self.rows += [head | without_nan(row) for row in order.rows()]
        self.count += 1
        self.atoms.setdefault(file, []).append(0 if order.state is None else int(np.count_nonzero(order.state)))
        self.last = order

    def means(self) -> list[Mean]:
        """Means over the frames of each file that has enough of them, of the pairs that are defined in all frames."""
        found: list[Mean] = []
        for file, rows in _by(self.rows, lambda row: row["file"]).items():
            frames = len({row["frame"] for row in rows})
            if frames < LEAST_FRAMES:
                continue
            for (pair, shell), own in _by(rows, lambda row: (row["pair"], row["shell"])).items():
                order = np.array([[row["alpha"], row["delta"]] for row in own], dtype=float)
                if len(own) == frames and np.isfinite(order).all():
                    found.append(_mean(order, file, pair, shell, float(np.mean(self.atoms[file]))))
        return found

    def remarks(self) -> list[str]:
        """What a reader of the means must know."""
        said = []
        for file, means in _by(self.means(), lambda mean: mean.file).items():
            slowest = min(means, key=lambda mean: mean.independent_frames)
            if slowest.independent_frames < FEW:
                said.append(
                    f"{file}: the order of {slowest.pair} changes so slowly that {slowest.frames} frames are worth "
                    f"about {slowest.independent_frames:.2g} independent ones: if it drifts the mean is not that of an "
                    "equilibrium, and its error is a rough one; take a longer run, or leave out its start (--index N:)"
                )
            times = self.times(file)
            if times is not None and np.ptp(np.diff(times)) > _EVEN * np.diff(times).mean():
                said.append(f"{file}: the frames are at uneven times, and each counts the same in the means")
        return said

    def times(self, file: str) -> Floats | None:
        """The times of the frames of a file; None if not all have one, or they do not ascend."""
        found = {row["frame"]: row["time"] for row in self.rows if row["file"] == file}
        times = np.array(list(found.values()), dtype=float)
        return times if np.isfinite(times).all() and (np.diff(times) > 0).all() else None


def _by(items: Iterable[T], key: Callable[[T], Any]) -> dict[Any, list[T]]:
    """Items in groups of one key, both in the order in which they come."""
    groups: dict[Any, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _mean(order: Floats, file: str, pair: str, shell: int, atoms: float) -> Mean:
    """Of alpha and delta (n_frames, 2) of a pair."""
    found = stationary_average(order, discard=0.0)
    (alpha, delta), (alpha_err, delta_err) = found.mean.tolist(), found.error.tolist()
    tau, worth = float(found.autocorrelation_time[0]), float(found.effective_samples[0])
    alpha_sd, delta_sd = found.sd.tolist()
    relative = float(found.sd_error[0] / alpha_sd) if alpha_sd > 0 else 0.0
    return Mean(
        file,
        pair,
        shell,
        len(order),
        alpha,
        alpha_err,
        delta,
        delta_err,
        tau,
        worth,
        atoms,
        alpha_sd,
        delta_sd,
        relative,
    )


def value(row: dict[str, Any], column: str) -> float:
    """A number of a row, nan where it is not defined."""
    return math.nan if row[column] is None else float(row[column])
