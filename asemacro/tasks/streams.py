"""Random streams by name: what a task draws does not depend on which other tasks there are, or on who runs them."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

Label = str | float


@dataclasses.dataclass(frozen=True)
class Streams:
    """Independent random streams of one study, each found by its labels, such as stage, temperature and run number.

    A stream is PCG64, seeded by numpy's SeedSequence with the root as entropy and the SHA-256 of the labels as spawn
    key: other labels, another stream; equal labels, the same stream, in any process and at any time.

    Attributes:
        root: of all streams of the study.
    """

    root: tuple[int, ...]

    @classmethod
    def of(cls, rng: np.random.Generator) -> Streams:
        """The streams of a function that is handed a generator: their root is the next 128 bits that it draws.

        So the same seed gives the same streams, and a second call with the same generator gives others.
        """
        return cls(tuple(rng.integers(2**64, size=2, dtype=np.uint64).tolist()))

    def __call__(self, *labels: Label) -> np.random.Generator:
        """The stream of these labels, from its beginning. Numbers are equal by value: 1500 is 1500.0."""
        words = [label if isinstance(label, str) else float(label) for label in labels]
        name = hashlib.sha256(repr(words).encode()).digest()
        key = tuple(np.frombuffer(name, dtype="<u4").tolist())
        return np.random.default_rng(np.random.SeedSequence(self.root, spawn_key=key))
