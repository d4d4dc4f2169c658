"""Barriers by a nudged elastic band of every jump that a run meets, with any calculator of ASE: for tiny cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from asemacro.arguments.door import CRYSTAL, above_zero, checked, dictionary, function, instance, text
from asemacro.barriers.attempt_frequency import attempt_frequencies_of
from asemacro.barriers.base import BarrierModel
from asemacro.barriers.compiled import PYTHON, CompiledBarriers
from asemacro.barriers.labelling.bands import BandSettings, Jump
from asemacro.barriers.labelling.neb import compute_band
from asemacro.calculators.named import calculator_of, identity_of
from asemacro.lattice.sites import cells_of, sites_at
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

MOST_SITES = 256
"""Of a cell: beyond it no arrangement of the atoms is met twice, and no run ends."""


def _source(value: Any, name: str) -> Any:
    """The name of a calculator, or a function that makes one."""
    return text(value, name) if not callable(value) else function(value, name)


class CalculatorBarriers(BarrierModel):
    """Barriers of the bands that a calculator gives, each computed when a run first needs it, then remembered.

        barrier = highest energy along the band - energy before the jump

    The bands are those of `asemacro barriers label`: relaxed (climbing-image nudged elastic band) or on the bare
    lattice. One band gives the barriers of a jump and of the jump back. The surroundings that a barrier depends on are
    all atoms of the periodic cell, so this is for cells of a few dozen sites, for tests, and for looking at single
    jumps: each new arrangement costs one band for every neighbour of the vacancy. For alloys label jumps and train a
    network.

    Cells hold one vacancy. There is no lattice energy, so no `SwapMC`; the kinetics obey detailed balance as well as
    the energies of an arrangement, relaxed from either of two jumps, agree.

    Args:
        calculator: its name as `--calculator` takes it ("emt", "eam:FILE", "lammps:FILE", "chgnet", "MODULE:FACTORY"),
            or a function without arguments that makes one.
        settings: how bands are computed, default `BandSettings()`: relaxed, 5 images.
        name: shown on screen and on figures; default that of the calculator.
        attempt_frequency_Hz: of the species that have another one than 1e13 Hz.

    Raises:
        ValueError: later, in one line: the calculator fails, a band fails (an atom left its site, no convergence, a
            barrier not above 0.05 eV), a cell that is too small or too large, or more than one vacancy.
    """

    @checked(
        calculator=_source,
        settings=instance("BandSettings"),
        name=text,
        attempt_frequency_Hz=dictionary(above_zero),
    )
    def __init__(
        self,
        calculator: str | Callable[[], Any],
        settings: BandSettings | None = None,
        *,
        name: str | None = None,
        attempt_frequency_Hz: Mapping[str, float] | None = None,
    ) -> None:
        self.calculator = calculator
        self.settings = BandSettings() if settings is None else settings
        self.name = f"bands by {identity_of(calculator)['calculator']}" if name is None else name
        self.attempt_frequency_Hz = attempt_frequencies_of(attempt_frequency_Hz, None, f"barrier model {self.name}")
        self._lattices: list[Lattice] = []
        self._known: dict[tuple[int, int, bytes, int], float] = {}

    @property
    def bands(self) -> int:
        """How many bands have been computed."""
        return len(self._known) // 2

    @checked(lattice=CRYSTAL)
    def compile(self, lattice: Lattice) -> CompiledBarriers:
        """Tables of kind PYTHON; integers: [S + 1, number of the lattice, atomic numbers].

        Raises:
            ValueError: a cell whose vacancy has the same neighbour twice, or of more than 256 sites.
        """
        self.check(lattice)
        if lattice.n_sites > MOST_SITES:
            raise ValueError(
                f"barrier model {self.name} computes one band for every jump: a cell of {lattice.n_sites} sites has "
                f"too many arrangements, at most {MOST_SITES} are taken; train a network on labels (asemacro barriers "
                "label)"
            )
        jumps = lattice.shells(1)[0].offsets
        env = np.array([self._sites_around(lattice, basis, jumps[basis]) for basis in range(lattice.n_basis)])
        if not any(lattice is one for one in self._lattices):
            self._lattices.append(lattice)
        number = next(k for k, one in enumerate(self._lattices) if one is lattice)
        size = len(lattice.species) + 1
        atoms = [atomic_numbers[symbol] for symbol in lattice.species]
        return CompiledBarriers(
            kind=PYTHON,
            n_targets=jumps.shape[1],
            env=env,
            species=np.arange(size, dtype=np.int8),
            integers=np.array([size, number, *atoms], dtype=np.int64),
            single=np.zeros(0, dtype=np.float32),
            double=np.zeros(0),
            workspace=0,
        )

    def _sites_around(self, lattice: Lattice, basis: int, jumps: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n_sites, 4) offsets: the vacancy, its neighbours, and all other sites of the cell, each once."""
        near = _sites(lattice, jumps)
        if len({basis, *near.tolist()}) <= len(near):
            raise ValueError(
                f"barrier model {self.name} needs a larger cell than {' x '.join(map(str, lattice.shape))}: in this "
                "one two jumps of a vacancy lead to the same atom; repeat it"
            )
        others = np.setdiff1d(np.arange(lattice.n_sites), [basis, *near])
        own = np.array([[0, 0, 0, basis]])
        away = np.column_stack(cells_of(lattice.shape, lattice.n_basis, others))
        return np.concatenate([own, jumps, away]).astype(np.int64)

    def evaluate(self, compiled: CompiledBarriers, basis: int, env: NDArray[np.int8]) -> Floats:
        """What the bands say of one arrangement; see `BarrierModel.evaluate`."""
        if np.count_nonzero(env == 0) > 1:
            raise ValueError(
                f"barrier model {self.name} computes bands of one vacancy; the cell has {np.count_nonzero(env == 0)}"
            )
        z, number = compiled.n_targets, int(compiled.integers[1])
        for j in range(z):
            if (number, basis, env.tobytes(), j) not in self._known:
                self._compute(compiled, basis, env, j)
        return np.array([*(self._known[number, basis, env.tobytes(), j] for j in range(z)), 0.0])

    def _compute(self, compiled: CompiledBarriers, basis: int, env: NDArray[np.int8], j: int) -> None:
        """Compute the band of a jump and remember both barriers.

        Raises:
            ValueError: one line; the calculator fails, or the band does.
        """
        number = int(compiled.integers[1])
        lattice = self._lattices[number]
        sites = _sites(lattice, compiled.env[basis])
        x = np.zeros(lattice.n_sites, dtype=np.int8)
        x[sites] = env
        jump = Jump(lattice, x, int(sites[1 + j]), "run")
        calculator = calculator_of(self.calculator, lattice.species, option=f"barrier model {self.name}:")
        band = compute_band(jump, calculator, self.name, self.settings, {})
        if band.reason:
            raise ValueError(
                f"barrier model {self.name}: the band of a jump of {jump.species} failed: {band.reason}; change the "
                'settings (BandSettings: images, most_steps, relax="none"), or label jumps and train a network, which '
                "leaves failed bands out (asemacro barriers label)"
            )
        # the jump back, as a run sees it: from the cell in which the vacancy is then
        step = compiled.env[basis, 1 + j]
        back_basis = int(step[3])
        back = compiled.env[back_basis].copy()
        back[:, :3] += step[:3]
        there = jump.after[_sites(lattice, back)]
        reverse = np.array([*-step[:3], basis])
        k = int(np.flatnonzero((compiled.env[back_basis, 1 : 1 + compiled.n_targets] == reverse).all(axis=1))[0])
        self._known[number, basis, env.tobytes(), j] = band.forward_eV
        self._known[number, back_basis, there.tobytes(), k] = band.backward_eV


def _sites(lattice: Lattice, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sites at offsets (n, 4) from the first cell."""
    return sites_at(lattice.shape, lattice.n_basis, offsets[:, :3], offsets[:, 3])
