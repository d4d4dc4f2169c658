"""Which cells and jumps of an alloy are labelled: drawn over compositions around the asked one, and over order.

Every other cell has the asked composition; the fractions of the others are Dirichlet distributed with the asked ones as
their mean. Three kinds of states are drawn in turn:

random    atoms at random
ordered   atoms after swap Monte Carlo with pair energies drawn at random for two shells, weak or strong: partly
          ordered or separated, in whatever way the lattice allows
kmc       states on the path of kinetic Monte Carlo by a barrier model, from random, at the asked temperatures in turn;
          the vacancy is where the path takes it, in the other kinds at a random site. A model that needs a larger box
          runs in one, and the cell is what is around the vacancy

Jump k belongs to cell k modulo the number of cells, and each cell draws from a random stream of its own: more jumps are
the same ones and some more.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.labelling.bands import Jump
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.studies.alloy.inputs import large_enough
from asemacro.tasks.streams import Streams

KINDS = ("random", "ordered", "kmc")
SPREAD = 12.0  # sum of the parameters of the Dirichlet distribution: +-0.13 in the fractions of three equal elements
SHELLS = 2  # whose pair energies order cells
STRENGTHS = (0.3, 2.0)  # of these energies, in kT
SWEEPS = 50
HOPS_BETWEEN = 2  # hops per site between two states of a path, so that most of its surroundings are new
PART_OF_PATH = 16  # states that are made at a time


@dataclasses.dataclass(frozen=True)
class Cells:
    """Which cells and how many jumps are drawn.

    Attributes:
        cells: number of cells.
        jumps: number of jumps, of all cells together.
        states: kinds of cells, drawn in turn: random, ordered, kmc.
        sites: least number of sites of a cell.
        barriers: the model of kmc.
        temperatures_K: of kmc.
    """

    cells: int = 20
    jumps: int = 200
    states: Sequence[str] = ("random", "ordered")
    sites: int = 100
    barriers: BarrierModel | None = None
    temperatures_K: Sequence[float] = (800.0, 1200.0, 1600.0, 2000.0)

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.states if kind not in KINDS]
        if unknown or not self.states:
            raise ValueError(f"states must be some of {', '.join(KINDS)}, got {', '.join(unknown) or 'none'}")
        if min(self.cells, self.jumps, self.sites) < 1:
            raise ValueError(f"cells, jumps and sites must be 1 or more, got {self.cells}, {self.jumps}, {self.sites}")
        if "kmc" in self.states and self.barriers is None:
            raise ValueError("states kmc need a barrier model; give --barriers NAME or FILE (barriers=)")


def box_of(cells: Cells, lattice: Lattice) -> Lattice:
    """The cell that jumps are labelled in, large enough that an atom is not its own neighbour.

    Raises:
        ValueError: it is not.
    """
    box = lattice.at_least(cells.sites)
    near = box.neighbours(box.shells(1)[0].offsets)
    if any(len(set(row)) < len(row) or k in row for k, row in enumerate(near.tolist())):
        raise ValueError(
            f"in a cell of {box.n_sites} sites an atom has itself or another one twice beside it; give more --sites"
        )
    return box


def draw_jumps(cells: Cells, box: Lattice, streams: Streams) -> list[Jump]:
    """The jumps, all different; the jump back counts as the same.

    Fewer than asked for if the cells have no more.
    """
    found: dict[str, Jump] = {}
    model = cells.barriers if "kmc" in cells.states else None
    larger = box if model is None else large_enough(box, model)
    left = [_jumps_of(cells, box, larger, number, streams) for number in range(cells.cells)]
    while left and len(found) < cells.jumps:
        for source in list(left):
            fresh = next((jump for jump in itertools.islice(source, 50) if jump.name not in found), None)
            if fresh is None:
                left.remove(source)
            elif len(found) < cells.jumps:
                found[fresh.name] = fresh
    return list(found.values())


def random_cell(box: Lattice, rng: np.random.Generator, *, asked: bool = True) -> NDArray[np.int8]:
    """(n_sites,) atoms at random, of the asked composition or of one around it in which no element is missing."""
    shares = np.array([box.composition[s] for s in box.species])
    if not asked and len(shares) > 1:
        shares = rng.dirichlet(SPREAD * shares)
    counts = box.counts(dict(zip(box.species, (shares / shares.sum()).tolist(), strict=True)), vacancies=0)[1:]
    while counts.min() == 0:
        counts[counts.argmax()] -= 1
        counts[counts.argmin()] += 1
    return box.random_state(dict(zip(box.species, counts.tolist(), strict=True)), vacancies=0, rng=rng)[0]


def _jumps_of(cells: Cells, box: Lattice, larger: Lattice, number: int, streams: Streams) -> Iterator[Jump]:
    """Jumps of one cell, one after the other; `larger` is the box of kinetic Monte Carlo."""
    kind = cells.states[number % len(cells.states)]
    turn = number // len(cells.states)
    rng = streams("cell", kind, turn)
    name = f"{kind}-{turn}"
    near = box.neighbours(box.shells(1)[0].offsets)
    asked = turn % 2 == 0
    if kind == "kmc":
        kelvin = cells.temperatures_K[turn % len(cells.temperatures_K)]
        for state in _path(cells, box, larger, kelvin, asked, rng):
            beside = near[np.flatnonzero(state == 0)[0]]
            yield Jump(box, state, int(rng.choice(beside)), name)
        return
    x = random_cell(box, rng, asked=asked)
    if kind == "ordered" and len(box.species) > 1:
        x = _ordered(box, x, rng)
    bonds = np.stack([np.repeat(np.arange(box.n_sites), near.shape[1]), near.reshape(-1)], axis=1)
    for vacancy, jumping in rng.permutation(bonds).tolist():
        state = x.copy()
        state[vacancy] = 0
        yield Jump(box, state, jumping, name)


def _ordered(box: Lattice, x: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int8]:
    """The atoms after swaps with random pair energies."""
    kelvin = 1000.0
    pairs = [f"{a}-{b}" for a, b in itertools.combinations_with_replacement(box.species, 2)]
    scale = kB * kelvin * rng.uniform(*STRENGTHS)
    energies = [{pair: float(scale * rng.normal()) for pair in pairs} for _ in range(SHELLS)]
    model = PairBarrier(box.species, dict.fromkeys(box.species, 1.0), energies)
    return SwapMC(box, model, kelvin).run(x, SWEEPS, rng=rng).x


def _path(
    cells: Cells, box: Lattice, larger: Lattice, kelvin: float, asked: bool, rng: np.random.Generator
) -> Iterator[NDArray[np.int8]]:
    """States on the path of kinetic Monte Carlo from random atoms."""
    assert cells.barriers is not None
    x = random_cell(larger, rng, asked=asked)
    x[rng.integers(len(x))] = 0
    return states_on_path(VacancyKMC(larger, cells.barriers, kelvin), x, box, rng)


def states_on_path(
    kmc: VacancyKMC, x: NDArray[np.int8], box: Lattice, rng: np.random.Generator
) -> Iterator[NDArray[np.int8]]:
    """States (n_sites,) of a box: what is around the vacancy of a run from x, at even numbers of hops."""
    points = HOPS_BETWEEN * box.n_sites * np.arange(1, PART_OF_PATH + 1)
    while True:
        run = kmc.run(x, record_hops=points, rng=rng)
        for state in run.record:
            yield around_vacancy(state, kmc.lattice, box)
        if len(run.record) < len(points):
            return
        x = run.x


def around_vacancy(x: NDArray[np.int8], larger: Lattice, box: Lattice) -> NDArray[np.int8]:
    """(n_sites,) of a box what is around the one vacancy of a state of a larger box of the same unit cells."""
    cell = np.unravel_index(int(np.flatnonzero(x == 0)[0]) // larger.n_basis, larger.shape)
    grid = x.reshape(*larger.shape, larger.n_basis)
    for axis, (at, small) in enumerate(zip(cell, box.shape, strict=True)):
        grid = np.roll(grid, small // 2 - int(at), axis=axis)
    first, second, third = box.shape
    return grid[:first, :second, :third].reshape(-1).copy()
