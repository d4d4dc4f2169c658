"""Barriers from a Python function of what surrounds a vacancy: any model on any lattice, slow but general."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import shown
from asemacro.arguments.door import CRYSTAL, above_zero, checked, dictionary, function, many, text
from asemacro.barriers.attempt_frequency import attempt_frequencies_of
from asemacro.barriers.base import BarrierModel
from asemacro.barriers.compiled import PYTHON, CompiledBarriers
from asemacro.files.reading import plain
from asemacro.lattice.shells import MOST_SHELLS, Shell
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

Surroundings = Callable[[NDArray[np.str_], Floats], ArrayLike]
VACANCY = 0
_SAME = 1e-6  # relative difference of two equal distances


class CallableBarriers(BarrierModel):
    """Barriers that a function computes from the species around a vacancy.

        def barriers(symbols, offsets): ...      # -> Z barriers in eV

    `symbols` (n,) are the chemical symbols on all sites up to `reach` from the vacancy, "X" for another vacancy, and
    `offsets` (n, 3) where these sites are, in angstrom from the vacancy. The first Z are its first shell, in the order
    of `lattice.shells(1)`, which is the order of the barriers asked for; then come the shells after it. What is said
    of a jump into another vacancy does not count. The function must depend on its arguments alone: its answers are
    remembered, each surrounding is asked for about once in a run. Kinetics obey detailed balance only if the barriers
    of a jump and of its reverse differ by a change of energy.

    A run costs one call of the function for each new surrounding, on top of the time of the built-in models. Finished
    runs that lie in a folder are not taken up again in another process: what a function does cannot be compared.

    Args:
        function: the function.
        reach: distance in angstrom up to which sites are seen, at least that of the first shell. For barriers that
            depend on the neighbours of the atom that jumps, reach them too.
        species: chemical symbols that the function knows; None for any.
        name: shown on screen and on figures.
        attempt_frequency_Hz: of the species that have another one than 1e13 Hz.

    Raises:
        ValueError: a reach that is not above 0; later, in one line, what the function fails with, or an answer that
            is not Z numbers of 0 to 100.
    """

    @checked(
        function=function,
        reach=above_zero,
        species=many(text, least=1),
        name=text,
        attempt_frequency_Hz=dictionary(above_zero),
    )
    def __init__(
        self,
        function: Surroundings,
        reach: float,
        *,
        species: Sequence[str] | None = None,
        name: str = "of a function",
        attempt_frequency_Hz: Mapping[str, float] | None = None,
    ) -> None:
        self.function, self.reach, self.name = function, reach, name
        self.species = None if species is None else tuple(species)
        self.attempt_frequency_Hz = attempt_frequencies_of(attempt_frequency_Hz, self.species, f"barrier model {name}")
        self._identity = int.from_bytes(os.urandom(7), "little")  # so that runs of two functions are never confused

    @checked(lattice=CRYSTAL)
    def compile(self, lattice: Lattice) -> CompiledBarriers:
        """Tables of kind PYTHON; double: the offsets in angstrom; integers: [S + 1, atomic numbers, identity].

        Raises:
            ValueError: a reach that does not hold the first shell, or more than 100 shells.
        """
        self.check(lattice)
        shells = self._shells(lattice)
        around = np.concatenate([shell.offsets for shell in shells], axis=1)
        own = np.zeros((lattice.n_basis, 1, 4), dtype=np.int64)
        own[:, 0, 3] = np.arange(lattice.n_basis)
        places = around[..., :3] + lattice.basis[around[..., 3]] - lattice.basis[:, None]
        numbers = [VACANCY, *(atomic_numbers[symbol] for symbol in lattice.species)]
        return CompiledBarriers(
            kind=PYTHON,
            n_targets=shells[0].offsets.shape[1],
            env=np.concatenate([own, around], axis=1),
            species=np.arange(len(numbers), dtype=np.int8),
            integers=np.array([len(numbers), *numbers, self._identity], dtype=np.int64),
            single=np.zeros(0, dtype=np.float32),
            double=(places @ lattice.cell).reshape(-1),
            workspace=0,
        )

    def _shells(self, lattice: Lattice) -> list[Shell]:
        """The shells within reach."""
        most, number = self.reach * (1 + _SAME), 1
        while (found := lattice.shells(number))[-1].distance <= most:
            if number == MOST_SHELLS:
                raise ValueError(f"barrier model {self.name}: a reach of {self.reach:g} angstrom holds {number} shells")
            number = min(number + 1 + number // 4, MOST_SHELLS)
        if found[0].distance > most:
            raise ValueError(
                f"barrier model {self.name}: a reach of {self.reach:g} angstrom does not hold the first shell, "
                f"at {found[0].distance:.4g} angstrom"
            )
        return [shell for shell in found if shell.distance <= most]

    def evaluate(self, compiled: CompiledBarriers, basis: int, env: NDArray[np.int8]) -> Floats:
        """What the function says of one surrounding; see `BarrierModel.evaluate`."""
        z = compiled.n_targets
        symbols = np.array(self._symbols(compiled, env)[1:])
        offsets = compiled.double.reshape(len(compiled.env), -1, 3)[basis].copy()
        try:
            answer = np.asarray(self.function(symbols, offsets))
        except Exception as error:
            raise ValueError(f"{self._about(compiled, env)} fails: {type(error).__name__}: {plain(error)}") from error
        if answer.dtype.kind not in "iuf":
            raise ValueError(f"{self._about(compiled, env)} gives {shown(answer.tolist())}, not {z} real numbers")
        if answer.shape != (z,):
            raise ValueError(f"{self._about(compiled, env)} gives numbers of the shape {answer.shape}, not ({z},)")
        return np.append(answer.astype(float), 0.0)

    def _symbols(self, compiled: CompiledBarriers, env: NDArray[np.int8]) -> list[str]:
        """Names of what is on the sites of an environment."""
        return [chemical_symbols[compiled.integers[1 + k]] for k in env]

    def _about(self, compiled: CompiledBarriers, env: NDArray[np.int8]) -> str:
        """The function and the surroundings that it was asked about, for messages."""
        symbols, z = self._symbols(compiled, env)[1:], compiled.n_targets
        beyond: Any = Counter(symbols[z:])
        rest = ", ".join(f"{count} {symbol}" for symbol, count in sorted(beyond.items())) or "nothing"
        return f"barrier model {self.name} around a vacancy with {' '.join(symbols[:z])} next to it and {rest} beyond"
