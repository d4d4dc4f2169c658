"""Spins and a learned equation, looked at alike: what is seen of their block fields at even times."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asemacro.macro.spde.field_steps import simulate_fields
from asemacro.macro.spde.spde import NeuralSPDE
from asemacro.micro.spins.kac import KacIsing
from asemacro.observables.blocks import BlockMeans
from asemacro.tasks.running import Kept, kept_item
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report, Spins

T = TypeVar("T")
Look = Callable[[NDArray[Any]], Any]


@dataclasses.dataclass(frozen=True)
class Clock:
    """Even times from 0.

    Attributes:
        until: the last.
        saves: how many there are after 0.
    """

    until: float
    saves: int

    @property
    def times(self) -> Floats:
        """All of them."""
        return np.linspace(0.0, self.until, self.saves + 1)


def blocks_of(system: KacIsing, block: int, x: Spins) -> NDArray[np.float32]:
    """(n, *grid) block fields of states."""
    return BlockMeans(system.lattice, block).fields(x, system.lattice)


def of_spins(
    system: KacIsing, x: Spins, block: int, clock: Clock, look: Look, *, rng: np.random.Generator, progress: Report
) -> NDArray[Any]:
    """(saves + 1, ...) what `look` sees of the block fields (n, *grid) of spins that start from x."""
    seen = [np.array(look(blocks_of(system, block, x)))]
    for k in range(clock.saves):
        x, _ = system.evolve_counting(x, clock.until / clock.saves, block, rng=rng)
        seen.append(np.array(look(blocks_of(system, block, x))))
        progress("spins", (k + 1) / clock.saves, f"spins, time {clock.times[k + 1]:.4g}")
    return np.stack(seen)


def of_model(
    spde: NeuralSPDE, temperature: float, start: NDArray[Any], clock: Clock, look: Look, *,
    dt: float | None = None, rng: np.random.Generator, progress: Report,
) -> NDArray[Any]:  # fmt: skip
    """The same of an equation that starts from block fields (n, *grid); dt: of its steps, or by the rule."""
    run = simulate_fields(
        spde, start, clock.until, temperature=temperature, n_saves=clock.saves, dt=dt, observe={"seen": look}, rng=rng,
        progress=progress,
    )  # fmt: skip
    return run.observed["seen"]


def kept(kind: type[T], budget: Any, streams: Streams, **others: Any) -> Kept[T]:
    """How a part of the figure, a dataclass of arrays and numbers, is kept: under its budget and all else it needs."""
    inputs: Mapping[str, Any] = {"budget": dataclasses.asdict(budget), "seed": streams.root, **others}
    return kept_item(kind, inputs, "part of a figure")
