"""The cell of table 2 of Chen and Li that misses its target, learned from other trajectories.

It learns from all rates of 600 states, which are two trajectories of predators and prey: the first two, as published.
Here the same fits learn from each of the first ten pairs of trajectories: python docs/two_trajectories.py [CSV]
"""

from __future__ import annotations

import csv
import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asemacro.studies.paper.partial import predator_prey
from asemacro.studies.paper.partial.learning import Effort, Lesson, learn
from asemacro.tasks.streams import Streams

PAIRS, STATES = 10, 600


@dataclasses.dataclass(frozen=True)
class PairOfTrajectories(Lesson):
    """All rates of the states of one pair."""

    pair: int = 0

    def rows(self, n_all: int) -> NDArray[np.intp]:
        """Numbers of the states."""
        return np.arange(self.n) + self.pair * self.n


def main(path: Path | None) -> None:
    """Errors of five fits for each pair."""
    streams = Streams.of(np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        world = predator_prey.prepare(predator_prey.FULL, folder=Path(folder), streams=streams)
    lines = []
    for pair in range(PAIRS):
        found, _ = learn(world, PairOfTrajectories(STATES, pair=pair), Effort(3000), streams=streams)
        lines.append([pair, *(round(float(error), 8) for error in (found.median, *found.errors))])
        print(f"trajectories {2 * pair} and {2 * pair + 1}: {found.median:.4f}", flush=True)
    low, middle, high = np.quantile([line[1] for line in lines], [0.25, 0.5, 0.75])
    print(f"median {middle:.4f}, quartiles {low:.4f} and {high:.4f}")
    if path is not None:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["pair", "median", *(f"seed{k}" for k in range(5))], *lines])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
