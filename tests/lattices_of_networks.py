"""Lattices of every kind and networks with random weights on them, for the tests of graph networks."""

from __future__ import annotations

import numpy as np
import torch
from ase import Atoms

from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.gnn.cell import fits, minimum_shape
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.kernels import barriers_at
from asemacro.lattice.lattice import Lattice

SPECIES = ("Co", "Ni")


def from_cell(cell: np.ndarray, basis: list[list[float]], shape: tuple[int, int, int]) -> Lattice:
    atoms = Atoms("Co" * len(basis), cell=cell, scaled_positions=basis, pbc=True).repeat(shape)
    atoms.numbers[::2] = 28
    return Lattice.from_atoms(atoms)


def dhcp(shape: tuple[int, int, int] = (6, 6, 3)) -> Lattice:
    """Close-packed layers ABAC: two kinds of sites, with different third neighbours."""
    cell = np.array([[2.5, 0, 0], [-1.25, 2.5 * 0.75**0.5, 0], [0, 0, 2.5 * 4 * (2 / 3) ** 0.5]])
    return from_cell(cell, [[0, 0, 0], [1 / 3, 2 / 3, 0.25], [0, 0, 0.5], [2 / 3, 1 / 3, 0.75]], shape)


def a15(shape: tuple[int, int, int] = (5, 5, 5)) -> Lattice:
    """Two kinds of sites with different numbers of neighbours."""
    chains = [[0.25, 0, 0.5], [0.75, 0, 0.5], [0.5, 0.25, 0], [0.5, 0.75, 0], [0, 0.5, 0.25], [0, 0.5, 0.75]]
    return from_cell(4.6 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5], *chains], shape)


LATTICES = {
    "bcc": lambda: Lattice.bcc(3.2, SPECIES, 5),
    "fcc": lambda: Lattice.fcc(3.6, SPECIES, 5),
    "hcp": lambda: Lattice.hcp(2.5, SPECIES, (7, 7, 5)),
    "diamond": lambda: Lattice.diamond(5.4, SPECIES, 4),
    "sc": lambda: Lattice.cubic(3.0, SPECIES, 6),
    "square": lambda: Lattice.square(3.0, SPECIES, 9),
    "dhcp": lambda: dhcp((7, 7, 3)),
    "A15": lambda: a15((3, 3, 3)),
}
SHELLS = {"A15": 2}
COMPILED: dict[tuple[int, int], tuple[BarrierGNN, Lattice, CompiledBarriers]] = {}


def network(name: str) -> JumpNetwork:
    return JumpNetwork.of(LATTICES[name](), SHELLS.get(name))


def make(
    jumps: JumpNetwork,
    form: str,
    members: int = 1,
    size: float = 0.1,
    seed: int = 0,
    species: tuple[str, ...] = SPECIES,
    width: int = 8,
) -> BarrierGNN:
    """Random weights: barriers that depend on everything they can depend on."""
    model = BarrierGNN(species, form, members=members, width=width, hidden=16, energy_width=8, jumps=jumps)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, size, generator=generator)
        for net in model.nets:
            net.last.weight.normal_(0.0, 3 * size, generator=generator)
            net.last.bias.fill_(3.0)
    return model


def large_enough(lattice: Lattice, jumps: JumpNetwork) -> Lattice:
    from asemacro.barriers.gnn.placement import place

    placed = place(jumps, lattice)
    return lattice if fits(lattice, placed) else lattice.repeat(minimum_shape(lattice, placed))


def by_jump(model: BarrierGNN, lattice: Lattice, x: np.ndarray) -> dict[tuple[int, int], float]:
    """Barrier of each jump (site of the vacancy, site of the atom)."""
    sites = np.flatnonzero(x == 0)
    key = (id(model), id(lattice))
    if key not in COMPILED:
        COMPILED[key] = (model, lattice, model.compile(lattice))
    compiled = COMPILED[key][2]
    targets = lattice.neighbours(compiled.env[:, 1 : 1 + compiled.n_targets])[sites]
    values = barriers_at(compiled, np.array(lattice.shape), x, sites)
    return {(v, j): b for v, row, own in zip(sites.tolist(), targets.tolist(), values.tolist(), strict=True)
            for j, b in zip(row, own, strict=True) if np.isfinite(b)}  # fmt: skip


def random_state(lattice: Lattice, vacancies: int, seed: int = 0) -> np.ndarray:
    return lattice.random_state(vacancies=vacancies, rng=np.random.default_rng(seed))[0]
