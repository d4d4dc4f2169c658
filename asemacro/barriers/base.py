"""The one interface of barrier models: lattice + state + vacancy sites -> barriers of all jumps.

A model is *compiled* onto a lattice: its tables become flat arrays that the numba kernels read, and the
barriers become a pure function of the species on a fixed list of sites around the vacancy (`env`).
Because it is pure, a kinetic Monte Carlo may cache it by the environment without any approximation.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import shown
from asemacro.arguments.door import CRYSTAL, SITES, array, checked
from asemacro.barriers.attempt_frequency import COMMON_HZ, attempt_frequencies_of
from asemacro.barriers.compiled import MOST_EV, CompiledBarriers, CompiledEnergy
from asemacro.lattice.sites import neighbours_of
from asemacro.lattice.states import active_of, state_of
from asemacro.tasks.threads import one_thread

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


class BarrierModel(abc.ABC):
    """Barriers of vacancy jumps, eV: to the first shell, or to those that a graph network names.

    Attributes:
        name: shown on screen and on figures.
        species: chemical symbols the model knows; None for any.
        prototype: name of the lattice it is made for ("bcc"); None for any.
        has_energy: the barriers obey detailed balance for a lattice energy that `compile_energy` gives.
        attempt_frequency_Hz: of the species whose atoms try to jump at another frequency than 1e13 Hz. A jump and its
            reverse are made by the same atom, so detailed balance and equilibrium do not depend on it.
    """

    name: str = "of your own"
    species: tuple[str, ...] | None = None
    prototype: str | None = None
    has_energy: bool = False
    attempt_frequency_Hz: Mapping[str, float] = MappingProxyType({})

    @abc.abstractmethod
    def compile(self, lattice: Lattice) -> CompiledBarriers:
        """Tables of this model on `lattice`; calls `check` first."""

    def compile_energy(self, lattice: Lattice) -> CompiledEnergy:
        """Tables of the lattice energy on `lattice`, for `SwapMC`; calls `check` first.

        Raises:
            ValueError: the model has none, as by default.
        """
        raise ValueError(
            f"barrier model {self.name} has no energy, so it has no equilibrium to sample by swaps; "
            "use a model that has one (refractory, or pair energies)"
        )

    def members(self) -> tuple[BarrierModel, ...]:
        """The models of which this one is the mean, whose spread tells how uncertain its barriers are.

        Returns:
            At least two models of the same lattice and species; none of a model that is one, as by default.
        """
        return ()

    def evaluate(self, compiled: CompiledBarriers, basis: int, env: NDArray[np.int8]) -> NDArray[np.float64]:
        """Barriers in one environment, asked of models that compile to the kind PYTHON; others have kernels for it.

        Args:
            compiled: what `compile` gave.
            basis: basis index of the vacancy's site.
            env: (n_env,) model species indices of the sites `compiled.env[basis]`, 0 = vacancy.

        Returns:
            (Z + 1,) barriers in eV, inf where the target is vacant; then how many were raised to a floor.
        """
        raise NotImplementedError(f"barrier model {self.name} compiles to the kind PYTHON and has no `evaluate`")

    def told(self, compiled: CompiledBarriers, basis: int, env: NDArray[np.int8]) -> NDArray[np.float64]:
        """What `evaluate` gives, checked: the compiled loops take it as it is. Of vacant targets it does not matter.

        Raises:
            ValueError: one line; not Z + 1 real numbers, or barriers that are not of 0 to 100 eV.
        """
        z = compiled.n_targets
        answer = np.asarray(self.evaluate(compiled, basis, env.copy()))
        if answer.dtype.kind not in "iuf" or answer.shape != (z + 1,):
            given = f"the shape {answer.shape}" if answer.ndim else shown(answer.item())
            raise ValueError(f"{self._about(compiled, env)} gives {given}, not Z + 1 = {z + 1} real numbers")
        occupied = env[1 : 1 + z] != 0
        bad = occupied & ~((answer[:z] >= 0) & (answer[:z] <= MOST_EV))
        if bad.any():
            jump = int(np.flatnonzero(bad)[0])
            raise ValueError(
                f"{self._about(compiled, env)} gives the barrier {answer[jump]} eV for the jump of "
                f"{self._symbols(compiled, env)[1 + jump]} (number {jump}); it must be a number of 0 to {MOST_EV:g}, "
                "in eV"
            )
        return np.append(np.where(occupied, answer[:z], np.inf), answer[z])

    def _species_map(self, lattice: Lattice) -> NDArray[np.int8]:
        """(S + 1,) index of each species of a lattice among those of the model; 0 stays the vacancy."""
        assert self.species is not None
        return np.array([0, *(self.species.index(s) + 1 for s in lattice.species)], dtype=np.int8)

    def _about(self, compiled: CompiledBarriers, env: NDArray[np.int8]) -> str:
        """What was asked, and about which surroundings, for messages."""
        return f"barrier model {self.name}: {type(self).__name__}.evaluate"

    def _symbols(self, compiled: CompiledBarriers, env: NDArray[np.int8]) -> list[str]:
        """Names of what is on the sites of an environment."""
        return ["X" if k == 0 else self.species[k - 1] if self.species else f"species {k}" for k in env.tolist()]

    @checked(lattice=CRYSTAL)
    def check(self, lattice: Lattice) -> None:
        """Raise a one-line ValueError if the lattice type or a species is not the model's."""
        if self.prototype is not None and lattice.prototype != self.prototype:
            raise ValueError(
                f"barrier model {self.name} is for {self.prototype} lattices, the structure is "
                f"{lattice.prototype}; give a model for it (--barriers pair.json)"
            )
        unknown = [s for s in lattice.species if self.species is not None and s not in self.species]
        if unknown:
            raise ValueError(
                f"barrier model {self.name} does not know {', '.join(unknown)}; it knows "
                f"{', '.join(self.species or ())}; give a model that does (--barriers pair.json)"
            )

    def frequencies(self, species: Sequence[str]) -> NDArray[np.float64]:
        """(S + 1,) attempt frequency in Hz of the atoms of S species; that of the vacancy, first, is 0.

        Raises:
            ValueError, TypeError: one line; `attempt_frequency_Hz` holds something else than numbers above 0 of species
                that the model knows.
        """
        own = attempt_frequencies_of(self.attempt_frequency_Hz, self.species, f"barrier model {self.name}")
        return np.array([0.0, *(own.get(symbol, COMMON_HZ) for symbol in species)])

    @checked(lattice=CRYSTAL, x=SITES, sites=array(None, kind="i"))
    def jump_frequencies(
        self, lattice: Lattice, x: NDArray[np.int8], sites: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Attempt frequencies of the jumps of vacancies: of the atoms that jump.

        Args:
            lattice: the lattice of the state.
            x: one state, (n_sites,) int8 species indices, 0 = vacancy.
            sites: (n,) sites of vacancies.

        Returns:
            (n, Z) in Hz, in the order of `barriers`; 0 where the target is a vacancy or a site has fewer jumps.

        Raises:
            ValueError: a state or sites that do not fit the lattice.
        """
        compiled = self.compile(lattice)
        jumps = compiled.env[:, 1 : 1 + compiled.n_targets]
        state = state_of(lattice, x)
        targets = neighbours_of(lattice.shape, lattice.n_basis, active_of(state, sites[None])[0], jumps)
        return self.frequencies(lattice.species)[state[0, targets]]

    @checked(lattice=CRYSTAL, x=SITES, sites=array(None, kind="i"))
    @one_thread()
    def barriers(self, lattice: Lattice, x: NDArray[np.int8], sites: NDArray[np.integer]) -> NDArray[np.float64]:
        """Barriers of the jumps of vacancies.

        Args:
            lattice: the lattice of the state.
            x: one state, (n_sites,) int8 species indices, 0 = vacancy.
            sites: (n,) sites of vacancies.

        Returns:
            (n, Z) barriers in eV, in the order of `lattice.shells` (of the ideal crystal of a graph network); inf where
            the target is a vacancy or a site has fewer jumps.

        Raises:
            ValueError: a model, state or sites that do not fit the lattice, or a barrier that is not a number.
        """
        from asemacro.barriers.kernels import barriers_at, checked

        compiled = checked(self.compile(lattice), self.name, lattice)
        shape = np.asarray(lattice.shape, dtype=np.int64)
        values = barriers_at(compiled, shape, x, sites, functools.partial(self.told, compiled))
        if np.isnan(values).any():
            raise ValueError(
                f"barrier model {self.name} gives a barrier that is not a number: its weights are damaged or far from "
                "what they were trained on, take another model (--barriers)"
            )
        return values
