"""Barrier data sets: cells with a vacancy at every site, read as environments of vacancies.

Layout of the file (npz, the layout of the published DFT set; nothing is unpickled):

    name              (n_cells,) str                    label of each cell
    numbers           (n_cells, n_sites) int            atomic numbers
    scaled_positions  (n_cells, n_sites, 3) float       ideal sites, fractions of the cell
    cell              (n_cells, 3, 3) float             cell vectors in rows, A; without it, cells are cubes of bcc
    neighbor          (n_cells, n_sites, Z) int         index of the atom that jumps into the vacancy at each site
    barrier           (n_cells, n_sites, Z) float       barrier in eV

Z is the number of neighbours in the first shell, or in the first few shells. Where sites are not equivalent and some
have fewer jumps than Z, `neighbor` is filled up with -1. Barriers of at most `FAILED_EV` or not finite are failed
calculations: they are dropped, and counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from asemacro.barriers.data.cells import Cell, jumps_of, read_cell
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.graph import graph_of
from asemacro.barriers.gnn.placement import Environments
from asemacro.files.arrays import Expected, read_arrays
from asemacro.files.reading import reading

FAILED_EV = 0.05
LARGEST_EV = 100.0
_EXPECTED = {
    "name": Expected("text", ("n_cells",)),
    "numbers": Expected("whole number", ("n_cells", "n_sites")),
    "scaled_positions": Expected("number", ("n_cells", "n_sites", 3)),
    "neighbor": Expected("whole number", ("n_cells", "n_sites", "n_jumps")),
    "barrier": Expected("number", ("n_cells", "n_sites", "n_jumps"), finite=False),
}
_OPTIONAL = {"cell": Expected("number", ("n_cells", 3, 3))}


@dataclass(frozen=True)
class BarrierData:
    """Environments of vacancies and the barriers of their jumps.

    Attributes:
        species: chemical symbols, sorted by atomic number; species index 1 is the first.
        env: (n, n_env) int8 species indices on the sites of the graph of `jumps`; 0 = vacancy.
        barrier: (n, Z) float32, eV, of the jumps of the graph; nan where unknown or dropped.
        cell: (n,) index into `names`.
        removed: (n,) int8, species index of the atom that was taken out to make the vacancy; 0 if not known.
        reverse: (n, Z) int64, index n' * Z + jump' of the exact reverse jump (-1 if it is not in the data).
        names: label of each cell.
        compositions: fractions of each species in each cell, (n_cells, S).
        dropped: number of barriers dropped as failed.
        kind: (n,) kind of the vacancy's site.
        jumps: the crystal and its jumps.
        by_cell: folds keep cells together, not all cells of one composition: labels of single jumps.
    """

    species: tuple[str, ...]
    env: NDArray[np.int8]
    barrier: NDArray[np.float32]
    cell: NDArray[np.int64]
    removed: NDArray[np.int8]
    reverse: NDArray[np.int64]
    names: tuple[str, ...]
    compositions: NDArray[np.float64]
    dropped: int
    kind: NDArray[np.int64]
    jumps: JumpNetwork
    by_cell: bool = False

    @property
    def n_jumps(self) -> int:
        """Z."""
        return self.barrier.shape[1]

    @property
    def jumping(self) -> NDArray[np.int8]:
        """(n, Z) species index of the atom that jumps."""
        return self.env[:, 1 : 1 + self.n_jumps]

    @property
    def around(self) -> Environments:
        """The environments as networks take them."""
        return Environments(self.env, self.kind, np.tile(np.arange(self.n_jumps), (len(self.env), 1)))

    def known(self) -> NDArray[np.bool_]:
        """(n, Z) where there is a barrier."""
        return np.isfinite(self.barrier)

    def take(self, rows: NDArray[np.int64]) -> BarrierData:
        """The data of some vacancies; reverse jumps that are left out are forgotten."""
        new_row, z = np.full(len(self.env), -1), self.n_jumps
        new_row[rows] = np.arange(len(rows))
        old = self.reverse[rows]
        moved = new_row[old // z] * z + old % z
        reverse = np.where((old >= 0) & (new_row[old // z] >= 0), moved, -1)
        return dataclasses.replace(
            self, env=self.env[rows], barrier=self.barrier[rows], cell=self.cell[rows], removed=self.removed[rows],
            reverse=reverse, kind=self.kind[rows],
        )  # fmt: skip

    def relabel(self, species: tuple[str, ...]) -> BarrierData:
        """The same data with the species indices of a model; ValueError if a species is not the model's."""
        unknown = [s for s in self.species if s not in species]
        if unknown:
            raise ValueError(f"the data hold {', '.join(unknown)}, the model knows only {', '.join(species)}")
        index = np.array([0, *(species.index(s) + 1 for s in self.species)], dtype=np.int8)
        compositions = np.zeros((len(self.names), len(species)))
        compositions[:, index[1:] - 1] = self.compositions
        return dataclasses.replace(
            self, species=species, env=index[self.env], removed=index[self.removed], compositions=compositions
        )  # fmt: skip

    def folds(self, n_folds: int = 5, *, seed: int = 0) -> Iterator[tuple[tuple[str, ...], NDArray, NDArray]]:
        """Cross-validation by composition (`by_cell`: by cell), stratified by kind of composition.

        Cells of equal composition are always in the same fold unless the data are `by_cell`, and cells of one kind
        (equal fractions in any order: all ternaries, all that are 80 % of one element, ...) are dealt evenly to the
        folds at random.

        Yields:
            (names of the held-out cells, training rows, held-out rows), the same for the same seed.
        """
        keys = [(*np.round(c, 2), *([k] if self.by_cell else [])) for k, c in enumerate(self.compositions)]
        groups = sorted(set(keys))
        if not 2 <= n_folds <= len(groups):
            what = "cells" if self.by_cell else "compositions"
            raise ValueError(f"{n_folds} folds of {len(groups)} {what}: give 2 to {len(groups)} folds")
        shuffled = [groups[i] for i in np.random.default_rng(seed).permutation(len(groups))]
        kinds = {g: tuple(sorted(np.round(g[: len(self.species)], 1), reverse=True)) for g in groups}
        cells: list[list[int]] = [[] for _ in range(n_folds)]
        dealt: list[list[tuple[float, ...]]] = [[] for _ in range(n_folds)]
        for g in sorted(shuffled, key=lambda g: (-keys.count(g), kinds[g])):
            fold = min(range(n_folds), key=lambda f: (dealt[f].count(kinds[g]), len(cells[f])))
            cells[fold] += [i for i, k in enumerate(keys) if k == g]
            dealt[fold].append(kinds[g])
        for held in cells:
            test = np.isin(self.cell, held)
            yield tuple(self.names[i] for i in sorted(held)), np.flatnonzero(~test), np.flatnonzero(test)


