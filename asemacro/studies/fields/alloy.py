"""Block fields of an alloy: the composition of blocks in vacancy KMC, to see what a field equation makes of it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.field_data import FieldData
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.macro.spde.block_kernel import BlockKernel
from asemacro.macro.spde.fit import FieldFitOptions
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.observables.blocks import BlockMeans
from asemacro.studies.alloy.inputs import choose_barriers, vacancies_in
from asemacro.studies.alloy.mobility import check_mobile, hop_time_s, jumps_at
from asemacro.studies.alloy.start import random_alloy
from asemacro.tasks.parts import part
from asemacro.tasks.patience import Patience
from asemacro.typing import Floats, Report

_SITES, _STARTS, _STEPS = 4096, 24, 4
_KELVIN = 1500.0
_HOPS = 0.1  # of a site, in a row of the data
_LEAST_BLOCKS = 3  # along each edge
_WAVES, _LONGEST, _STRENGTH = 4, 2, 1.5  # of the composition at the start: how many, of which numbers, how strong


@dataclasses.dataclass(frozen=True)
class AlloyFields:
    """An alloy at one temperature, and how the composition of its blocks is learned: m = 2 c - 1 of one element.

    Energies are in eV and so is the temperature of the field data, k_B T.

    Attributes:
        name: of the system.
        system: the KMC.
        element: whose concentration c is followed.
        number: of the element in states.
        vacancies: in the box.
        blocks: means of its blocks.
        block: B in unit cells.
        duration: of a change in s.
        starts: how many.
        settings: for run.json.
    """

    name: str
    system: VacancyKMC
    element: str
    number: int
    vacancies: int
    blocks: BlockMeans
    block: int
    duration: float
    starts: int
    settings: dict[str, Any]

    options: FieldFitOptions = dataclasses.field(default_factory=lambda: FieldFitOptions(rate=None))
    true: BlockKernel | None = None

    @property
    def scalar(self) -> str:
        """What a block field keeps, in words."""
        return f"of each block its part of {self.element}, nothing of the rest (energies and T in eV)"

    @property
    def n_sites(self) -> int:
        """Of the box."""
        return self.system.lattice.n_sites

    @property
    def later(self) -> float:
        """A time after which fields are compared: three exchanges of each site."""
        return 3 * self.duration / _HOPS

    @property
    def contents(self) -> dict[str, Any]:
        """What the settings name, itself."""
        lattice = self.system.lattice
        return {"lattice": lattice, "barriers": self.system.barriers.compile(lattice)}

    def data(self, rng: np.random.Generator, progress: Report) -> FieldData:
        """Changes from composition waves, several in a row from each."""
        seen: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []

        def steps() -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
            x, fields = self._start(rng, waves=True), []
            for _ in range(_STEPS):
                old = self._field(x)
                x, _ = self.system.evolve(x, self.duration, rng=rng)
                fields.append((old, self._field(x)))
            return fields

        patience = Patience(f"the block fields of {self.starts} runs")
        for start in range(self.starts):
            seen += part("fields", steps, rng=rng)
            patience.done((start + 1) / self.starts)
            progress("fields", (start + 1) / self.starts, f"{start + 1} of {self.starts} starts")
        before, after = zip(*seen, strict=True)
        n = len(before)
        step, t, h = (np.full(n, v) for v in (self.duration, kB * self.system.temperature_K, 0.0))
        group = np.repeat(np.arange(self.starts), _STEPS)
        first, last = np.concatenate(before), np.concatenate(after)
        return FieldData(first, last, None, step, t, h, self.blocks.sites, self.block, group)

    def quenched(self, runs: int, rng: np.random.Generator) -> NDArray[Any]:
        """(2, runs, *grid) fields of random alloys, and of the same runs at `later`."""
        pairs = []
        for _ in range(runs):
            x = self._start(rng, waves=False)
            y, _ = self.system.evolve(x, self.later, rng=rng)
            pairs.append((self._field(x)[0], self._field(y)[0]))
        return np.stack(pairs, axis=1)

    def _field(self, x: NDArray[np.int8]) -> NDArray[np.float32]:
        """(n, *grid) m of states (n, n_sites)."""
        spins = np.where(x == self.number, np.int8(1), np.int8(-1))
        return self.blocks.fields(spins, self.system.lattice)

    def _start(self, rng: np.random.Generator, *, waves: bool) -> NDArray[np.int8]:
        """A random alloy (1, n_sites), its element where some waves are high."""
        lattice = self.system.lattice
        x = lattice.random_state(vacancies=self.vacancies, rng=rng)
        if waves:
            atoms = np.flatnonzero(x[0] != 0)
            height = _STRENGTH * rng.uniform() * _waves(lattice, rng)[atoms] + rng.gumbel(size=len(atoms))
            kinds = x[0, atoms]
            order = np.argsort(-height, kind="stable")  # the element takes the highest, the others as they come
            n = int((kinds == self.number).sum())
            x[0, atoms[order[:n]]] = self.number
            x[0, atoms[order[n:]]] = rng.permutation(kinds[kinds != self.number])
        return x


def _waves(lattice: Lattice, rng: np.random.Generator) -> Floats:
    """(n_sites,) a sum of long waves that fit the box, of unit variance."""
    axes = [np.arange(n) / n for n in lattice.shape]
    total: Any = 0.0
    for _ in range(_WAVES):
        k = rng.integers(-_LONGEST, _LONGEST + 1, 3)
        phase = [2 * np.pi * kk * axis for kk, axis in zip(k, axes, strict=True)]
        total = total + np.cos(phase[0][:, None, None] + phase[1][:, None] + phase[2] + rng.uniform(0, 2 * np.pi))
    spread = float(np.std(total))
    return np.repeat((total / spread if spread > 0 else total).ravel(), lattice.n_basis)


def alloy_fields(
    structure: Path,
    reading: Reading,
    *,
    mix_sublattices: bool,
    shell_tolerance: float | None,
    barriers: str | None,
    element: str | None,
    block: int,
    temperature: list[float] | None,
    sites: int | None,
    starts: int | None,
) -> AlloyFields:
    """An alloy of a structure file.

    Args:
        structure: file.
        reading: how it is read.
        mix_sublattices: see `start.Start`.
        shell_tolerance: see `Lattice.from_atoms`.
        barriers: model name or file.
        element: whose concentration is followed; default the first one.
        block: B in unit cells.
        temperature: in K, one.
        sites: least number.
        starts: how many.

    Raises:
        ValueError: one line on what is wrong with the input.
    """
    atoms = read_structure(structure, **reading)
    lattice = random_alloy(atoms, mix_sublattices=mix_sublattices, shell_tolerance=shell_tolerance)
    if len(lattice.species) < 2:
        raise ValueError(f"{'-'.join(lattice.species)}: one element alone has no composition to follow")
    chosen = lattice.species[0] if element is None else element
    if chosen not in lattice.species:
        raise ValueError(f"--component {chosen}: not among the elements, {', '.join(lattice.species)}")
    if temperature is not None and len(temperature) > 1:
        raise ValueError("block fields of an alloy are learned at one temperature; give one in K")
    kelvin = _KELVIN if temperature is None else temperature[0]
    model = choose_barriers(barriers, lattice)
    box = _box(lattice, block, _SITES if sites is None else sites)
    vacancies = vacancies_in(box.n_sites, None, lattice.vacant or None)
    system = VacancyKMC(box, model, kelvin)
    x = box.random_state(vacancies=vacancies, batch=2, rng=np.random.default_rng(0))
    check_mobile(model, box, x, [kelvin])
    heights, frequencies = jumps_at(model, box, x)
    duration = _HOPS * box.n_sites / vacancies * hop_time_s(heights, kelvin, frequencies)
    settings = {
        "structure": str(structure), **reading, "barriers": model.name, "element": chosen, "temperature": kelvin,
        "sites": box.n_sites, "vacancies": vacancies, "block": block,
    }  # fmt: skip
    return AlloyFields(
        "alloy", system, chosen, 1 + lattice.species.index(chosen), vacancies, BlockMeans(box, block), block,
        duration, _STARTS if starts is None else starts, settings,
    )  # fmt: skip


def _box(lattice: Lattice, block: int, sites: int) -> Lattice:
    """The most cubic box of at least so many sites that whole blocks divide, at least three along each edge."""
    least = tuple(block // math.gcd(n, block) for n in lattice.shape)  # repeats after which blocks fit
    edge = max(_LEAST_BLOCKS * block, math.ceil((sites / lattice.n_basis) ** (1 / 3)))
    return lattice.repeat(tuple(k * math.ceil(edge / (k * n)) for k, n in zip(least, lattice.shape, strict=True)))
