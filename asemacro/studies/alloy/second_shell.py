"""Whether the order of the second shell belongs to the variables: does it say more of what that of the first does next?

The order of nearest neighbours does not determine its own future: cells that share it differ in the order of more
distant neighbours, and go on differently. Whether that matters depends on the alloy, the temperature, and on how much
was simulated: more variables have more coefficients, which too few runs do not know. So it is tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.simulated import Simulated
from asemacro.typing import Floats

ERRORS = 2.0  # standard errors by which the error of held-out runs must fall
_RIDGE = 1e-9


@dataclasses.dataclass(frozen=True)
class Gain:
    """What the second shell does to the error on runs that are held out.

    Attributes:
        change: of the mean square error, relative to that without the second shell; negative if it falls.
        error: standard error of it, from the spread over runs and temperatures.
    """

    change: float
    error: float

    @property
    def helps(self) -> bool:
        """Whether the error falls by more than chance does."""
        return self.change < -ERRORS * self.error

    @property
    def text(self) -> str:
        """One line."""
        done = "is among the variables" if self.helps else "is left out"
        return (
            f"the order of the second shell {done}: with it the error on held-out runs changes by "
            f"{100 * self.change:+.2f}({100 * self.error:.2f}) %"
        )


def gain(found: Sequence[Simulated]) -> Gain:
    """Try the second shell on the runs of all temperatures.

    At each temperature every run is held out once. A linear drift b + B z is fitted to the others by least squares, z
    without and with the second shell, and predicts what the first shell of the run left out does in each step.

    Args:
        found: whose runs recorded two shells, two runs at least.
    """
    changes = []
    for at in found:
        closed = dataclasses.replace(at, closed=True).variables
        without, with_it = (
            _held_out(at.runs, columns, len(at.labels)) for columns in (closed[: len(at.labels)], closed)
        )
        changes.append((with_it - without) / max(float(without.mean()), 1e-300))
    of_runs = np.concatenate(changes)
    return Gain(float(of_runs.mean()), float(of_runs.std(ddof=1) / np.sqrt(len(of_runs))))


def _held_out(runs: Record, columns: NDArray[np.intp], observed: int) -> Floats:
    """(runs,) mean square error of the steps of the first variables of each run, as the others predict them.

    In units of the variance of each, in the second half of the runs, where their steps are even. Each run starts from
    its own order: what is asked is how fluctuations go on.
    """
    series = runs.late[:, :, columns]
    times = runs.times_s[-series.shape[1] :]
    stride = max(1, round(runs.pair_step(columns[:observed]) / float(np.median(np.diff(times)))))
    series = series[:, ::stride]
    scale = series.std(axis=(0, 1)) + 1e-300
    y = (series - series.mean(axis=(0, 1))) / scale
    dt = np.diff(times[::stride])
    features = np.concatenate([np.ones((*y.shape[:2], 1)), y], axis=2)[:, :-1] * (dt / dt.mean())[:, None]
    steps = np.diff(y[:, :, :observed], axis=1)
    gram, right = (np.einsum("rti,rtj->rij", features, other) for other in (features, steps))
    ridge = _RIDGE * np.trace(gram.sum(axis=0)) * np.eye(features.shape[2])
    errors = []
    for k in range(len(y)):
        drift = np.linalg.solve(gram.sum(axis=0) - gram[k] + ridge, right.sum(axis=0) - right[k])
        errors.append(((steps[k] - features[k] @ drift) ** 2).mean())
    return np.array(errors)
