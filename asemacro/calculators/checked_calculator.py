"""A calculator of the user behind a door: it gives finite energies and forces of the right shape, or one line."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from asemacro.files.reading import plain
from asemacro.tasks.interrupts import stop_if_told
from asemacro.tasks.threads import one_thread


class CheckedCalculator(Calculator):
    """Energies and forces of another calculator, checked.

    Args:
        inner: any calculator of ASE.
        name: what messages call it.

    Attributes:
        called: its name.
        calls: how often the other one was asked.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(self, inner: Any, name: str) -> None:
        super().__init__()
        self._inner, self.called = inner, name
        self.calls = 0

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = ("energy",), system_changes: Any = all_changes
    ) -> None:
        """Ask the other calculator for energy and forces.

        Raises:
            ValueError: one line; it fails, or gives something else than finite numbers.
            Stopped: the task was told to stop.
        """
        stop_if_told()
        super().calculate(atoms, properties, system_changes)
        assert self.atoms is not None
        copy = self.atoms.copy()
        try:
            with one_thread(), np.errstate(all="ignore"):
                energy = self._inner.get_property("energy", copy)
                forces = self._inner.get_property("forces", copy) if "forces" in properties else None
        except (Exception, SystemExit) as error:  # whatever a foreign calculator does
            raise ValueError(f"the calculator {self.called} fails: {plain(error)}") from None
        self.calls += 1
        self.results["energy"] = float(self._finite(energy, (), "energy"))
        if forces is not None:
            self.results["forces"] = self._finite(forces, (len(copy), 3), "forces")

    def _finite(self, value: Any, shape: tuple[int, ...], what: str) -> Any:
        try:
            array = np.array(value, dtype=float)
        except (TypeError, ValueError):
            array = np.array(np.nan)
        if array.size == 1 and not shape:
            array = array.reshape(())
        if array.shape != shape or not np.isfinite(array).all():
            given = f"the shape {array.shape}" if array.shape != shape else "numbers that are not finite"
            raise ValueError(f"the calculator {self.called} gives {given} for the {what} of {len(self.atoms)} atoms")
        return array