def load_barrier_data(path: str | Path, jumps: JumpNetwork | None = None) -> BarrierData:
    """Read a data set.

    Args:
        path: the file.
        jumps: the crystal and the jumps of a model that the data are for; default those of the data.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line that names the file; it is damaged, not in the layout of the module, or of another crystal.
    """
    arrays = read_arrays(path, "barrier data", _EXPECTED, _OPTIONAL)
    with reading(path, "barrier data", "does not hold barriers of the cells of a crystal"):
        return barrier_data(**arrays, jumps=jumps)


def barrier_data(
    *,
    name: NDArray,
    numbers: NDArray,
    scaled_positions: NDArray,
    neighbor: NDArray,
    barrier: NDArray,
    cell: NDArray | None = None,
    jumps: JumpNetwork | None = None,
) -> BarrierData:
    """Environments from the arrays of the file layout (see the module); ValueError if they do not fit together."""
    _check_arrays(name, numbers, scaled_positions, neighbor, barrier, cell)
    n_cells, n_sites = numbers.shape
    z = barrier.shape[2]
    atomic = np.unique(numbers)
    index = (np.searchsorted(atomic, numbers) + 1).astype(np.int8)
    cells: list[Cell] = []
    for c in range(n_cells):
        vectors = None if cell is None else cell[c]
        read = read_cell(scaled_positions[c], vectors, numbers[c], f"cell {name[c]}")
        jumps = jumps or jumps_of(read, z, f"cell {name[c]}")
        cells.append(read)
    assert jumps is not None
    graph = graph_of(jumps)
    env = np.empty((n_cells, n_sites, graph.n_env), dtype=np.int8)
    values = np.full((n_cells, n_sites, z), np.nan, dtype=np.float32)
    reverse = np.full((n_cells, n_sites, z), -1, dtype=np.int64)
    kinds = np.empty((n_cells, n_sites), dtype=np.int64)
    lacking = 0
    for c, read in enumerate(cells):
        around, kinds[c], there = read.around(jumps, f"cell {name[c]}")
        if graph.n_jumps != z:
            raise ValueError(f"neighbor lists {z} jumps from each site, the model has {graph.n_jumps}")
        env[c] = index[c][around]
        env[c][around == around[:, :1]] = 0  # the vacancy, and its periodic images if the cell is that small
        targets = np.where(there, around[:, 1 : 1 + z], -1)
        column = _jumps(targets, neighbor[c], f"cell {name[c]}")
        values[c] = np.where(there, np.take_along_axis(barrier[c], column, axis=1), np.nan)
        # the atom that jumps is replaced by the removed one: an exact reverse exists if both are of one species
        same = there & (index[c][targets] == index[c][:, None])
        back = (targets[targets] == np.arange(n_sites)[:, None, None]).argmax(axis=2)
        reverse[c] = np.where(same, (c * n_sites + targets) * z + back, -1)
        lacking += int((~there).sum())
    failed = ~np.isfinite(values) | (values <= FAILED_EV)
    values[failed] = np.nan
    return BarrierData(
        species=tuple(chemical_symbols[k] for k in atomic),
        env=env.reshape(-1, graph.n_env),
        barrier=values.reshape(-1, z),
        cell=np.repeat(np.arange(n_cells), n_sites),
        removed=index.reshape(-1),
        reverse=reverse.reshape(-1, z),
        names=tuple(str(n) for n in name),
        compositions=np.stack([(numbers == k).mean(axis=1) for k in atomic], axis=1),
        dropped=int(failed.sum()) - lacking,
        kind=kinds.reshape(-1),
        jumps=jumps,
    )


