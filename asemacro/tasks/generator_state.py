"""The state of a random generator as text, to be kept with a run that goes on later."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def state_text(rng: np.random.Generator) -> str:
    """State of the bit generator, as JSON."""
    return json.dumps(dict(rng.bit_generator.state), default=_listed)


def restore(rng: np.random.Generator, text: str) -> None:
    """Let a generator go on from a state that `state_text` gave.

    Raises:
        ValueError: a state of another kind of generator.
    """
    state = json.loads(text, object_hook=_arrays)
    kind, other = state["bit_generator"], rng.bit_generator.state["bit_generator"]
    if kind != other:
        raise ValueError(f"the run that is to go on drew its random numbers with {kind}, not {other}")
    rng.bit_generator.state = state


def spawned(rng: np.random.Generator) -> int:
    """How many streams were spawned from it, which its state does not say."""
    sequence = rng.bit_generator.seed_seq
    return sequence.n_children_spawned if isinstance(sequence, np.random.SeedSequence) else 0


def _listed(value: Any) -> Any:
    """Arrays in the state, such as those of Philox and SFC64."""
    return {"array": value.tolist(), "dtype": value.dtype.str}


def _arrays(value: dict[str, Any]) -> Any:
    return np.array(value["array"], dtype=value["dtype"]) if set(value) == {"array", "dtype"} else value
