"""The systems whose block fields the verb learn knows: spins with long and short couplings, and vectors."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.field_data import FieldData
from asemacro.macro.spde.block_kernel import BlockKernel, box_averaged
from asemacro.macro.spde.fit import FieldFitOptions
from asemacro.micro.spins.block_spins import BlockSpins
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import top_hat
from asemacro.micro.spins.kac_fields import make_field_data
from asemacro.observables.blocks import BlockMeans
from asemacro.studies.learn.sampled import sampled
from asemacro.tasks.progress import part_of
from asemacro.typing import Report

NAMES = ("kac-ising", "ising", "heisenberg")
_SITES = {"kac-ising": 16384, "ising": 16384, "heisenberg": 4096}
_DURATION = {"kac-ising": 0.1, "ising": 0.3, "heisenberg": 0.1}  # of heisenberg over the damping
_STARTS = {"kac-ising": 120, "ising": 300, "heisenberg": 40}
_STEPS = 4
_LATER = {"kac-ising": 3.0, "ising": 3.0, "heisenberg": 1.0}  # as well
_LEAST_DAMPING = 0.01
_BLOCK = 4  # of kac-ising


@dataclasses.dataclass(frozen=True)
class FieldSetup:
    """A system at one or several temperatures, and how its block fields are learned.

    Attributes:
        name: of the system.
        systems: one at each temperature.
        block: B.
        duration: of a change.
        later: a time after which fields are compared.
        starts: prepared at each temperature.
        options: of the fit.
        true: the kernel between blocks, if the drift of the system has one.
        scalar: what a block field of the system keeps of it, in words.
        settings: for run.json.
    """

    name: str
    systems: tuple[BlockSpins, ...]
    block: int
    duration: float
    later: float
    starts: int
    options: FieldFitOptions
    true: BlockKernel | None
    scalar: str
    settings: dict[str, Any]

    @property
    def blocks(self) -> BlockMeans:
        """The block means of its states."""
        system = self.systems[0]
        return BlockMeans(system.lattice, self.block, component=system.block_component)

    @property
    def n_sites(self) -> int:
        """Of the lattice."""
        return self.systems[0].lattice.n_sites

    @property
    def contents(self) -> dict[str, Any]:
        """What the settings name, itself."""
        return {"lattice": self.systems[0].lattice}

    def data(self, rng: np.random.Generator, progress: Report) -> FieldData:
        """Changes of prepared fields at all temperatures."""
        n = len(self.systems)
        return FieldData.joined([
            make_field_data(
                system, self.starts, block=self.block, duration=self.duration, steps=_STEPS, rng=rng,
                progress=part_of(progress, "fields", k / n, 1 / n),
            )
            for k, system in enumerate(self.systems)
        ])  # fmt: skip

    def quenched(self, runs: int, rng: np.random.Generator) -> NDArray[Any]:
        """(2, runs, *grid) fields of independent spins at the highest temperature, and of the same runs at `later`."""
        system = self.systems[-1]
        x = system.independent(np.zeros((runs, system.lattice.n_sites), dtype=np.float32), rng=rng)
        later, _ = system.evolve_counting(x, self.later, self.block, window=None, rng=rng)
        return np.stack([self.blocks.fields(state, system.lattice) for state in (x, later)])


def field_setup(
    name: str,
    *,
    block: int | None,
    temperatures: list[float] | None,
    sites: int | None,
    starts: int | None,
    duration: float | None,
    **options: Any,
) -> FieldSetup:
    """A system by name.

    Args:
        name: one of `NAMES`.
        block: B; has a default for kac-ising only.
        temperatures: None for the one of sample.
        sites: of the lattice.
        starts: prepared at each temperature.
        duration: of a change.
        options: of the system, see `sampled`; None where not given.

    Raises:
        ValueError: one line; an option that the system does not have, numbers out of range, blocks that do not divide
            the lattice, a kernel longer than half of it.
    """
    if block is None and name != "kac-ising":
        raise ValueError(f"{name} is learned as block fields: give --block B, the edge of a block in sites")
    given: list[Any] = [None] if temperatures is None else temperatures
    many = [sampled(name, sites=sites or _SITES[name], temperature=t, **options) for t in given]
    vectors = name == "heisenberg"
    systems = tuple(_neighbours(of.system) if name == "ising" else of.system for of in many)
    edge = _BLOCK if block is None else block
    blocks = BlockMeans(systems[0].lattice, edge)
    if min(blocks.grid[k] for k in blocks.axes) < 3:
        grid = " x ".join(str(blocks.grid[k]) for k in blocks.axes)
        raise ValueError(f"--block {edge}: leaves a grid of {grid} blocks; give smaller blocks or more --sites")
    slow = 1 / max(many[0].settings["damping"], _LEAST_DAMPING) if vectors else 1.0
    settings = {**many[0].settings, "temperature": [of.settings["temperature"] for of in many]}
    return FieldSetup(
        name,
        systems,
        edge,
        _DURATION[name] * slow if duration is None else duration,
        _LATER[name] * slow,
        _STARTS[name] if starts is None else starts,
        FieldFitOptions(rate=None, entropy_terms=3) if vectors else FieldFitOptions(),
        None if vectors else box_averaged(systems[0].kernel, edge),
        "of each spin the component along z, nothing of the other two" if vectors else "of each block its sum of spins",
        {**settings, "block": edge},
    )


def _neighbours(system: Any) -> KacIsing:
    """The same spins with J = 1 to the nearest neighbours, as a system whose flips are counted in blocks."""
    axes = sum(system.lattice.pbc)
    return KacIsing(system.lattice, top_hat(1, 2.0 * axes), system.temperature, system.field)
