"""A run of replica exchange that was stopped after some sweep, from which it goes on as if it never had been."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from asemacro.files.arrays import Expected, read_arrays
from asemacro.tasks import generator_state
from asemacro.tasks.checkpoint import write_arrays
from asemacro.typing import Floats

_IN_FILE = {
    "x": Expected("whole number", ("replicas", "sites")),
    "replica_at": Expected("whole number", ("replicas",)),
    "fresh": Expected("truth value", ("replicas", "replicas")),
    "sums": Expected("number", ("replicas", 3)),
    "moved": Expected("number", ("replicas", 3)),
    "arrivals": Expected("whole number", ("replicas",)),
    "exchanges": Expected("number", (2, "pairs")),
    "record": Expected("number", ("records", "replicas", "observables"), finite=False),
    "record_energy_eV": Expected("number", ("records", "replicas")),
    "sweep": Expected("whole number"),
}


@dataclasses.dataclass
class Replicas:
    """Where a run of replica exchange is, n temperatures and as many replicas.

    Attributes:
        x: (n, n_sites) state of each replica.
        replica_at: (n,) the replica at each temperature.
        fresh: (replica, temperature), whether it has not been there since it was at the highest one.
        sums: (n, 3) of each replica: swaps accepted, energy above that of the first start, uphill part of its changes.
        moved: (n, 3) the same added up at each temperature.
        arrivals: (n,) see `ExchangeRun`.
        exchanges: (2, n - 1) tried and made, of neighbours.
        record: what was kept so far.
        record_energy_eV: energies at these points.
        sweep: sweeps done.
    """

    x: NDArray[np.int8]
    replica_at: NDArray[np.int64]
    fresh: NDArray[np.bool_]
    sums: Floats
    moved: Floats
    arrivals: NDArray[np.int64]
    exchanges: Floats
    record: list[Any] = dataclasses.field(default_factory=list)
    record_energy_eV: list[Floats] = dataclasses.field(default_factory=list)
    sweep: int = 0

    @classmethod
    def at_start(cls, x: NDArray[np.int8], energy_eV: Floats) -> Self:
        """Replicas (n, n_sites) that have not moved, with their energies (n,) above that of the first."""
        n = len(x)
        sums = np.zeros((n, 3))
        sums[:, 1] = energy_eV
        return cls(
            x.copy(), np.arange(n), np.zeros((n, n), dtype=bool), sums, np.zeros((n, 3)),
            np.zeros(n, np.int64), np.zeros((2, n - 1)),
        )  # fmt: skip

    def count_arrivals(self) -> None:
        """Replicas that come to a temperature for the first time since they were at the highest one."""
        self.fresh[self.replica_at[-1]] = True
        here = (self.replica_at, np.arange(len(self.x)))
        self.arrivals += self.fresh[here]
        self.fresh[here] = False


@dataclasses.dataclass(frozen=True)
class ExchangePause:
    """All that a run of replica exchange needs to go on.

    Attributes:
        replicas: where it is; a copy.
        generator: state of the random generator, as text.
    """

    replicas: Replicas
    generator: str

    @classmethod
    def of(cls, replicas: Replicas, rng: np.random.Generator) -> Self:
        """A run as it is now."""
        return cls(_copied(replicas), generator_state.state_text(rng))

    def restore(self, rng: np.random.Generator) -> Replicas:
        """Set the generator; the replicas to go on with.

        Raises:
            ValueError: a generator of another kind.
        """
        generator_state.restore(rng, self.generator)
        return _copied(self.replicas)

    def write(self, path: Path) -> None:
        """As an npz file, of a run that keeps a list of numbers of each state."""
        arrays = {field.name: np.array(getattr(self.replicas, field.name)) for field in dataclasses.fields(Replicas)}
        n = len(self.replicas.x)
        if not self.replicas.record:
            arrays |= {"record": np.zeros((0, n, 0)), "record_energy_eV": np.zeros((0, n))}
        write_arrays(path, {**arrays, "generator": np.array(self.generator)})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Inverse of `write`.

        Raises:
            ValueError: it is no such file.
        """
        arrays: dict[str, Any] = read_arrays(path, "checkpoint", {**_IN_FILE, "generator": Expected("text")})
        generator = arrays.pop("generator").item()
        lists = {name: list(arrays[name]) for name in ("record", "record_energy_eV")}
        fields: dict[str, Any] = {**arrays, **lists, "sweep": int(arrays["sweep"])}
        return cls(Replicas(**fields), generator)


def _copied(replicas: Replicas) -> Replicas:
    """The same with arrays and lists of its own."""
    parts = {field.name: getattr(replicas, field.name) for field in dataclasses.fields(Replicas)}
    copies: dict[str, Any] = {name: part if isinstance(part, int) else part.copy() for name, part in parts.items()}
    return Replicas(**copies)
