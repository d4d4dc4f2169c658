"""Labels of single jumps (labels.db) as barrier data: two vacancies a label, before the jump and after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from asemacro.barriers.data.cells import Cell
from asemacro.barriers.data.table import BarrierData
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.graph import graph_of
from asemacro.barriers.labelling.database import Label, read_labels
from asemacro.files.reading import UnreadableFile
from asemacro.lattice.lattice import Lattice


def labelled_data(path: str | Path, jumps: JumpNetwork | None = None) -> BarrierData:
    """The barriers of a database of labels; bands that failed are left out, and counted.

    Each label gives two rows of one barrier: of the jump from the state before it, and of the jump back from the state
    after it. They belong to one cell, and folds keep cells together.

    Args:
        path: the database.
        jumps: the crystal and the jumps of a model; default those of the first label.

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line that names it; no labels, cells that are too small, or another crystal.
    """
    return data_of_labels(read_labels(path, failed=True), path, jumps)


def data_of_labels(every: Sequence[Label], path: str | Path, jumps: JumpNetwork | None = None) -> BarrierData:
    """The same of some labels, failed ones among them, in their order.

    Args:
        every: the labels.
        path: where they come from, for messages.
        jumps: see `labelled_data`.

    Raises:
        ValueError: see `labelled_data`.
    """
    labels = [label for label in every if not label.reason]
    if not labels:
        raise UnreadableFile(
            f"{path} holds no barriers: {f'all {len(every)} bands failed' if every else 'it is empty'}"
        )
    species = sorted({s for label in labels for s in label.lattice.species}, key=atomic_numbers.__getitem__)
    names = list(dict.fromkeys(label.cell for label in labels))
    jumps = jumps or JumpNetwork.of(labels[0].lattice)
    graph = graph_of(jumps)
    z, n = graph.n_jumps, 2 * len(labels)
    env = np.zeros((n, graph.n_env), dtype=np.int8)
    barrier = np.full((n, z), np.nan, dtype=np.float32)
    reverse = np.full((n, z), -1, dtype=np.int64)
    kind = np.zeros(n, dtype=np.int64)
    around: dict[Lattice, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
    for k, label in enumerate(labels):
        if label.lattice not in around:
            around[label.lattice] = _around(label.lattice, jumps, f"{path}: the cell {label.cell}")
        sites, kinds = around[label.lattice]
        columns = []
        for row, (x, vacancy, target, value) in enumerate(_both(label, species), 2 * k):
            env[row], kind[row] = x[sites[vacancy]], kinds[vacancy]
            found = np.flatnonzero(sites[vacancy, 1 : 1 + z] == target)
            if len(found) != 1:
                raise UnreadableFile(f"{path}: the jump of {label.name} is none of those that the model knows")
            columns.append(int(found[0]))
            barrier[row, columns[-1]] = value
        reverse[2 * k, columns[0]] = (2 * k + 1) * z + columns[1]
        reverse[2 * k + 1, columns[1]] = 2 * k * z + columns[0]
    first = {label.cell: next(_both(label, species))[0] for label in reversed(labels)}
    counts = np.array([np.bincount(first[name], minlength=len(species) + 1)[1:] for name in names])
    return BarrierData(
        species=tuple(species),
        env=env,
        barrier=barrier,
        cell=np.repeat([names.index(label.cell) for label in labels], 2),
        removed=np.zeros(n, dtype=np.int8),
        reverse=reverse,
        names=tuple(names),
        compositions=counts / counts.sum(axis=1, keepdims=True),
        dropped=2 * (len(every) - len(labels)),
        kind=kind,
        jumps=jumps,
        by_cell=True,
    )


def _both(label: Label, species: list[str]):  # type: ignore[no-untyped-def]
    """State, vacancy, site of the atom that jumps and barrier, of the jump and of the jump back."""
    index = np.array([0, *(1 + species.index(s) for s in label.lattice.species)], dtype=np.int8)
    before = index[label.x]
    after = before.copy()
    after[[label.vacancy, label.jumping]] = after[[label.jumping, label.vacancy]]
    yield before, label.vacancy, label.jumping, label.forward_eV
    yield after, label.jumping, label.vacancy, label.backward_eV


def _around(lattice: Lattice, jumps: JumpNetwork, where: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n_sites, n_env) sites that a vacancy on each site sees, and the kinds of the sites."""
    try:
        sites, kinds, _ = Cell(lattice, np.arange(lattice.n_sites)).around(jumps, where)
    except ValueError as error:
        raise UnreadableFile(f"{error}") from None
    return sites, kinds
