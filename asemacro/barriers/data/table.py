"""Barrier data sets: cells with a vacancy at every site, read as environments of vacancies.

Layout of the file (npz, the layout of the published DFT set; nothing is unpickled):

    name              (n_cells,) str                    label of each cell
    numbers           (n_cells, n_sites) int            atomic numbers
    scaled_positions  (n_cells, n_sites, 3) float       ideal bcc sites, fractions of the cubic cell
    cell_length       (n_cells,) float                  edge of the cubic cell, A (not used by the models)
    neighbor          (n_cells, n_sites, 8) int         index of the atom that jumps into the vacancy at each site
    barrier           (n_cells, n_sites, 8) float       barrier in eV

Barriers of at most `FAILED_EV` or not finite are failed calculations: they are dropped, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from asemacro.barriers.gnn.graph import N_JUMPS, bcc_graph
from asemacro.files.arrays import Expected, read_arrays
from asemacro.files.reading import reading

FAILED_EV = 0.05
LARGEST_EV = 100.0
_FARTHEST = 1e6  # half lattice constants: no site of a cell is further from the origin
_EXPECTED = {
    "name": Expected("text", ("n_cells",)),
    "numbers": Expected("whole number", ("n_cells", "n_sites")),
    "scaled_positions": Expected("number", ("n_cells", "n_sites", 3)),
    "neighbor": Expected("whole number", ("n_cells", "n_sites", N_JUMPS)),
    "barrier": Expected("number", ("n_cells", "n_sites", N_JUMPS), finite=False),
}


@dataclass(frozen=True)
class BarrierData:
    """Environments of vacancies and the barriers of their jumps.

    Attributes:
        species: chemical symbols, sorted by atomic number; species index 1 is the first.
        env: (n, n_env) int8 species indices on `bcc_graph().positions`; 0 = vacancy.
        barrier: (n, 8) float32, eV; nan where unknown or dropped.
        cell: (n,) index into `names`.
        removed: (n,) int8, species index of the atom that was taken out to make the vacancy; 0 if not known.
        reverse: (n, 8) int64, index n' * 8 + jump' of the exact reverse jump (-1 if it is not in the data).
        names: label of each cell.
        compositions: fractions of each species in each cell, (n_cells, S).
        dropped: number of barriers dropped as failed.
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

    @property
    def jumping(self) -> NDArray[np.int8]:
        """(n, 8) species index of the atom that jumps."""
        return self.env[:, 1 : 1 + N_JUMPS]

    def known(self) -> NDArray[np.bool_]:
        """(n, 8) where there is a barrier."""
        return np.isfinite(self.barrier)

    def take(self, rows: NDArray[np.int64]) -> BarrierData:
        """The data of some vacancies; reverse jumps that are left out are forgotten."""
        new_row = np.full(len(self.env), -1)
        new_row[rows] = np.arange(len(rows))
        old = self.reverse[rows]
        moved = new_row[old // N_JUMPS] * N_JUMPS + old % N_JUMPS
        reverse = np.where((old >= 0) & (new_row[old // N_JUMPS] >= 0), moved, -1)
        return BarrierData(
            self.species, self.env[rows], self.barrier[rows], self.cell[rows], self.removed[rows],
            reverse, self.names, self.compositions, self.dropped,
        )  # fmt: skip

    def relabel(self, species: tuple[str, ...]) -> BarrierData:
        """The same data with the species indices of a model; ValueError if a species is not the model's."""
        unknown = [s for s in self.species if s not in species]
        if unknown:
            raise ValueError(f"the data hold {', '.join(unknown)}, the model knows only {', '.join(species)}")
        index = np.array([0, *(species.index(s) + 1 for s in self.species)], dtype=np.int8)
        compositions = np.zeros((len(self.names), len(species)))
        compositions[:, index[1:] - 1] = self.compositions
        return BarrierData(
            species, index[self.env], self.barrier, self.cell, index[self.removed],
            self.reverse, self.names, compositions, self.dropped,
        )  # fmt: skip

    def folds(self, n_folds: int = 5, *, seed: int = 0) -> Iterator[tuple[tuple[str, ...], NDArray, NDArray]]:
        """Cross-validation by composition, stratified by kind of composition.

        Cells of equal composition are always in the same fold, and cells of one kind (equal fractions in any order: all
        ternaries, all that are 80 % of one element, ...) are dealt evenly to the folds at random.

        Yields:
            (names of the held-out cells, training rows, held-out rows), the same for the same seed.
        """
        keys = [tuple(np.round(c, 2)) for c in self.compositions]
        groups = sorted(set(keys))
        if not 2 <= n_folds <= len(groups):
            raise ValueError(f"{n_folds} folds of {len(groups)} compositions: give 2 to {len(groups)} folds")
        shuffled = [groups[i] for i in np.random.default_rng(seed).permutation(len(groups))]
        kinds = {g: tuple(sorted(np.round(g, 1), reverse=True)) for g in groups}
        cells: list[list[int]] = [[] for _ in range(n_folds)]
        dealt: list[list[tuple[float, ...]]] = [[] for _ in range(n_folds)]
        for g in sorted(shuffled, key=lambda g: (-keys.count(g), kinds[g])):
            fold = min(range(n_folds), key=lambda f: (dealt[f].count(kinds[g]), len(cells[f])))
            cells[fold] += [i for i, k in enumerate(keys) if k == g]
            dealt[fold].append(kinds[g])
        for held in cells:
            test = np.isin(self.cell, held)
            yield tuple(self.names[i] for i in sorted(held)), np.flatnonzero(~test), np.flatnonzero(test)


def load_barrier_data(path: str | Path) -> BarrierData:
    """Read a data set.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line that names the file; it is damaged, or not in the layout of the module.
    """
    arrays = read_arrays(path, "barrier data", _EXPECTED)
    with reading(path, "barrier data", "does not hold barriers of bcc cells"):
        return barrier_data(**arrays)


def barrier_data(
    *,
    name: NDArray,
    numbers: NDArray,
    scaled_positions: NDArray,
    neighbor: NDArray,
    barrier: NDArray,
) -> BarrierData:
    """Environments from the arrays of the file layout (see the module); ValueError if they do not fit together."""
    if numbers.ndim != 2 or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"numbers must be (n_cells, n_sites) integers, not {numbers.shape} {numbers.dtype}")
    n_cells, n_sites = numbers.shape
    for key, array, shape in (
        ("name", name, (n_cells,)),
        ("scaled_positions", scaled_positions, (n_cells, n_sites, 3)),
        ("neighbor", neighbor, (n_cells, n_sites, N_JUMPS)),
        ("barrier", barrier, (n_cells, n_sites, N_JUMPS)),
    ):
        if array.shape != shape:
            raise ValueError(f"{key} must have shape {shape}, not {array.shape}")
    if not numbers.size:
        raise ValueError("there are no cells")
    if numbers.min() < 1 or numbers.max() >= len(chemical_symbols):
        raise ValueError(f"atomic numbers must be in 1..{len(chemical_symbols) - 1}")
    if not np.issubdtype(neighbor.dtype, np.integer) or neighbor.min() < 0 or neighbor.max() >= n_sites:
        raise ValueError(f"neighbor must hold site indices 0..{n_sites - 1}")
    if np.abs(barrier[np.isfinite(barrier)]).max(initial=0) > LARGEST_EV:
        raise ValueError(f"barrier holds values beyond {LARGEST_EV:g} eV; mark failed calculations by nan")
    atomic = np.unique(numbers)
    species = tuple(chemical_symbols[z] for z in atomic)
    index = (np.searchsorted(atomic, numbers) + 1).astype(np.int8)
    graph = bcc_graph()
    env = np.empty((n_cells, n_sites, graph.n_env), dtype=np.int8)
    values = np.full((n_cells, n_sites, N_JUMPS), np.nan, dtype=np.float32)
    reverse = np.full((n_cells, n_sites, N_JUMPS), -1, dtype=np.int64)
    for c in range(n_cells):
        sites = _bcc_sites(scaled_positions[c], f"cell {name[c]}")
        around = sites[:, :1]  # row of the vacancy's own site
        env[c] = index[c][sites]
        env[c][sites == around] = 0  # the vacancy, and its periodic images if the cell is that small
        jump = _jumps(sites, neighbor[c], f"cell {name[c]}")
        np.put_along_axis(values[c], jump, barrier[c].astype(np.float32), axis=1)
        # the atom that jumps is replaced by the removed one: an exact reverse exists if both are of one species
        target = sites[:, 1 : 1 + N_JUMPS]
        same = index[c][target] == index[c][:, None]
        back = (c * n_sites + target) * N_JUMPS + (N_JUMPS - 1 - np.arange(N_JUMPS))
        reverse[c] = np.where(same, back, -1)
    failed = ~np.isfinite(values) | (values <= FAILED_EV)
    values[failed] = np.nan
    composition = np.stack([(numbers == z).mean(axis=1) for z in atomic], axis=1)
    return BarrierData(
        species=species,
        env=env.reshape(-1, graph.n_env),
        barrier=values.reshape(-1, N_JUMPS),
        cell=np.repeat(np.arange(n_cells), n_sites),
        removed=index.reshape(-1),
        reverse=reverse.reshape(-1, N_JUMPS),
        names=tuple(str(n) for n in name),
        compositions=composition,
        dropped=int(failed.sum()),
    )


def _bcc_sites(scaled: NDArray, where: str) -> NDArray[np.int64]:
    """(n_sites, n_env) site on each environment position around each site of a cubic bcc cell."""
    n_sites = len(scaled)
    repeat = round((n_sites / 2) ** (1 / 3))
    steps = np.asarray(scaled, dtype=np.float64) * 2 * repeat
    period = 2 * repeat
    far = not np.abs(steps).max() < _FARTHEST  # nan too
    off = far or np.abs(steps - steps[0] - np.rint(steps - steps[0])).max() > 0.05
    if 2 * repeat**3 != n_sites or off:
        raise ValueError(f"{where} is not a cubic bcc cell of ideal sites ({n_sites} sites)")
    grid = np.rint(steps - steps[0]).astype(np.int64) % period
    if repeat < 4:
        raise ValueError(f"{where} has {n_sites} sites; the models need cells of at least 128 (4 x 4 x 4)")
    lookup = np.full((period, period, period), -1, dtype=np.int64)
    lookup[tuple(grid.T)] = np.arange(n_sites)
    if (lookup >= 0).sum() != n_sites:
        raise ValueError(f"{where} has two atoms on one site")
    at = (grid[:, None, :] + bcc_graph().positions[None]) % period
    sites = lookup[at[..., 0], at[..., 1], at[..., 2]]
    if (sites < 0).any():
        raise ValueError(f"{where} is not a bcc lattice")
    return sites


def _jumps(sites: NDArray[np.int64], neighbor: NDArray, where: str) -> NDArray[np.int64]:
    """(n_sites, 8) which of the 8 sorted jumps each column of `neighbor` is."""
    match = sites[:, None, 1 : 1 + N_JUMPS] == neighbor[:, :, None]
    if not (match.sum(axis=2) == 1).all() or not (match.sum(axis=1) == 1).all():
        raise ValueError(f"{where}: neighbor does not list the 8 nearest neighbours of each site once")
    return match.argmax(axis=2)