def _check_arrays(
    name: NDArray, numbers: NDArray, scaled: NDArray, neighbor: NDArray, barrier: NDArray, cell: NDArray | None
) -> None:
    """ValueError if shapes and values of the arrays do not fit together."""
    if numbers.ndim != 2 or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"numbers must be (n_cells, n_sites) integers, not {numbers.shape} {numbers.dtype}")
    n_cells, n_sites = numbers.shape
    z = neighbor.shape[-1] if neighbor.ndim == 3 else 8
    for key, array, shape in (
        ("name", name, (n_cells,)),
        ("scaled_positions", scaled, (n_cells, n_sites, 3)),
        ("neighbor", neighbor, (n_cells, n_sites, z)),
        ("barrier", barrier, (n_cells, n_sites, z)),
        *([("cell", cell, (n_cells, 3, 3))] if cell is not None else []),
    ):
        if array.shape != shape:
            raise ValueError(f"{key} must have shape {shape}, not {array.shape}")
    if not numbers.size or not z:
        raise ValueError("there are no cells" if not numbers.size else "there are no jumps")
    if numbers.min() < 1 or numbers.max() >= len(chemical_symbols):
        raise ValueError(f"atomic numbers must be in 1..{len(chemical_symbols) - 1}")
    if not np.issubdtype(neighbor.dtype, np.integer) or neighbor.min() < -1 or neighbor.max() >= n_sites:
        raise ValueError(f"neighbor must hold site indices 0..{n_sites - 1}, or -1 for no jump")
    if np.abs(barrier[np.isfinite(barrier)]).max(initial=0) > LARGEST_EV:
        raise ValueError(f"barrier holds values beyond {LARGEST_EV:g} eV; mark failed calculations by nan")


def _jumps(targets: NDArray[np.int64], neighbor: NDArray, where: str) -> NDArray[np.int64]:
    """(n_sites, Z) the column of `neighbor` that each jump is; targets -1 where a site has no such jump."""
    match = (targets[:, :, None] == neighbor[:, None, :]) & (targets >= 0)[:, :, None]
    once = np.where(targets >= 0, match.sum(axis=2), 1)
    if not (once == 1).all() or not (match.sum(axis=1) == (neighbor >= 0)).all():
        raise ValueError(f"{where}: neighbor does not list the {targets.shape[1]} nearest neighbours of each site once")
    return match.argmax(axis=2)
