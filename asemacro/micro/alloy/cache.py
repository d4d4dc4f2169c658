"""Memory of barriers by environment, one for each run."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory, count_of

RECENT = 1 << 12
"""Most entries of the small table: it should stay in the processor's own cache."""


class Cache(NamedTuple):
    """Two direct-mapped tables; their sizes are powers of two, key (0, 0) is an empty slot.

    Attributes:
        keys: (n, 2) uint64, keys of environments.
        values: (n, Z + 1) float64, what `evaluate` gave.
        recent_keys: (m, 2) uint64, keys of (vacancy, changes around it) of the current run: those are found without
            looking at the environment, which is what a vacancy does that hops to and fro.
        recent_values: (m, Z + 2) float64 rates at the run's temperature, number of vacant targets, of clamped ones.
        runs: (1,) int64 number of runs so far, part of the keys of the second table.
    """

    keys: NDArray[np.uint64]
    values: NDArray[np.float64]
    recent_keys: NDArray[np.uint64]
    recent_values: NDArray[np.float64]
    runs: NDArray[np.int64]


class CachePool:
    """Caches that are free for the next run; a run has one for itself, so threads do not meet in it.

    Args:
        entries: environments that a cache holds, rounded up to a power of two.
        n_targets: jumps of a vacancy.
    """

    def __init__(self, entries: int, n_targets: int) -> None:
        self._entries, self._n_targets = count_of(entries, "cache entries", least=1), n_targets
        size = 1 << max(0, self._entries - 1).bit_length()
        bound_of_memory(8.0 * size * (n_targets + 3), f"a cache of {self._entries} entries")
        self._free: list[Cache] = []
        self._lock = threading.Lock()

    def take(self) -> Cache:
        """A cache that no other run uses; `give` it back."""
        with self._lock:
            if self._free:
                return self._free.pop()
        size = 1 << max(0, self._entries - 1).bit_length()
        recent = min(RECENT, size)
        return Cache(
            keys=np.zeros((size, 2), dtype=np.uint64),
            values=np.zeros((size, self._n_targets + 1)),
            recent_keys=np.zeros((recent, 2), dtype=np.uint64),
            recent_values=np.zeros((recent, self._n_targets + 2)),
            runs=np.zeros(1, dtype=np.int64),
        )

    def give(self, cache: Cache) -> None:
        """Keep a cache, with what it knows, for the next run."""
        with self._lock:
            self._free.append(cache)

    @property
    def remembered(self) -> tuple[NDArray[Any], ...] | None:
        """What the next run will know; None before the first one. For `remember`, of the same system."""
        with self._lock:
            return tuple(self._free[-1]) if self._free else None

    def remember(self, known: tuple[NDArray[Any], ...] | None) -> None:
        """Let the next run know what `remembered` gave: it finds as many barriers as if nothing had been stopped."""
        if known is not None:
            cache = self.take()
            for own, kept in zip(cache, known, strict=True):
                own[...] = kept
            self.give(cache)

    def __getstate__(self) -> tuple[int, int]:
        # what is remembered stays in its process: it is only a matter of speed
        return self._entries, self._n_targets

    def __setstate__(self, state: tuple[int, int]) -> None:
        self._entries, self._n_targets = state
        self._free = []
        self._lock = threading.Lock()
