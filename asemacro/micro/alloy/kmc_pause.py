"""A run of vacancies that was stopped at a record point, from which it goes on as if it never had been."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.files.arrays import Expected, read_arrays
from asemacro.micro.alloy.kernels import CLAMPED, HIT, HOP, MISS, N_COUNTS, SEEN
from asemacro.tasks import generator_state
from asemacro.tasks.checkpoint import write_arrays
from asemacro.tasks.generator_state import state_text

if TYPE_CHECKING:
    from asemacro.micro.alloy.kernels import Walk
    from asemacro.micro.alloy.kmc_run import Plan

_IN_FILE = {
    "x": Expected("whole number", ("sites",)),
    "sites": Expected("whole number", ("vacancies",)),
    "clock": Expected("number", (4,)),
    "counts": Expected("whole number", (N_COUNTS,)),
    "record": Expected("whole number", ("records", "sites")),
    "marks": Expected("number", ("records", 3), finite=False),
    "generator": Expected("text"),
    "wall_time_s": Expected("number"),
}


@dataclasses.dataclass(frozen=True)
class KMCPause:
    """All that a run needs to go on from a record point.

    The rest of the run is the same to the last bit; only how many barriers the cache knew may differ.

    Attributes:
        x: (n_sites,) state.
        sites: (n,) where the moving vacancies are, in their order at the start.
        clock: (4,) of the walk, s.
        counts: of the walk.
        record: what was kept at the record points so far.
        marks: (n_records, 3) time, hops and residence time at these.
        generator: state of the random generator, as text.
        wall_time_s: that the run took so far.
    """

    x: NDArray[np.int8]
    sites: NDArray[np.int64]
    clock: NDArray[np.float64]
    counts: NDArray[np.int64]
    record: list[Any]
    marks: list[tuple[float, int, float]]
    generator: str
    wall_time_s: float

    @classmethod
    def of(
        cls, walk: Walk, record: list[Any], marks: list[tuple[float, int, float]], rng: np.random.Generator, wall: float
    ) -> KMCPause:
        """A run at a record point, `wall` seconds after it began."""
        x, sites, clock, counts = walk.x.copy(), walk.sites.copy(), walk.clock.copy(), walk.counts.copy()
        return cls(x, sites, clock, counts, list(record), list(marks), state_text(rng), wall)

    def restore(self, walk: Walk, rng: np.random.Generator) -> float:
        """Set the clock and the counts of a walk that stands at this state with its rates looked up, and the generator.

        Returns:
            wall time that the run took so far, s.

        Raises:
            ValueError: a generator of another kind.
        """
        generator_state.restore(rng, self.generator)
        walk.clock[:] = self.clock
        told = [HOP, HIT, MISS, SEEN, CLAMPED]
        walk.counts[told] = self.counts[told]
        return self.wall_time_s

    def records(self, plan: Plan) -> tuple[list[Any], list[tuple[float, int, float]]]:
        """Record and marks so far, to be added to.

        Raises:
            ValueError: this is not a pause of a run with these record points.
        """
        seen = np.array([mark[0 if plan.by_time else 1] for mark in self.marks])
        if not np.array_equal(seen, plan.points[: len(seen)]):
            raise ValueError("the run that is to go on has other record points")
        return list(self.record), list(self.marks)

    def write(self, path: Path) -> None:
        """As an npz file, of a run that keeps the states themselves."""
        write_arrays(path, {
            "x": self.x, "sites": self.sites, "clock": self.clock, "counts": self.counts,
            "record": np.array(self.record, dtype=np.int8).reshape(-1, len(self.x)),
            "marks": np.array(self.marks, dtype=float).reshape(-1, 3),
            "generator": np.array(self.generator), "wall_time_s": np.array(self.wall_time_s),
        })  # fmt: skip

    @classmethod
    def read(cls, path: Path) -> KMCPause:
        """Inverse of `write`.

        Raises:
            ValueError: it is no such file.
        """
        arrays = read_arrays(path, "checkpoint", _IN_FILE)
        marks = [(float(t), int(hops), float(residence)) for t, hops, residence in arrays["marks"]]
        record, wall = list(arrays["record"]), float(arrays["wall_time_s"])
        state = arrays["x"], arrays["sites"], arrays["clock"], arrays["counts"]
        return cls(*state, record, marks, arrays["generator"].item(), wall)
