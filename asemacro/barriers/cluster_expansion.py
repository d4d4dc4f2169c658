"""Barriers from a cluster expansion of the energy: the thermodynamics of icet with a clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import number_of
from asemacro.arguments.door import CRYSTAL, SITES, above_zero, checked, dictionary, text
from asemacro.barriers.attempt_frequency import attempt_frequencies_of
from asemacro.barriers.base import BarrierModel
from asemacro.barriers.cluster_kernel import START, TARGET
from asemacro.barriers.clusters import Clusters, Placed, clusters_around, clusters_of, image_of, shifted
from asemacro.barriers.compiled import CLUSTER, CLUSTER_ENERGY, MOST_EV, CompiledBarriers, CompiledEnergy
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.sites import neighbours_of
from asemacro.lattice.states import states_of
from asemacro.typing import Floats

Offset = tuple[int, ...]


def _barrier(value: Any, name: str) -> Any:
    """eV of all species, or a dictionary of those of each."""
    of = dictionary(_energy) if isinstance(value, Mapping) else _energy
    return of(value, name)


def _energy(value: Any, name: str) -> float:
    return number_of(value, f"{name} in eV", least=0, most=MOST_EV)


class ClusterExpansionBarriers(BarrierModel):
    """Barrier of the jump of an atom of species A into a vacancy, in the energy E of a cluster expansion.

        barrier = max(E_KRA(A), |dE|/2 + 0.01 eV) + dE/2

    E_KRA is the kinetically resolved activation barrier, the mean of the barriers of a jump and of the jump back (Van
    der Ven et al., Phys. Rev. B 64, 184307 (2001)); dE is the exact change of E in the jump, periodic images included.
    So barrier(forward) - barrier(reverse) = dE whatever the cell and the number of vacancies, and the kinetics obey
    detailed balance for the Boltzmann law of E, which `SwapMC` samples. Where E_KRA is too low for that it is raised,
    so that no barrier is below 0.01 eV; `KMCRun.clamped_fraction` counts these.

    Args:
        expansion: an icet `ClusterExpansion` of the energy in eV per site, as for mchammer, whose cluster space has the
            vacancy "X" among the species of all sites (tested with icet 4.0); or `Clusters` that you fill yourself.
        migration_eV: E_KRA of all species, or of each, eV.
        name: shown on screen and on figures.
        attempt_frequency_Hz: of the species that have another one than 1e13 Hz.

    Raises:
        TypeError: no cluster expansion.
        ValueError: one line; an expansion without vacancy, or species without E_KRA.
    """

    has_energy = True

    @checked(migration_eV=_barrier, name=text, attempt_frequency_Hz=dictionary(above_zero))
    def __init__(
        self,
        expansion: Any,
        migration_eV: float | Mapping[str, float],
        *,
        name: str = "cluster expansion",
        attempt_frequency_Hz: Mapping[str, float] | None = None,
    ) -> None:
        self.clusters = expansion if isinstance(expansion, Clusters) else clusters_of(expansion)
        self.species: tuple[str, ...] = self.clusters.species
        self.prototype = self.clusters.crystal.prototype
        self.name = name
        of_each = migration_eV if isinstance(migration_eV, Mapping) else dict.fromkeys(self.species, migration_eV)
        if set(of_each) != set(self.species):
            raise ValueError(
                f"barrier model {name}: migration_eV must have one energy for each of {', '.join(self.species)}; "
                f"it has {', '.join(of_each) or 'none'}"
            )
        self.migration_eV = {symbol: float(of_each[symbol]) for symbol in self.species}
        self.attempt_frequency_Hz = attempt_frequencies_of(attempt_frequency_Hz, self.species, f"barrier model {name}")

    @checked(lattice=CRYSTAL)
    def compile(self, lattice: Lattice) -> CompiledBarriers:
        """Tables for the cluster kernel: for each jump, the clusters whose energy it changes."""
        around, shape = self._around(lattice), np.asarray(lattice.shape)
        jumps = lattice.shells(1)[0].offsets
        z = jumps.shape[1]
        tables, begin = self._tables([0.0, *self.migration_eV.values()])
        rows: list[list[int]] = []
        envs: list[list[Offset]] = []
        for basis in range(lattice.n_basis):
            start = (0, 0, 0, basis)
            # targets that fall on one site of a tiny cell keep entries of their own
            targets = [tuple(jump) for jump in jumps[basis].tolist()]
            slots: dict[Offset, int] = {image_of(offset, shape): 1 + j for j, offset in enumerate(targets)}
            slots[start] = 0
            entries: list[Offset] = [start, *targets]
            for target in targets:
                end = image_of(target, shape)
                row: list[int] = []
                for placed in self._changed(around, start, target, shape):
                    row += [len(placed.images), begin[placed.cluster]]
                    for image, offset in zip(placed.images, placed.offsets, strict=True):
                        if image not in slots:
                            slots[image] = len(entries)
                            entries.append(offset)
                        row.append(START if image == start else TARGET if image == end else slots[image])
                rows.append(row if end != start else [])
            envs.append(entries)
        n_env = max(map(len, envs))
        env = [[*entries, *([(0, 0, 0, basis)] * (n_env - len(entries)))] for basis, entries in enumerate(envs)]
        return CompiledBarriers(
            kind=CLUSTER,
            n_targets=z,
            env=np.array(env, dtype=np.int64),
            species=self._species_map(lattice),
            integers=self._with_starts(rows),
            single=np.zeros(0, dtype=np.float32),
            double=tables,
            workspace=0,
        )

    @checked(lattice=CRYSTAL)
    def compile_energy(self, lattice: Lattice) -> CompiledEnergy:
        """Tables for `cluster_swap_energy`: for each site, the clusters that it is in."""
        tables, begin = self._tables([])
        rows: list[list[int]] = []
        columns: list[dict[Offset, int]] = []
        for own in self._around(lattice):
            column: dict[Offset, int] = {}
            row: list[int] = []
            for placed in own:
                row += [len(placed.images), begin[placed.cluster]]
                row += [column.setdefault(image, len(column)) for image in placed.images]
            rows.append(row)
            columns.append(column)
        n = max(map(len, columns))
        offsets = [[*column, *([(0, 0, 0, basis)] * (n - len(column)))] for basis, column in enumerate(columns)]
        return CompiledEnergy(
            kind=CLUSTER_ENERGY,
            offsets=np.array(offsets, dtype=np.int64),
            species=self._species_map(lattice),
            integers=self._with_starts(rows),
            single=np.zeros(0, dtype=np.float32),
            double=tables,
            workspace=0,
        )

    @checked(lattice=CRYSTAL, x=SITES)
    def energy(self, lattice: Lattice, x: NDArray[np.int8]) -> Floats:
        """E of states in eV: (batch, n_sites) -> (batch,), what the expansion predicts times the number of sites."""
        states = self._species_map(lattice)[states_of(lattice, x)]
        total = np.full(len(states), self.clusters.constant * lattice.n_sites)
        first = np.arange(0, lattice.n_sites, lattice.n_basis)
        for basis, own in enumerate(self._around(lattice)):
            for placed in own:
                offsets = np.zeros((lattice.n_basis, len(placed.offsets), 4), dtype=np.int64)
                offsets[basis] = placed.offsets
                sites = neighbours_of(lattice.shape, lattice.n_basis, first + basis, offsets)
                energy = self.clusters.clusters[placed.cluster].energy[tuple(np.moveaxis(states[:, sites], -1, 0))]
                # a cluster is met once from each of its sites
                total += energy.sum(axis=1) / len(set(placed.images))
        return total

    def _around(self, lattice: Lattice) -> list[list[Placed]]:
        """Clusters around each site of the unit cell, made once for a lattice."""
        self.check(lattice)
        key = ("clusters", id(self.clusters))
        if key not in lattice._memo:
            try:
                lattice._memo[key] = (self.clusters, clusters_around(self.clusters, lattice))
            except ValueError as error:
                raise ValueError(f"barrier model {self.name} does not fit this lattice: {error}") from None
        found: list[list[Placed]] = lattice._memo[key][1]
        return found

    def _changed(self, around: list[list[Placed]], start: Offset, target: Offset, shape: Any) -> list[Placed]:
        """Clusters with one end of a jump or both, each once."""
        there = [shifted(placed, np.array(target[:3]), shape) for placed in around[target[3]]]
        return [*around[start[3]], *(placed for placed in there if start not in placed.images)]

    def _tables(self, first: list[float]) -> tuple[Floats, list[int]]:
        """Some numbers, then the energies of the clusters, flat; and where those of each begin."""
        parts, begin, known = [np.array(first)], [], dict[int, int]()
        at = len(first)
        for cluster in self.clusters.clusters:
            if id(cluster.energy) not in known:  # those of one orbit share a table
                known[id(cluster.energy)] = at
                parts.append(cluster.energy.reshape(-1))
                at += cluster.energy.size
            begin.append(known[id(cluster.energy)])
        return np.concatenate(parts), begin

    def _with_starts(self, rows: list[list[int]]) -> NDArray[np.int64]:
        """[S + 1, where each row begins ..., end], then the rows."""
        starts = 2 + len(rows) + np.cumsum([0, *map(len, rows)])
        flat = [number for row in rows for number in row]
        return np.array([len(self.species) + 1, *starts, *flat], dtype=np.int64)
