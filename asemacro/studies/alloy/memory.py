"""Whether the order that was belongs to the variables: does it say more of what the order that is does next?

The order of nearest neighbours does not determine its own future: cells that share it differ in the order of more
distant neighbours, and go on differently. What they were like some time ago tells them apart (`remembered`). Whether
that matters depends on the alloy, the temperature, and on how much was simulated: more variables have more
coefficients, which too few runs do not know. So it is tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from asemacro.studies.alloy.simulated import Simulated
from asemacro.typing import Floats

HOPS = tuple(250.0 * 2**k for k in range(8))  # memories that are tried, hops of a vacancy; the same at all temperatures
ERRORS = 3.0  # standard errors, of the best of several memories, by which the error of held-out runs must fall
STEPS = 4  # pairs that follow each other: over one alone noise hides most of what the past says
_RIDGE = 1e-9


@dataclasses.dataclass(frozen=True)
class Tried:
    """What a memory does to the error on runs that are held out.

    Attributes:
        hops: of the memory, hops of a vacancy.
        change: of the mean square error, relative to that without memory; negative if it falls.
        error: standard error of it, from the spread over runs and temperatures.
    """

    hops: float
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
            f"the mean order of the last {self.hops:g} hops {done}: with it the error on held-out runs changes by "
            f"{100 * self.change:+.2f}({100 * self.error:.2f}) %"
        )


def best_memory(found: Sequence[Simulated]) -> Tried:
    """Try memories of several lengths on the runs of all temperatures; the one with the smallest error.

    At each temperature every run is held out once. A linear drift b + B z is fitted to the others by least squares, z
    without and with memory, and predicts what the order of the run left out does in each step.

    Args:
        found: two runs each at least.
    """
    without = [_held_out(at) for at in found]
    tried = [_change(hops, found, without) for hops in HOPS]
    return min(tried, key=lambda one: one.change)


def _change(hops: float, found: Sequence[Simulated], without: Sequence[Floats]) -> Tried:
    """What a memory does, beside (runs,) errors without it at each temperature."""
    of_runs = np.concatenate(
        [
            (_held_out(dataclasses.replace(at, memory_hops=hops)) - before) / max(float(before.mean()), 1e-300)
            for at, before in zip(found, without, strict=True)
        ]
    )
    return Tried(hops, float(of_runs.mean()), float(of_runs.std(ddof=1) / np.sqrt(len(of_runs))))


def _held_out(at: Simulated) -> Floats:
    """(runs,) mean square error of the steps of the order in each run, as the others predict them.

    Steps are STEPS pairs long, in the second half of the runs, where times are even; errors are in units of the
    variance of each variable. Each run starts from its own order: what is asked is how fluctuations go on.
    """
    observed, runs = len(at.labels), at.runs
    series = at.series[:, -runs.late.shape[1] :]
    times = runs.times_s[-series.shape[1] :]
    stride = STEPS * max(1, round(runs.pair_step(at.order) / float(np.median(np.diff(times)))))
    series = series[:, ::stride]
    scale = series.std(axis=(0, 1)) + 1e-300
    y = (series - series.mean(axis=(0, 1))) / scale
    dt = np.diff(times[::stride])
    features = np.concatenate([np.ones((*y.shape[:2], 1)), y], axis=2)[:, :-1] * (dt / dt.mean())[:, None]
    steps = np.diff(y[:, :, :observed], axis=1)
    gram, right = (np.einsum("rti,rtj->rij", features, other) for other in (features, steps))
    all_gram, all_right = gram.sum(axis=0), right.sum(axis=0)
    ridge = _RIDGE * np.trace(all_gram) * np.eye(features.shape[2])
    errors = []
    for k in range(len(y)):
        drift = np.linalg.solve(all_gram - gram[k] + ridge, all_right - right[k])
        errors.append(((steps[k] - features[k] @ drift) ** 2).mean())
    return np.array(errors)
