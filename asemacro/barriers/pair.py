"""Analytic barriers from pair energies: exact detailed balance on any lattice, no data needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import number_of
from asemacro.arguments.door import CRYSTAL, SITES, above_zero, checked, dictionary, many, number, text
from asemacro.barriers.attempt_frequency import attempt_frequencies_of
from asemacro.barriers.base import BarrierModel
from asemacro.barriers.compiled import MOST_EV, PAIR, PAIR_ENERGY, CompiledBarriers, CompiledEnergy
from asemacro.files.json_text import read_json
from asemacro.files.reading import reading, text_in, texts_in
from asemacro.lattice.states import states_of

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

VACANCY = "X"
FREQUENCY_KEY = "attempt_frequency_Hz"  # of the file
MOST_SPECIES = 118
MOST_SHELLS = 100
"""Of a file: beyond it, the shells of any lattice are so many bonds that nothing could be run."""


class PairBarrier(BarrierModel):
    """Barrier of the jump of an atom of species A into a vacancy.

        barrier = max(E0(A), |dE|/2 + 0.01 eV) + dE/2,    E = 1/2 sum_i sum_k eps_shell(i,k)(x_i, x_k)

    dE is the exact change of E in the jump, periodic images included, so
    barrier(forward) - barrier(reverse) = dE whatever the cell and the number of vacancies, and the kinetics
    obey detailed balance for the Boltzmann law of E.

    The file form is JSON::

        {"species": ["Nb", "Mo"],
         "migration_eV": {"Nb": 0.6, "Mo": 0.7},
         "pair_eV": [{"Nb-Mo": -0.05}, {"Nb-Mo": 0.01}]}

    one table of pair energies per neighbour shell, pairs that are not named are 0, "X" is the vacancy. It may also hold
    "name", "origin" (read by nobody) and "attempt_frequency_Hz": {"Nb": 9e12}, of species that do not have 1e13 Hz.

    Args:
        species: chemical symbols that the model knows.
        migration_eV: E0 of each species, eV.
        pair_eV: for each neighbour shell, the energies of the bonds, keys "A-B" in either order, eV.
        name: shown on screen and on figures.
        attempt_frequency_Hz: of the species that have another one than 1e13 Hz.
    """

    has_energy = True

    @checked(
        species=many(text),
        migration_eV=dictionary(number()),
        pair_eV=many(dictionary(number()), least=1),
        name=text,
        attempt_frequency_Hz=dictionary(above_zero),
    )
    def __init__(
        self,
        species: Sequence[str],
        migration_eV: Mapping[str, float],
        pair_eV: Sequence[Mapping[str, float]],
        name: str = "pair",
        *,
        attempt_frequency_Hz: Mapping[str, float] | None = None,
    ) -> None:
        self.name = name
        self.species = tuple(species)
        self.prototype = None
        if not self.species or len(set(self.species)) != len(self.species):
            raise ValueError(f"pair barriers: species must be different symbols, at least one; got {list(species)}")
        if len(self.species) > MOST_SPECIES:
            raise ValueError(f"pair barriers: {len(self.species)} species, there are {MOST_SPECIES} elements")
        if set(migration_eV) != set(self.species):
            raise ValueError(
                f"pair barriers: migration_eV must have one energy for each of {', '.join(self.species)}; "
                f"it has {', '.join(migration_eV) or 'none'}"
            )
        self.migration_eV = {s: _energy(migration_eV[s], f"migration_eV of {s}") for s in self.species}
        self.attempt_frequency_Hz = attempt_frequencies_of(attempt_frequency_Hz, self.species, "pair barriers")
        self.pair_eV = tuple(dict(shell) for shell in pair_eV)
        self._tables = np.stack([self._table(shell) for shell in self.pair_eV]) if self.pair_eV else None
        if self._tables is None:
            raise ValueError("pair barriers: pair_eV needs the pair energies of at least the first shell; it is empty")

    @classmethod
    def from_json(cls, path: str | Path) -> PairBarrier:
        """Read a model from its JSON file.

        Raises:
            FileNotFoundError: no such file.
            ValueError: in one line, if the file is not such a model.
        """
        path = Path(path)
        content = read_json(path, "barrier model")
        with reading(path, "barrier model", "is not a pair barrier model"):
            keys = {"species", "migration_eV", "pair_eV"}
            if not keys <= set(content):
                raise ValueError(f"it needs the keys {', '.join(sorted(keys))}")
            unknown = set(content) - keys - {"name", "origin", FREQUENCY_KEY}
            if unknown:
                raise ValueError(
                    f"unknown key {', '.join(sorted(unknown))}; known are {', '.join(sorted(keys | {FREQUENCY_KEY}))}"
                )
            kinds = {"species": list, "migration_eV": dict, "pair_eV": list, FREQUENCY_KEY: dict}
            for key, kind in kinds.items():
                if not isinstance(content.get(key, kind()), kind):
                    raise ValueError(f"{key} must be a JSON {'array' if kind is list else 'object'}")
            if not all(isinstance(shell, dict) for shell in content["pair_eV"]):
                raise ValueError('pair_eV must be an array of objects {"A-B": eV}, one per neighbour shell')
            if len(content["pair_eV"]) > MOST_SHELLS:
                raise ValueError(f"pair_eV has {len(content['pair_eV'])} shells, at most {MOST_SHELLS} are read")
            species = texts_in(content["species"], "species")
            name = text_in(content.get("name", path.stem), "name")
            frequencies = content.get(FREQUENCY_KEY)
            return cls(species, content["migration_eV"], content["pair_eV"], name, attempt_frequency_Hz=frequencies)

    def _table(self, shell: Mapping[str, float]) -> NDArray[np.float64]:
        """Symmetric (S + 1, S + 1) energies of one shell; row 0 is the vacancy."""
        assert self.species is not None
        index = {VACANCY: 0, **{s: i + 1 for i, s in enumerate(self.species)}}
        table = np.zeros((len(index), len(index)))
        seen: set[frozenset[str]] = set()
        for key, value in shell.items():
            a, dash, b = str(key).partition("-")
            if not dash or a not in index or b not in index:
                raise ValueError(
                    f"pair barriers: pair {key!r} is not two of {', '.join(index)} joined by '-', as in "
                    f"{self.species[0]}-{self.species[-1]}"
                )
            if frozenset((a, b)) in seen:
                raise ValueError(f"pair barriers: pair {key!r} is given twice in one shell")
            seen.add(frozenset((a, b)))
            table[index[a], index[b]] = table[index[b], index[a]] = _energy(value, f"pair_eV of {key}")
        return table

    @checked(lattice=CRYSTAL)
    def compile(self, lattice: Lattice) -> CompiledBarriers:
        """Tables for the pair kernel: for each jump, the sites whose bonds change.

        integers: [S + 1, start of each (basis, jump) list ..., end], then rows (env entry, shell, sign).
        double: E0 of each model species (0 for the vacancy), then the pair energies by shell.
        """
        self.check(lattice)
        assert self._tables is not None
        shells = lattice.shells(len(self.pair_eV))
        shape = np.asarray(lattice.shape)
        n_targets = shells[0].offsets.shape[1]
        env: list[NDArray[np.int64]] = []
        starts: list[int] = []
        rows: list[tuple[int, int, int]] = []
        for basis in range(lattice.n_basis):
            own: list[tuple[int, ...]] = [tuple(o.tolist()) for shell in shells for o in shell.offsets[basis]]
            slots: dict[tuple[int, ...], int] = {(0, 0, 0, basis): 0}
            for offset in own:
                slots.setdefault(offset, len(slots))
            for j in range(n_targets):
                target = shells[0].offsets[basis, j]
                for shell in shells:
                    for o in shell.offsets[target[3]]:
                        slots.setdefault((*(int(c) for c in target[:3] + o[:3]), int(o[3])), len(slots))
                ends = {_image((0, 0, 0, basis), shape), _image(target, shape)}
                starts.append(len(rows))
                for s, shell in enumerate(shells):
                    for centre, sign in ((np.array([0, 0, 0, basis]), 1), (target, -1)):
                        for o in shell.offsets[centre[3]]:
                            key = (*(int(c) for c in centre[:3] + o[:3]), int(o[3]))
                            # A bond between the two ends, or of an end with its own image, does not change E.
                            if _image(key, shape) not in ends:
                                rows.append((slots[key], s, sign))
            env.append(np.array(list(slots), dtype=np.int64))
        if len({len(e) for e in env}) != 1:
            raise ValueError(f"pair barriers need equivalent sites; those of {lattice.prototype} have different shells")
        starts.append(len(rows))
        size = self._tables.shape[1]
        migration = [0.0, *(self.migration_eV[s] for s in self.species or ())]
        return CompiledBarriers(
            kind=PAIR,
            n_targets=n_targets,
            env=np.stack(env),
            species=self._species_map(lattice),
            integers=np.concatenate([[size], starts, np.array(rows, dtype=np.int64).reshape(-1)]).astype(np.int64),
            single=np.zeros(0, dtype=np.float32),
            double=np.concatenate([migration, self._tables.reshape(-1)]),
            workspace=0,
        )

    @checked(lattice=CRYSTAL)
    def compile_energy(self, lattice: Lattice) -> CompiledEnergy:
        """Tables for `swap_energy`; integers: [S + 1, shell of each offset ...]."""
        self.check(lattice)
        assert self._tables is not None
        shells = lattice.shells(len(self.pair_eV))
        of_shell = np.concatenate([np.full(shell.offsets.shape[1], s) for s, shell in enumerate(shells)])
        return CompiledEnergy(
            kind=PAIR_ENERGY,
            offsets=np.concatenate([shell.offsets for shell in shells], axis=1).astype(np.int64),
            species=self._species_map(lattice),
            integers=np.concatenate([[self._tables.shape[1]], of_shell]).astype(np.int64),
            single=np.zeros(0, dtype=np.float32),
            double=self._tables.reshape(-1).copy(),
            workspace=0,
        )

    @checked(lattice=CRYSTAL, x=SITES)
    def energy(self, lattice: Lattice, x: NDArray[np.int8]) -> NDArray[np.float64]:
        """E of states in eV: (batch, n_sites) -> (batch,)."""
        self.check(lattice)
        assert self._tables is not None
        species = self._species_map(lattice)[states_of(lattice, x)]
        total = np.zeros(len(x))
        for table, shell in zip(self._tables, lattice.shells(len(self.pair_eV)), strict=True):
            neighbours = lattice.neighbours(shell.offsets)
            total += 0.5 * table[species[:, :, None], species[:, neighbours]].sum(axis=(1, 2))
        return total


def _image(offset: Any, shape: NDArray[np.int64]) -> tuple[int, ...]:
    """Which site of the periodic cell an offset (dc1, dc2, dc3, basis) falls on."""
    return (*(int(c) % int(n) for c, n in zip(offset[:3], shape, strict=True)), int(offset[3]))


def _energy(value: Any, what: str) -> float:
    return number_of(value, f"pair barriers: {what} in eV", least=-MOST_EV, most=MOST_EV)
