"""Memory of barriers by environment, one for each run."""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Cache(NamedTuple):
    """Direct-mapped table of barriers; key (0, 0) is an empty slot.

    Attributes:
        keys: (n_slots, 2) uint64, n_slots a power of two.
        values: (n_slots, Z + 1) float64, what `evaluate` gave.
    """

    keys: NDArray[np.uint64]
    values: NDArray[np.float64]


class CachePool:
    """Caches that are free for the next run; a run has one for itself, so threads do not meet in it.

    Args:
        entries: slots of a cache, rounded up to a power of two.
        n_targets: jumps of a vacancy.
    """

    def __init__(self, entries: int, n_targets: int) -> None:
        if entries < 1:
            raise ValueError(f"the cache needs at least one entry, got {entries}")
        self._entries, self._n_targets = entries, n_targets
        self._free: list[Cache] = []
        self._lock = threading.Lock()

    def take(self) -> Cache:
        """A cache that no other run uses; `give` it back."""
        with self._lock:
            if self._free:
                return self._free.pop()
        size = 1 << max(0, int(self._entries - 1).bit_length())
        return Cache(np.zeros((size, 2), dtype=np.uint64), np.zeros((size, self._n_targets + 1)))

    def give(self, cache: Cache) -> None:
        """Keep a cache, with what it knows, for the next run."""
        with self._lock:
            self._free.append(cache)

    def __getstate__(self) -> tuple[int, int]:
        # what is remembered stays in its process: it is only a matter of speed
        return self._entries, self._n_targets

    def __setstate__(self, state: tuple[int, int]) -> None:
        self._entries, self._n_targets = state
        self._free = []
        self._lock = threading.Lock()
